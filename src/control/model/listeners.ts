// Listeners of a Gateway, opened: which of them can be served, what they terminate TLS with, and what may attach to
// them.

import type { GatewayListener } from '../schema/gateway.ts';
import type { GatewayObject, ListenerSetObject } from '../schema/resources.ts';
import type { ObjectKey } from '../source/types.ts';
import { type CertificateStore, isRefusal } from './certificates.ts';
import { KindClaims } from './host-claims.ts';
import { nameOf } from './index-resources.ts';
import type { ConditionBook, Refusal } from './status.ts';
import type {
  ClientValidationModel,
  RuleModel,
  SecretModel,
  StreamChain,
  TerminationModel,
} from './types.ts';

/** Rules of one route under one of its host names. */
export interface AttachedRules {
  /** As the route wrote it; `*` where it wrote none. */
  readonly written: string;
  readonly rules: readonly RuleModel[];
}

/** Who wrote a listener: what it names is named from there. */
export type ListenerSource = GatewayObject | ListenerSetObject;

export interface OpenListener {
  readonly source: ListenerSource;
  readonly listener: GatewayListener;
  /** Of its chain and routes. */
  readonly name: string;
  /** Kinds of routes that its protocol can carry. */
  readonly carries: readonly string[];
  readonly routes: Set<ObjectKey>;
  /** What kind of routes has its host names. */
  readonly kinds: KindClaims;
  /** `*` for any. */
  readonly hostname: string;
  /** What routes brought, by the host name both sides speak of. */
  readonly hosts: Map<string, AttachedRules[]>;
  /** By the name asked for, `*` for any: of the first route that took it. */
  readonly streams: Map<string, Pick<StreamChain, 'owner' | 'backends'>>;
  /** null: TLS is not ended here. */
  readonly tls: TerminationModel | null;
  /** What it needs is not there: routes attach, nothing is served. */
  readonly broken: boolean;
}

/** What the proxies of a Gateway have on their ports already. */
const ownPorts: ReadonlySet<number> = new Set([15_000, 15_021]);

const http = ['HTTPRoute', 'GRPCRoute'] as const;

/** Protocols by what shares a port with them, and what they carry. */
const protocols: Readonly<Record<string, { readonly layer: string; readonly carries: readonly string[] }>> = {
  HTTP: { layer: 'http', carries: http },
  HTTPS: { layer: 'tls', carries: http },
  TLS: { layer: 'tls', carries: ['TLSRoute'] },
  TCP: { layer: 'tcp', carries: ['TCPRoute'] },
};

/** Kinds of routes that a listener of a protocol can carry. */
export function kindsOf(protocol: string): readonly string[] {
  return protocols[protocol]?.carries ?? [];
}

/** Ports and host names that are taken, in the order of the listeners. */
export class PortClaims {
  private readonly layers = new Map<number, string>();
  private readonly slots = new Set<string>();

  judge({ protocol, port, hostname = '*' }: GatewayListener): Refusal | null {
    const layer = protocols[protocol]?.layer;
    if (layer === undefined)
      return {
        reason: 'UnsupportedProtocol',
        message: `protocol ${protocol} is not supported by this version`,
      };
    if (ownPorts.has(port))
      return { reason: 'PortUnavailable', message: `port ${port} is that of the proxy itself` };
    const other = this.layers.get(port) ?? layer;
    if (other !== layer)
      return { reason: 'ProtocolConflict', message: 'another listener has this port with another protocol' };
    const slot = `${port} ${hostname}`;
    if (this.slots.has(slot))
      return { reason: 'HostnameConflict', message: 'another listener has this port and host name' };
    this.layers.set(port, layer);
    this.slots.add(slot);
    return null;
  }
}

export interface ListenerInput {
  readonly gateway: GatewayObject;
  readonly source: ListenerSource;
  readonly listener: GatewayListener;
  readonly store: CertificateStore;
  readonly book: ConditionBook;
}

export function openListener({ gateway, source, listener, store, book }: ListenerInput): OpenListener {
  const subject = { of: 'listener', gateway: source.key, name: listener.name } as const;
  const tell = ({ reason, message }: Refusal): void =>
    book.add(source.key, { type: 'ResolvedRefs', status: 'False', reason, message, subject });
  const tls = terminates(listener) ? resolveTermination({ gateway, source, listener, store }, tell) : null;
  const set = source.kind === 'ListenerSet' ? `${nameOf(source)}/` : '';
  return {
    source,
    listener,
    name: `gateway/${nameOf(gateway)}/${set}${listener.name}`,
    carries: kindsOf(listener.protocol),
    routes: new Set(),
    kinds: new KindClaims(),
    hostname: listener.hostname ?? '*',
    hosts: new Map(),
    streams: new Map(),
    tls,
    // Without the authorities that it names, a listener would take nobody or everybody.
    broken: tls !== null && (tls.certificates.length === 0 || tls.clients?.authorities === ''),
  };
}

function terminates({ protocol, tls }: GatewayListener): boolean {
  return protocol === 'HTTPS' || (protocol === 'TLS' && tls?.mode !== 'Passthrough');
}

/** One fault is told, the first: a condition has one reason. What is sound of several certificates is served. */
function resolveTermination(
  { gateway, source, listener, store }: Omit<ListenerInput, 'book'>,
  tell: (refusal: Refusal) => void,
): TerminationModel {
  const { namespace } = source.metadata;
  const from = { group: 'gateway.networking.k8s.io', kind: source.kind, namespace };
  const refs = listener.tls?.certificateRefs ?? [];
  const found = refs.map((ref) => store.identity(from, ref));
  const faults = found.filter(isRefusal);
  const certificates = found.filter((one): one is SecretModel => !isRefusal(one));
  if (refs.length === 0) faults.push({ reason: 'InvalidCertificateRef', message: 'it names no certificate' });
  const clients = resolveClients(gateway, listener.port, store, faults);
  const [fault] = faults;
  if (fault !== undefined) tell(fault);
  return { certificates, clients };
}

/** Gateway.spec.tls.frontend: of the port, else of all. */
function resolveClients(
  gateway: GatewayObject,
  port: number,
  store: CertificateStore,
  faults: Refusal[],
): ClientValidationModel | null {
  const frontend = gateway.spec.tls?.frontend;
  const own = frontend?.perPort.find((one) => one.port === port)?.tls ?? frontend?.default;
  const validation = own?.validation;
  if (validation === undefined) return null;
  const from = { group: 'gateway.networking.k8s.io', kind: 'Gateway', namespace: gateway.metadata.namespace };
  const reasons = { kind: 'InvalidCACertificateKind', content: 'InvalidCACertificateRef' };
  const found = validation.caCertificateRefs.map((ref) => store.authority(from, ref, reasons));
  faults.push(...found.filter(isRefusal));
  const authorities = found.flatMap((one) => (isRefusal(one) ? [] : [one.pem.trim()])).join('\n');
  return { authorities, optional: validation.mode === 'AllowInsecureFallback' };
}

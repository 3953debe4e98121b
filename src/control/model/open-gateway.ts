// A Gateway of our class, opened: its own listeners, then those that ListenerSets attach to it, gathered by port. The
// order decides between two that claim the same (ListenerSetSpec.listeners): the Gateway's own, then the oldest set's.

import type { GatewayListener } from '../schema/gateway.ts';
import type { GatewayObject, ListenerSetObject } from '../schema/resources.ts';
import { type BackendIdentity, resolveIdentity } from './backend-identity.ts';
import type { CertificateStore } from './certificates.ts';
import { type ClientTrust, readClientTrust } from './client-trust.ts';
import { nameOf } from './index-resources.ts';
import { type ListenerSource, type OpenListener, openListener, PortClaims } from './listeners.ts';
import type { NamespaceLabels } from './namespaces.ts';
import type { OpenSocket } from './sockets.ts';
import { type ConditionBook, itself, type Refusal, type Subject } from './status.ts';

export interface OpenGateway {
  readonly object: GatewayObject;
  /** All of them, those of its sets too. */
  readonly listeners: readonly OpenListener[];
  readonly sockets: readonly OpenSocket[];
  readonly sets: readonly OpenSet[];
  readonly identity: BackendIdentity;
  readonly trust: ClientTrust;
}

export interface OpenSet {
  readonly object: ListenerSetObject;
  readonly listeners: readonly OpenListener[];
  /** One of its listeners can be served. */
  readonly accepted: boolean;
}

export interface OpeningTools {
  readonly store: CertificateStore;
  readonly book: ConditionBook;
  readonly namespaces: NamespaceLabels;
}

/** Of one Gateway and its sets: people of many namespaces may add to them. */
export const listenersMax = 1_024;

/** `sets`: those that name it, the oldest first; `ofClass`: why none of its class can be served. */
export function openGateway(
  object: GatewayObject,
  sets: readonly ListenerSetObject[],
  tools: OpeningTools,
  ofClass: Refusal | null,
): OpenGateway {
  const { book } = tools;
  const trust = readClientTrust(object.metadata.annotations);
  if ('reason' in trust) return refuseWhole(object, sets, trust, book);
  const refusal = ofClass ?? judgeWhole(object);
  if (refusal !== null) return refuseWhole(object, sets, refusal, book);
  const collector = new ListenerCollector(object, tools);
  for (const listener of object.spec.listeners) collector.open(object, listener);
  const opened = sets.flatMap((set) => openSet(set, object, collector, tools));
  const { listeners } = collector;
  tellWhole(object, listeners, book);
  const identity = resolveIdentity(object, tools.store, book);
  return { object, listeners, sockets: [...collector.sockets.values()], sets: opened, identity, trust };
}

function refuseWhole(
  object: GatewayObject,
  sets: readonly ListenerSetObject[],
  { reason, message }: Refusal,
  book: ConditionBook,
): OpenGateway {
  book.refuse(object.key, itself, reason, message);
  for (const set of sets)
    book.refuse(set.key, itself, 'ParentNotAccepted', `Gateway ${nameOf(object)} is not accepted`);
  return { object, listeners: [], sockets: [], sets: [], identity: null, trust: { balancers: [], hops: 0 } };
}

function judgeWhole({ spec: { addresses, infrastructure } }: GatewayObject): Refusal | null {
  if (infrastructure?.parametersRef !== undefined)
    return {
      reason: 'InvalidParameters',
      message: 'infrastructure.parametersRef: there are no parameters of its kind',
    };
  const other = addresses.find(({ type }) => type !== 'IPAddress');
  if (other === undefined) return null;
  return { reason: 'UnsupportedAddress', message: `addresses of type ${other.type} are not given here` };
}

function openSet(
  set: ListenerSetObject,
  gateway: GatewayObject,
  collector: ListenerCollector,
  { book, namespaces }: OpeningTools,
): readonly OpenSet[] {
  const allowed = gateway.spec.allowedListeners.namespaces;
  if (!namespaces.admits(allowed, gateway.metadata.namespace, set.metadata.namespace)) {
    book.refuse(set.key, itself, 'NotAllowed', `Gateway ${nameOf(gateway)} takes no listeners from here`);
    return [];
  }
  const listeners = set.spec.listeners.flatMap((listener) => collector.open(set, listener) ?? []);
  const accepted = listeners.some(({ broken }) => !broken);
  if (accepted) book.accept(set.key, itself);
  else book.refuse(set.key, itself, 'ListenersNotValid', 'none of its listeners can be served');
  return [{ object: set, listeners, accepted }];
}

class ListenerCollector {
  readonly listeners: OpenListener[] = [];
  readonly sockets = new Map<number, OpenSocket>();
  private readonly gateway: GatewayObject;
  private readonly tools: OpeningTools;
  private readonly claims = new PortClaims();

  constructor(gateway: GatewayObject, tools: OpeningTools) {
    this.gateway = gateway;
    this.tools = tools;
  }

  /** null: it was refused. */
  open(source: ListenerSource, listener: GatewayListener): OpenListener | null {
    const { store, book } = this.tools;
    const about: Subject = { of: 'listener', gateway: source.key, name: listener.name };
    const refusal = this.judge(listener);
    if (refusal !== null) {
      book.refuse(source.key, about, refusal.reason, refusal.message);
      return null;
    }
    const open = openListener({ gateway: this.gateway, source, listener, store, book });
    const { port } = listener;
    const socket = this.sockets.get(port) ?? { name: open.name, port, listeners: [] };
    this.sockets.set(port, socket);
    socket.listeners.push(open);
    this.listeners.push(open);
    const message = 'nobody can be told from anybody by its authorities';
    if (open.tls?.clients?.authorities === '')
      book.refuse(source.key, about, 'NoValidCACertificate', message);
    else book.accept(source.key, about);
    return open;
  }

  private judge(listener: GatewayListener & { readonly faults: readonly unknown[] }): Refusal | null {
    if (listener.faults.length > 0)
      return { reason: 'Invalid', message: 'cannot be served as it is written' };
    if (this.listeners.length < listenersMax) return this.claims.judge(listener);
    return { reason: 'TooManyListeners', message: `its Gateway has ${listenersMax} listeners already` };
  }
}

function tellWhole(object: GatewayObject, listeners: readonly OpenListener[], book: ConditionBook): void {
  if (listeners.some(({ tls }) => tls?.clients?.optional === true))
    book.add(object.key, {
      type: 'InsecureFrontendValidationMode',
      status: 'True',
      reason: 'ConfigurationChanged',
      message: 'clients are let in whose certificate is not sound, or who show none',
      subject: itself,
    });
  if (listeners.length > 0) book.accept(object.key, itself);
  else book.refuse(object.key, itself, 'ListenersNotValid', 'none of its listeners can be served');
}

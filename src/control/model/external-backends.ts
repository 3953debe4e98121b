// XBackends: names outside the cluster that routes send to. Each is a port with a cluster of its own and no name in the
// mesh. Where the TLS that it asks for cannot be had nothing is sent there, as with a Service's.

import { type ExternalBackendSpec, externalGroup } from '../schema/external-backend.ts';
import type { ExternalBackendObject, GrpcRouteObject } from '../schema/resources.ts';
import { defaultPolicy } from '../schema/service-policy.ts';
import { isOfServer, type Metadata } from '../schema/values.ts';
import { resolveValidation } from './backend-tls.ts';
import { type CertificateStore, isRefusal } from './certificates.ts';
import { nameOf, type ResourceIndex } from './index-resources.ts';
import { type ConditionBook, itself, type ObjectRef, type Refusal, type Subject } from './status.ts';
import type { GatewayModel, PortModel, PortProtocol, SecretModel, ServiceModel } from './types.ts';
import { portsOf, portsOfRules } from './types.ts';

export interface ExternalBackend {
  readonly object: ExternalBackendObject;
  /** Its cluster, or why nothing may be sent there. */
  readonly verdict: PortModel | Refusal;
}

/** By `namespace/name`. */
export type ExternalBackends = ReadonlyMap<string, ExternalBackend>;

/**
 * What its words mean here. `HTTP` is HTTP/1.1, as of a Service that says nothing; MCP is spoken over it. A gRPC call
 * is HTTP/2 wherever it goes.
 */
const protocols: Readonly<Record<NonNullable<ExternalBackendSpec['protocol']>, PortProtocol>> = {
  TCP: 'opaque',
  HTTP: 'http',
  HTTP11: 'http',
  HTTP2: 'http2',
  H2C: 'http2',
  MCP: 'http',
};

export function readExternalBackends(index: ResourceIndex, store: CertificateStore): ExternalBackends {
  const grpc = findGrpcBackends(index.all('GRPCRoute'));
  const backends = new Map<string, ExternalBackend>();
  for (const object of index.all('XBackend'))
    backends.set(nameOf(object), { object, verdict: judge(object, store, grpc.has(nameOf(object))) });
  return backends;
}

/** By {@link PortModel.id}: those that can be sent to. */
export function listExternalPorts(backends: ExternalBackends): ReadonlyMap<string, PortModel> {
  const ports = [...backends.values()].flatMap(({ verdict }) => (isRefusal(verdict) ? [] : [verdict]));
  return new Map(ports.map((port) => [port.id, port]));
}

/** What one says that names no protocol is its route's to say, of its own namespace alone. */
function findGrpcBackends(routes: readonly GrpcRouteObject[]): ReadonlySet<string> {
  const names = new Set<string>();
  for (const { metadata, spec } of routes)
    for (const { backendRefs } of spec.rules)
      for (const { group, kind, namespace = metadata.namespace, name } of backendRefs)
        if (kind === 'XBackend' && group === externalGroup && namespace === metadata.namespace)
          names.add(`${namespace}/${name}`);
  return names;
}

function judge(
  { key, metadata, spec }: ExternalBackendObject,
  store: CertificateStore,
  grpc: boolean,
): PortModel | Refusal {
  const { hostname } = spec.externalHostname;
  const { tls } = spec;
  const secured = tls !== undefined && tls.mode !== 'None';
  if (secured && spec.protocol === 'H2C')
    return { reason: 'UnsupportedProtocol', message: 'H2C is HTTP/2 without TLS, which tls asks for' };
  const from = { group: externalGroup, kind: 'XBackend', namespace: metadata.namespace };
  const shown =
    tls?.clientCertificateRef === undefined
      ? null
      : store.identity(from, tls.clientCertificateRef, 'InvalidClientCertificateRef');
  if (shown !== null && isRefusal(shown)) return shown;
  const validation = secured ? resolveValidation(from, tls.validation ?? systemTrust(hostname), store) : null;
  if (validation !== null && isRefusal(validation)) return validation;
  return describePort(key, spec, metadata, {
    tls: validation,
    shown,
    protocol: spec.protocol === undefined ? (grpc ? 'http2' : 'http') : protocols[spec.protocol],
  });
}

/** Where nobody says whom to trust: whom everybody does, for the name that is called. */
function systemTrust(hostname: string): NonNullable<NonNullable<ExternalBackendSpec['tls']>['validation']> {
  return { hostname, wellKnownCACertificates: 'System', caCertificateRefs: [], subjectAltNames: [] };
}

function describePort(
  key: string,
  { port, externalHostname }: ExternalBackendSpec,
  metadata: Metadata,
  spoken: Pick<PortModel, 'tls' | 'protocol'> & { readonly shown: SecretModel | null },
): PortModel {
  const id = `${metadata.namespace}/XBackend/${metadata.name}`;
  return {
    id: `${id}:${port.port}`,
    service: id,
    port: port.port,
    name: port.name ?? '',
    targetPort: port.port,
    doubtful: false,
    locality: 'Any',
    sticky: false,
    policy: defaultPolicy,
    endpoints: [],
    closed: false,
    external: externalHostname.hostname,
    outside: isOfServer(metadata),
    routes: { producer: null, consumers: new Map() },
    access: null,
    owners: [key],
    ...spoken,
  };
}

/** What became of each, for every Gateway and every Service whose routes send there. */
export function tellExternalBackends(
  backends: ExternalBackends,
  gateways: ReadonlyMap<string, GatewayModel>,
  services: ReadonlyMap<string, ServiceModel>,
  book: ConditionBook,
): void {
  if (backends.size === 0) return;
  const users = findUsers(gateways, services);
  for (const { object, verdict } of backends.values()) {
    const { namespace, name } = object.metadata;
    const about = users.get(`${namespace}/XBackend/${name}`) ?? [];
    for (const subject of about.length > 0 ? about : [itself])
      if (isRefusal(verdict)) book.refuse(object.key, subject, verdict.reason, verdict.message);
      else book.accept(object.key, subject);
  }
}

/** By {@link PortModel.service}. */
function findUsers(
  gateways: ReadonlyMap<string, GatewayModel>,
  services: ReadonlyMap<string, ServiceModel>,
): ReadonlyMap<string, readonly Subject[]> {
  const users = new Map<string, Subject[]>();
  const add = (ports: Iterable<string>, ref: ObjectRef): void => {
    for (const id of new Set([...ports].map((port) => port.slice(0, port.lastIndexOf(':'))))) {
      const list = users.get(id);
      if (list === undefined) users.set(id, [{ of: 'ancestor', ref }]);
      else list.push({ of: 'ancestor', ref });
    }
  };
  for (const gateway of gateways.values()) {
    const { namespace, name } = gateway;
    add(portsOf(gateway), { group: 'gateway.networking.k8s.io', kind: 'Gateway', namespace, name });
  }
  for (const { namespace, name, ports, podOf } of services.values()) {
    if (podOf !== null) continue;
    const rules = ports.flatMap(({ routes }) => [routes.producer ?? [], ...routes.consumers.values()].flat());
    add(portsOfRules(rules), { group: '', kind: 'Service', namespace, name });
  }
  return users;
}

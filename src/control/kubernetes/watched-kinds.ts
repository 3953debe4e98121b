// Where the API server keeps each kind that the mesh reads. The kinds themselves, with their versions, are
// schema/resources.ts; what is added there and lacks a row here is found by a test.

import { kinds } from '../schema/resources.ts';

export interface WatchedKind {
  readonly group: string;
  readonly kind: string;
  /** The version preferred comes first; the API server may serve only a later one. */
  readonly versions: readonly string[];
  readonly plural: string;
  readonly namespaced: boolean;
  /** Label selector; empty: all. */
  readonly selector: string;
  /** Field selector; empty: all. */
  readonly fields: string;
}

/** `group/Kind` to its resource. */
const places: Readonly<
  Record<
    string,
    Pick<WatchedKind, 'plural' | 'namespaced'> & { readonly selector?: string; readonly fields?: string }
  >
> = {
  '/Service': { plural: 'services', namespaced: true },
  // A slice without that label belongs to no Service.
  'discovery.k8s.io/EndpointSlice': {
    plural: 'endpointslices',
    namespaced: true,
    selector: 'kubernetes.io/service-name',
  },
  'gateway.networking.k8s.io/HTTPRoute': { plural: 'httproutes', namespaced: true },
  'gateway.networking.k8s.io/GRPCRoute': { plural: 'grpcroutes', namespaced: true },
  'gateway.networking.k8s.io/TLSRoute': { plural: 'tlsroutes', namespaced: true },
  'gateway.networking.k8s.io/TCPRoute': { plural: 'tcproutes', namespaced: true },
  'gateway.networking.k8s.io/UDPRoute': { plural: 'udproutes', namespaced: true },
  'gateway.networking.k8s.io/Gateway': { plural: 'gateways', namespaced: true },
  'gateway.networking.k8s.io/GatewayClass': { plural: 'gatewayclasses', namespaced: false },
  'gateway.networking.k8s.io/ListenerSet': { plural: 'listenersets', namespaced: true },
  'gateway.networking.k8s.io/ReferenceGrant': { plural: 'referencegrants', namespaced: true },
  'gateway.networking.k8s.io/BackendTLSPolicy': { plural: 'backendtlspolicies', namespaced: true },
  'gateway.networking.x-k8s.io/XBackendTrafficPolicy': {
    plural: 'xbackendtrafficpolicies',
    namespaced: true,
  },
  'gateway.networking.x-k8s.io/XBackend': { plural: 'xbackends', namespaced: true },
  'gateway.networking.x-k8s.io/XMesh': { plural: 'xmeshes', namespaced: false },
  'weft.dev/ServicePolicy': { plural: 'servicepolicies', namespaced: true },
  'weft.dev/AccessPolicy': { plural: 'accesspolicies', namespaced: true },
  '/Namespace': { plural: 'namespaces', namespaced: false },
  '/Pod': { plural: 'pods', namespaced: true },
  // Certificates alone: what else people keep in Secrets is none of the mesh's business.
  '/Secret': { plural: 'secrets', namespaced: true, fields: 'type=kubernetes.io/tls' },
  '/ConfigMap': { plural: 'configmaps', namespaced: true },
};

/** Every kind that the mesh reads, with its place; throws on one that lacks a row (a bug). */
export function listWatchedKinds(): readonly WatchedKind[] {
  return kinds.map(({ group, kind, versions }) => {
    const place = places[`${group}/${kind}`];
    if (place === undefined) throw new Error(`bug: no resource is known for ${group}/${kind}`);
    return { group, kind, versions, selector: '', fields: '', ...place };
  });
}

/** The path that lists `kind` at `version`; in one namespace, or (empty) in all. */
export function pathOf(kind: WatchedKind, version: string, namespace: string): string {
  const root = kind.group === '' ? `/api/${version}` : `/apis/${kind.group}/${version}`;
  const within = kind.namespaced && namespace !== '' ? `/namespaces/${encodeURIComponent(namespace)}` : '';
  return `${root}${within}/${kind.plural}`;
}

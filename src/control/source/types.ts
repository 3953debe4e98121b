// Where objects come from. A directory of manifests is the first source (directory.ts); a Kubernetes watch is a second
// implementation of the same interface: both report objects one by one, whole, and know nothing of what they mean.

import type { Issue } from '../../base/index.ts';

/** `namespace/Kind/name` (see {@link objectKey}); the key of an object in every map of the control plane. */
export type ObjectKey = string;

export interface Origin {
  /** Path relative to the directory, `-` for standard input, empty for an API server. */
  readonly file: string;
  /** 1-based line on which the object begins; 0 where there are no lines. */
  readonly line: number;
}

/** An object as it was written, before any schema. */
export interface RawObject {
  readonly key: ObjectKey;
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  /** The whole object as plain data. */
  readonly value: Readonly<Record<string, unknown>>;
  readonly origin: Origin;
  /**
   * The last version of it that was wholly sound, where this one is not. The directory source alone sends it: elsewhere
   * an API server has refused what is unsound, and a source that remembers would make two replicas differ.
   */
  readonly lastGood?: Pick<RawObject, 'apiVersion' | 'value'>;
}

/** A fault of the source that belongs to no single object: a file that does not parse, one object in two files. */
export interface SourceFault {
  readonly origin: Origin;
  readonly issue: Issue;
}

export interface SourceListener {
  /** An object appeared or changed. */
  onUpsert(object: RawObject): void;
  onRemove(key: ObjectKey): void;
  /** All faults there are now; replaces the earlier list. */
  onFaults(faults: readonly SourceFault[]): void;
  /** Everything that existed at the start has been reported. Once, and again after every reconnection. */
  onSynced(): void;
}

export interface Source {
  /** Reports to `listener` from now on. Called once. */
  start(listener: SourceListener): void;
  stop(): void;
}

/** The group of each kind that is written without one in keys, because the mesh means that one. */
const homeGroups: ReadonlyMap<string, string> = new Map([
  ['Namespace', ''],
  ['Service', ''],
  ['Secret', ''],
  ['ConfigMap', ''],
  ['EndpointSlice', 'discovery.k8s.io'],
  ['HTTPRoute', 'gateway.networking.k8s.io'],
  ['GRPCRoute', 'gateway.networking.k8s.io'],
  ['TLSRoute', 'gateway.networking.k8s.io'],
  ['TCPRoute', 'gateway.networking.k8s.io'],
  ['UDPRoute', 'gateway.networking.k8s.io'],
  ['Gateway', 'gateway.networking.k8s.io'],
  ['GatewayClass', 'gateway.networking.k8s.io'],
  ['ListenerSet', 'gateway.networking.k8s.io'],
  ['ReferenceGrant', 'gateway.networking.k8s.io'],
  ['BackendTLSPolicy', 'gateway.networking.k8s.io'],
  ['XBackendTrafficPolicy', 'gateway.networking.x-k8s.io'],
  ['XBackend', 'gateway.networking.x-k8s.io'],
  ['XMesh', 'gateway.networking.x-k8s.io'],
  ['ServicePolicy', 'weft.dev'],
  ['AccessPolicy', 'weft.dev'],
]);

/**
 * The key holds group, kind, namespace and name. The group is written where it is not the one that the mesh means by
 * that kind, as kubectl would: `shop/Service.serving.knative.dev/ledger` beside `shop/Service/ledger`.
 */
export function objectKey(
  namespace: string,
  kind: string,
  name: string,
  group = homeGroups.get(kind),
): ObjectKey {
  const home = homeGroups.get(kind) ?? '';
  const suffix = group === undefined || group === home ? '' : `.${group === '' ? 'core' : group}`;
  return `${namespace}/${kind}${suffix}/${name}`;
}

/** `v1` is of the core group, which has no name. */
export function splitApiVersion(apiVersion: string): readonly [group: string, version: string] {
  const slash = apiVersion.indexOf('/');
  return slash === -1 ? ['', apiVersion] : [apiVersion.slice(0, slash), apiVersion.slice(slash + 1)];
}

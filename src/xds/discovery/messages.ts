// The four messages of an ADS stream (envoy/service/discovery/v3/discovery.proto), as the state machines see them.

import type { XdsNode } from '../types.ts';

export interface SotwRequest {
  readonly typeUrl: string;
  /** The last version accepted; '' before the first. */
  readonly version: string;
  readonly nonce: string;
  readonly names: readonly string[];
  /** Required in the first request of a stream, absent afterwards. */
  readonly node: XdsNode | null;
  /** Present: a NACK, whatever the version says. */
  readonly error: string | null;
}

export interface SotwResponse {
  readonly typeUrl: string;
  readonly version: string;
  readonly nonce: string;
  readonly resources: readonly ReceivedResource[];
}

export interface DeltaRequest {
  readonly typeUrl: string;
  readonly nonce: string;
  readonly subscribe: readonly string[];
  readonly unsubscribe: readonly string[];
  /** Name to version of what the client holds; in the first request of a type alone. */
  readonly initialVersions: ReadonlyMap<string, string>;
  readonly node: XdsNode | null;
  readonly error: string | null;
}

export interface DeltaResponse {
  readonly typeUrl: string;
  readonly version: string;
  readonly nonce: string;
  readonly resources: readonly ReceivedResource[];
  readonly removed: readonly string[];
}

export interface ReceivedResource {
  /** SotW resources carry no name outside of their body: it is read from field 1, where every xDS resource has it. */
  readonly name: string;
  /** '' in SotW. */
  readonly version: string;
  readonly typeUrl: string;
  /** Further names that it answers to; of delta alone. */
  readonly aliases: readonly string[];
  /** Null: a heartbeat, nothing but its version; of a virtual host that it does not exist. */
  readonly bytes: Uint8Array | null;
  /** It is gone so long after this unless it is sent again, if only as a heartbeat (Resource.ttl); null: it stays. */
  readonly ttlMs: number | null;
}

export const wrappedResourceType = 'type.googleapis.com/envoy.service.discovery.v3.Resource';

/** google.rpc.Code INVALID_ARGUMENT, the code of every NACK. */
export const nackCode = 3;

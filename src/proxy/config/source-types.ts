// Where resources come from, as bootstraps and resources say it (envoy.config.core.v3.ConfigSource).

import type { AdsVariant } from '../../xds/index.ts';

export type ResourceSource =
  | { readonly kind: 'ads' }
  /** A stream of its own, to the discovery service of the resource's type. */
  | { readonly kind: 'grpc'; readonly stream: StreamConfig }
  /** A DiscoveryResponse in a file, read again when it changes. */
  | { readonly kind: 'file'; readonly path: string };

/** Where clusters come from that a request or a connection finds missing, and how long it waits for one. */
export interface OnDemandClusters {
  readonly source: ResourceSource;
  readonly timeoutMs: number;
}

/** A stream of discovery. */
export interface StreamConfig {
  readonly variant: AdsVariant;
  /** Asked in turn: the next when one fails. */
  readonly services: readonly StreamService[];
}

export interface StreamService {
  /** One of the bootstrap's. */
  readonly cluster: string;
  /** `:authority`; '' for the server's address. */
  readonly authority: string;
  readonly metadata: readonly (readonly [name: string, value: string])[];
}

export const adsSource: ResourceSource = { kind: 'ads' };

/** The same for sources that are one. */
export function sourceKey(source: ResourceSource): string {
  return source.kind === 'ads' ? 'ads' : JSON.stringify(source);
}

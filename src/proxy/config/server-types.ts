// The servers of discovery: what a stream is opened with.

import type { Address } from '../../net/index.ts';
import type { AdsVariant } from '../../xds/index.ts';
import type { UpstreamTlsConfig } from './tls-types.ts';

/** What a stream needs of a cluster of the bootstrap. */
export interface ServerCluster {
  readonly addresses: readonly Address[];
  readonly speaksHttp2: boolean;
  readonly connectTimeoutMs: number;
  readonly tls: UpstreamTlsConfig | null;
  /** Holds the token that proves who asks; read for each stream. Absent: none is shown. */
  readonly tokenFile?: string;
}

/** A stream with its servers found: what a transport is made of. */
export interface AdsConfig {
  readonly variant: AdsVariant;
  /** The type of a separate service; null: the aggregated one. */
  readonly typeUrl: string | null;
  /** The path of a streaming method of another service; absent: discovery's. */
  readonly method?: string;
  readonly servers: readonly AdsServer[];
}

export interface AdsServer {
  readonly address: Address;
  readonly connectTimeoutMs: number;
  readonly authority: string;
  readonly metadata: readonly (readonly [name: string, value: string])[];
  /** Null: in plaintext. */
  readonly tls: UpstreamTlsConfig | null;
  /** See {@link ServerCluster.tokenFile}. */
  readonly tokenFile: string | null;
}

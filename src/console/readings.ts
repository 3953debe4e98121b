// What proxies said at one time, as the aggregation takes it.

import type { TrafficByService } from './traffic.ts';

/** One endpoint as one caller's proxy reports it; counts since that proxy's start. */
export interface EndpointReading {
  readonly service: string;
  readonly address: string;
  /** '' where the proxy does not know it: Envoy. */
  readonly name: string;
  readonly costMs: number | null;
  readonly active: number;
  readonly requests: number;
  readonly failures: number;
  /** What the proxy remembers of failures, 0 to 1; null: it keeps no such thing. */
  readonly errorShare: number | null;
  readonly ejected: boolean;
  readonly healthy: boolean;
}

/** What one proxy said at one time. */
export interface Reading {
  readonly traffic: TrafficByService;
  readonly endpoints: readonly EndpointReading[];
}

/** All proxies that answered, by node id, and when (Unix ms). */
export interface Readings {
  readonly atMs: number;
  readonly byNode: ReadonlyMap<string, Reading>;
}

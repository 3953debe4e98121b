// What the two HTTP filters that count requests are told.

import type { DescriptorRule, HeaderEdits, TokenBucketConfig } from '../../policy/index.ts';
import type { GrpcTargetConfig } from './grpc-types.ts';

export interface LocalRateLimitConfig {
  readonly kind: 'local-rate-limit';
  readonly statPrefix: string;
  /** null: nothing is limited here, routes may. */
  readonly bucket: TokenBucketConfig | null;
  /** Requests that are counted by exactly these entries have buckets of their own. */
  readonly descriptors: readonly {
    readonly entries: readonly (readonly [key: string, value: string])[];
    readonly bucket: TokenBucketConfig;
  }[];
  /** By which requests are counted, instead of those of routes and virtual hosts; absent: those. */
  readonly rules?: readonly DescriptorRule[];
  /** Of the rules by which they are counted. */
  readonly stage: number;
  readonly hostRules: HostRules;
  /** Those with buckets of their own take from the common one too. */
  readonly alwaysDefault: boolean;
  /** x-ratelimit-limit and its like. */
  readonly tellsLimits: boolean;
  /** For callers of gRPC; null: by the status. */
  readonly grpcStatus: number | null;
  /** Where it stands, in its virtual host if that is where: all threads find their one bucket by it. */
  readonly place: string;
  readonly inVirtualHost: boolean;
  readonly status: number;
  readonly enabledShare: number;
  readonly enforcedShare: number;
  readonly responseEdits: HeaderEdits | null;
  readonly notEnforcedEdits: HeaderEdits | null;
}

/** Whether the rules of a virtual host count: where the route has none, in any case, or never. */
export type HostRules = 'override' | 'include' | 'ignore';

/** A service counts requests, of all proxies together. */
export interface GlobalRateLimitConfig {
  readonly kind: 'rate-limit';
  readonly target: GrpcTargetConfig;
  readonly domain: string;
  /** As of a local limit. */
  readonly rules?: readonly DescriptorRule[];
  readonly stage: number;
  /** Of whom requests are counted. */
  readonly concerns: 'internal' | 'external' | 'both';
  /** Shares of 0 to 1: of requests that are counted, of those over a limit that are refused. */
  readonly enabledShare: number;
  readonly enforcedShare: number;
  /** Of what could not be counted, what is refused. */
  readonly failureDeniedShare: number;
  readonly errorStatus: number;
  readonly status: number;
  /** For callers of gRPC; null: by the status. */
  readonly grpcStatus: number | null;
  /** x-ratelimit-limit and its like; x-envoy-ratelimited. */
  readonly tellsLimits: boolean;
  readonly tellsLimited: boolean;
  readonly responseEdits: HeaderEdits | null;
  readonly statPrefix: string;
}

/** Said by routes only. */
export interface GlobalRateLimitOverride {
  readonly kind: 'rate-limit-override';
  readonly hostRules: HostRules;
  /** '': the filter's. */
  readonly domain: string;
}

// What HTTP filters are told, compiled: the chain of a listener before its router, and what routes say to its members.

import type {
  AccessRulesConfig,
  HeaderEdits,
  HeaderMatch,
  StringMatch,
  TokenBucketConfig,
} from '../../policy/index.ts';

export interface FaultConfig {
  readonly kind: 'fault';
  /** `fixedMs` null: the request's own header says how long. Shares are 0 to 1. */
  readonly delay: { readonly fixedMs: number | null; readonly share: number } | null;
  /** `status` null: the request's own header says which. */
  readonly abort: { readonly status: number | null; readonly share: number } | null;
  /** Only requests to this cluster; '': all. */
  readonly cluster: string;
  readonly headers: readonly HeaderMatch[];
  readonly activeMax: number;
}

export interface LocalRateLimitConfig {
  readonly kind: 'local-rate-limit';
  readonly statPrefix: string;
  /** null: nothing is limited here, routes may. */
  readonly bucket: TokenBucketConfig | null;
  readonly status: number;
  readonly enabledShare: number;
  readonly enforcedShare: number;
  readonly responseEdits: HeaderEdits | null;
  readonly notEnforcedEdits: HeaderEdits | null;
}

export interface CorsConfig {
  readonly kind: 'cors';
  readonly origins: readonly StringMatch[];
  readonly allowMethods: string;
  readonly allowHeaders: string;
  readonly exposeHeaders: string;
  readonly maxAge: string;
  readonly allowCredentials: boolean;
  readonly enabledShare: number;
  readonly forwardOtherPreflights: boolean;
}

export interface CsrfConfig {
  readonly kind: 'csrf';
  readonly enabledShare: number;
  /** Judged and counted, no more. */
  readonly shadowShare: number;
  readonly additionalOrigins: readonly StringMatch[];
}

export interface HealthCheckConfig {
  readonly kind: 'health-check';
  /** Checks go on to the application; its answer holds for so long, 0: for that one check. */
  readonly passThrough: boolean;
  readonly cacheMs: number;
  /** Share of endpoints in hundredths that each of these clusters must have for a 200. */
  readonly minHealthy: readonly { readonly cluster: string; readonly percent: number }[];
  readonly headers: readonly HeaderMatch[];
}

export interface HeaderMutationConfig {
  readonly kind: 'header-mutation';
  readonly request: HeaderEdits | null;
  readonly response: HeaderEdits | null;
}

export interface RbacConfig {
  readonly kind: 'rbac';
  /** Null: nothing is refused. */
  readonly rules: AccessRulesConfig | null;
  readonly statPrefix: string;
  /** Judged and counted, no more. */
  readonly shadow: AccessRulesConfig | null;
  readonly shadowStatPrefix: string;
  /** Each policy has counters of its own. */
  readonly countsPolicies: boolean;
}

export type FilterConfig =
  | FaultConfig
  | LocalRateLimitConfig
  | CorsConfig
  | CsrfConfig
  | HealthCheckConfig
  | HeaderMutationConfig
  | RbacConfig;

export interface ListenerFilterConfig {
  /** By which routes speak of it. */
  readonly name: string;
  /** Passed over, except where a route says something to it. */
  readonly disabled: boolean;
  readonly config: FilterConfig;
}

/** What a route says to the filter of a name. */
export type RouteFilterConfig = FilterConfig | { readonly kind: 'disabled' };

export type RouteFilters = ReadonlyMap<string, RouteFilterConfig>;

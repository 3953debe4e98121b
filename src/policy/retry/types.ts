// When a failed attempt may be made again. The vocabulary is ServicePolicy.retry (docs/policy.md); Envoy's retry_on
// words map onto it.

import type { Labels, SparedPriorities } from '../balance/index.ts';

/** Those that a ServicePolicy can say. */
export const retryConditions = [
  /** The attempt never reached the peer: refused, timed out or failed connecting, or a marker said "unsent". */
  'ConnectFailure',
  /** The connection was reset or closed before a response head. */
  'Reset',
  /** HTTP 503, or gRPC UNAVAILABLE in the head. */
  'Unavailable',
  /** 502, 503, 504. */
  'GatewayError',
  /** Any 5xx (Envoy's `5xx`). */
  'ServerError',
  /** 409 (Envoy's `retriable-4xx`). */
  'Conflict',
  /** One of `statusCodes`. */
  'StatusCodes',
  /** The attempt timeout passed. */
  'AttemptTimeout',
] as const;

export type PolicyCondition = (typeof retryConditions)[number];

export type RetryCondition =
  | PolicyCondition
  /** The answer's head meets `responseRule` (Envoy's `retriable-headers`). */
  | 'Headers'
  /**
   * A proxy below refused it for its rate (Envoy's `envoy-ratelimited`); else an answer with x-envoy-ratelimited is
   * final.
   */
  | 'RateLimited';

/** What a rule may ask of a head; heads of the wire fit. */
/** The lines of a head, as a wire Head has them; a view without them has one line a name. */
export interface LinesView {
  readonly count?: number;
  nameAt?(index: number): string;
  valueAt?(index: number): string;
  isRemoved?(index: number): boolean;
}

export interface HeadView extends LinesView {
  readonly method?: string;
  readonly path?: string;
  readonly authority?: string;
  readonly status?: number;
  getName(name: string): string | null;
}

export interface HeadRule {
  matches(view: HeadView): boolean;
}

/** Where an answer says when it is worth asking again (Envoy's rate_limited_retry_back_off). */
export interface ResetBackoff {
  readonly headers: readonly { readonly name: string; readonly format: 'seconds' | 'unix-timestamp' }[];
  /** A longer wait is not believed. */
  readonly maxMs: number;
}

/** Where a retry goes, beside elsewhere. */
export interface RetrySelection {
  /** Endpoints with all labels of one of these are left out while another is left. */
  readonly avoided: readonly Labels[];
  /** See {@link SparedPriorities.every}; 0: no priority is spared. */
  readonly sparesEvery: number;
}

export interface RetryPolicy {
  readonly on: readonly RetryCondition[];
  readonly statusCodes: readonly number[];
  /** Statuses of gRPC in an answer's head that are worth another attempt; absent: none beside those of `on`. */
  readonly grpcStatuses?: readonly number[];
  /**
   * Methods that may be sent again after they may have reached the application; null: every method (a plain Envoy route
   * says so).
   */
  readonly methods: readonly string[] | null;
  /** Lower-case name of a header whose presence makes any method safe to repeat; null: none. */
  readonly idempotencyHeader: string | null;
  /**
   * Of the request: only where it holds is anything sent again that may have reached the application. Absent: always.
   */
  readonly requestRule?: HeadRule;
  /** Of an answer; see the condition. */
  readonly responseRule?: HeadRule;
  /** Answers below 400 may be worth another attempt too. */
  readonly judgesAll?: true;
  /** Absent: the back-off alone. */
  readonly resetBackoff?: ResetBackoff;
  /** An attempt on which nothing moves for so long has failed, its answer begun or not; absent: no limit. */
  readonly attemptIdleMs?: number;
  /** Absent: any endpoint that was not tried will do. */
  readonly selection?: RetrySelection;
  /** Retries beside the first attempt; 0 to 16. */
  readonly attempts: number;
  readonly backoff: { readonly baseMs: number; readonly maxMs: number };
}

/**
 * Retries as a share of requests over a window, or a floor where that is more (XBackendTrafficPolicy.retryConstraint).
 */
export interface RetryBudgetConfig {
  readonly kind: 'window';
  /** 0 to 100. */
  readonly percent: number;
  /** 1,000 to 3,600,000. */
  readonly intervalMs: number;
  readonly minRetries: { readonly count: number; readonly intervalMs: number };
}

export type RetryLimitConfig =
  | RetryBudgetConfig
  /** Envoy's max_retries: how many may run at once. */
  | { readonly kind: 'concurrency'; readonly max: number }
  /** Envoy's retry_budget: a share of the requests that run, and always `minConcurrency`. */
  | { readonly kind: 'share'; readonly percent: number; readonly minConcurrency: number };

export interface RetryLimit {
  /** A request came (not a retry). */
  onRequest(nowMs: number): void;
  /**
   * Takes one retry, or says that there is none. `active`: requests of the cluster that run or wait. Each true is
   * followed by exactly one `onDone`.
   */
  tryRetry(nowMs: number, active: number): boolean;
  /** The attempt that was the retry is over. */
  onDone(): void;
  /** Retries that could be made at this moment. */
  remaining(nowMs: number, active: number): number;
  /** It is not used any more. */
  dispose(): void;
}

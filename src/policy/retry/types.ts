// When a failed attempt may be made again. The vocabulary is ServicePolicy.retry (docs/policy.md); Envoy's retry_on words map onto it.

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

export type RetryCondition = (typeof retryConditions)[number];

export interface RetryPolicy {
  readonly on: readonly RetryCondition[];
  readonly statusCodes: readonly number[];
  /** Methods that may be sent again after they may have reached the application; null: every method (a plain Envoy route says so). */
  readonly methods: readonly string[] | null;
  /** Lower-case name of a header whose presence makes any method safe to repeat; null: none. */
  readonly idempotencyHeader: string | null;
  /** Retries beside the first attempt; 0 to 16. */
  readonly attempts: number;
  readonly backoff: { readonly baseMs: number; readonly maxMs: number };
}

/** Retries as a share of requests over a window, plus a floor (XBackendTrafficPolicy.retryConstraint). */
export interface RetryBudgetConfig {
  /** 0 to 100. */
  readonly percent: number;
  /** 1,000 to 3,600,000. */
  readonly intervalMs: number;
  readonly minRetries: { readonly count: number; readonly intervalMs: number };
}

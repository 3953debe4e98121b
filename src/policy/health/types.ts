// Active health checks (Envoy's core.v3.HealthCheck): when to check, and after how many results an endpoint changes.

export interface HealthTiming {
  readonly timeoutMs: number;
  readonly intervalMs: number;
  /** Before the first check, at most; 0: at once. */
  readonly initialJitterMs: number;
  /** Added to an interval, at most: a span, and a percentage of it. */
  readonly jitterMs: number;
  readonly jitterPercent: number;
  /** Instead of the interval while the cluster has not had a connection: for endpoints that fail, and that pass. */
  readonly noTrafficMs: number;
  readonly noTrafficHealthyMs: number;
  /** Instead of the interval after a failure; and while the next results decide. */
  readonly unhealthyMs: number;
  readonly unhealthyEdgeMs: number;
  readonly healthyEdgeMs: number;
  readonly unhealthyThreshold: number;
  readonly healthyThreshold: number;
}

/**
 * How a check ended. `degraded`: it passed, and asks for little. `failed`: an answer that says no, which needs no
 * second one. `refused`: the same, and asks not to be counted among those of which a share must be healthy.
 * `retriable`: an answer that may be an accident. `network`: no connection, a reset. `timeout`: no answer in time.
 */
export type CheckResult = 'passed' | 'degraded' | 'failed' | 'refused' | 'retriable' | 'network' | 'timeout';

/** `pending`: the next results decide. */
export type HealthTransition = 'unchanged' | 'pending' | 'changed';

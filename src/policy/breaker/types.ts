// Hard limits of a cluster in one proxy (ServicePolicy.limits, docs/policy.md); crossing one is answered 503 with the
// flag UO.

export interface LimitsConfig {
  readonly connections: number;
  /** Requests waiting for a connection. */
  readonly pending: number;
  /** Requests in flight, waiting ones included. */
  readonly requests: number;
}

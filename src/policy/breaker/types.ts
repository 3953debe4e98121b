// Hard limits of a cluster in one proxy (ServicePolicy.limits, docs/policy.md); crossing one is answered 503 with the
// flag UO.

export interface LimitsConfig {
  readonly connections: number;
  /** Requests waiting for a connection. */
  readonly pending: number;
  /** Requests in flight, waiting ones included. */
  readonly requests: number;
}

/** Each `try` either counts one more and says true, or says false; each true is followed by exactly one release. */
export interface CircuitBreaker {
  readonly requests: number;
  readonly pending: number;
  readonly connections: number;
  readonly limits: LimitsConfig;
  /** New limits hold for what comes; what is in flight above them is let finish. */
  update(limits: LimitsConfig): void;
  tryRequest(): boolean;
  releaseRequest(): void;
  tryPending(): boolean;
  releasePending(): void;
  tryConnection(): boolean;
  /** One beyond the limit, for an endpoint that would have none at all. */
  forceConnection(): void;
  releaseConnection(): void;
  /** An attempt waits for a slot under the limit of connections: whoever frees one elsewhere is to tell. */
  awaitConnection(): void;
  /** It is not used any more, and nothing it counted is left. */
  dispose(): void;
}

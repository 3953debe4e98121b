// What a service promises (ServicePolicy.objective, docs/policy.md).

export interface ObjectiveConfig {
  /** Percent of requests that must not fail; above 0, below 100. */
  readonly availability: number;
  /** Percent of the answered requests that must not take longer; null: nothing is promised. */
  readonly latency: { readonly percentile: number; readonly thresholdMs: number } | null;
  readonly windowMs: number;
}

/** Plain counts, so that those of several threads or proxies can be added. */
export class ObjectiveCounts {
  /** Since the start: for rules that keep a longer memory than one process. */
  requests = 0;
  failures = 0;
  slow = 0;
  /** Within the window. */
  windowRequests = 0;
  windowFailures = 0;
  windowSlow = 0;
}

// Passive health: when an endpoint's own answers get it ejected for a while (ServicePolicy.outlierDetection, docs/policy.md).

export interface OutlierConfig {
  /** Consecutive 5xx or resets that eject; 0: off. Default 5. */
  readonly consecutiveFailures: number;
  /** Ejection by success rate: mean minus `stdevFactor` deviations over endpoints with enough requests; null: off. */
  readonly successRate: {
    readonly minimumHosts: number;
    readonly minimumRequests: number;
    readonly stdevFactor: number;
  } | null;
  /** How often the sweep runs. Default 10,000. */
  readonly intervalMs: number;
  /** First ejection; each further one lasts that much longer, up to the maximum. */
  readonly baseEjectionMs: number;
  readonly maxEjectionMs: number;
  /** 0 to 100; one endpoint may always be ejected unless this is 0 or it is the only one. */
  readonly maxEjectedPercent: number;
}

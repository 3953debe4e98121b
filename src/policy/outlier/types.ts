// Passive health: when an endpoint's own answers get it ejected for a while (ServicePolicy.outlierDetection,
// docs/policy.md; Envoy's OutlierDetection).

import type { EndpointLoad, Outcome } from '../balance/index.ts';

/** What ejects; the words of Envoy's counters. */
export const ejectionCauses = [
  'consecutive_5xx',
  'consecutive_gateway_failure',
  'consecutive_local_origin_failure',
  'success_rate',
  'failure_percentage',
  'local_origin_success_rate',
  'local_origin_failure_percentage',
] as const;

export type EjectionCause = (typeof ejectionCauses)[number];

export interface OutlierConfig {
  /** Consecutive 5xx or resets that eject; 0: off. Default 5. */
  readonly consecutiveFailures: number;
  /** The same for 502, 503, 504, resets and timeouts alone; absent: off. */
  readonly consecutiveGatewayFailures?: number;
  /**
   * Connections that came to nothing, in a row. Present: they count here and nowhere else
   * (split_external_local_origin_errors), and shares are held against both rules below by themselves; absent: they
   * count as any other failure.
   */
  readonly consecutiveLocalFailures?: number;
  /** Ejection by success rate: mean minus `stdevFactor` deviations over endpoints with enough requests; null: off. */
  readonly successRate: {
    readonly minimumHosts: number;
    readonly minimumRequests: number;
    readonly stdevFactor: number;
  } | null;
  /** Ejection of those that fail `threshold` percent or more; absent: off. */
  readonly failurePercentage?: {
    readonly threshold: number;
    readonly minimumHosts: number;
    readonly minimumRequests: number;
  };
  /** Percent of the ejections that are put into force, by cause; absent: all. */
  readonly enforcing?: Partial<Readonly<Record<EjectionCause, number>>>;
  /** How often the sweep runs. Default 10,000. */
  readonly intervalMs: number;
  /** First ejection; each further one lasts that much longer, up to the maximum. */
  readonly baseEjectionMs: number;
  readonly maxEjectionMs: number;
  /** 0 to 100. */
  readonly maxEjectedPercent: number;
  /** One endpoint may be ejected whatever that percentage, unless it is 0 or the only usable one. Default true. */
  readonly alwaysEjectOne?: boolean;
  /** Added to an ejection by chance, at most. Default 0. */
  readonly jitterMs?: number;
  /** An active check that passes ends an ejection. Default true. */
  readonly returnOnCheck?: boolean;
}

/** What judges the endpoints of a cluster. */
export interface Detector<E extends EndpointLoad> {
  /** The cluster's endpoints changed. Without any known, nothing is ejected. */
  update(endpoints: readonly E[]): void;
  /** An attempt ended. True: that ejected the endpoint, and candidates must be selected anew. */
  onOutcome(endpoint: E, outcome: Outcome, nowMs: number): boolean;
  /**
   * To be called every `intervalMs`, and when {@link nextReturnMs} is due: returns endpoints to service, ejects by
   * success rate and lets old ejections be forgotten. The result holds those that changed state; it is valid until the
   * next call.
   */
  sweep(endpoints: readonly E[], nowMs: number): readonly E[];
  /** Ends the ejections that are over, between two sweeps; the result is as of {@link sweep}. */
  returnDue(nowMs: number): readonly E[];
  /** An active check of it passed. True: that ended its ejection, and candidates must be selected anew. */
  onCheckPassed(endpoint: E, nowMs: number): boolean;
  /** When the first ejection ends, or -1. */
  nextReturnMs(): number;
  /** Another thread of the proxy ejected something, or took it back. */
  look(): void;
  /** It is not used any more. */
  dispose(): void;
}

/** Counts that outlive a configuration: kept by the cluster, written by its detector. */
export class OutlierCounts {
  readonly enforced: Record<EjectionCause, number> = zeroes();
  /** Ejections that were due, put into force or not. */
  readonly detected: Record<EjectionCause, number> = zeroes();
  /** Ejections that would have left too few. */
  overflows = 0;
}

function zeroes(): Record<EjectionCause, number> {
  return {
    consecutive_5xx: 0,
    consecutive_gateway_failure: 0,
    consecutive_local_origin_failure: 0,
    success_rate: 0,
    failure_percentage: 0,
    local_origin_success_rate: 0,
    local_origin_failure_percentage: 0,
  };
}

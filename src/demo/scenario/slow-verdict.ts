// What a slow replica did to its callers: their 99th percentile with latency-aware balancing and with round robin, each
// against the baseline. Twice the baseline is the line between "did not matter" and "mattered".

import type { CallerReport } from './callers.ts';

export interface SlowVerdict {
  readonly caller: string;
  readonly baselineP99Ms: number;
  readonly latencyAware: SlowMeasurement;
  readonly roundRobin: SlowMeasurement;
}

export interface SlowMeasurement {
  readonly requests: number;
  /**
   * Requests given to the replica, the last ones before it turned slow included; and requests that took as long as it
   * then does.
   */
  readonly picks: number;
  readonly slow: number;
  readonly p99Ms: number;
  readonly underTwiceBaseline: boolean;
}

/** Callers that all three measurements know. */
export function judgeCallers(
  baseline: readonly CallerReport[],
  latencyAware: readonly CallerReport[],
  roundRobin: readonly CallerReport[],
): readonly SlowVerdict[] {
  return baseline.flatMap(({ caller, p99Ms }) => {
    const aware = latencyAware.find((report) => report.caller === caller);
    const robin = roundRobin.find((report) => report.caller === caller);
    if (aware === undefined || robin === undefined) return [];
    return [
      {
        caller,
        baselineP99Ms: p99Ms,
        latencyAware: measure(aware, p99Ms),
        roundRobin: measure(robin, p99Ms),
      },
    ];
  });
}

function measure({ requests, picks, slow, p99Ms }: CallerReport, baselineP99Ms: number): SlowMeasurement {
  return { requests, picks, slow, p99Ms, underTwiceBaseline: p99Ms < 2 * baselineP99Ms };
}

export function describeVerdict({ caller, baselineP99Ms, latencyAware, roundRobin }: SlowVerdict): string {
  const words = (name: string, { requests, slow, p99Ms, underTwiceBaseline }: SlowMeasurement) =>
    `${name} p99 ${p99Ms} ms (${slow} slow picks of ${requests}, ${underTwiceBaseline ? 'under' : 'over'} twice)`;
  return `  ${caller.padEnd(12)} baseline p99 ${baselineP99Ms} ms; ${words('latency-aware', latencyAware)}; ${words('round robin', roundRobin)}`;
}

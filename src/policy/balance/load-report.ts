// What an endpoint says of its own load (xds.data.orca.v3.OrcaLoadReport, "open request cost aggregation"), the figures
// of it that a configuration names, and what weights are made of it (load-weights.ts).

export interface LoadReport {
  /** Shares of what there is, from 0; more than 1 where more is used than was given. */
  readonly cpuUtilization: number;
  readonly memUtilization: number;
  readonly applicationUtilization: number;
  /** Requests and errors, in a second. */
  readonly rpsFractional: number;
  readonly eps: number;
  readonly requestCost: ReadonlyMap<string, number>;
  readonly utilization: ReadonlyMap<string, number>;
  readonly namedMetrics: ReadonlyMap<string, number>;
}

export interface LoadWeightsConfig {
  /** An endpoint reports for at least so long before its weight counts. */
  readonly blackoutMs: number;
  /** After its last report a weight counts for so long. */
  readonly expirationMs: number;
  /** Between two looks at all of them; 100 at least. */
  readonly updateMs: number;
  /** Utilization that errors add where every request is one; 0 or more. */
  readonly errorPenalty: number;
  /** Where the utilization stands: the greatest of these figures, if any is above 0. */
  readonly metricNames: readonly string[];
}

/** The weight that an endpoint's reports came to. */
export interface ReportedWeight {
  /** 1 to 2^32-1. */
  weight: number;
  /** Clock times of the first report since it has reported without a pause, and of the latest. */
  sinceMs: number;
  updatedMs: number;
}

/** By the field's name, as configurations have it. */
export const plainMetrics = {
  cpu_utilization: 'cpuUtilization',
  mem_utilization: 'memUtilization',
  application_utilization: 'applicationUtilization',
  eps: 'eps',
  rps_fractional: 'rpsFractional',
} as const satisfies Readonly<Record<string, keyof LoadReport>>;

/** Of which one is named behind a dot, or all by `*`. */
const metricMaps = {
  named_metrics: 'namedMetrics',
  utilization: 'utilization',
  request_cost: 'requestCost',
} as const satisfies Readonly<Record<string, keyof LoadReport>>;

/**
 * Calls back for every figure that `names` (`cpu_utilization`, `named_metrics.queue`, `utilization.*`) ask for and the
 * report has; a plain one that was not said counts as 0. Names of nothing are passed over, as in Envoy.
 */
export function visitMetrics(
  report: LoadReport,
  names: readonly string[],
  visit: (name: string, value: number) => void,
): void {
  for (const name of names) {
    if (Object.hasOwn(plainMetrics, name)) {
      visit(name, report[plainMetrics[name as keyof typeof plainMetrics]]);
      continue;
    }
    const dot = name.indexOf('.');
    const map = name.slice(0, dot);
    if (dot < 0 || !Object.hasOwn(metricMaps, map)) continue;
    const metrics = report[metricMaps[map as keyof typeof metricMaps]];
    const key = name.slice(dot + 1);
    if (key === '*') for (const [each, value] of metrics) visit(`${map}.${each}`, value);
    else {
      const value = metrics.get(key);
      if (value !== undefined) visit(name, value);
    }
  }
}

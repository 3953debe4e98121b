// A load report while it is read, by the field names that its three forms share. What no figure can be is refused with
// all of the report: a balancer that goes by half of one goes wrong.

import type { LoadReport } from '../../policy/index.ts';
import { orcaLimits } from './limits.ts';

type Plain = 'cpuUtilization' | 'memUtilization' | 'applicationUtilization' | 'rpsFractional' | 'eps';
type Named = 'requestCost' | 'utilization' | 'namedMetrics';

export type ReportField =
  | { readonly kind: 'plain'; readonly name: string; readonly key: Plain }
  | { readonly kind: 'named'; readonly name: string; readonly key: Named }
  /** `rps`, which `rps_fractional` replaced. */
  | { readonly kind: 'unused'; readonly name: string };

/** By number (xds/data/orca/v3/orca_load_report.proto). */
export const reportFields: Readonly<Record<number, ReportField>> = {
  1: { kind: 'plain', name: 'cpu_utilization', key: 'cpuUtilization' },
  2: { kind: 'plain', name: 'mem_utilization', key: 'memUtilization' },
  3: { kind: 'unused', name: 'rps' },
  4: { kind: 'named', name: 'request_cost', key: 'requestCost' },
  5: { kind: 'named', name: 'utilization', key: 'utilization' },
  6: { kind: 'plain', name: 'rps_fractional', key: 'rpsFractional' },
  7: { kind: 'plain', name: 'eps', key: 'eps' },
  8: { kind: 'named', name: 'named_metrics', key: 'namedMetrics' },
  9: { kind: 'plain', name: 'application_utilization', key: 'applicationUtilization' },
};

/** What a peer says is no load report. Thrown while one is read, and caught where it was found. */
export class ReportError extends Error {}

export class ReportDraft implements LoadReport {
  cpuUtilization = 0;
  memUtilization = 0;
  applicationUtilization = 0;
  rpsFractional = 0;
  eps = 0;
  readonly requestCost = new Map<string, number>();
  readonly utilization = new Map<string, number>();
  readonly namedMetrics = new Map<string, number>();
  private named = 0;

  set(key: Plain, value: number): void {
    this[key] = this.check(value, 0);
  }

  name(key: Named, name: string, value: number): void {
    this.named += 1;
    if (this.named > orcaLimits.metricsMax)
      throw new ReportError(`names more than ${orcaLimits.metricsMax} figures`);
    if (name.length > orcaLimits.nameLengthMax)
      throw new ReportError(`names a figure with more than ${orcaLimits.nameLengthMax} characters`);
    // Costs and metrics of one's own may be below 0.
    this[key].set(name, this.check(value, key === 'utilization' ? 0 : Number.NEGATIVE_INFINITY));
  }

  private check(value: number, least: number): number {
    if (!Number.isFinite(value)) throw new ReportError('holds what is no finite number');
    if (Math.abs(value) > orcaLimits.figureMax)
      throw new ReportError(`holds a number beyond ${orcaLimits.figureMax}`);
    if (value < least) throw new ReportError('holds a number below 0');
    return value;
  }
}

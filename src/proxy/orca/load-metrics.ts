// Sums of what an endpoint reported, by the name that a configuration asks for it by: what load reports to a management
// server carry (EndpointLoadMetricStats). They only grow, as all counters; who tells them keeps what was told.

import { orcaLimits } from './limits.ts';

export class LoadMetrics {
  /** Reports that had it, and the sum of what they said. Two maps of numbers: threads add these up. */
  readonly counts = new Map<string, number>();
  readonly totals = new Map<string, number>();

  /** False: there are as many names as there may be. */
  add(name: string, value: number): boolean {
    const count = this.counts.get(name);
    if (count === undefined && this.counts.size >= orcaLimits.namesMax) return false;
    this.counts.set(name, (count ?? 0) + 1);
    this.totals.set(name, (this.totals.get(name) ?? 0) + value);
    return true;
  }
}

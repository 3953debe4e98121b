// Latencies in an HDR histogram (Gil Tene, hdrhistogram.org): constant memory (about 0.1 MB), three significant digits
// from a microsecond to an hour, so a p99.9 is as exact as a median.

import { build, type Histogram } from 'hdr-histogram-js';
import { loadLimits } from './limits.ts';
import type { LatencySummary } from './types.ts';

const usPerMs = 1000;

export class LatencyHistogram {
  private readonly histogram: Histogram;
  private sumMs = 0;
  private maxMs = 0;

  /** `digits`: 3 for a report, 2 where many are kept. */
  constructor(digits: 2 | 3 = 3) {
    this.histogram = build({
      bitBucketSize: 32,
      autoResize: false,
      lowestDiscernibleValue: 1,
      highestTrackableValue: loadLimits.latencyMsMax * usPerMs,
      numberOfSignificantValueDigits: digits,
      useWebAssembly: false,
    });
  }

  get count(): number {
    return this.histogram.totalCount;
  }

  record(latencyMs: number): void {
    const bounded = Math.min(Math.max(latencyMs, 0), loadLimits.latencyMsMax);
    this.histogram.recordValue(Math.round(bounded * usPerMs));
    this.sumMs += bounded;
    if (bounded > this.maxMs) this.maxMs = bounded;
  }

  reset(): void {
    this.histogram.reset();
    this.sumMs = 0;
    this.maxMs = 0;
  }

  /** null when nothing was recorded. */
  summarise(): LatencySummary | null {
    const at = (percentile: number): number => this.histogram.getValueAtPercentile(percentile) / usPerMs;
    const { count } = this;
    if (count === 0) return null;
    return {
      mean: round(this.sumMs / count),
      p50: at(50),
      p90: at(90),
      p99: at(99),
      p999: at(99.9),
      max: round(this.maxMs),
    };
  }
}

function round(ms: number): number {
  return Math.round(ms * usPerMs) / usPerMs;
}

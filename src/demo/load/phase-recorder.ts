// Counts the requests of one phase: a request belongs to the phase in which it was due, however late it ends.

import type { LoadSummary } from './protocol.ts';

export class PhaseRecorder {
  readonly name: string;
  private latenciesMs: number[] = [];
  private started = 0;
  private failed = 0;
  private closed = false;

  constructor(name: string) {
    this.name = name;
  }

  onDue(): void {
    this.started++;
  }

  onEnd(latencyMs: number, succeeded: boolean): void {
    this.latenciesMs.push(latencyMs);
    if (!succeeded) this.failed++;
  }

  /** No more requests will be due in it. */
  close(): void {
    this.closed = true;
  }

  get complete(): boolean {
    return this.closed && this.latenciesMs.length === this.started;
  }

  get inFlight(): number {
    return this.started - this.latenciesMs.length;
  }

  summary(): LoadSummary {
    const sorted = this.latenciesMs.toSorted((a, b) => a - b);
    return {
      requests: sorted.length,
      failed: this.failed,
      p50Ms: percentile(sorted, 0.5),
      p99Ms: percentile(sorted, 0.99),
    };
  }
}

/**
 * The smallest value that at least the share `q` of `sorted` does not exceed, rounded to 0.01; null when there is none.
 */
export function percentile(sorted: readonly number[], q: number): number | null {
  const value = sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)];
  return value === undefined ? null : Math.round(value * 100) / 100;
}

// How many retries a cluster may make: three rules behind one face. Weft's own budget counts over a window of time;
// Envoy's two count what runs at the same moment, because that is what `max_retries` and `retry_budget` mean in its
// configuration.

import { assert, unreachable } from '../../base/index.ts';
import { RetryBudget } from './retry-budget.ts';
import type { RetryLimit, RetryLimitConfig } from './types.ts';

export function createRetryLimit(config: RetryLimitConfig): RetryLimit {
  switch (config.kind) {
    case 'window':
      return new RetryBudget(config);
    case 'concurrency':
      return new ConcurrentRetries(0, config.max);
    case 'share':
      return new ConcurrentRetries(config.percent, config.minConcurrency);
    default:
      return unreachable(config);
  }
}

/**
 * Retries that run at once: a share of the requests that do, and always `least` (circuit_breakers.thresholds of a
 * cluster).
 */
class ConcurrentRetries implements RetryLimit {
  private readonly percent: number;
  private readonly least: number;
  private running = 0;

  constructor(percent: number, least: number) {
    this.percent = percent;
    this.least = least;
  }

  onRequest(): void {}

  tryRetry(nowMs: number, active: number): boolean {
    if (this.remaining(nowMs, active) < 1) return false;
    this.running += 1;
    return true;
  }

  onDone(): void {
    assert(this.running > 0, 'a retry is over once');
    this.running -= 1;
  }

  dispose(): void {}

  remaining(_nowMs: number, active: number): number {
    const allowed = Math.max(this.least, Math.floor((this.percent * active) / 100));
    return Math.max(0, allowed - this.running);
  }
}

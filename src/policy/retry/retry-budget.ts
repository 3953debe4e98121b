// The retry budget of a service in one proxy: XBackendTrafficPolicy.retryConstraint (Gateway API GEP-3388). Retries may
// be `percent` of the requests of the last `intervalMs`; below that a small rate is always allowed, so that a service
// with few callers can retry at all. Both windows are counted in buckets: memory and time are constant, whatever the
// load.

import type { RetryBudgetConfig, RetryLimit } from './types.ts';

const bucketCount = 20;

export class RetryBudget implements RetryLimit {
  private readonly config: RetryBudgetConfig;
  private readonly requests: CountWindow;
  private readonly retries: CountWindow;
  private readonly floor: CountWindow;

  constructor(config: RetryBudgetConfig) {
    this.config = config;
    this.requests = new CountWindow(config.intervalMs);
    this.retries = new CountWindow(config.intervalMs);
    this.floor = new CountWindow(config.minRetries.intervalMs);
  }

  /** A request came (not a retry). */
  onRequest(nowMs: number): void {
    this.requests.add(nowMs);
  }

  /** Takes one retry from the budget, or says that there is none. */
  tryRetry(nowMs: number): boolean {
    if (this.remaining(nowMs) < 1) return false;
    this.retries.add(nowMs);
    this.floor.add(nowMs);
    return true;
  }

  /** What was taken stays taken until its time has passed. */
  onDone(): void {}

  dispose(): void {}

  /** Retries that could be made at this moment: what the share leaves, or the floor where that is more. */
  remaining(nowMs: number): number {
    const share =
      Math.floor((this.config.percent * this.requests.read(nowMs)) / 100) - this.retries.read(nowMs);
    const floor = this.config.minRetries.count - this.floor.read(nowMs);
    return Math.max(0, share, floor);
  }
}

/** Events of the last `spanMs`, or up to one bucket more: the bucket that is half out of the window still counts. */
class CountWindow {
  private readonly bucketMs: number;
  private readonly counts = new Int32Array(bucketCount + 1);
  private total = 0;
  /** Number of the newest bucket since the clock's origin. */
  private newest = -1;

  constructor(spanMs: number) {
    this.bucketMs = spanMs / bucketCount;
  }

  add(nowMs: number): void {
    this.advance(nowMs);
    this.counts[this.newest % this.counts.length]! += 1;
    this.total += 1;
  }

  read(nowMs: number): number {
    this.advance(nowMs);
    return this.total;
  }

  private advance(nowMs: number): void {
    const bucket = Math.floor(nowMs / this.bucketMs);
    if (bucket <= this.newest) return;
    const { length } = this.counts;
    const first = Math.max(this.newest + 1, bucket - length + 1);
    for (let number = first; number <= bucket; number++) {
      const slot = number % length;
      this.total -= this.counts[slot]!;
      this.counts[slot] = 0;
    }
    this.newest = bucket;
  }
}

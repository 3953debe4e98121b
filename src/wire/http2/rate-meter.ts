// How often a peer does what costs it little and us more. The clock is asked only when a count has grown large, so an
// honest peer pays for an addition. After a quiet time up to twice the rate passes in one burst.

import type { Clock } from '../../base/index.ts';

const spanMs = 1000;

export class RateMeter {
  private readonly clock: Clock;
  private count = 0;
  private sinceMs: number;

  constructor(clock: Clock) {
    this.clock = clock;
    this.sinceMs = clock.now();
  }

  /** Counts one; false when there were more than `max` within a second. */
  allows(max: number): boolean {
    this.count += 1;
    if (this.count <= max) return true;
    const now = this.clock.now();
    if (now - this.sinceMs < spanMs) return false;
    this.sinceMs = now;
    this.count = 1;
    return true;
  }

  /** Takes back what an honest act explains. */
  credit(count: number): void {
    this.count -= count;
    if (this.count < 0) this.count = 0;
  }
}

// Connections of one listener under a bound of its own, which holds for all threads of the proxy together: each thread
// adds what it has, and says so whenever that changes.

import type { Gauge } from '../../policy/index.ts';

export class ListenerSlots {
  private readonly gauge: Gauge;
  /** Of the gauge, this thread's. */
  private own = 0;

  constructor(gauge: Gauge) {
    this.gauge = gauge;
  }

  /** This thread has so many. */
  settle(count: number): void {
    this.gauge.add(count - this.own);
    this.own = count;
  }

  take(max: number): boolean {
    if (!this.gauge.tryAdd(max)) return false;
    this.own += 1;
    return true;
  }
}

// Lines of a request that still runs, so that one that lasts for hours is seen before its end
// (access_log_flush_interval).

import { type Clock, Timer, type TimerHandler } from '../../base/index.ts';

export class PeriodicLog implements TimerHandler {
  private readonly clock: Clock;
  private readonly write: () => void;
  private readonly timer = new Timer(this, 0);
  private intervalMs = 0;

  constructor(clock: Clock, write: () => void) {
    this.clock = clock;
    this.write = write;
  }

  start(intervalMs: number): void {
    this.intervalMs = intervalMs;
    this.clock.arm(this.timer, intervalMs);
  }

  stop(): void {
    this.clock.cancel(this.timer);
  }

  onTimer(): void {
    this.write();
    this.clock.arm(this.timer, this.intervalMs);
  }
}

// Streams that have something to do after a publish, worked off in slices, so that a thousand of them do not keep the
// others' answers waiting.

import { type Clock, Timer, type TimerHandler } from '../../base/index.ts';
import { workSliceMs } from '../limits.ts';

export interface Worker {
  work(): void;
}

/** Calls that follow one another within this belong to the same stretch of work. */
const pauseMs = 0.5;

export class WorkQueue implements TimerHandler {
  private readonly clock: Clock;
  private readonly queue = new Set<Worker>();
  private readonly timer = new Timer(this, 0);
  private working = false;
  private startedMs = Number.NEGATIVE_INFINITY;
  private endedMs = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  /** Done at once, unless enough was done at a stretch already. */
  add(worker: Worker): void {
    this.queue.add(worker);
    if (!this.working && !this.timer.armed) this.run();
  }

  remove(worker: Worker): void {
    this.queue.delete(worker);
  }

  onTimer(): void {
    this.endedMs = Number.NEGATIVE_INFINITY;
    this.run();
  }

  private run(): void {
    this.working = true;
    const nowMs = this.clock.precise();
    if (nowMs - this.endedMs > pauseMs) this.startedMs = nowMs;
    for (const worker of this.queue) {
      if (this.clock.precise() - this.startedMs >= workSliceMs) {
        this.clock.arm(this.timer, 0);
        break;
      }
      this.queue.delete(worker);
      worker.work();
    }
    this.endedMs = this.clock.precise();
    this.working = false;
  }
}

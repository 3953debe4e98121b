// Waiting for an arrival. Timers of the runtime have a resolution of one millisecond and come 0.2 ms late: at a proxy's
// latencies that would be most of what is measured. So the last stretch before an arrival is spent in short naps
// between polls for I/O: as exact as the kernel wakes a thread (0.02 to 0.04 ms), and without burning a core as a spin
// would.

import { type Clock, Timer, type TimerHandler } from '../base/index.ts';
import { removeTimerSlack } from './timer-slack.ts';
import type { Pacer, Waiter } from './types.ts';

/** By whole timer ticks alone; for virtual time. */
export function createClockPacer(clock: Clock): Pacer {
  return new ClockPacer(clock);
}

class ClockPacer implements Pacer, TimerHandler {
  private readonly clock: Clock;
  private readonly timer = new Timer(this, 0);
  private waiter: Waiter | null = null;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  wait(untilMs: number, waiter: Waiter): void {
    this.waiter = waiter;
    this.clock.arm(this.timer, Math.max(0, untilMs - this.clock.now()));
  }

  cancel(): void {
    this.clock.cancel(this.timer);
  }

  onTimer(): void {
    this.waiter?.onDue();
  }
}

/** Timers are late by about this much; what is left when they fire is napped. */
const timerSlackMs = 1.3;
/** What waking up adds to every nap, with the timer slack removed. */
const napSlackMs = 0.025;
/** Answers wait at most about this long for the poll after a nap. */
const busyNapMs = 0.05;

/** `nowMs`: the clock of the arrivals. Occupies its thread: one per process. */
export function createPrecisePacer(nowMs: () => number): Pacer {
  return new PrecisePacer(nowMs);
}

class PrecisePacer implements Pacer {
  private readonly nowMs: () => number;
  private readonly nap = new Int32Array(new SharedArrayBuffer(4));
  private untilMs = 0;
  private waiter: Waiter | null = null;
  private timeout: ReturnType<typeof setTimeout> | null = null;
  private immediate: ReturnType<typeof setImmediate> | null = null;

  constructor(nowMs: () => number) {
    this.nowMs = nowMs;
    removeTimerSlack();
  }

  wait(untilMs: number, waiter: Waiter): void {
    this.cancel();
    this.untilMs = untilMs;
    this.waiter = waiter;
    const leftMs = untilMs - this.nowMs();
    if (leftMs > timerSlackMs + 1) this.timeout = setTimeout(this.poll, Math.floor(leftMs - timerSlackMs));
    else this.immediate = setImmediate(this.poll);
  }

  cancel(): void {
    if (this.timeout !== null) clearTimeout(this.timeout);
    if (this.immediate !== null) clearImmediate(this.immediate);
    this.timeout = null;
    this.immediate = null;
  }

  private readonly poll = (): void => {
    this.timeout = null;
    this.immediate = null;
    const leftMs = this.untilMs - this.nowMs();
    if (leftMs <= napSlackMs / 2) {
      this.waiter?.onDue();
      return;
    }
    const napMs = (this.waiter?.busy ? Math.min(busyNapMs, leftMs) : leftMs) - napSlackMs;
    if (napMs > 0) Atomics.wait(this.nap, 0, 0, napMs);
    this.immediate = setImmediate(this.poll);
  };
}

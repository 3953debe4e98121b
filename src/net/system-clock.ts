// The real clock: the monotonic clock of the process, and one setTimeout for the whole wheel. It is set for the next
// due time, and only ever moved earlier: what was cancelled or moved later in the meantime costs one idle wake-up
// instead of a system timer each.
//
// Who was busy has not listened meanwhile: an answer that came in time would be found after its timeout had fired. So a
// clock that wakes up late lets the loop read first, turn by turn, until a turn is short again.

import { assert, type Clock, type Timer, TimerWheel } from '../base/index.ts';
import { turnNow } from './turn.ts';

/** setTimeout takes 31 bits of milliseconds; a longer wait is continued. */
const sleepMaxMs = 2 ** 31 - 1;

/** Later than this, the loop was held up. A turn under load takes less; shorter delays are nobody's timeout. */
const lateMs = 20;
/**
 * Turns that what is due waits at most. A poll takes a thousand sockets at a time, so this is longer than ten thousand
 * connections need; a loop that is never short of work must not put its timers off for ever.
 */
const catchUpTurnsMax = 16;

/**
 * `originMs`: the `performance.timeOrigin` of the process's first thread, so that all of its threads show the same
 * time; each counts from its own start otherwise.
 */
export function createSystemClock(originMs = performance.timeOrigin): Clock {
  return new SystemClock(performance.timeOrigin - originMs);
}

class SystemClock implements Clock {
  /** From this thread's time to the clock's. */
  private readonly shiftMs: number;
  private readonly wheel: TimerWheel;
  /** When the pending setTimeout fires, Infinity when there is none. */
  private wakeMs = Infinity;
  private handle: ReturnType<typeof setTimeout> | null = null;
  /** Turns that what is due has waited for. */
  private catchUpTurns = 0;

  constructor(shiftMs: number) {
    this.shiftMs = shiftMs;
    this.wheel = new TimerWheel(1, performance.now() + shiftMs);
  }

  now(): number {
    return turnNow() + this.shiftMs;
  }

  precise(): number {
    return performance.now() + this.shiftMs;
  }

  wall(): number {
    return Date.now();
  }

  arm(timer: Timer, delayMs: number): void {
    assert(delayMs >= 0, 'a delay is not negative');
    // A timer does not fire early because the turn that arms it took long.
    const dueMs = this.precise() + delayMs;
    this.wheel.arm(timer, dueMs);
    if (dueMs < this.wakeMs) this.sleep(Math.min(dueMs, this.wheel.sleepUntilMs()));
  }

  cancel(timer: Timer): void {
    this.wheel.cancel(timer);
    if (this.wheel.armedCount > 0 || this.handle === null) return;
    // Nothing is left to wait for: a pending timeout would keep the process alive.
    clearTimeout(this.handle);
    this.handle = null;
    this.wakeMs = Infinity;
  }

  private sleep(untilMs: number): void {
    if (this.handle !== null) clearTimeout(this.handle);
    this.wakeMs = untilMs;
    const delayMs = Math.min(Math.ceil(untilMs - this.precise()), sleepMaxMs);
    this.handle = setTimeout(this.wake, Math.max(delayMs, 0));
  }

  private readonly wake = (): void => {
    this.handle = null;
    const nowMs = this.now();
    if (nowMs - this.wakeMs > lateMs && this.catchUpTurns < catchUpTurnsMax) {
      this.catchUpTurns += 1;
      this.wakeMs = nowMs;
      setImmediate(this.wakeAfterPoll);
      return;
    }
    this.catchUpTurns = 0;
    this.wakeMs = Infinity;
    try {
      this.wheel.advance(this.now());
    } finally {
      const dueMs = this.wheel.sleepUntilMs();
      if (dueMs < this.wakeMs) this.sleep(dueMs);
    }
  };

  /** Immediates run before the poll of their turn, so the next turn's come after one. */
  private readonly wakeAfterPoll = (): void => {
    setImmediate(this.wake);
  };
}

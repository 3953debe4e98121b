// The real clock: the monotonic clock of the process, and one setTimeout for the whole wheel. It is set for the next
// due time, and only ever moved earlier: what was cancelled or moved later in the meantime costs one idle wake-up
// instead of a system timer each.

import { assert, type Clock, type Timer, TimerWheel } from '../base/index.ts';

/** setTimeout takes 31 bits of milliseconds; a longer wait is continued. */
const sleepMaxMs = 2 ** 31 - 1;

export function createSystemClock(): Clock {
  return new SystemClock();
}

class SystemClock implements Clock {
  readonly #wheel = new TimerWheel(1, performance.now());
  /** When the pending setTimeout fires, Infinity when there is none. */
  #wakeMs = Infinity;
  #handle: ReturnType<typeof setTimeout> | null = null;

  now(): number {
    return performance.now();
  }

  wall(): number {
    return Date.now();
  }

  arm(timer: Timer, delayMs: number): void {
    assert(delayMs >= 0, 'a delay is not negative');
    const dueMs = performance.now() + delayMs;
    this.#wheel.arm(timer, dueMs);
    if (dueMs < this.#wakeMs) this.#sleep(Math.min(dueMs, this.#wheel.nextDueMs()));
  }

  cancel(timer: Timer): void {
    this.#wheel.cancel(timer);
    if (this.#wheel.armedCount > 0 || this.#handle === null) return;
    // Nothing is left to wait for: a pending timeout would keep the process alive.
    clearTimeout(this.#handle);
    this.#handle = null;
    this.#wakeMs = Infinity;
  }

  #sleep(untilMs: number): void {
    if (this.#handle !== null) clearTimeout(this.#handle);
    this.#wakeMs = untilMs;
    const delayMs = Math.min(Math.ceil(untilMs - performance.now()), sleepMaxMs);
    this.#handle = setTimeout(this.#wake, Math.max(delayMs, 0));
  }

  readonly #wake = (): void => {
    this.#handle = null;
    this.#wakeMs = Infinity;
    try {
      this.#wheel.advance(performance.now());
    } finally {
      const dueMs = this.#wheel.nextDueMs();
      if (dueMs < this.#wakeMs) this.#sleep(dueMs);
    }
  };
}

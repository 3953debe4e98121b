// A clock that moves only when told to: tests and the simulator run hours of timeouts in milliseconds, and always in
// the same order.

import type { Clock, Timer } from './clock.ts';
import { assert } from './errors.ts';
import { TimerWheel } from './timer-wheel.ts';

export interface VirtualClockOptions {
  /** Resolution of timers, a power of two; default 1. */
  readonly tickMs?: number;
  /** Unix time at `now() === 0`; default 2026-01-01. */
  readonly wallMs?: number;
}

export class VirtualClock implements Clock {
  private readonly wheel: TimerWheel;
  private wallMs: number;
  private nowMs = 0;

  constructor(options: VirtualClockOptions = {}) {
    this.wheel = new TimerWheel(options.tickMs ?? 1);
    this.wallMs = options.wallMs ?? 1_767_225_600_000;
  }

  now(): number {
    return this.nowMs;
  }

  precise(): number {
    return this.nowMs;
  }

  wall(): number {
    return this.wallMs + this.nowMs;
  }

  /** The machine's clock is set, later or earlier (`ms` below 0): nothing that lasts may take notice. */
  shiftWall(ms: number): void {
    this.wallMs += ms;
  }

  arm(timer: Timer, delayMs: number): void {
    assert(delayMs >= 0, 'a delay is not negative');
    this.wheel.arm(timer, this.nowMs + delayMs);
  }

  cancel(timer: Timer): void {
    this.wheel.cancel(timer);
  }

  /** Timers armed: 0 means that nothing will ever happen by itself. */
  get armedCount(): number {
    return this.wheel.armedCount;
  }

  /** Moves to `ms` (not into the past), firing what comes due on the way at its own time. */
  advanceTo(ms: number): void {
    assert(ms >= this.nowMs, 'time does not run backwards');
    for (let due = this.wheel.nextDueMs(); due <= ms; due = this.wheel.nextDueMs()) {
      this.nowMs = Math.max(due, this.nowMs);
      this.wheel.advance(this.nowMs);
    }
    this.nowMs = ms;
  }

  advanceBy(ms: number): void {
    this.advanceTo(this.nowMs + ms);
  }

  /**
   * Moves to the next due timer and fires all that share its tick, unless that is after `limitMs`. False: nothing to
   * run.
   */
  runNext(limitMs = Infinity): boolean {
    for (let due = this.wheel.nextDueMs(); due <= limitMs; due = this.wheel.nextDueMs()) {
      if (due === Infinity) return false;
      this.nowMs = Math.max(due, this.nowMs);
      if (this.wheel.advance(this.nowMs) > 0) return true;
    }
    return false;
  }
}

// All times by which something must have happened in an exchange, on one timer. The timer is left armed between
// requests and looks again when it fires: a request that ends in time, as nearly all do, costs the wheel nothing.

import { type Clock, Timer, type TimerHandler } from '../../base/index.ts';

/** In the order in which they are told when several are over. */
export type Deadline = 'end' | 'request' | 'receive' | 'attempt' | 'attempt-idle' | 'backoff' | 'idle';

const never = Number.POSITIVE_INFINITY;

export class Deadlines {
  /** Clock times; Infinity: none. The stream, whatever it is doing. */
  endMs = never;
  /** The whole answer, from the end of the request; retries included. */
  requestMs = never;
  /** The end of the request. */
  receiveMs = never;
  /** The head of the running attempt's answer. */
  attemptMs = never;
  /** Not a limit: when the next attempt begins. */
  backoffMs = never;
  /** Longest time without a byte in either direction; 0: no limit. */
  idleSpanMs = 0;
  activityMs = 0;
  /** The same, of the running attempt alone. */
  attemptIdleSpanMs = 0;
  private readonly clock: Clock;
  private readonly timer: Timer;

  constructor(clock: Clock, handler: TimerHandler) {
    this.clock = clock;
    this.timer = new Timer(handler, 0);
  }

  reset(nowMs: number): void {
    this.endMs = never;
    this.requestMs = never;
    this.receiveMs = never;
    this.attemptMs = never;
    this.backoffMs = never;
    this.idleSpanMs = 0;
    this.attemptIdleSpanMs = 0;
    this.activityMs = nowMs;
  }

  /** Something moved. */
  touch(): void {
    if (this.idleSpanMs > 0 || this.attemptIdleSpanMs > 0) this.activityMs = this.clock.now();
  }

  /** To be called after a deadline was set; one that was lifted or moved later is noticed when the timer fires. */
  arm(nowMs: number): void {
    const due = this.next();
    if (due === never || (this.timer.dueMs >= 0 && this.timer.dueMs <= due)) return;
    this.clock.arm(this.timer, due > nowMs ? due - nowMs : 0);
  }

  /** The first deadline that is over, or null. */
  expired(nowMs: number): Deadline | null {
    if (nowMs >= this.endMs) return 'end';
    if (nowMs >= this.requestMs) return 'request';
    if (nowMs >= this.receiveMs) return 'receive';
    if (nowMs >= this.attemptMs) return 'attempt';
    if (this.attemptIdleSpanMs > 0 && nowMs >= this.activityMs + this.attemptIdleSpanMs)
      return 'attempt-idle';
    if (nowMs >= this.backoffMs) return 'backoff';
    return this.idleSpanMs > 0 && nowMs >= this.activityMs + this.idleSpanMs ? 'idle' : null;
  }

  stop(): void {
    this.clock.cancel(this.timer);
  }

  private next(): number {
    let due = Math.min(this.requestMs, this.attemptMs);
    if (this.backoffMs < due) due = this.backoffMs;
    if (this.receiveMs < due) due = this.receiveMs;
    if (this.endMs < due) due = this.endMs;
    if (this.attemptIdleSpanMs > 0) due = Math.min(due, this.activityMs + this.attemptIdleSpanMs);
    if (this.idleSpanMs > 0 && this.activityMs + this.idleSpanMs < due)
      due = this.activityMs + this.idleSpanMs;
    return due;
  }
}

// All times by which something must have happened on a downstream connection, on one timer. The timer is left armed
// between requests and looks again when it fires. A deadline that was told is lifted or moved by its owner before the
// timer is armed again: none fires twice.

import { type Clock, type Random, Timer, type TimerHandler } from '../../base/index.ts';
import { ageJitter } from '../limits.ts';

/** In the order in which they are told when several are over. */
export type ConnectionDeadline = 'linger' | 'leave' | 'head' | 'idle' | 'age';

const never = Number.POSITIVE_INFINITY;

export class ConnectionDeadlines {
  /** Clock times; Infinity: none. The head that has begun must be complete. */
  headMs = never;
  /** A request must have begun. */
  idleMs = never;
  /** A client that ended its side while its answer is awaited counts as gone. */
  leaveMs = never;
  /** A connection that we ended, or whose request was answered early, is looked at. */
  lingerMs = never;
  /** It has lasted as long as it may. */
  ageMs = never;
  private readonly clock: Clock;
  private readonly timer: Timer;

  constructor(clock: Clock, handler: TimerHandler) {
    this.clock = clock;
    this.timer = new Timer(handler, 0);
  }

  get next(): number {
    return Math.min(this.headMs, this.idleMs, this.leaveMs, this.lingerMs, this.ageMs);
  }

  /** `ageMsMax` 0: no limit. */
  limitAge(ageMsMax: number, random: Random, nowMs: number): void {
    if (ageMsMax === 0) return;
    this.ageMs = nowMs + ageMsMax * (1 - ageJitter * random.float());
    this.arm(nowMs);
  }

  /** To be called after a deadline was set; one that was lifted or moved later is noticed when the timer fires. */
  arm(nowMs: number): void {
    const due = this.next;
    if (due === never || (this.timer.dueMs >= 0 && this.timer.dueMs <= due)) return;
    this.clock.arm(this.timer, due > nowMs ? due - nowMs : 0);
  }

  /** The first deadline that is over, lifted with the telling; or null. */
  takeExpired(nowMs: number): ConnectionDeadline | null {
    if (nowMs >= this.lingerMs) {
      this.lingerMs = never;
      return 'linger';
    }
    if (nowMs >= this.leaveMs) {
      this.leaveMs = never;
      return 'leave';
    }
    if (nowMs >= this.headMs) {
      this.headMs = never;
      return 'head';
    }
    if (nowMs >= this.idleMs) {
      this.idleMs = never;
      return 'idle';
    }
    if (nowMs < this.ageMs) return null;
    this.ageMs = never;
    return 'age';
  }

  stop(): void {
    this.clock.cancel(this.timer);
  }
}

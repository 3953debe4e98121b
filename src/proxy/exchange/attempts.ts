// The attempts of one request: one at a time as a rule, and the next when that is over. An answer that is not passed on
// is left here, with its connection kept where that is cheap.

import { type Head, headerId } from '../../wire/index.ts';
import { proxyLimits } from '../limits.ts';
import { Attempt, type AttemptOwner } from './attempt.ts';

export class Attempts {
  /** The one that runs, or the next to run. */
  current: Attempt;
  private readonly owner: AttemptOwner;

  constructor(owner: AttemptOwner) {
    this.owner = owner;
    this.current = new Attempt(owner);
  }

  /** For a request that begins. */
  reset(): void {
    if (this.current.state !== 'idle') this.current = new Attempt(this.owner);
  }

  /** Gives up, for a reason that is no endpoint's. */
  cancel(nowMs: number): void {
    this.current.cancel(nowMs);
  }

  /** Goes off an answer that is not passed on. A short one is read to its end, so that the connection stays. */
  leave(attempt: Attempt, head: Head, requestEnded: boolean, nowMs: number): void {
    const length = Number(head.get(headerId['content-length']) ?? proxyLimits.discardBytesMax + 1);
    if (requestEnded && length <= proxyLimits.discardBytesMax) {
      attempt.discard();
      this.current = new Attempt(this.owner);
    } else {
      attempt.cancel(nowMs);
    }
  }
}

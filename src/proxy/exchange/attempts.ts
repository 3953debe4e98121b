// The attempts of one request. One runs at a time as a rule. Where a route hedges (Envoy's hedge_on_per_try_timeout),
// one that took too long goes on as a rival of the next: whichever answers well first is the answer, and the others are
// reset. Each that runs beside another takes a request of the cluster's limit, as the first one did.

import type { MeshError } from '../../base/index.ts';
import { type Head, headerId } from '../../wire/index.ts';
import { proxyLimits } from '../limits.ts';
import { Attempt, type AttemptOwner } from './attempt.ts';
import type { RequestState } from './request-state.ts';

export class Attempts {
  /** The one begun last, or the next to begin; once an answer has begun, the one whose answer it is. */
  current: Attempt;
  private readonly request: RequestState;
  private readonly owner: AttemptOwner;
  /** Those that took too long and still run, oldest first; null: none ever did. */
  private rivals: Attempt[] | null = null;
  /** Of the cluster's limit, beside the request's own. */
  private taken = 0;

  constructor(request: RequestState, owner: AttemptOwner) {
    this.request = request;
    this.owner = owner;
    this.current = new Attempt(owner);
  }

  /** For a request that begins. */
  reset(): void {
    if (!this.current.reusable) this.current = new Attempt(this.owner);
  }

  /** All are over, and their requests with them. */
  forgetAll(): void {
    if (this.current.reusable) this.current.forget();
    else this.current = new Attempt(this.owner);
  }

  /** Something of one that runs may have reached an endpoint. */
  get sent(): boolean {
    return this.current.sent || this.rivalCount > 0;
  }

  /** Those that run, at least 1. */
  get count(): number {
    return Math.max(this.rivalCount + (this.current.state === 'idle' ? 0 : 1), 1);
  }

  /** The one that runs goes on as a rival of the next. */
  hedge(): void {
    this.current.hedged = true;
    this.rivals ??= [];
    this.rivals.push(this.current);
    this.current = new Attempt(this.owner);
  }

  /** False: the next one may not run beside those that do. */
  admit(): boolean {
    if (this.taken >= this.rivalCount) return true;
    if (!this.request.lane!.breaker.tryRequest()) return false;
    this.taken += 1;
    return true;
  }

  /** Beside this one: another that may still answer, or one that is to begin. */
  othersRun(attempt: Attempt): boolean {
    if (this.rivalCount === 0 && attempt === this.current) return false;
    if (attempt !== this.current)
      return this.current.awaited || this.request.state === 'backing-off' || this.rivalCount > 1;
    return this.rivalCount > 0;
  }

  /** It is over, and was not the answer. */
  forget(attempt: Attempt): void {
    const { rivals } = this;
    if (rivals === null) return;
    const at = rivals.indexOf(attempt);
    if (at >= 0) rivals.splice(at, 1);
    this.giveBack();
  }

  /** Its answer is the answer: the others are reset. */
  choose(attempt: Attempt, nowMs: number): void {
    const { rivals } = this;
    if (rivals === null) return;
    if (attempt !== this.current) {
      this.current.cancel(nowMs);
      this.current = attempt;
      this.request.follow(attempt);
    }
    for (const rival of rivals) if (rival !== attempt) rival.cancel(nowMs);
    rivals.length = 0;
    this.giveBack();
  }

  /** Gives up, for a reason that is no endpoint's. */
  cancel(nowMs: number): void {
    this.current.cancel(nowMs);
    if (this.rivals !== null) this.cancelRivals(this.rivals, nowMs);
  }

  /** Gives up because their endpoints took too long; of rivals that was said already. */
  timeOut(error: MeshError, nowMs: number): void {
    if (this.current.hedged) this.current.cancel(nowMs);
    else this.current.timeOut(error, nowMs);
    if (this.rivals !== null) this.cancelRivals(this.rivals, nowMs);
  }

  /** Goes off an answer that is not passed on. A short one is read to its end, so that the connection stays. */
  leave(attempt: Attempt, head: Head, nowMs: number): void {
    const length = Number(head.get(headerId['content-length']) ?? proxyLimits.discardBytesMax + 1);
    if (!this.request.requestEnded || length > proxyLimits.discardBytesMax) {
      attempt.cancel(nowMs);
      return;
    }
    attempt.discard();
    if (attempt === this.current) this.current = new Attempt(this.owner);
  }

  private get rivalCount(): number {
    return this.rivals === null ? 0 : this.rivals.length;
  }

  private cancelRivals(rivals: Attempt[], nowMs: number): void {
    for (const rival of rivals) rival.cancel(nowMs);
    rivals.length = 0;
    this.giveBack();
  }

  /** What more than one attempt took and fewer need. */
  private giveBack(): void {
    const needed = this.current.state === 'idle' ? this.rivalCount - 1 : this.rivalCount;
    for (; this.taken > Math.max(needed, 0); this.taken -= 1) this.request.lane!.breaker.releaseRequest();
  }
}

// The connections to one target and the due requests that wait for one. Connections are used in turn, so that all of
// them carry load.

import { Ring } from '../base/index.ts';
import type { Address } from '../net/index.ts';
import { LoadHttp2Connection } from './http2-connection.ts';
import { loadLimits } from './limits.ts';
import {
  type ConnectionOwner,
  LoadConnection,
  type LoadLane,
  type PendingRequest,
  type Speech,
} from './load-connection.ts';

export class TargetPool {
  readonly lanes = new Set<LoadLane>();
  private readonly index: number;
  private readonly address: Address;
  private readonly speech: Speech;
  private readonly lanesMax: number;
  private readonly idle: Ring<LoadLane>;
  private readonly waiting = new Ring<PendingRequest>(loadLimits.waitingMax);
  private dials = 0;
  /** Takes further lanes until it is open. */
  private opening: LoadHttp2Connection | null = null;

  constructor(index: number, address: Address, speech: Speech) {
    this.index = index;
    this.address = address;
    this.speech = speech;
    this.lanesMax = speech.connections * Math.max(1, speech.streams);
    // A lane may be in it twice for a moment: gone, with its place not yet reached.
    this.idle = new Ring<LoadLane>(2 * this.lanesMax);
  }

  get connecting(): number {
    return this.dials;
  }

  /** All are open, and busy: more of them might help. One that does not open is the target's matter. */
  get exhausted(): boolean {
    return this.lanes.size - this.dials >= this.lanesMax;
  }

  openAll(owner: ConnectionOwner): void {
    this.open(owner, this.lanesMax);
  }

  /** Opens lanes up to the maximum. */
  open(owner: ConnectionOwner, wanted: number): void {
    for (let left = wanted; left > 0 && this.lanes.size < this.lanesMax; left--) {
      this.dials += 1;
      this.lanes.add(this.createLane(owner));
    }
  }

  private createLane(owner: ConnectionOwner): LoadLane {
    const { streams } = this.speech;
    if (streams === 0) return new LoadConnection(this.index, this.address, this.speech, owner);
    if (this.opening?.hasRoom !== true)
      this.opening = new LoadHttp2Connection(this.index, this.address, this.speech, owner);
    return this.opening.addLane();
  }

  /** Sends, or waits for a connection; overflow when too many wait. */
  dispatch(pending: PendingRequest, nowMs: number, owner: ConnectionOwner): 'sent' | 'waiting' | 'overflow' {
    const lane = this.takeIdle();
    if (lane !== null) {
      lane.send(pending, nowMs);
      return 'sent';
    }
    if (!this.waiting.push(pending)) return 'overflow';
    if (this.dials < this.waiting.count) this.open(owner, 1);
    return 'waiting';
  }

  /** A lane can take a request. `opened`: for the first time. */
  ready(lane: LoadLane, opened: boolean, nowMs: number): void {
    if (opened) this.dials -= 1;
    const pending = this.waiting.shift();
    if (pending !== null) lane.send(pending, nowMs);
    else this.idle.push(lane);
  }

  /** A lane is gone. `unopened`: the result is the request that it was opened for, if any. */
  gone(lane: LoadLane, unopened: boolean, owner: ConnectionOwner): PendingRequest | null {
    this.lanes.delete(lane);
    if (unopened) {
      this.dials -= 1;
      const failed = this.waiting.shift();
      // More may have come than there was room to open for: nobody else would, after the last arrival.
      if (this.dials < this.waiting.count) this.open(owner, 1);
      return failed;
    }
    // One that has served is replaced at once, or the run would go on with fewer than asked for. One that has not was
    // refused in its own way, and is opened again only on demand.
    if (lane.served > 0 || this.dials < this.waiting.count) this.open(owner, 1);
    return null;
  }

  /** The longest waiting request that was due before `beforeMs`, taken out; null without one. */
  takeExpired(beforeMs: number): PendingRequest | null {
    const oldest = this.waiting.peek();
    return oldest !== null && oldest.intendedMs < beforeMs ? this.waiting.shift() : null;
  }

  close(): void {
    for (const lane of this.lanes) lane.close();
  }

  private takeIdle(): LoadLane | null {
    for (let next = this.idle.shift(); next !== null; next = this.idle.shift()) {
      if (next.state === 'idle') return next;
    }
    return null;
  }
}

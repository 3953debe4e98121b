// A body that passes no faster than its limits let it. What may not pass yet is held, its sender waits, and a timer
// lets the next of it go; what holds up nothing passes as it comes. Made for a body that is limited, and no other.

import { type Clock, Timer, type TimerHandler } from '../../base/index.ts';
import type { ByteLimit } from '../../policy/index.ts';
import type { Head } from '../../wire/index.ts';

/** A filter's limit of one body. */
export interface PaceLimit {
  readonly bytes: ByteLimit;
  /** So many bytes came. */
  onIncoming(count: number): void;
  /** So many may go; `held`: not all that is here. */
  onAllowed(count: number, held: boolean): void;
  /** The body is over, whole or not. */
  onOver(): void;
}

/** Where a body goes, and where it comes from. */
export interface PacedBody {
  /** False: it takes no more for now; {@link BodyPace.onWritable} follows. */
  send(bytes: Uint8Array, start: number, end: number): boolean;
  /** All of it was sent; this is what comes behind it. */
  finish(trailers: Head | null): void;
  pauseSource(): void;
  resumeSource(): void;
}

/** So many at least: a body in pieces of a byte is held in as many bytes as it has, not in a hundred times that. */
const pieceBytesMin = 4 * 1024;

interface Piece {
  readonly bytes: Uint8Array;
  length: number;
}

/** passing (nothing is held) <-> holding -> (the sender ends) ending -> over; from each of them by {@link stop}. */
export class BodyPace implements TimerHandler {
  private readonly clock: Clock;
  private readonly body: PacedBody;
  private readonly limits: PaceLimit[] = [];
  private readonly timer = new Timer(this, 0);
  private intervalMs = Number.POSITIVE_INFINITY;
  private readonly pieces: Piece[] = [];
  /** Where the first piece begins that was not sent. */
  private at = 0;
  /** Its request is over: another may run where it did. */
  private stopped = false;
  /** The sender is done. */
  ended = false;
  private trailers: Head | null = null;
  private blocked = false;
  /** Held, as the sender's connection has read it: it is asked to wait as soon as there is any. */
  held = 0;

  constructor(clock: Clock, body: PacedBody) {
    this.clock = clock;
    this.body = body;
  }

  /** Nothing may pass that this one does not let. */
  add(limit: PaceLimit): void {
    this.limits.push(limit);
    this.intervalMs = Math.min(this.intervalMs, limit.bytes.intervalMs);
  }

  write(bytes: Uint8Array, start: number, end: number): void {
    if (this.stopped) return;
    for (const limit of this.limits) limit.onIncoming(end - start);
    const passed = this.held > 0 || this.blocked ? 0 : this.allow(end - start);
    if (passed > 0 && !this.body.send(bytes, start, start + passed)) this.blocked = true;
    // Who it was given to may have answered.
    if (this.stopped) return;
    if (passed === end - start) {
      if (this.blocked) this.body.pauseSource();
      return;
    }
    this.hold(bytes, start + passed, end);
    this.body.pauseSource();
    if (!this.timer.armed) this.clock.arm(this.timer, this.intervalMs);
  }

  /** The sender is done. False: all of it was sent already; else {@link PacedBody.finish} follows. */
  end(trailers: Head | null): boolean {
    this.ended = true;
    this.trailers = trailers;
    return this.held > 0;
  }

  onWritable(): void {
    if (this.stopped) return;
    this.blocked = false;
    if (this.held === 0) this.body.resumeSource();
    // Not now: who says so may not be ready to be given anything.
    else if (!this.timer.armed) this.clock.arm(this.timer, 0);
  }

  onTimer(): void {
    if (!this.blocked && !this.stopped) this.flush();
  }

  stop(): void {
    this.stopped = true;
    this.clock.cancel(this.timer);
    for (const limit of this.limits.splice(0)) limit.onOver();
    this.pieces.length = 0;
    this.held = 0;
  }

  private flush(): void {
    let allowed = this.allow(this.held);
    while (allowed > 0 && this.pieces.length > 0) {
      const piece = this.pieces[0]!;
      const end = Math.min(piece.length, this.at + allowed);
      const start = this.at;
      allowed -= end - start;
      this.held -= end - start;
      if (end === piece.length) this.pieces.shift();
      this.at = end === piece.length ? 0 : end;
      // What was allowed goes, taken at once or not: it is no more than was held.
      if (!this.body.send(piece.bytes, start, end)) this.blocked = true;
      if (this.stopped) return;
    }
    if (this.held > 0) {
      if (!this.timer.armed) this.clock.arm(this.timer, this.intervalMs);
    } else if (this.ended) this.body.finish(this.trailers);
    else if (!this.blocked) this.body.resumeSource();
  }

  private hold(bytes: Uint8Array, start: number, end: number): void {
    const count = end - start;
    let last = this.pieces.at(-1);
    if (last === undefined || last.length + count > last.bytes.length) {
      last = { bytes: new Uint8Array(Math.max(count, pieceBytesMin)), length: 0 };
      this.pieces.push(last);
    }
    last.bytes.set(bytes.subarray(start, end), last.length);
    last.length += count;
    this.held += count;
  }

  /** As much as every limit lets pass. */
  private allow(count: number): number {
    const nowMs = this.clock.now();
    let allowed = count;
    for (let index = 0; index < this.limits.length; index++) {
      const taken = this.limits[index]!.bytes.take(allowed, nowMs);
      for (let before = 0; before < index; before++) this.limits[before]!.bytes.giveBack(allowed - taken);
      allowed = taken;
    }
    for (const limit of this.limits) limit.onAllowed(allowed, allowed < count);
    return allowed;
  }
}

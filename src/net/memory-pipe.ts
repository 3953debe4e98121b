// One direction of a simulated connection: segments on their way, in order, with the delay that the link's conditions
// give them.

import { type Clock, type Random, Timer, type TimerHandler } from '../base/index.ts';
import type { Address } from './network.ts';

/** How bytes travel from one host to another. */
export interface LinkConditions {
  /** Delay of every segment. Default 0.5. */
  readonly latencyMs: number;
  /** Up to this much more, uniformly. Default 0. */
  readonly jitterMs: number;
  /** Share of segments (0 to 1) that are lost and sent again: TCP turns loss into delay. Default 0. */
  readonly lossShare: number;
  /** What a lost segment waits for its repetition. Default 200 (Linux's minimum). */
  readonly retransmitMs: number;
  /** Share of data segments (0 to 1) at which something on the way resets the connection. Default 0. */
  readonly resetShare: number;
  /** Share of data segments (0 to 1) that arrive in two pieces, cut anywhere. Default 0. */
  readonly splitShare: number;
  /** Bytes per second of each connection; Infinity: no limit, the default. */
  readonly bandwidth: number;
}

/**
 * What a segment says. A connection opens like TCP: `syn` to the listener, `accept` or `refuse` back, `open` is the
 * last acknowledgement, at which the listener's side learns of it.
 */
export type SegmentKind = 'syn' | 'accept' | 'refuse' | 'open' | 'data' | 'fin' | 'reset';

/** What a pipe needs of the network around it. */
export interface PipeWorld {
  readonly clock: Clock;
  readonly random: Random;
  conditions(fromHost: string, toHost: string): LinkConditions;
  /** True: nothing gets through now; the network calls `wake` when that is over. */
  isCut(pipe: MemoryPipe): boolean;
  onSegment(kind: SegmentKind, pipe: MemoryPipe, bytes: number): void;
}

export interface PipeEnd {
  /** Bytes are the receiver's own. */
  arrived(kind: SegmentKind, bytes: Buffer): void;
  /** The receiver has read: more fits into the window. */
  windowOpened(): void;
}

interface Segment {
  readonly kind: SegmentKind;
  bytes: Buffer;
  readonly sentMs: number;
  arrivalMs: number;
}

/** Bytes on the way or unread at most, as the kernels' two buffers together; more stays with the sender. */
export const windowBytes = 256 * 1024;
const segmentBytesMax = 64 * 1024;
const nothing = Buffer.alloc(0);

export class MemoryPipe implements TimerHandler {
  readonly fromHost: string;
  readonly toHost: string;
  readonly from: Address;
  readonly to: Address;
  private readonly world: PipeWorld;
  private readonly sender: PipeEnd;
  private readonly receiver: PipeEnd;
  private readonly timer = new Timer(this, 0);
  private readonly segments: Segment[] = [];
  /** Bytes sent and not yet read by the receiver's handler. */
  private windowUsed = 0;
  private lastArrivalMs = 0;
  /** When the line has sent what it was given, by its bandwidth. */
  private lineFreeMs = 0;

  constructor(
    world: PipeWorld,
    ends: { sender: PipeEnd; receiver: PipeEnd },
    hosts: { from: string; to: string },
    addresses: { from: Address; to: Address },
  ) {
    this.world = world;
    this.sender = ends.sender;
    this.receiver = ends.receiver;
    this.fromHost = hosts.from;
    this.toHost = hosts.to;
    this.from = addresses.from;
    this.to = addresses.to;
  }

  /** Bytes that may be sent now. */
  get room(): number {
    return windowBytes - this.windowUsed;
  }

  /** Bytes that were sent and have not arrived. */
  get travellingBytes(): number {
    return this.segments.reduce((sum, { bytes }) => sum + bytes.length, 0);
  }

  /** Takes up to `room` bytes; the array is the pipe's from now on. What is sent at one instant travels together. */
  sendData(bytes: Buffer): void {
    this.windowUsed += bytes.length;
    const last = this.segments.at(-1);
    const nowMs = this.world.clock.now();
    if (
      last?.kind === 'data' &&
      last.sentMs === nowMs &&
      last.bytes.length + bytes.length <= segmentBytesMax
    ) {
      last.bytes = Buffer.concat([last.bytes, bytes]);
      const lineBusyMs = this.lineFreeMs;
      this.occupyLine(bytes.length);
      last.arrivalMs += Math.max(this.lineFreeMs - lineBusyMs, 0);
      this.lastArrivalMs = last.arrivalMs;
      return;
    }
    const { resetShare } = this.conditions();
    if (resetShare > 0 && this.world.random.float() < resetShare) {
      this.send('reset');
      this.sender.arrived('reset', nothing);
      return;
    }
    for (let at = 0; at < bytes.length; at += segmentBytesMax)
      this.push('data', bytes.subarray(at, at + segmentBytesMax));
  }

  send(kind: SegmentKind): void {
    this.push(kind, nothing);
  }

  /** The receiver takes back bytes that it had read. */
  hold(count: number): void {
    this.windowUsed += count;
  }

  /** The receiver's handler has read `count` bytes. */
  read(count: number): void {
    this.windowUsed -= count;
    this.sender.windowOpened();
  }

  /** A partition is over: what waited is sent again. */
  wake(): void {
    if (this.segments.length > 0) this.world.clock.arm(this.timer, this.conditions().retransmitMs);
  }

  /** Due segments arrive. */
  onTimer(): void {
    if (this.world.isCut(this)) return;
    const nowMs = this.world.clock.now();
    // A delay added to the time of sending can miss the tick by a rounding error.
    while (this.segments.length > 0 && this.segments[0]!.arrivalMs <= nowMs + 1e-6) {
      const segment = this.segments.shift()!;
      this.deliver(segment);
    }
    this.armNext();
  }

  private deliver({ kind, bytes }: Segment): void {
    this.world.onSegment(kind, this, bytes.length);
    const { splitShare } = this.conditions();
    if (bytes.length > 1 && splitShare > 0 && this.world.random.float() < splitShare) {
      const cut = 1 + this.world.random.below(bytes.length - 1);
      this.receiver.arrived(kind, bytes.subarray(0, cut));
      this.receiver.arrived(kind, bytes.subarray(cut));
    } else {
      this.receiver.arrived(kind, bytes);
    }
  }

  private push(kind: SegmentKind, bytes: Buffer): void {
    const nowMs = this.world.clock.now();
    const { latencyMs, jitterMs, lossShare, retransmitMs } = this.conditions();
    this.occupyLine(bytes.length);
    let delayMs = latencyMs + this.lineFreeMs - nowMs;
    if (jitterMs > 0) delayMs += this.world.random.float() * jitterMs;
    if (lossShare > 0 && this.world.random.float() < lossShare) delayMs += retransmitMs;
    // TCP delivers in order: whatever was delayed also delays what follows.
    this.lastArrivalMs = Math.max(nowMs + delayMs, this.lastArrivalMs);
    this.segments.push({ kind, bytes, sentMs: nowMs, arrivalMs: this.lastArrivalMs });
    if (this.segments.length === 1) this.armNext();
  }

  /** The line is free again after these bytes and those before them. */
  private occupyLine(bytes: number): void {
    const { bandwidth } = this.conditions();
    const busyMs = bandwidth === Infinity ? 0 : (bytes / bandwidth) * 1000;
    this.lineFreeMs = Math.max(this.lineFreeMs, this.world.clock.now()) + busyMs;
  }

  private armNext(): void {
    const next = this.segments[0];
    if (next === undefined) return;
    this.world.clock.arm(this.timer, Math.max(next.arrivalMs - this.world.clock.now(), 0));
  }

  private conditions(): LinkConditions {
    return this.world.conditions(this.fromHost, this.toHost);
  }
}

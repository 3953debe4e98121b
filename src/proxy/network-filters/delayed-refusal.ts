// A connection that is refused and kept for a while first, unserved, so that its client does not come back at once.

import { type Clock, Timer, type TimerHandler } from '../../base/index.ts';
import type { Socket, SocketHandler } from '../../net/index.ts';
import type { Gauge } from '../../policy/index.ts';

/** The most that one filter keeps at a time, of all threads: a further one is ended at once. */
export const delayedMax = 10_000;

/** What is read and dropped, so that a client that leaves is seen to; more stays with the kernel. */
const droppedBytesMax = 64 * 1024;

export class DelayedRefusal implements SocketHandler, TimerHandler {
  private readonly clock: Clock;
  private readonly delayMs: number;
  private readonly counts: readonly Gauge[];
  private readonly timer = new Timer(this, 0);
  private socket: Socket | null = null;
  private droppedBytes = 0;

  /** `counts` have counted it already, and count it until its end. */
  constructor(clock: Clock, delayMs: number, counts: readonly Gauge[]) {
    this.clock = clock;
    this.delayMs = delayMs;
    this.counts = counts;
  }

  onOpen(socket: Socket): void {
    this.socket = socket;
    this.clock.arm(this.timer, this.delayMs);
  }

  onTimer(): void {
    this.socket?.reset();
  }

  onData(socket: Socket, bytes: Uint8Array): void {
    this.droppedBytes += bytes.length;
    if (this.droppedBytes > droppedBytesMax) socket.pause();
  }

  onDrain(): void {}

  onEnd(socket: Socket): void {
    socket.reset();
  }

  onClose(): void {
    this.clock.cancel(this.timer);
    for (const count of this.counts) count.add(-1);
  }
}

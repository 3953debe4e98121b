// A connection that is refused and kept for a while first, unread, so that its client does not come back at once.

import { type Clock, Timer, type TimerHandler } from '../../base/index.ts';
import type { Socket, SocketHandler } from '../../net/index.ts';
import type { Gauge } from '../../policy/index.ts';

/** The most that one filter keeps at a time, of all threads: a further one is ended at once. */
export const delayedMax = 10_000;

export class DelayedRefusal implements SocketHandler, TimerHandler {
  private readonly clock: Clock;
  private readonly delayMs: number;
  private readonly kept: Gauge;
  private readonly timer = new Timer(this, 0);
  private socket: Socket | null = null;

  /** `kept` has counted it already, and counts it until its end. */
  constructor(clock: Clock, delayMs: number, kept: Gauge) {
    this.clock = clock;
    this.delayMs = delayMs;
    this.kept = kept;
  }

  onOpen(socket: Socket): void {
    this.socket = socket;
    socket.pause();
    this.clock.arm(this.timer, this.delayMs);
  }

  onTimer(): void {
    this.socket?.reset();
  }

  onData(): void {}

  onDrain(): void {}

  onEnd(socket: Socket): void {
    socket.reset();
  }

  onClose(): void {
    this.clock.cancel(this.timer);
    this.kept.add(-1);
  }
}

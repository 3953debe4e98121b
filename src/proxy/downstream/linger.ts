// How long a connection that we ended, or whose request was answered before it was complete, is kept for its peer: as
// long as it makes progress. A reset destroys what the peer has not read yet (RFC 9112 section 9.6), so a slow reader
// must be waited for.

import type { Socket } from '../../net/index.ts';
import { proxyLimits } from '../limits.ts';
import type { ConnectionDeadlines } from './deadlines.ts';

/** wait: look again; close: everything was delivered, and the peer had its time; reset: it takes nothing any more. */
type LingerVerdict = 'wait' | 'close' | 'reset';

const never = Number.POSITIVE_INFINITY;

export class Linger {
  active = false;
  /** Read and dropped at most. */
  private bytesMax: number = proxyLimits.lingerBytesMax;
  private progressMs = 0;
  private unsentBytes = 0;
  private receivedBytes = 0;
  private receivedBefore = 0;

  /** Nothing else is waited for from here on. */
  begin(socket: Socket, deadlines: ConnectionDeadlines, nowMs: number): void {
    this.active = true;
    deadlines.idleMs = never;
    deadlines.headMs = never;
    deadlines.lingerMs = nowMs + proxyLimits.lingerCheckMs;
    deadlines.arm(nowMs);
    this.progressMs = nowMs;
    this.unsentBytes = socket.unsentBytes();
    this.receivedBytes = 0;
    this.receivedBefore = 0;
  }

  /** The peer broke the rules of its protocol: less is read of it. */
  distrust(): void {
    this.bytesMax = proxyLimits.brokenLingerBytesMax;
  }

  received(count: number): void {
    this.receivedBytes += count;
  }

  /**
   * So much was read and dropped that no more should be: who goes on without end, as one that floods does, waits out
   * the time that others have for reading.
   */
  get overrun(): boolean {
    return this.active && this.receivedBytes > this.bytesMax;
  }

  /** The peer goes on after all. */
  stop(deadlines: ConnectionDeadlines): void {
    this.active = false;
    deadlines.lingerMs = never;
  }

  /** At its deadline; `ended` and `lingerMs` as of {@link decide}. */
  look(
    socket: Socket,
    deadlines: ConnectionDeadlines,
    ended: boolean,
    lingerMs: number,
    nowMs: number,
  ): void {
    const verdict = this.decide(socket, ended, lingerMs, nowMs);
    if (verdict === 'wait') deadlines.lingerMs = nowMs + proxyLimits.lingerCheckMs;
    else if (verdict === 'close') socket.release();
    else socket.reset();
  }

  /** `ended`: our FIN is sent or queued. `lingerMs`: how long a peer that has everything may stay. */
  private decide(socket: Socket, ended: boolean, lingerMs: number, nowMs: number): LingerVerdict {
    const unsent = socket.unsentBytes();
    if (unsent !== this.unsentBytes || this.receivedBytes !== this.receivedBefore) {
      this.unsentBytes = unsent;
      this.receivedBefore = this.receivedBytes;
      this.progressMs = nowMs;
      return 'wait';
    }
    const allowedMs = ended && unsent === 0 ? lingerMs : proxyLimits.streamIdleMs;
    if (nowMs - this.progressMs < allowedMs) return 'wait';
    return ended && unsent === 0 ? 'close' : 'reset';
  }
}

// What time alone tells about a connection: a peer that answers no PING is gone, and one that reads nothing of what
// waits for it is to go.

import { type Clock, Timer, type TimerHandler } from '../../base/index.ts';

export interface WatchTimes {
  /** A PING goes out when nothing came for so long; 0: never. */
  readonly keepaliveMs: number;
  /** An unanswered one ends the connection after this. */
  readonly keepaliveTimeoutMs: number;
  /** Queued bytes of which none leaves for so long end the connection; 0: never. */
  readonly stallMs: number;
  /** A PING goes out before a stream that begins after so long a silence; 0: never. */
  readonly idlePingMs: number;
}

export interface WatchOwner {
  readonly queuedBytes: number;
  /** Grows with every DATA frame that leaves. */
  readonly framesSent: number;
  writeKeepalive(): void;
  onSilent(): void;
  onStalled(): void;
}

const timerKind = { keepalive: 0, stall: 1 } as const;

export class Watch implements TimerHandler {
  private readonly owner: WatchOwner;
  private readonly clock: Clock;
  private readonly times: WatchTimes;
  private readonly keepaliveTimer: Timer;
  private readonly stallTimer: Timer;
  private pinged = false;
  private heardSince = false;
  private heardAtMs = 0;
  private stalledAt = 0;

  constructor(owner: WatchOwner, clock: Clock, times: WatchTimes) {
    this.owner = owner;
    this.clock = clock;
    this.times = times;
    this.keepaliveTimer = new Timer(this, timerKind.keepalive);
    this.stallTimer = new Timer(this, timerKind.stall);
    if (times.idlePingMs > 0) this.heardAtMs = clock.now();
    if (times.keepaliveMs > 0) clock.arm(this.keepaliveTimer, times.keepaliveMs);
  }

  /** Bytes came. */
  heard(): void {
    this.heardSince = true;
    if (this.times.idlePingMs > 0) this.heardAtMs = this.clock.now();
  }

  /** A stream begins: a connection that lay idle may be gone without our knowing. */
  starting(): void {
    const { idlePingMs, keepaliveTimeoutMs } = this.times;
    if (idlePingMs === 0 || this.pinged || this.clock.now() - this.heardAtMs < idlePingMs) return;
    this.heardSince = false;
    this.pinged = true;
    this.owner.writeKeepalive();
    this.clock.arm(this.keepaliveTimer, keepaliveTimeoutMs);
  }

  /** Bytes wait. */
  queued(): void {
    if (this.times.stallMs <= 0 || this.stallTimer.armed) return;
    this.stalledAt = this.owner.framesSent;
    this.clock.arm(this.stallTimer, this.times.stallMs);
  }

  stop(): void {
    this.clock.cancel(this.keepaliveTimer);
    this.clock.cancel(this.stallTimer);
  }

  onTimer(kind: number): void {
    if (kind === timerKind.keepalive) this.keepAlive();
    else if (this.owner.queuedBytes > 0) {
      if (this.owner.framesSent === this.stalledAt) this.owner.onStalled();
      else this.queued();
    }
  }

  private keepAlive(): void {
    const { keepaliveMs, keepaliveTimeoutMs } = this.times;
    if (this.heardSince) {
      this.heardSince = false;
      this.pinged = false;
      if (keepaliveMs > 0) this.clock.arm(this.keepaliveTimer, keepaliveMs);
    } else if (this.pinged) this.owner.onSilent();
    else {
      this.pinged = true;
      this.owner.writeKeepalive();
      this.clock.arm(this.keepaliveTimer, keepaliveTimeoutMs);
    }
  }
}

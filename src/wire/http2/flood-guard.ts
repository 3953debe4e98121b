// The rates of one connection: what a peer may do as often as limits.ts says, and no more. Each question is asked once
// a frame and answered with a fault, or 0.

import type { Clock } from '../../base/index.ts';
import { fault } from './errors.ts';
import type { Http2Limits } from './limits.ts';
import { RateMeter } from './rate-meter.ts';

/** PINGs that come too soon and are let pass, as gRPC's servers do. */
const pingStrikesMax = 2;

export class FloodGuard {
  private readonly limits: Http2Limits;
  private readonly clock: Clock;
  private readonly resetRate: RateMeter;
  private readonly settingsRate: RateMeter;
  private readonly pingRate: RateMeter;
  private readonly ignoredRate: RateMeter;
  private readonly windowRate: RateMeter;
  private readonly emptyRate: RateMeter;
  private creditedFrames = 0;
  private pingCreditedFrames = 0;
  /** When the last PING came that counts, and DATA frames that we had sent by then; the time is -1 without one. */
  private pingAtMs = -1;
  private pingFrames = 0;
  private pingStrikes = 0;
  private unreadBytes = 0;
  private unreadAnswers = 0;
  private priorities = 0;
  private windowUpdates = 0;
  private emptyInRow = 0;

  constructor(limits: Http2Limits, clock: Clock) {
    this.limits = limits;
    this.clock = clock;
    this.resetRate = new RateMeter(clock);
    this.settingsRate = new RateMeter(clock);
    this.pingRate = new RateMeter(clock);
    this.ignoredRate = new RateMeter(clock);
    this.windowRate = new RateMeter(clock);
    this.emptyRate = new RateMeter(clock);
  }

  /** A stream was given up on the peer's account. More of them than of streams that ended well is an attack. */
  reset(): number {
    return this.resetRate.allows(this.limits.resetsPerSecondMax) ? fault.none : fault.resetRate;
  }

  /** A stream ended well. */
  ended(): void {
    this.resetRate.credit(1);
  }

  settings(): number {
    return this.settingsRate.allows(this.limits.settingsPerSecondMax) ? fault.none : fault.settingsRate;
  }

  /** `framesSent` as below: who is sent much measures its way with PINGs (gRPC estimates bandwidth so). */
  ping(framesSent: number): number {
    this.pingRate.credit(framesSent - this.pingCreditedFrames);
    this.pingCreditedFrames = framesSent;
    return this.pingRate.allows(this.limits.pingsPerSecondMax) ? fault.none : fault.pingRate;
  }

  /** A PING that wants an answer, as keepalive sends it. */
  pingApart(framesSent: number): number {
    const { pingGapMs } = this.limits;
    if (pingGapMs === 0) return fault.none;
    const now = this.clock.now();
    // Who was sent something may measure its way: the count begins anew.
    if (framesSent !== this.pingFrames) this.pingStrikes = 0;
    else if (this.pingAtMs >= 0 && now - this.pingAtMs < pingGapMs) this.pingStrikes += 1;
    this.pingFrames = framesSent;
    this.pingAtMs = now;
    return this.pingStrikes > pingStrikesMax ? fault.pingStrikes : fault.none;
  }

  ignored(): number {
    return this.ignoredRate.allows(this.limits.ignoredPerSecondMax) ? fault.none : fault.ignoredRate;
  }

  /** A PRIORITY frame, where `streams` were opened ever. */
  priority(streams: number): number {
    this.priorities += 1;
    if (this.priorities > this.limits.prioritiesPerStreamMax * (1 + streams)) return fault.priorityCount;
    return this.ignored();
  }

  /** A frame of a stream carried something, or ended something. */
  filled(): void {
    this.emptyInRow = 0;
  }

  empty(): number {
    this.emptyInRow += 1;
    if (this.emptyInRow > this.limits.emptyFramesInRowMax) return fault.emptyFramesInRow;
    return this.emptyRate.allows(this.limits.emptyFramesPerSecondMax) ? fault.none : fault.emptyFrameRate;
  }

  /**
   * `framesSent`: DATA frames of ours, ever; `streams`: those opened ever. Each frame explains ten updates, as in
   * Envoy: Go's client writes two for every 4 kB that it reads.
   */
  windowUpdate(framesSent: number, streams: number): number {
    const { windowUpdatesPerDataFrameMax } = this.limits;
    this.windowUpdates += 1;
    if (this.windowUpdates > 5 + 2 * (streams + windowUpdatesPerDataFrameMax * framesSent))
      return fault.windowUpdateCount;
    this.windowRate.credit((framesSent - this.creditedFrames) * windowUpdatesPerDataFrameMax);
    this.creditedFrames = framesSent;
    return this.windowRate.allows(this.limits.windowUpdatesPerSecondMax)
      ? fault.none
      : fault.windowUpdateRate;
  }

  /** Answers to control frames pass by every window, so those that a peer does not read are counted. */
  unread(bytes: number): number {
    this.unreadBytes += bytes;
    this.unreadAnswers += 1;
    if (this.unreadAnswers > this.limits.outboundControlFramesMax) return fault.outboundControlFrames;
    return this.unreadBytes > this.limits.controlBytesMax ? fault.controlBytes : fault.none;
  }

  /** The peer reads again. */
  read(): void {
    this.unreadBytes = 0;
    this.unreadAnswers = 0;
  }
}

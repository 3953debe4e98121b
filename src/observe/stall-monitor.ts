// Event-loop stalls: how late a periodic timer fires is how long everything else waited too (a long callback, garbage
// collection, a starved processor). One thread does all the work, so this is the proxy's first health sign.

import { type Clock, Timer, type TimerHandler } from '../base/index.ts';
import { Histogram } from './histogram.ts';

const stallBoundsSeconds: readonly number[] = [
  0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10,
];

/** Between samples under load: a stall of this length is always seen. */
const busyIntervalMs = 20;
/** The same at a sidecar's usual trickle: 50 samples a second would outnumber the requests. */
const quietIntervalMs = 100;
/** The same while nothing happens: waking an idle proxy 50 times a second would be most of its cost. */
const idleIntervalMs = 1_000;
/** The same while nobody is connected, whom a stall could keep waiting. */
const restIntervalMs = 4_000;
/** Requests a second from which a proxy counts as under load. */
const busyRate = 500;

/**
 * Samples in a row that must all be late before the loop counts as late: one stall, however long, is over by itself.
 */
const lagLooks = 8;

/** What goes on in a proxy, as far as it decides how often somebody looks. */
export interface Activity {
  /** Counts work done. */
  readonly requests: number;
  /** Connections of clients, open now. */
  readonly connections: number;
}

export class StallMonitor implements TimerHandler {
  /** Lateness of each sample, in seconds. The timer wheel's own rounding (a tick) is in it. */
  readonly histogram = new Histogram(stallBoundsSeconds);
  /** The longest stall since the start, in ms. */
  maxMs = 0;
  private readonly lately: number[] = [];
  private looks = 0;
  private readonly clock: Clock;
  private readonly activity: Activity;
  private readonly timer = new Timer(this, 0);
  private lastRequests = 0;
  private intervalMs = idleIntervalMs;
  private expectedMs = 0;

  /** While `activity` stands still, sampling slows down. */
  constructor(clock: Clock, activity: Activity) {
    this.clock = clock;
    this.activity = activity;
  }

  /** How late the loop is for good, in ms: the least lateness of the last samples. */
  get lagMs(): number {
    return this.lately.length < lagLooks ? 0 : Math.min(...this.lately);
  }

  start(): void {
    this.arm(this.clock.now());
  }

  stop(): void {
    this.clock.cancel(this.timer);
  }

  onTimer(): void {
    const now = this.clock.now();
    const lateMs = Math.max(0, now - this.expectedMs);
    this.histogram.record(lateMs / 1000);
    if (lateMs > this.maxMs) this.maxMs = lateMs;
    this.lately[this.looks++ % lagLooks] = lateMs;
    this.arm(now);
  }

  private arm(now: number): void {
    const { requests, connections } = this.activity;
    const ratePerSecond = ((requests - this.lastRequests) * 1000) / this.intervalMs;
    this.lastRequests = requests;
    // On whole seconds, together with whatever else looks once a second.
    const slowestMs = connections === 0 ? restIntervalMs : idleIntervalMs;
    const idleMs = slowestMs - (now % slowestMs);
    const intervalMs =
      ratePerSecond >= busyRate ? busyIntervalMs : ratePerSecond > 0 ? quietIntervalMs : idleMs;
    this.intervalMs = intervalMs;
    this.expectedMs = now + intervalMs;
    this.clock.arm(this.timer, intervalMs);
  }
}

// Graceful ends. A removed listener: stop accepting, let requests finish. The whole proxy: go on serving both
// directions, because the application beside it still works off what it has (egress refused at SIGTERM is a complaint
// of years, linkerd2#10379) and callers still learn of its leaving; announce the end on every answer; be done once
// nothing happens any more.

import { type Clock, Timer, type TimerHandler } from '../base/index.ts';
import type { DrainStrategy, RuntimeListener } from './downstream/index.ts';
import { proxyLimits } from './limits.ts';

/** Of draining that an operator asked for. */
export interface DrainOptions {
  /** Clients are sent away over the drain time, as Envoy's `graceful`, and not with their next answer. */
  readonly graceful: boolean;
  readonly inboundOnly: boolean;
  readonly keepListening: boolean;
}

/** Lets listeners that are no longer in the configuration run out. */
export class ListenerDrain implements TimerHandler {
  private readonly clock: Clock;
  private readonly strategy: DrainStrategy;
  private readonly onGone: () => void;
  private readonly timer = new Timer(this, 0);
  private readonly deadlines = new Map<RuntimeListener, number>();

  /** `onGone` is told when one has no connection any more. */
  constructor(clock: Clock, strategy: DrainStrategy, onGone: () => void) {
    this.clock = clock;
    this.strategy = strategy;
    this.onGone = onGone;
  }

  get listeners(): Iterable<RuntimeListener> {
    return this.deadlines.keys();
  }

  add(listener: RuntimeListener): void {
    listener.beginDrain(this.strategy);
    listener.retire();
    const now = this.clock.now();
    this.deadlines.set(listener, now + listener.http.drainTimeoutMs);
    listener.closeQuiet(now);
    this.clock.arm(this.timer, proxyLimits.drainCheckMs);
  }

  onTimer(_kind: number, nowMs: number): void {
    for (const [listener, deadlineMs] of this.deadlines) {
      listener.closeQuiet(nowMs);
      if (nowMs >= deadlineMs) resetRest(listener);
      if (listener.held > 0) continue;
      this.deadlines.delete(listener);
      this.onGone();
    }
    if (this.deadlines.size > 0) this.clock.arm(this.timer, proxyLimits.drainCheckMs);
  }

  stop(): void {
    this.clock.cancel(this.timer);
    for (const listener of this.deadlines.keys()) listener.resetConnections();
  }
}

/**
 * Why the proxy drains. `succession`: another process accepts at the same addresses already; `withinMs` is when this
 * one shall be gone, as the other says, null: the listeners' own drain times hold.
 */
export type DrainCause =
  | { readonly kind: 'end' }
  | { readonly kind: 'asked'; readonly graceful: boolean }
  | { readonly kind: 'succession'; readonly withinMs: number | null };

/**
 * How fast clients go when nobody said so by `--drain-strategy` (decision 0024): spread over the drain time where
 * somebody else serves them meanwhile, as in Envoy; at once where the process ends, which waits for them.
 */
export function strategyOf(cause: DrainCause): DrainStrategy {
  const spread = cause.kind === 'succession' || (cause.kind === 'asked' && cause.graceful);
  return spread ? 'gradual' : 'immediate';
}

/** Share of a succession's time for which a connection has to be idle before it is ended. */
const quietShare = 1 / 4;

/** Share of the time, and a second at most, in which clients hear of the end who were not to hear of it before. */
const farewellShare = 1 / 4;

/** serving (announcing, still accepting) -> closing (nothing accepted, connections end) -> done. */
type DrainState = 'serving' | 'closing' | 'done';

/** From how long nothing happened here to how long nothing happened in any thread of the proxy. */
export type QuietMs = (ownMs: number) => number;

export class ProxyDrain implements TimerHandler {
  readonly done: Promise<void>;
  readonly atMostMs: number;
  /** Connections that were reset because the time was over. */
  get resets(): number {
    return this.listeners.reduce((total, listener) => total + listener.stats.drainResets, 0);
  }
  private readonly clock: Clock;
  private readonly listeners: readonly RuntimeListener[];
  private readonly timer = new Timer(this, 0);
  private deadlineMs: number;
  private readonly quietMs: QuietMs;
  private state: DrainState = 'serving';
  /** A connection that was idle for so long is taken for one that nobody asks on any more. */
  private readonly idleMs: number;
  private readonly farewellMs: number;
  private requests: number;
  private quietSinceMs: number;
  private settle: () => void = () => {};

  /**
   * In a succession everybody is told to come back, and finds the other there. Nothing is then lost by waiting, but a
   * request that crosses the end of its idle connection is: who still asks now and then is told with an answer.
   */
  constructor(
    clock: Clock,
    listeners: readonly RuntimeListener[],
    strategy: DrainStrategy,
    cause: DrainCause = { kind: 'end' },
    quietMs: QuietMs = (ownMs) => ownMs,
  ) {
    this.clock = clock;
    this.listeners = listeners;
    this.quietMs = quietMs;
    const now = clock.now();
    const limits = listeners.map((listener) => listener.http.drainTimeoutMs);
    const succeeded = cause.kind === 'succession';
    const withinMs = succeeded ? cause.withinMs : null;
    this.atMostMs = withinMs ?? Math.max(0, ...limits);
    const { drainQuietMs } = proxyLimits;
    this.idleMs = succeeded ? Math.max(drainQuietMs, this.atMostMs * quietShare) : drainQuietMs;
    this.farewellMs = Math.min(drainQuietMs, this.atMostMs * farewellShare);
    this.deadlineMs = now + this.atMostMs;
    this.requests = this.countRequests();
    this.quietSinceMs = now;
    this.done = new Promise((resolve) => {
      this.settle = resolve;
    });
    this.tell(strategy, cause);
    clock.arm(this.timer, 0);
  }

  /**
   * Callers are told to come back elsewhere; the application's own calls go on as if nothing were, until shortly before
   * the deadline. Again where another
   * cause comes while it drains: who was to go by and by goes at once when the process ends, or in a successor's time.
   */
  tell(strategy: DrainStrategy, cause: DrainCause): void {
    if (this.state !== 'serving') return;
    const succeeded = cause.kind === 'succession';
    const withinMs = succeeded ? cause.withinMs : null;
    if (withinMs !== null) this.deadlineMs = Math.min(this.deadlineMs, this.clock.now() + withinMs);
    for (const listener of this.listeners) {
      if (succeeded || listener.config.direction !== 'outbound') listener.beginDrain(strategy, withinMs);
      if (succeeded) listener.unbind();
    }
  }

  onTimer(_kind: number, nowMs: number): void {
    if (this.state === 'serving') this.watch(nowMs);
    if (this.state === 'closing') this.finish(nowMs);
    if (this.state !== 'done') this.clock.arm(this.timer, proxyLimits.drainCheckMs);
  }

  stop(): void {
    this.clock.cancel(this.timer);
    this.state = 'done';
    this.settle();
  }

  private watch(nowMs: number): void {
    const requests = this.countRequests();
    const active = this.listeners.some((listener) => listener.stats.active > 0);
    if (active || requests !== this.requests) this.quietSinceMs = nowMs;
    this.requests = requests;
    // What is open at the deadline is reset, with what runs over it: so its clients are told in time, the application's
    // own too. To an agent of a node these are whole other pods, who come back to its successor.
    if (nowMs >= this.deadlineMs - this.farewellMs)
      for (const listener of this.listeners) if (!listener.draining) listener.beginDrain('immediate');
    for (const listener of this.listeners) if (listener.draining) listener.closeQuiet(nowMs, this.idleMs);
    const quiet = this.quietMs(nowMs - this.quietSinceMs) >= this.idleMs;
    if (!quiet && nowMs < this.deadlineMs) return;
    this.state = 'closing';
    for (const listener of this.listeners) {
      listener.beginDrain('immediate');
      listener.unbind();
      for (const connection of [...listener.connections]) connection.drainWhenQuiet(nowMs, 0);
    }
  }

  private finish(nowMs: number): void {
    const late = nowMs >= this.deadlineMs;
    for (const listener of this.listeners) {
      // What could not be told its end with its last answer stays for one more, and ends when none comes.
      if (late) resetRest(listener);
      else listener.closeQuiet(nowMs);
    }
    if (this.listeners.every((listener) => listener.held === 0)) this.stop();
  }

  private countRequests(): number {
    return this.listeners.reduce((total, listener) => total + listener.stats.requests, 0);
  }
}

function resetRest(listener: RuntimeListener): void {
  listener.stats.drainResets += listener.connections.size;
  listener.resetConnections();
}

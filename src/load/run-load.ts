// An open-loop load run: sends each request when it is due, over a fixed number of connections, and counts its latency
// from then. A server that stalls therefore shows the stall in every request that was due meanwhile (no coordinated
// omission, Gil Tene).

import { assert, Timer, type TimerHandler } from '../base/index.ts';
import type { ResponseHead } from '../wire/index.ts';
import { ArrivalSchedule } from './arrivals.ts';
import { loadLimits } from './limits.ts';
import type { CallEnd, ConnectionOwner, LoadLane, PendingRequest } from './load-connection.ts';
import { Recorder } from './recorder.ts';
import { TargetPool } from './target-pool.ts';
import type { LoadOptions, LoadReport, LoadRequest, Waiter } from './types.ts';

/** A run under way. */
export interface LoadRun {
  /** Resolves when the last request has ended. Never rejects: failures are in the report. */
  readonly done: Promise<LoadReport>;
  /** Ends the arrivals now; requests in flight get `graceMs` (default: loadLimits.interruptGraceMs). Idempotent. */
  stop(graceMs?: number): void;
}

/** Starts at once. Values out of bounds are the caller's to refuse (see limits.ts). */
export function startLoad(options: LoadOptions): LoadRun {
  return new Run(options);
}

export function runLoad(options: LoadOptions): Promise<LoadReport> {
  return startLoad(options).done;
}

/** Arrivals sent in one go before I/O gets its turn; matters only when the rate is more than can be sent. */
const burstMax = 256;

/** The pacer may come early by half a nap's slack: sending then is nearer to the time than another nap would end. */
const arrivalEarlyMs = 0.03;

const timers = { warm: 0, sweep: 1, interval: 2, grace: 3 } as const;

/** warming (connections open) -> sending -> finishing (nothing more is due) -> over. */
type Phase = 'warming' | 'sending' | 'finishing' | 'over';

/** Filled anew for each result. */
class Result {
  sequence = 0;
  request: LoadRequest;
  failure = '';
  status = 0;
  head: ResponseHead | null = null;
  grpcStatus = -1;
  messages = 0;
  reused = false;
  intendedMs = 0;
  latencyMs = 0;
  serviceMs = -1;
  warmup = false;

  constructor(request: LoadRequest) {
    this.request = request;
  }
}

class Run implements LoadRun, ConnectionOwner, TimerHandler, Waiter {
  readonly done: Promise<LoadReport>;
  private readonly options: LoadOptions;
  private readonly pools: readonly TargetPool[];
  private readonly sweepMs: number;
  private readonly warm = new Timer(this, timers.warm);
  private readonly sweep = new Timer(this, timers.sweep);
  private readonly interval = new Timer(this, timers.interval);
  private readonly grace = new Timer(this, timers.grace);
  private finish: (report: LoadReport) => void = () => {};
  private phase: Phase = 'warming';
  private interrupted = false;
  private schedule: ArrivalSchedule;
  private recorder: Recorder;
  private result: Result | null = null;
  private measureFromMs = 0;
  private endMs = 0;
  private sequence = 0;
  /** Due and not ended. */
  private open = 0;

  constructor(options: LoadOptions) {
    assert(options.ratePerSecond > 0 && options.connections >= 1, 'a load has a rate and connections');
    assert(options.targets.length > 0, 'a load goes somewhere');
    this.options = options;
    const { clock, network, connections, streams, tls } = options;
    this.done = new Promise((resolve) => {
      this.finish = resolve;
    });
    this.schedule = new ArrivalSchedule('constant', options.ratePerSecond, clock.now(), options.random);
    this.recorder = new Recorder(clock.now(), clock.now());
    // A timeout may be late by a twentieth of itself; scanning costs less than a timer for each request.
    this.sweepMs = Math.min(100, Math.max(1, options.timeoutMs / 20));
    this.pools = options.targets.map(
      (address, index) =>
        new TargetPool(index, address, { network, clock, connections, streams, tls: tls?.[index] ?? null }),
    );
    clock.arm(this.warm, loadLimits.warmConnectMs);
    for (const pool of this.pools) pool.openAll(this);
  }

  stop(graceMs: number = loadLimits.interruptGraceMs): void {
    if (this.phase === 'over' || this.interrupted) return;
    this.interrupted = true;
    const { clock } = this.options;
    if (this.phase === 'warming') {
      this.close();
      return;
    }
    this.endMs = Math.min(this.endMs, clock.now());
    this.endArrivals();
    clock.arm(this.grace, graceMs);
  }

  onTimer(kind: number): void {
    const { clock } = this.options;
    if (kind === timers.warm) this.begin();
    else if (kind === timers.grace) this.close();
    else if (kind === timers.sweep) {
      this.expire(clock.now());
      if (this.phase !== 'over') clock.arm(this.sweep, this.sweepMs);
    } else {
      this.options.observer?.onInterval?.(this.recorder.takeInterval(clock.now()));
      clock.arm(this.interval, this.options.intervalMs);
    }
  }

  // What connections report.

  onReady(lane: LoadLane, opened: boolean): void {
    this.pools[lane.target]!.ready(lane, opened, this.options.clock.now());
    if (opened) this.warmed();
  }

  onEnd(
    pending: PendingRequest,
    sentMs: number,
    head: ResponseHead | null,
    failure: string,
    call: CallEnd | null,
  ): void {
    const unexpected = failure === '' && !pending.request.expects(head?.status ?? 0);
    this.settle(pending, sentMs, head, unexpected ? 'status' : failure, call);
  }

  onBody(pending: PendingRequest, bytes: Uint8Array, start: number, end: number): void {
    this.options.observer?.onBody?.(pending.sequence, bytes, start, end);
  }

  onBytes(count: number): void {
    this.recorder.bytesReceived += count;
  }

  onGone(lane: LoadLane, failure: string): void {
    const unopened = failure !== '';
    // Nobody is left to reopen for.
    if (this.phase === 'over') return;
    const pending = this.pools[lane.target]!.gone(lane, unopened, this);
    if (pending !== null) this.settle(pending, -1, null, failure);
    if (unopened) this.warmed();
  }

  private warmed(): void {
    if (this.phase === 'warming' && this.pools.every((pool) => pool.connecting === 0)) this.begin();
  }

  private begin(): void {
    if (this.phase !== 'warming') return;
    const { clock, random, arrivals, ratePerSecond, warmupMs, durationMs, intervalMs, observer } =
      this.options;
    clock.cancel(this.warm);
    this.phase = 'sending';
    const startMs = clock.now();
    this.measureFromMs = startMs + warmupMs;
    this.endMs = this.measureFromMs + durationMs;
    this.schedule = new ArrivalSchedule(arrivals, ratePerSecond, startMs, random);
    this.recorder = new Recorder(startMs, this.measureFromMs);
    clock.arm(this.sweep, this.sweepMs);
    if (observer?.onInterval !== undefined) clock.arm(this.interval, intervalMs);
    this.wait();
  }

  get busy(): boolean {
    return this.open > 0;
  }

  onDue(): void {
    if (this.phase !== 'sending') return;
    const schedule = this.schedule;
    for (let burst = 0; burst < burstMax; burst++) {
      const intendedMs = schedule.nextMs;
      if (intendedMs >= this.endMs) {
        this.endArrivals();
        return;
      }
      const nowMs = this.options.clock.now();
      if (intendedMs > nowMs + arrivalEarlyMs) break;
      schedule.advance();
      this.request(intendedMs, nowMs);
    }
    this.wait();
  }

  private wait(): void {
    this.options.pacer.wait(Math.min(this.schedule.nextMs, this.endMs), this);
  }

  private request(intendedMs: number, nowMs: number): void {
    const sequence = this.sequence++;
    const request = this.options.maker.next(sequence);
    const pending = { sequence, request, intendedMs, reused: false };
    this.open += 1;
    this.recorder.onDue(intendedMs, nowMs);
    const pool = this.pools[request.target]!;
    const dispatched = pool.dispatch(pending, nowMs, this);
    if (dispatched !== 'sent' && pool.exhausted) this.recorder.onWait(intendedMs);
    if (dispatched === 'overflow') this.settle(pending, -1, null, 'overflow');
  }

  private settle(
    pending: PendingRequest,
    sentMs: number,
    head: ResponseHead | null,
    failure: string,
    call: CallEnd | null = null,
  ): void {
    this.open -= 1;
    // Given up by the end of an interrupted run: neither a success nor a failure.
    if (this.phase === 'over') return;
    const nowMs = this.options.clock.now();
    this.result ??= new Result(pending.request);
    const result = this.result;
    result.sequence = pending.sequence;
    result.request = pending.request;
    result.failure = failure;
    result.status = head === null ? 0 : head.status;
    result.head = head;
    result.grpcStatus = call?.status ?? -1;
    result.messages = call?.messages ?? 0;
    result.reused = pending.reused;
    result.intendedMs = pending.intendedMs;
    result.latencyMs = nowMs - pending.intendedMs;
    result.serviceMs = sentMs < 0 ? -1 : nowMs - sentMs;
    result.warmup = pending.intendedMs < this.measureFromMs;
    this.recorder.onResult(result, nowMs);
    this.options.observer?.onResult?.(result);
    if (this.phase === 'finishing' && this.open === 0) this.close();
  }

  private expire(nowMs: number): void {
    const dueBeforeMs = nowMs - this.options.timeoutMs;
    for (const pool of this.pools) {
      for (const lane of pool.lanes) {
        const { pending } = lane;
        if (pending !== null && pending.intendedMs < dueBeforeMs) lane.abort('timeout');
      }
      for (let late = pool.takeExpired(dueBeforeMs); late !== null; late = pool.takeExpired(dueBeforeMs))
        this.settle(late, -1, null, 'timeout');
    }
  }

  private endArrivals(): void {
    if (this.phase !== 'sending') return;
    this.phase = 'finishing';
    this.options.pacer.cancel();
    if (this.open === 0) this.close();
  }

  private close(): void {
    if (this.phase === 'over') return;
    const { clock, pacer, observer } = this.options;
    if (observer?.onInterval !== undefined && this.phase !== 'warming')
      observer.onInterval(this.recorder.takeInterval(clock.now()));
    const report = this.recorder.report(this.options, this.endMs, this.interrupted);
    this.phase = 'over';
    pacer.cancel();
    for (const timer of [this.warm, this.sweep, this.interval, this.grace]) clock.cancel(timer);
    for (const pool of this.pools) pool.close();
    this.finish(report);
  }
}

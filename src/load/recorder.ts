// Counts how requests ended, for the whole run and for the current interval.

import { grpcStatusNames } from '../wire/index.ts';
import { LatencyHistogram } from './latency-histogram.ts';
import type { LoadInterval, LoadOptions, LoadReport, LoadResult } from './types.ts';

export class Recorder {
  sent = 0;
  bytesReceived = 0;
  private readonly latency = new LatencyHistogram();
  private readonly service = new LatencyHistogram();
  private readonly lateness = new LatencyHistogram();
  private readonly interval = new LatencyHistogram(2);
  private readonly statuses = new Map<number, number>();
  private readonly failures = new Map<string, number>();
  private readonly grpcStatuses = new Map<string, number>();
  private messages = 0;
  private due = 0;
  private waited = 0;
  private succeeded = 0;
  private failed = 0;
  private intervalSucceeded = 0;
  private intervalFailed = 0;
  private intervalStartMs: number;
  private readonly measureFromMs: number;
  private lastEndMs: number;

  /** `startMs`: when the warm-up begins; `measureFromMs`: when it ends. */
  constructor(startMs: number, measureFromMs: number) {
    this.intervalStartMs = startMs;
    this.measureFromMs = measureFromMs;
    this.lastEndMs = measureFromMs;
  }

  onDue(intendedMs: number, nowMs: number): void {
    if (intendedMs < this.measureFromMs) return;
    this.due += 1;
    this.lateness.record(nowMs - intendedMs);
  }

  /** Every connection was busy when a request was due. */
  onWait(intendedMs: number): void {
    if (intendedMs >= this.measureFromMs) this.waited += 1;
  }

  onResult(result: LoadResult, nowMs: number): void {
    const failed = result.failure !== '';
    if (failed) this.intervalFailed += 1;
    else {
      this.intervalSucceeded += 1;
      this.interval.record(result.latencyMs);
    }
    if (result.warmup) return;
    this.lastEndMs = Math.max(this.lastEndMs, nowMs);
    if (result.serviceMs >= 0) this.sent += 1;
    if (result.status > 0) count(this.statuses, result.status);
    this.messages += result.messages;
    if (result.request.call !== null) count(this.grpcStatuses, nameOf(result.grpcStatus));
    if (failed) {
      this.failed += 1;
      count(this.failures, result.failure);
      return;
    }
    this.succeeded += 1;
    this.latency.record(result.latencyMs);
    this.service.record(result.serviceMs);
  }

  takeInterval(nowMs: number): LoadInterval {
    const interval = {
      startMs: this.intervalStartMs - this.measureFromMs,
      endMs: nowMs - this.measureFromMs,
      succeeded: this.intervalSucceeded,
      failed: this.intervalFailed,
      latencyMs: this.interval.summarise(),
    };
    this.interval.reset();
    this.intervalSucceeded = 0;
    this.intervalFailed = 0;
    this.intervalStartMs = nowMs;
    return interval;
  }

  /**
   * `endMs`: when the arrivals ended. A rate is counted over the time that was asked for, not up to its last arrival.
   */
  report(options: LoadOptions, endMs: number, interrupted: boolean): LoadReport {
    const elapsedMs = Math.max(0, endMs - this.measureFromMs, this.lastEndMs - this.measureFromMs);
    return {
      version: 1,
      ratePerSecond: options.ratePerSecond,
      arrivals: options.arrivals,
      connections: options.connections,
      streams: options.streams,
      elapsedMs: Math.round(elapsedMs),
      interrupted,
      due: this.due,
      sent: this.sent,
      waited: this.waited,
      succeeded: this.succeeded,
      failed: this.failed,
      unfinished: this.due - this.succeeded - this.failed,
      failures: Object.fromEntries([...this.failures].sort()),
      statusClasses: classesOf(this.statuses),
      statuses: Object.fromEntries([...this.statuses].sort()),
      grpcStatuses: Object.fromEntries([...this.grpcStatuses].sort()),
      messagesReceived: this.messages,
      throughputPerSecond: elapsedMs > 0 ? Math.round((this.succeeded * 1e6) / elapsedMs) / 1000 : 0,
      bytesReceived: this.bytesReceived,
      latencyMs: this.latency.summarise(),
      serviceMs: this.service.summarise(),
      latenessMs: this.lateness.summarise(),
    };
  }
}

function nameOf(grpcStatus: number): string {
  return grpcStatus < 0 ? 'none' : (grpcStatusNames[grpcStatus] ?? `status ${grpcStatus}`);
}

function count<K>(counts: Map<K, number>, key: K): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

function classesOf(statuses: ReadonlyMap<number, number>): Record<string, number> {
  const classes = new Map<string, number>();
  for (const [status, times] of statuses) {
    const name = `${Math.floor(status / 100)}xx`;
    classes.set(name, (classes.get(name) ?? 0) + times);
  }
  return Object.fromEntries([...classes].sort());
}

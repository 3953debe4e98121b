// The access log: one JSON line a request, under the keys of Envoy's default JSON format. Lines are gathered and leave
// in one write; what the disk cannot take is dropped and counted, never waited for.

import { type Clock, Timer, type TimerHandler } from '../base/index.ts';
import { observeLimits } from './limits.ts';
import type { LogSink, LogSinkHandler } from './log-sink.ts';

/** One request. The exchange fills one reused object; the log reads it during the call only. */
export interface AccessEntry {
  /** Clock.wall() at the first byte of the head. */
  startWallMs: number;
  method: string;
  path: string;
  authority: string;
  /** `HTTP/1.1` and so on. */
  protocol: string;
  /** 0 when none was sent. */
  responseCode: number;
  /** Envoy's flags: `UO`, `UF`, `NR`, `NC`, `UT`, ...; '' for none. */
  responseFlags: string;
  /** Why the proxy itself answered; '' where it did not say. */
  responseCodeDetails: string;
  bytesReceived: number;
  bytesSent: number;
  durationMs: number;
  upstreamHost: string;
  upstreamCluster: string;
  routeName: string;
  requestId: string;
  traceId: string;
  userAgent: string;
  attempts: number;
  downstreamAddress: string;
  direction: string;
  /** Phase in which the proxy ended it (docs/ARCHITECTURE.md); '' when the application answered. */
  failedPhase: string;
}

export interface AccessLogOptions {
  readonly clock: Clock;
  readonly sink: LogSink;
  readonly flushMs?: number;
  readonly flushBytes?: number;
  readonly bytesMax?: number;
}

export class AccessLog implements TimerHandler, LogSinkHandler {
  /** Lines written, and lines lost because the buffer was full or the sink failed. */
  lines = 0;
  dropped = 0;
  private readonly clock: Clock;
  private readonly sink: LogSink;
  private readonly flushMs: number;
  private readonly flushBytes: number;
  private readonly bytesMax: number;
  private readonly timer = new Timer(this, 0);
  private readonly encoder = new TextEncoder();
  private readonly startTime = new WallText();
  private pending = '';
  private pendingLines = 0;
  private writing = false;
  private writingLines = 0;
  private readonly waiting: (() => void)[] = [];

  constructor(options: AccessLogOptions) {
    this.clock = options.clock;
    this.sink = options.sink;
    this.flushMs = options.flushMs ?? observeLimits.accessLogFlushMs;
    this.flushBytes = options.flushBytes ?? observeLimits.accessLogFlushBytes;
    this.bytesMax = options.bytesMax ?? observeLimits.accessLogBytesMax;
  }

  write(entry: AccessEntry): void {
    if (this.pending.length >= this.bytesMax) {
      this.dropped += 1;
      return;
    }
    this.pending += encodeEntry(entry, this.startTime.at(entry.startWallMs));
    this.pendingLines += 1;
    if (this.pending.length >= this.flushBytes) this.flush();
    else if (!this.timer.armed) this.clock.arm(this.timer, this.flushMs);
  }

  onTimer(): void {
    this.flush();
  }

  flush(): void {
    if (this.writing || this.pending === '') return;
    this.clock.cancel(this.timer);
    const bytes = this.encoder.encode(this.pending);
    this.writingLines = this.pendingLines;
    this.pending = '';
    this.pendingLines = 0;
    this.writing = true;
    this.sink.write(bytes, this);
  }

  onWritten(error: Error | null): void {
    this.writing = false;
    if (error === null) this.lines += this.writingLines;
    else this.dropped += this.writingLines;
    if (this.pending.length >= this.flushBytes || (this.waiting.length > 0 && this.pending !== ''))
      this.flush();
    else if (this.pending !== '' && !this.timer.armed) this.clock.arm(this.timer, this.flushMs);
    if (!this.writing) for (const settled of this.waiting.splice(0)) settled();
  }

  /** After a rotation: what is buffered goes to the new file. */
  reopen(): void {
    this.sink.reopen();
  }

  /** Resolves when all lines are out (or lost); then the sink is closed. */
  async close(): Promise<void> {
    this.flush();
    if (this.writing) await new Promise<void>((resolve) => this.waiting.push(resolve));
    this.clock.cancel(this.timer);
    this.sink.close();
  }
}

function encodeEntry(entry: AccessEntry, startTime: string): string {
  return `{"start_time":"${startTime}","direction":${quote(entry.direction)},"method":${quote(entry.method)},"path":${quote(entry.path)},"authority":${quote(entry.authority)},"protocol":${quote(entry.protocol)},"response_code":${entry.responseCode},"response_flags":${quote(entry.responseFlags === '' ? '-' : entry.responseFlags)},"response_code_details":${quote(entry.responseCodeDetails)},"bytes_received":${entry.bytesReceived},"bytes_sent":${entry.bytesSent},"duration":${Math.round(entry.durationMs * 1000) / 1000},"upstream_host":${quote(entry.upstreamHost)},"upstream_cluster":${quote(entry.upstreamCluster)},"route_name":${quote(entry.routeName)},"request_id":${quote(entry.requestId)},"trace_id":${quote(entry.traceId)},"user_agent":${quote(entry.userAgent)},"attempts":${entry.attempts},"downstream_remote_address":${quote(entry.downstreamAddress)},"failed_phase":${quote(entry.failedPhase)}}\n`;
}

/** A JSON string or null. Callers' values are cut: one line must not fill the buffer. */
function quote(value: string): string {
  if (value === '') return 'null';
  return JSON.stringify(
    value.length > observeLimits.logValueCharsMax ? value.slice(0, observeLimits.logValueCharsMax) : value,
  );
}

/** ISO time with the second's part kept: requests of one second differ in three digits only. */
class WallText {
  private second = -1;
  private prefix = '';

  at(wallMs: number): string {
    const second = Math.floor(wallMs / 1000);
    if (second !== this.second) {
      this.second = second;
      this.prefix = new Date(second * 1000).toISOString().slice(0, 20);
    }
    const ms = Math.floor(wallMs - second * 1000);
    return `${this.prefix}${ms < 10 ? '00' : ms < 100 ? '0' : ''}${ms}Z`;
  }
}

// A log file: lines are gathered and leave in one write; what the disk cannot take is dropped and counted, never waited
// for. What a line says is its writer's affair (format/).

import { type Clock, Timer, type TimerHandler } from '../base/index.ts';
import { observeLimits } from './limits.ts';
import type { LogSink, LogSinkHandler } from './log-sink.ts';

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

  /** `line` with its line feed, of bytes: one code unit each. */
  write(line: string): void {
    if (this.pending.length + line.length > this.bytesMax) {
      this.dropped += 1;
      return;
    }
    this.pending += line;
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
    const bytes = Buffer.from(this.pending, 'latin1');
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

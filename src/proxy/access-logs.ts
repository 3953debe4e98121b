// The access logs that listeners write to: one for each file and each service, however many share it.

import type { Issue } from '../base/index.ts';
import { AccessLog, type LogSink } from '../observe/index.ts';
import { type AccessLogger, LineLogger, type LogTarget } from './access-logger.ts';
import type { AccessLogConfig, LogServiceConfig } from './config/types.ts';
import type { ExchangeContext } from './exchange/index.ts';
import { EntryLogger, LogService } from './log-service/index.ts';

export class AccessLogs {
  private readonly context: ExchangeContext;
  private readonly createSink: (path: string) => LogSink;
  private readonly files = new Map<string, AccessLog>();
  private readonly services = new Map<string, LogService>();
  private droppedByClosed = 0;

  constructor(context: ExchangeContext, createSink: (path: string) => LogSink) {
    this.context = context;
    this.createSink = createSink;
  }

  /** Lines and entries lost, all logs together. */
  get dropped(): number {
    let dropped = this.droppedByClosed;
    for (const log of this.all()) dropped += log.dropped;
    return dropped;
  }

  get toServices(): boolean {
    return this.services.size > 0;
  }

  get paths(): readonly string[] {
    return [...this.files.keys()];
  }

  /** Null: nothing is logged. What cannot be opened is an issue of its own. */
  createLoggers(
    listener: string,
    configs: readonly AccessLogConfig[],
    issues: Issue[],
  ): readonly AccessLogger[] | null {
    const { random } = this.context;
    const loggers = configs.flatMap((config): readonly AccessLogger[] => {
      const { filter } = config;
      if (config.kind === 'service')
        return [new EntryLogger(this.service(config.service), config.service, filter, random)];
      const log = this.open(listener, config.path, issues);
      return log === null ? [] : [new LineLogger(log, config.format, filter, random)];
    });
    return loggers.length === 0 ? null : loggers;
  }

  /** A log that nobody writes to any more gives its descriptor back. */
  closeUnused(used: ReadonlySet<LogTarget>): void {
    for (const logs of [this.files, this.services] as Map<string, LogTarget>[])
      for (const [key, log] of logs) {
        if (used.has(log)) continue;
        logs.delete(key);
        void log.close().then(() => {
          this.droppedByClosed += log.dropped;
        });
      }
  }

  reopen(): void {
    for (const log of this.all()) log.reopen();
  }

  /** Entries for services, while their clusters are still there. */
  async closeServices(): Promise<void> {
    await Promise.all([...this.services.values()].map((log) => log.close()));
  }

  async closeFiles(): Promise<void> {
    await Promise.all([...this.files.values()].map((log) => log.close()));
  }

  private *all(): Iterable<LogTarget> {
    yield* this.files.values();
    yield* this.services.values();
  }

  private service(config: LogServiceConfig): LogService {
    const key = JSON.stringify(config);
    let service = this.services.get(key);
    if (service === undefined) {
      service = new LogService(this.context, config);
      this.services.set(key, service);
    }
    return service;
  }

  private open(listener: string, path: string, issues: Issue[]): AccessLog | null {
    const existing = this.files.get(path);
    if (existing !== undefined) return existing;
    try {
      const log = new AccessLog({ clock: this.context.clock, sink: this.createSink(path) });
      this.files.set(path, log);
      return log;
    } catch (error) {
      const rule = `cannot be opened: ${error instanceof Error ? error.message : String(error)}`;
      issues.push({ object: listener, field: 'access_log', rule, value: path });
      return null;
    }
  }
}

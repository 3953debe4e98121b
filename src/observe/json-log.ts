// The process log: one JSON object a line, with constant messages and the varying part in fields, so that it can be
// searched as data.

import type { Log, LogFields, LogLevel } from '../base/index.ts';

export interface LineSink {
  /** Takes one line, with its line feed. */
  write(line: string): void;
}

/** The least that is written; `off`: nothing is. */
export type LogThreshold = LogLevel | 'off';

/** A log whose level can be changed while it runs (admin: POST /logging?level=debug). */
export interface LeveledLog extends Log {
  level: LogThreshold;
}

export const logLevels: readonly LogThreshold[] = ['debug', 'info', 'warn', 'error', 'off'];

export function isLogLevel(text: string): text is LogThreshold {
  return (logLevels as readonly string[]).includes(text);
}

/** `wallMs` gives the time of a line; simulations pass their clock's. */
export function createJsonLog(
  level: LogThreshold,
  sink: LineSink,
  wallMs: () => number = Date.now,
): LeveledLog {
  return new JsonLog(level, sink, wallMs);
}

class JsonLog implements LeveledLog {
  debugEnabled = false;
  private current: LogThreshold = 'info';
  private rank = 1;
  private readonly sink: LineSink;
  private readonly wallMs: () => number;

  constructor(level: LogThreshold, sink: LineSink, wallMs: () => number) {
    this.sink = sink;
    this.wallMs = wallMs;
    this.level = level;
  }

  get level(): LogThreshold {
    return this.current;
  }

  set level(level: LogThreshold) {
    this.current = level;
    this.rank = logLevels.indexOf(level);
    this.debugEnabled = level === 'debug';
  }

  write(level: LogLevel, message: string, fields?: LogFields): void {
    if (logLevels.indexOf(level) < this.rank) return;
    const line = { time: new Date(this.wallMs()).toISOString(), level, message, ...fields };
    this.sink.write(`${JSON.stringify(line)}\n`);
  }
}

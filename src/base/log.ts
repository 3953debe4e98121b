// The logging seam. Messages are constant words; what varies goes into fields, so that a log line is data.

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';
export type LogFields = Readonly<Record<string, string | number | boolean | null>>;

export interface Log {
  /** Test this before building fields for `debug`. */
  readonly debugEnabled: boolean;
  write(level: LogLevel, message: string, fields?: LogFields): void;
}

/** Swallows everything; for tests and for embedding. */
export const silentLog: Log = { debugEnabled: false, write() {} };

// One access log of a listener: which requests it takes, what it says of them, and where to, which it may share with
// others.

import type { Random } from '../base/index.ts';
import type { AccessLog, Format, FormatSource, LogFilter } from '../observe/index.ts';

/** What keeps what loggers say until it is out. */
export interface LogTarget {
  /** Entries lost. */
  readonly dropped: number;
  /** After a rotation. */
  reopen(): void;
  /** Resolves when all is out, or lost. */
  close(): Promise<void>;
}

export abstract class AccessLogger {
  abstract readonly log: LogTarget;
  private readonly filter: LogFilter | null;
  private readonly random: Random;

  /** `filter` null: every request is taken. */
  constructor(filter: LogFilter | null, random: Random) {
    this.filter = filter;
    this.random = random;
  }

  write(source: FormatSource): void {
    if (this.filter === null || this.filter.admits(source, this.random)) this.take(source);
  }

  protected abstract take(source: FormatSource): void;
}

export class LineLogger extends AccessLogger {
  readonly log: AccessLog;
  private readonly format: Format;

  constructor(log: AccessLog, format: Format, filter: LogFilter | null, random: Random) {
    super(filter, random);
    this.log = log;
    this.format = format;
  }

  protected override take(source: FormatSource): void {
    this.log.write(this.format.format(source));
  }
}

export function writeLogs(loggers: readonly AccessLogger[], source: FormatSource): void {
  for (let index = 0; index < loggers.length; index++) loggers[index]!.write(source);
}

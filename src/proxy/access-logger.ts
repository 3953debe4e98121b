// One access log of a listener: which requests it takes, what it says of them, and the file that it shares with others.

import type { Random } from '../base/index.ts';
import type { AccessLog, Format, FormatSource, LogFilter } from '../observe/index.ts';

export class AccessLogger {
  readonly log: AccessLog;
  private readonly format: Format;
  private readonly filter: LogFilter | null;
  private readonly random: Random;

  constructor(log: AccessLog, format: Format, filter: LogFilter | null, random: Random) {
    this.log = log;
    this.format = format;
    this.filter = filter;
    this.random = random;
  }

  write(source: FormatSource): void {
    if (this.filter === null || this.filter.admits(source, this.random))
      this.log.write(this.format.format(source));
  }
}

export function writeLogs(loggers: readonly AccessLogger[], source: FormatSource): void {
  for (let index = 0; index < loggers.length; index++) loggers[index]!.write(source);
}

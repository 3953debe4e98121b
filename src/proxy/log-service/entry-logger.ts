// An access log whose entries go to a service of gRPC (envoy.access_loggers.http_grpc and tcp_grpc).

import type { Random } from '../../base/index.ts';
import type { FormatSource, LogFilter } from '../../observe/index.ts';
import { AccessLogger } from '../access-logger.ts';
import type { LogServiceConfig } from '../config/types.ts';
import { encodeEntry } from './encode-entry.ts';
import type { LogService } from './log-service.ts';

export class EntryLogger extends AccessLogger {
  readonly log: LogService;
  private readonly config: LogServiceConfig;

  constructor(log: LogService, config: LogServiceConfig, filter: LogFilter | null, random: Random) {
    super(filter, random);
    this.log = log;
    this.config = config;
  }

  protected override take(source: FormatSource): void {
    this.log.add(encodeEntry(source, this.config));
  }
}

// Access logs: lines for files, and entries for services of gRPC.

import type { Format, LogFilter } from '../../observe/index.ts';
import type { SpanTag } from '../../policy/index.ts';
import type { GrpcTargetConfig } from './filter-types.ts';

/** `filter` null: every request has a line. `path`: of a file, or `/dev/stdout`, `/dev/stderr`. */
export type AccessLogConfig =
  | {
      readonly kind: 'file';
      readonly path: string;
      readonly format: Format;
      readonly filter: LogFilter | null;
    }
  | { readonly kind: 'service'; readonly service: LogServiceConfig; readonly filter: LogFilter | null };

/** Lines beside the one at the end. */
export interface AccessLogOptions {
  readonly atStart: boolean;
  /** When a tunnel opens. */
  readonly atTunnel: boolean;
  /** So often while it runs; 0: never. */
  readonly intervalMs: number;
}

export interface LogServiceConfig {
  /** What entries tell of: requests, or connections. */
  readonly of: 'http' | 'tcp';
  /** By which the service tells this log from others. */
  readonly logName: string;
  readonly target: GrpcTargetConfig;
  /** What waits longer, or is more than this, is handed over. */
  readonly flushMs: number;
  readonly bufferBytes: number;
  readonly tags: readonly SpanTag[];
  /** Told besides; names in lower case. */
  readonly requestHeaders: readonly string[];
  readonly responseHeaders: readonly string[];
  readonly responseTrailers: readonly string[];
}

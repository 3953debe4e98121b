// Access logs that go to a service of gRPC.

import type { SpanTag } from '../../policy/index.ts';
import type { GrpcTargetConfig } from './filter-types.ts';

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

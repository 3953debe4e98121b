// Which requests of a listener are traced, what their spans say, and who collects them.

import type { SpanTag } from '../../policy/index.ts';
import type { GrpcTargetConfig } from './filter-types.ts';

export interface TracingConfig {
  /** Requests go out through here: their spans are a client's. */
  readonly egress: boolean;
  /** Shares of 0 to 1: of requests that ask for it, of others, of all that either chose. */
  readonly clientShare: number;
  readonly randomShare: number;
  readonly overallShare: number;
  /** The decision stands in x-request-id for the next proxy. */
  readonly packsReason: boolean;
  /** x-request-id decides; false: every request is traced. */
  readonly drawsById: boolean;
  readonly pathCharsMax: number;
  readonly tags: readonly SpanTag[];
  readonly provider: OtlpConfig | ZipkinConfig;
}

export interface OtlpConfig {
  readonly kind: 'otlp';
  readonly serviceName: string;
  readonly collector:
    | { readonly kind: 'grpc'; readonly target: GrpcTargetConfig }
    | {
        readonly kind: 'http';
        readonly cluster: string;
        readonly authority: string;
        readonly path: string;
        readonly timeoutMs: number;
      };
}

export interface ZipkinConfig {
  readonly kind: 'zipkin';
  readonly cluster: string;
  readonly path: string;
  readonly authority: string;
  readonly longIds: boolean;
  /** Both sides of a hop tell of one span. */
  readonly sharesSpans: boolean;
}

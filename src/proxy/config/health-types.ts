// Active health checks as the data path runs them: Envoy's core.v3.HealthCheck, translated.

import type { HeaderStep, HealthTiming, Labels, StringMatch } from '../../policy/index.ts';
import type { UpstreamTlsConfig } from './tls-types.ts';

export interface ActiveHealthConfig {
  readonly timing: HealthTiming;
  readonly probe: ProbeConfig;
  /** The connection of a check serves the next one. */
  readonly reuseConnection: boolean;
  /** Of endpoints that have the cluster's own transport; null: checks of those are plain. */
  readonly tls: UpstreamTlsConfig | null;
  /** Labels that choose the transport of checks, instead of an endpoint's own; null: those. */
  readonly transportLabels: Labels | null;
  /** A file that each change is written to, as a line of JSON; '': none. */
  readonly eventLog: string;
  /** Every failed check is written, every passed one. */
  readonly logFailures: boolean;
  readonly logSuccesses: boolean;
  /** An endpoint that has not been checked yet does not count among those of which a share must be healthy. */
  readonly excludeNew: boolean;
  /** One that left the configuration stays while its checks pass. */
  readonly keepRemoved: boolean;
}

export type ProbeConfig = HttpProbeConfig | TcpProbeConfig | GrpcProbeConfig;

type Fields = readonly Pick<HeaderStep, 'kind' | 'name' | 'value'>[];

/** From the first to the last but one, as Envoy's Int64Range. */
export type StatusRange = readonly [start: number, end: number];

export interface HttpProbeConfig {
  readonly kind: 'http';
  readonly http2: boolean;
  readonly method: string;
  readonly path: string;
  /** '': the name of the cluster. */
  readonly host: string;
  readonly fields: Fields;
  /** Names of fields that are left out, lower case. */
  readonly removed: readonly string[];
  readonly expected: readonly StatusRange[];
  readonly retriable: readonly StatusRange[];
  /** What the body must hold, in latin1; empty: it is not looked at. */
  readonly receive: readonly string[];
  readonly bodyBytesMax: number;
  /** Of the service that says to have answered; null: any. */
  readonly serviceName: StringMatch | null;
}

export interface TcpProbeConfig {
  readonly kind: 'tcp';
  /** The version of the PROXY header that its connections begin with; null: none. */
  readonly proxyHeader: 1 | 2 | null;
  readonly send: Uint8Array;
  /** In latin1; empty: a connection is enough. */
  readonly receive: readonly string[];
}

export interface GrpcProbeConfig {
  readonly kind: 'grpc';
  readonly service: string;
  readonly host: string;
  readonly fields: Fields;
}

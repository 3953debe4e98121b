// Where clusters come from that are asked for when a request needs one.

import type { OnDemandConfig } from '../filter-types.ts';
import {
  type configSource,
  type Faults,
  join,
  type MessageOf,
  type onDemand,
  type tcpOnDemand,
} from '../schema/index.ts';
import type { OnDemandClusters, ResourceSource } from '../source-types.ts';
import { translateConfigSource } from './config-source.ts';

/** Envoy's. */
const defaultTimeoutMs = { request: 5_000, connection: 60_000 } as const;

export function translateOnDemand(
  { odcds }: MessageOf<typeof onDemand>,
  path: string,
  faults: Faults,
): OnDemandConfig {
  if (odcds === undefined) return { kind: 'on-demand', clusters: null };
  const source = translateIncremental(odcds.source, join(path, 'odcds.source'), faults);
  return { kind: 'on-demand', clusters: { source, timeoutMs: odcds.timeout ?? defaultTimeoutMs.request } };
}

/** Of connections; null: none waits. */
export function translateTcpOnDemand(
  { odcds_config: config, timeout }: MessageOf<typeof tcpOnDemand>,
  path: string,
  faults: Faults,
): OnDemandClusters | null {
  if (config === undefined) return null;
  const source = translateIncremental(config, join(path, 'odcds_config'), faults);
  return { source, timeoutMs: timeout ?? defaultTimeoutMs.connection };
}

/** A response that says all there is cannot say that one name is not there. */
function translateIncremental(
  message: MessageOf<typeof configSource> | undefined,
  path: string,
  faults: Faults,
): ResourceSource {
  const source = translateConfigSource(message, path, faults);
  if (source.kind === 'file' && source.path !== '')
    faults.add(path, 'must be ads or api_config_source: a file cannot be asked for a name');
  if (source.kind === 'grpc' && source.stream.variant !== 'delta')
    faults.add(join(path, 'api_config_source.api_type'), 'must be DELTA_GRPC, to ask for clusters by name');
  return source;
}

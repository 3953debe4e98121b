// A service of gRPC that a filter calls through one of the proxy's clusters.

import type { GrpcTargetConfig } from '../filter-types.ts';
import { type Faults, type filterGrpcService, join, type MessageOf } from '../schema/index.ts';
import { translateMetadata } from './config-source.ts';

export function translateGrpcService(
  service: MessageOf<typeof filterGrpcService>,
  timeoutMs: number,
  path: string,
  faults: Faults,
): GrpcTargetConfig {
  const { envoy_grpc: target } = service;
  if (target === undefined) faults.add(join(path, 'envoy_grpc'), 'must be set');
  const cluster = target?.cluster_name ?? '';
  return {
    cluster,
    authority: target?.authority || cluster,
    timeoutMs: service.timeout ?? timeoutMs,
    metadata: translateMetadata(service.initial_metadata, join(path, 'initial_metadata'), faults),
  };
}

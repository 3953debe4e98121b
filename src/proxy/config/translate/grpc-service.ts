// A service of gRPC that a filter calls through one of the proxy's clusters.

import { editedHeaderFault } from '../../../policy/index.ts';
import type { GrpcTargetConfig } from '../filter-types.ts';
import { type Faults, type filterGrpcService, join, type MessageOf } from '../schema/index.ts';
import { checkFieldValue } from './message-text.ts';

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
    metadata: service.initial_metadata.map(({ key = '', value = '' }, index) => {
      const at = join(path, `initial_metadata[${index}]`);
      const rule = editedHeaderFault(key);
      if (rule !== null) faults.add(join(at, 'key'), rule, key);
      checkFieldValue(value, join(at, 'value'), faults);
      if (value.includes('%')) faults.add(join(at, 'value'), 'must not hold a command', value);
      return [key.toLowerCase(), value];
    }),
  };
}

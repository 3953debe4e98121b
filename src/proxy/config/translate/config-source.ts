// Where a resource is to come from.

import { editedHeaderFault } from '../../../policy/index.ts';
import {
  type apiConfigSource,
  type configSource,
  type Faults,
  type filterGrpcService,
  type grpcService,
  join,
  type MessageOf,
} from '../schema/index.ts';
import type { ResourceSource, StreamConfig, StreamService } from '../source-types.ts';
import { checkFieldValue } from './message-text.ts';

/** What is no source is a fault, and counts as a file without a name. */
export function translateConfigSource(
  message: MessageOf<typeof configSource> | undefined,
  path: string,
  faults: Faults,
): ResourceSource {
  const file = message?.path_config_source?.path ?? message?.path;
  if (file !== undefined) {
    if (file.endsWith('.pb_text'))
      faults.add(join(path, 'path_config_source.path'), 'must be JSON, YAML or .pb', file);
    return { kind: 'file', path: file };
  }
  if (message?.api_config_source !== undefined) {
    const stream = translateStream(message.api_config_source, join(path, 'api_config_source'), faults);
    return { kind: 'grpc', stream };
  }
  if (message?.ads !== undefined) return { kind: 'ads' };
  faults.add(path, 'one of ads, api_config_source, path_config_source must be set');
  return { kind: 'file', path: '' };
}

export function translateStream(
  message: MessageOf<typeof apiConfigSource>,
  path: string,
  faults: Faults,
): StreamConfig {
  const { api_type, transport_api_version, grpc_services } = message;
  if (api_type === undefined) faults.add(join(path, 'api_type'), 'must be GRPC or DELTA_GRPC');
  if (transport_api_version !== 'V3')
    faults.add(join(path, 'transport_api_version'), 'must be V3', transport_api_version ?? 'AUTO');
  if (grpc_services.length < 1 || grpc_services.length > 2)
    faults.add(join(path, 'grpc_services'), 'must be one or two', String(grpc_services.length));
  return {
    variant: api_type === 'DELTA_GRPC' ? 'delta' : 'sotw',
    services: grpc_services.map((service, index) =>
      translateService(service, join(path, `grpc_services[${index}]`), faults),
    ),
  };
}

function translateService(
  service: MessageOf<typeof grpcService>,
  path: string,
  faults: Faults,
): StreamService {
  const { envoy_grpc: target } = service;
  if (target === undefined) faults.add(join(path, 'envoy_grpc'), 'must be set');
  return {
    cluster: target?.cluster_name ?? '',
    authority: target?.authority ?? '',
    metadata: translateMetadata(service.initial_metadata, join(path, 'initial_metadata'), faults),
  };
}

/** What is sent with a call. */
export function translateMetadata(
  pairs: MessageOf<typeof filterGrpcService>['initial_metadata'],
  path: string,
  faults: Faults,
): readonly (readonly [name: string, value: string])[] {
  return pairs.map(({ key = '', value = '' }, index) => {
    const at = `${path}[${index}]`;
    const rule = editedHeaderFault(key);
    if (rule !== null) faults.add(join(at, 'key'), rule, key);
    checkFieldValue(value, join(at, 'value'), faults);
    if (value.includes('%')) faults.add(join(at, 'value'), 'must not hold a command', value);
    return [key.toLowerCase(), value];
  });
}

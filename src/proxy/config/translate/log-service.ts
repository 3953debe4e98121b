// Access logs to a service of gRPC, of HTTP and of TCP.

import type { LogServiceConfig } from '../log-types.ts';
import {
  type AnyValue,
  type Faults,
  httpLogService,
  join,
  type MessageOf,
  tcpLogService,
  unpack,
} from '../schema/index.ts';
import { translateGrpcService } from './grpc-service.ts';
import { translateTags } from './tracing.ts';

type Common = MessageOf<typeof tcpLogService>['common_config'];

/** Null: it is of another kind. */
export function translateLogService(any: AnyValue, path: string, faults: Faults): LogServiceConfig | null {
  const http = unpack(any, httpLogService);
  const tcp = unpack(any, tcpLogService);
  if (http === null && tcp === null) return null;
  const lower = (names: readonly string[] = []) => names.map((name) => name.toLowerCase());
  return {
    of: http === null ? 'tcp' : 'http',
    ...translateCommon(http?.common_config ?? tcp?.common_config, join(path, 'common_config'), faults),
    requestHeaders: lower(http?.additional_request_headers_to_log),
    responseHeaders: lower(http?.additional_response_headers_to_log),
    responseTrailers: lower(http?.additional_response_trailers_to_log),
  };
}

function translateCommon(common: Common, path: string, faults: Faults) {
  const at = join(path, 'grpc_service');
  if (common === undefined) faults.add(path, 'must be set');
  else if (common.grpc_service === undefined) faults.add(at, 'must be set');
  const service = common?.grpc_service;
  return {
    logName: common?.log_name ?? '',
    target:
      service === undefined
        ? { cluster: '', authority: '', timeoutMs: callMs, metadata: [] }
        : translateGrpcService(service, callMs, at, faults),
    flushMs: common?.buffer_flush_interval ?? 1_000,
    bufferBytes: common?.buffer_size_bytes ?? 16_384,
    tags: translateTags(common?.custom_tags ?? [], join(path, 'custom_tags'), faults),
  };
}

/** How long a service has to take a batch where nothing is said. */
const callMs = 10_000;

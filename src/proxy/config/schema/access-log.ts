// Tables: access logs, their formats and their filters.

import { responseFlagNames } from '../../../observe/index.ts';
import { dataSource, filterGrpcService, fractionalPercent, stringMatcher } from './core.ts';
import { customTag } from './custom-tag.ts';
import { type Decoded, f, forPeople, type MessageSpec, message, only, positive, required } from './field.ts';
import { headerMatcher } from './header-matcher.ts';

export const formatString = message(
  'envoy.config.core.v3.SubstitutionFormatString',
  {
    text_format: f.string(1, 'deprecated in Envoy'),
    json_format: f.struct(2),
    omit_empty_values: f.bool(3),
    content_type: f.string(4, 'of a local reply’s body'),
    text_format_source: f.message(5, dataSource),
  },
  [['text_format', 'json_format', 'text_format_source']],
);

export const fileAccessLog = message(
  'envoy.extensions.access_loggers.file.v3.FileAccessLog',
  {
    path: f.string(1, 'a file, /dev/stdout or /dev/stderr', required),
    format: f.string(2, 'deprecated in Envoy'),
    json_format: f.struct(3, 'deprecated in Envoy'),
    typed_json_format: f.struct(4, 'deprecated in Envoy'),
    log_format: f.message(5, formatString, 'default Envoy’s'),
  },
  [['format', 'json_format', 'typed_json_format', 'log_format']],
);

const stream = { log_format: f.message(1, formatString, 'default Envoy’s') };
export const stdoutAccessLog = message('envoy.extensions.access_loggers.stream.v3.StdoutAccessLog', stream);
export const stderrAccessLog = message('envoy.extensions.access_loggers.stream.v3.StderrAccessLog', stream);

const runtimeUint32 = message('envoy.config.core.v3.RuntimeUInt32', {
  default_value: f.uint32(2),
  runtime_key: f.string(3, 'no runtime changes the value', required),
});

const comparison = message('envoy.config.accesslog.v3.ComparisonFilter', {
  op: f.enum(1, { EQ: 0, GE: 1, LE: 2, NE: 3 }),
  value: f.message(2, runtimeUint32),
});

const runtimeFilter = message('envoy.config.accesslog.v3.RuntimeFilter', {
  runtime_key: f.string(1, 'no runtime changes the share', required),
  percent_sampled: f.message(2, fractionalPercent, 'default 0'),
  use_independent_randomness: f.bool(3),
});

const grpcStatuses = {
  OK: 0,
  CANCELED: 1,
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  OUT_OF_RANGE: 11,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  DATA_LOSS: 15,
  UNAUTHENTICATED: 16,
} as const;

export function grpcStatusNumber(name: string): number {
  return (grpcStatuses as Readonly<Record<string, number>>)[name] ?? -1;
}

const doubleRange = message('envoy.type.v3.DoubleRange', { start: f.double(1), end: f.double(2) });

const valueMatcher = message(
  'envoy.type.matcher.v3.ValueMatcher',
  {
    null_match: f.message(1, message('envoy.type.matcher.v3.ValueMatcher.NullMatch', {})),
    double_match: f.message(
      2,
      message(
        'envoy.type.matcher.v3.DoubleMatcher',
        { range: f.message(1, doubleRange), exact: f.double(2) },
        [['range', 'exact']],
      ),
    ),
    string_match: f.message(3, stringMatcher),
    bool_match: f.bool(4),
    present_match: f.bool(5, 'true', only(true)),
  },
  [['null_match', 'double_match', 'string_match', 'bool_match', 'present_match']],
);

const metadataMatcher = message('envoy.type.matcher.v3.MetadataMatcher', {
  filter: f.string(1, 'a namespace of dynamic metadata', required),
  path: f.repeated(
    f.message(
      2,
      message('envoy.type.matcher.v3.MetadataMatcher.PathSegment', { key: f.string(1, '', required) }),
    ),
  ),
  value: f.message(3, valueMatcher),
  invert: f.bool(4),
});

const logTypes = {
  NotSet: 0,
  TcpUpstreamConnected: 1,
  TcpPeriodic: 2,
  TcpConnectionEnd: 3,
  DownstreamStart: 4,
  DownstreamPeriodic: 5,
  DownstreamEnd: 6,
  UpstreamPoolReady: 7,
  UpstreamPeriodic: 8,
  UpstreamEnd: 9,
  DownstreamTunnelSuccessfullyEstablished: 10,
  UdpTunnelUpstreamConnected: 11,
  UdpPeriodic: 12,
  UdpSessionEnd: 13,
} as const;

const leafFilters = {
  status_code_filter: f.message(
    1,
    message('envoy.config.accesslog.v3.StatusCodeFilter', { comparison: f.message(1, comparison) }),
  ),
  duration_filter: f.message(
    2,
    message('envoy.config.accesslog.v3.DurationFilter', { comparison: f.message(1, comparison) }),
  ),
  not_health_check_filter: f.message(3, message('envoy.config.accesslog.v3.NotHealthCheckFilter', {})),
  traceable_filter: f.message(
    4,
    message('envoy.config.accesslog.v3.TraceableFilter', {}),
    'takes those whose span is collected',
  ),
  runtime_filter: f.message(5, runtimeFilter),
  header_filter: f.message(
    8,
    message('envoy.config.accesslog.v3.HeaderFilter', { header: f.message(1, headerMatcher) }),
  ),
  response_flag_filter: f.message(
    9,
    message('envoy.config.accesslog.v3.ResponseFlagFilter', {
      flags: f.repeated(f.string(1, 'Envoy’s short names', only(...responseFlagNames))),
    }),
  ),
  grpc_status_filter: f.message(
    10,
    message('envoy.config.accesslog.v3.GrpcStatusFilter', {
      statuses: f.repeated(f.enum(1, grpcStatuses)),
      exclude: f.bool(2),
    }),
  ),
  metadata_filter: f.message(
    12,
    message('envoy.config.accesslog.v3.MetadataFilter', {
      matcher: f.message(1, metadataMatcher),
      match_if_key_not_found: f.boolValue(2),
    }),
  ),
  log_type_filter: f.message(
    13,
    message('envoy.config.accesslog.v3.LogTypeFilter', {
      types: f.repeated(f.enum(1, logTypes)),
      exclude: f.bool(2),
    }),
  ),
};

const filterName = 'envoy.config.accesslog.v3.AccessLogFilter';

type Leaf = Decoded<typeof leafFilters>;

export interface LogFilterMessage extends Leaf {
  readonly and_filter?: { readonly filters: readonly LogFilterMessage[] } | undefined;
  readonly or_filter?: { readonly filters: readonly LogFilterMessage[] } | undefined;
}

type FilterSpec = MessageSpec<LogFilterMessage>;

function createTree(inner: FilterSpec): FilterSpec {
  const list = (name: string, number: number) =>
    message(`envoy.config.accesslog.v3.${name}`, { filters: f.repeated(f.message(number, inner)) });
  const fields = {
    ...leafFilters,
    and_filter: f.message(6, list('AndFilter', 1), 'at least two; four deep at most'),
    or_filter: f.message(7, list('OrFilter', 2), 'at least two; four deep at most'),
  };
  return message(filterName, fields, [names(fields)]);
}

function names<F extends object>(fields: F): (keyof F & string)[] {
  return Object.keys(fields) as (keyof F & string)[];
}

/** Filters of filters: as deep as anybody writes them, and no deeper. */
export const accessLogFilter = [1, 2, 3, 4].reduce<FilterSpec>(
  createTree,
  message(filterName, leafFilters, [names(leafFilters)]),
);

const services = 'envoy.extensions.access_loggers.grpc.v3';

const commonLogService = message(`${services}.CommonGrpcAccessLogConfig`, {
  log_name: f.string(1, '', required),
  grpc_service: f.message(2, filterGrpcService),
  transport_api_version: f.enum(6, { AUTO: 0, V2: 1, V3: 2 }, 'V3 in any case', only('AUTO', 'V3')),
  buffer_flush_interval: f.duration(3, 'default 1s', positive),
  buffer_size_bytes: f.uint32Value(4, 'default 16384; each batch is a stream of one message'),
  custom_tags: f.repeated(f.message(8, customTag)),
});

export const httpLogService = message(`${services}.HttpGrpcAccessLogConfig`, {
  common_config: f.message(1, commonLogService),
  additional_request_headers_to_log: f.repeated(f.string(2)),
  additional_response_headers_to_log: f.repeated(f.string(3)),
  additional_response_trailers_to_log: f.repeated(f.string(4)),
});

export const tcpLogService = message(`${services}.TcpGrpcAccessLogConfig`, {
  common_config: f.message(1, commonLogService),
});

export const accessLog = message('envoy.config.accesslog.v3.AccessLog', {
  name: f.string(1, forPeople),
  filter: f.message(2, accessLogFilter),
  typed_config: f.any(4, [fileAccessLog, stdoutAccessLog, stderrAccessLog, httpLogService, tcpLogService]),
});

const flush = (value: number) => (value >= 1 ? null : 'must be at least 1ms');

const managers = 'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager';
export const httpLogOptions = message(`${managers}.HcmAccessLogOptions`, {
  access_log_flush_interval: f.duration(1, 'a line for requests that still run, so often', flush),
  flush_access_log_on_new_request: f.bool(2),
  flush_log_on_tunnel_successfully_established: f.bool(3),
});

export const tcpLogOptions = message(
  'envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy.TcpAccessLogOptions',
  {
    access_log_flush_interval: f.duration(1, 'a line for connections that still live, so often', flush),
    flush_access_log_on_connected: f.bool(2),
  },
);

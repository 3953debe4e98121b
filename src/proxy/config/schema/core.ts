// Tables: envoy.config.core.v3 and envoy.type: what the other messages are made of.

import { re2Size } from '../../../policy/index.ts';
import { checkCustomSettings, customSetting } from './custom-settings.ts';
import {
  atMost,
  f,
  forPeople,
  type MessageOf,
  message,
  notEmpty,
  only,
  positive,
  type Rule,
  required,
} from './field.ts';

export const socketAddress = message(
  'envoy.config.core.v3.SocketAddress',
  {
    protocol: f.enum(1, { TCP: 0, UDP: 1 }, 'TCP', only('TCP')),
    address: f.string(2, 'an IP literal; in DNS clusters a name', required),
    port_value: f.uint32(3, '', atMost(65_535)),
    ipv4_compat: f.bool(6, 'of a listener on `::`: IPv4 too'),
  },
  [],
);

export const pipe = message('envoy.config.core.v3.Pipe', {
  path: f.string(1, 'one that begins with @ is abstract', required),
  mode: f.uint32(2, 'of a listener’s file', atMost(0o777)),
});

export const socketOption = message(
  'envoy.config.core.v3.SocketOption',
  {
    description: f.string(1, 'for people'),
    level: f.int32(2),
    name: f.int32(3),
    int_value: f.int32(4),
    buf_value: f.bytes(5),
    state: f.enum(6, { STATE_PREBIND: 0, STATE_BOUND: 1, STATE_LISTENING: 2 }),
  },
  [['int_value', 'buf_value']],
);

export const socketOptions = message('envoy.config.core.v3.SocketOptionsOverride', {
  socket_options: f.repeated(f.message(1, socketOption)),
});

export const address = message(
  'envoy.config.core.v3.Address',
  { socket_address: f.message(1, socketAddress), pipe: f.message(2, pipe) },
  [['socket_address', 'pipe']],
);

export const passThroughTlvs = message('envoy.config.core.v3.ProxyProtocolPassThroughTLVs', {
  match_type: f.enum(1, { INCLUDE_ALL: 0, INCLUDE: 1 }),
  tlv_type: f.repeated(f.uint32(2, '', atMost(255))),
});

export const proxyProtocolConfig = message('envoy.config.core.v3.ProxyProtocolConfig', {
  version: f.enum(1, { V1: 0, V2: 1 }),
  pass_through_tlvs: f.message(2, passThroughTlvs, 'what the listener filter lets through'),
});

/** A prefix of 0 is what a missing one means, too. */
export const cidrRange = message('envoy.config.core.v3.CidrRange', {
  address_prefix: f.string(1, 'an IP literal', required),
  prefix_len: f.uint32Value(2, 'default 0', atMost(128)),
});

export const locality = message('envoy.config.core.v3.Locality', {
  region: f.string(1),
  zone: f.string(2),
  sub_zone: f.string(3),
});

export const metadata = message('envoy.config.core.v3.Metadata', {
  filter_metadata: f.map(f.struct(1, 'key weft.dev is read (docs/xds.md); nothing here reads another')),
  typed_filter_metadata: f.map(f.any(2, [], 'nothing here reads it', true)),
});

export const node = message('envoy.config.core.v3.Node', {
  id: f.string(1),
  cluster: f.string(2),
  metadata: f.struct(3),
  locality: f.message(4, locality),
  user_agent_name: f.string(6, 'sent as Weft’s own'),
  client_features: f.repeated(f.string(10)),
});

const emptySource = (name: string) => message(`envoy.config.core.v3.${name}`, {});
export const aggregatedSource = emptySource('AggregatedConfigSource');

const pathConfigSource = message('envoy.config.core.v3.PathConfigSource', {
  path: f.string(1, 'JSON or YAML; .pb: binary', required),
  watched_directory: f.ignored(2, 'the folder of the file is watched in any case'),
});

const headerPair = message('envoy.config.core.v3.HeaderValue', {
  key: f.string(1, '', required),
  value: f.string(2, 'printable ASCII, without commands'),
});

export const envoyGrpc = message('envoy.config.core.v3.GrpcService.EnvoyGrpc', {
  cluster_name: f.string(1, 'a static cluster', required),
  authority: f.string(2, 'default the server’s address'),
});

export const grpcService = message('envoy.config.core.v3.GrpcService', {
  envoy_grpc: f.message(1, envoyGrpc),
  timeout: f.ignored(3, 'a stream of discovery has none, in Envoy too'),
  initial_metadata: f.repeated(f.message(5, headerPair)),
});

export const apiConfigSource = message('envoy.config.core.v3.ApiConfigSource', {
  api_type: f.enum(
    1,
    { REST: 1, GRPC: 2, DELTA_GRPC: 3, AGGREGATED_GRPC: 5, AGGREGATED_DELTA_GRPC: 6 },
    'GRPC or DELTA_GRPC',
    only('GRPC', 'DELTA_GRPC'),
  ),
  transport_api_version: f.enum(8, { AUTO: 0, V2: 1, V3: 2 }, 'V3', only('V3')),
  grpc_services: f.repeated(
    f.message(4, grpcService, 'one, or two: the second is asked when the first fails'),
  ),
  set_node_on_first_message_only: f.bool(7, 'the node is always in the first message only'),
});

export const configSource = message(
  'envoy.config.core.v3.ConfigSource',
  {
    path: f.string(1, 'as path_config_source.path'),
    path_config_source: f.message(8, pathConfigSource),
    api_config_source: f.message(2, apiConfigSource, 'the separate services of gRPC'),
    ads: f.message(3, aggregatedSource),
    initial_fetch_timeout: f.duration(4, 'default 15s; 0s waits for ever'),
    resource_api_version: f.enum(6, { AUTO: 0, V2: 1, V3: 2 }, 'V3', only('AUTO', 'V3')),
  },
  [['path', 'path_config_source', 'api_config_source', 'ads']],
);

/** A service that a filter calls. */
export const filterGrpcService = message('envoy.config.core.v3.GrpcService', {
  envoy_grpc: f.message(
    1,
    message('envoy.config.core.v3.GrpcService.EnvoyGrpc', {
      cluster_name: f.string(1, 'of HTTP/2', required),
      authority: f.string(2, 'default the name of the cluster'),
    }),
  ),
  timeout: f.duration(3, '0s is no limit'),
  initial_metadata: f.repeated(f.message(5, headerPair)),
});

export const fractionalPercent = message('envoy.type.v3.FractionalPercent', {
  numerator: f.uint32(1),
  denominator: f.enum(2, { HUNDRED: 0, TEN_THOUSAND: 1, MILLION: 2 }),
});

export const headerValue = message('envoy.config.core.v3.HeaderValue', {
  key: f.string(1, '', required),
  value: f.string(2, 'ASCII text and format commands; %% stands for %'),
});

export const headerValueOption = message('envoy.config.core.v3.HeaderValueOption', {
  header: f.message(1, headerValue),
  append: f.boolValue(2, 'deprecated in Envoy; false overwrites'),
  append_action: f.enum(3, {
    APPEND_IF_EXISTS_OR_ADD: 0,
    ADD_IF_ABSENT: 1,
    OVERWRITE_IF_EXISTS_OR_ADD: 2,
    OVERWRITE_IF_EXISTS: 3,
  }),
  keep_empty_value: f.bool(4),
});

export const dataSource = message(
  'envoy.config.core.v3.DataSource',
  { inline_bytes: f.bytes(2), inline_string: f.string(3) },
  [['inline_bytes', 'inline_string']],
);

export function headKilobytes(value: number): string | null {
  return value >= 1 && value <= 8192 ? null : 'must be 1 to 8192';
}

const maxDuration = 'up to a tenth earlier, by chance, so that connections made together do not end together';

/** Connection options of both sides; the tables of listener and cluster say which of them hold there. */
export const downstreamConnectionOptions = message('envoy.config.core.v3.HttpProtocolOptions', {
  idle_timeout: f.duration(1, 'default 1h; 0s is no limit'),
  max_headers_count: f.uint32Value(2, 'default 100', positive),
  max_connection_duration: f.duration(3, maxDuration, positive),
  max_stream_duration: f.duration(4, '0s is no limit'),
  max_requests_per_connection: f.uint32Value(6, '0 is no limit'),
  headers_with_underscores_action: f.enum(
    5,
    { ALLOW: 0, REJECT_REQUEST: 1, DROP_HEADER: 2 },
    'default ALLOW',
  ),
});

export const upstreamConnectionOptions = message('envoy.config.core.v3.HttpProtocolOptions', {
  idle_timeout: f.duration(1, 'default 1h; 0s is no limit'),
  max_headers_count: f.uint32Value(2, 'default 100', positive),
  max_connection_duration: f.duration(3, maxDuration, positive),
  max_requests_per_connection: f.uint32Value(6, '0 is no limit'),
  max_response_headers_kb: f.uint32Value(7, 'default 64 (Envoy: 60); at most 8192', headKilobytes),
});

const preserveCase = message(
  'envoy.extensions.http.header_formatters.preserve_case.v3.PreserveCaseFormatterConfig',
  {
    forward_reason_phrase: f.bool(1, 'reason phrases are always passed on'),
    formatter_type_on_envoy_headers: f.enum(2, { DEFAULT: 0, PROPER_CASE: 1 }, 'DEFAULT', only('DEFAULT')),
  },
);

const headerKeyFormat = message(
  'envoy.config.core.v3.Http1ProtocolOptions.HeaderKeyFormat',
  {
    proper_case_words: f.message(
      1,
      message('envoy.config.core.v3.Http1ProtocolOptions.HeaderKeyFormat.ProperCaseWords', {}),
      'of what is written to this side',
    ),
    stateful_formatter: f.message(
      8,
      message('envoy.config.core.v3.TypedExtensionConfig', {
        name: f.string(1, forPeople, required),
        typed_config: f.any(2, [preserveCase]),
      }),
      'names are passed on as they came in any case',
    ),
  },
  [['proper_case_words', 'stateful_formatter']],
);

export const http1Options = message('envoy.config.core.v3.Http1ProtocolOptions', {
  allow_absolute_url: f.boolValue(1, 'default true; false: 404'),
  accept_http_10: f.bool(2, 'false: 426; answers say HTTP/1.1'),
  default_host_for_http_10: f.string(3),
  header_key_format: f.message(4, headerKeyFormat),
  enable_trailers: f.bool(5, 'trailers are always passed on'),
  allow_chunked_length: f.bool(6, 'true: the length is left out, and the connection ends after it'),
  override_stream_error_on_invalid_http_message: f.boolValue(
    7,
    'default the listener’s stream_error_on_invalid_http_message',
  ),
  send_fully_qualified_url: f.bool(8, 'upstream'),
  use_balsa_parser: f.boolValue(9, 'the parser is Weft’s own'),
  allow_custom_methods: f.bool(10, 'false: 400 for methods that Envoy does not know'),
});

const window = (value: number) =>
  value >= 65_535 && value <= 2_147_483_647 ? null : 'must be 65535 to 2147483647';

export const percent = message('envoy.type.v3.Percent', { value: f.double(1, '', atMost(100)) });

const keepaliveSettings = message('envoy.config.core.v3.KeepaliveSettings', {
  interval: f.duration(1, 'a PING when nothing came for so long; 0s is never'),
  timeout: f.duration(2, 'default 20s'),
  interval_jitter: f.message(3, percent, 'default 15; chosen once a connection'),
  connection_idle_interval: f.duration(
    4,
    'upstream; a PING before the stream that follows such a silence',
    positive,
  ),
});

/** Of either side's connections. To the ADS server the limits are those of its client. */
export const http2Options = message(
  'envoy.config.core.v3.Http2ProtocolOptions',
  {
    hpack_table_size: f.uint32Value(1, 'default 4096', (value) =>
      value <= 65_536 ? null : 'must be at most 65536',
    ),
    max_concurrent_streams: f.uint32Value(2, 'default 100 downstream, 1024 upstream', positive),
    initial_stream_window_size: f.uint32Value(3, 'default 262144', window),
    initial_connection_window_size: f.uint32Value(4, 'default 1048576', window),
    allow_connect: f.bool(
      5,
      'upstream also without it, where the endpoint says that it serves extended CONNECT',
    ),
    allow_metadata: f.bool(6, 'false', only(false)),
    max_outbound_frames: f.uint32Value(7, 'of a socket that takes no more; default 10000', positive),
    max_outbound_control_frames: f.uint32Value(8, 'the same; default 1000', positive),
    max_consecutive_inbound_frames_with_empty_payload: f.uint32Value(9, 'default 1'),
    max_inbound_priority_frames_per_stream: f.uint32Value(10, 'default 100; besides, 1000 a second'),
    max_inbound_window_update_frames_per_data_frame_sent: f.uint32Value(
      11,
      'default 10; besides, 2000 a second beyond them',
      positive,
    ),
    stream_error_on_invalid_http_messaging: f.bool(
      12,
      'deprecated in Envoy; a stream alone always ends',
      only(true),
    ),
    custom_settings_parameters: f.repeated(
      f.message(13, customSetting, 'announced as they are; 0x1, 0x3 and 0x4 hold like the named fields'),
    ),
    override_stream_error_on_invalid_http_message: f.boolValue(
      14,
      'true: a stream alone always ends',
      only(true),
    ),
    connection_keepalive: f.message(15, keepaliveSettings),
    use_oghttp2_codec: f.boolValue(16, 'the codec is Weft’s own'),
  },
  [],
  checkCustomSettings,
);

export const runtimeDouble = message('envoy.config.core.v3.RuntimeDouble', {
  default_value: f.double(1),
  runtime_key: f.string(2, 'there is no runtime: the default holds'),
});

const googleRe2 = message('envoy.type.matcher.v3.RegexMatcher.GoogleRE2', {
  max_program_size: f.uint32Value(1, 'deprecated in Envoy; default: no limit but Weft’s own'),
});

export const regexMatcher = message(
  'envoy.type.matcher.v3.RegexMatcher',
  {
    google_re2: f.message(1, googleRe2, 'the engine in any case'),
    regex: f.string(2, 'RE2 without word boundaries, octal escapes and Unicode classes', required),
  },
  [],
  programSizeRule,
);

/** Counted as RE2 counts; above that where RE2 joins what alternatives have in common. */
function programSizeRule(decoded: Readonly<Record<string, unknown>>): ReturnType<Rule> {
  const { google_re2: re2, regex = '' } = decoded as MessageOf<typeof regexMatcher>;
  const max = re2?.max_program_size;
  const size = max === undefined ? 0 : re2Size(regex);
  if (max === undefined || size <= max || size === Number.POSITIVE_INFINITY) return null;
  const field = 'google_re2.max_program_size';
  return { field, rule: `must be at least ${size}, the size of the program of the expression`, value: max };
}

export const stringMatcher = message(
  'envoy.type.matcher.v3.StringMatcher',
  {
    exact: f.string(1),
    prefix: f.string(2, '', notEmpty),
    suffix: f.string(3, '', notEmpty),
    safe_regex: f.message(5, regexMatcher),
    contains: f.string(7, '', notEmpty),
    ignore_case: f.bool(6),
  },
  [['exact', 'prefix', 'suffix', 'safe_regex', 'contains']],
);

export const regexMatchAndSubstitute = message('envoy.type.matcher.v3.RegexMatchAndSubstitute', {
  pattern: f.message(1, regexMatcher),
  substitution: f.string(2, '\\0 to \\9: the match and its groups'),
});

// Refusals that no other test produces, each by its path and in its words.

import { describe, expect, test } from 'bun:test';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Glob } from 'bun';
import { parseBootstrap } from './bootstrap.ts';
import { decodeResource } from './decode-resource.ts';
import { applyChanges, parseLastGood } from './last-good.ts';
import { LastGoodText } from './last-good-text.ts';
import { configLimits } from './limits.ts';

type Json = Readonly<Record<string, unknown>>;

function faultsOf(text: string): string {
  const parsed = parseBootstrap(text, { fileName: 'f', version: '0' });
  return parsed.ok ? '' : parsed.error.map((issue) => `${issue.field}: ${issue.rule}`).join('\n');
}

const typed = (type: string, fields: Json = {}): Json => ({
  '@type': `type.googleapis.com/${type}`,
  ...fields,
});
const hcm = 'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager';
const router = { name: 'r', typed_config: typed('envoy.extensions.filters.http.router.v3.Router') };
const address = { socket_address: { address: '127.0.0.1', port_value: 1 } };
const clusters = [{ name: 'a' }];

const cluster = (fields: Json): Json => ({ static_resources: { clusters: [{ name: 'a', ...fields }] } });
const manager = (fields: Json): Json => ({
  static_resources: {
    clusters,
    listeners: [
      {
        name: 'l',
        address,
        filter_chains: [
          {
            filters: [
              {
                name: 'h',
                typed_config: typed(hcm, { stat_prefix: 'x', http_filters: [router], ...fields }),
              },
            ],
          },
        ],
      },
    ],
  },
});
const asksForClusters = {
  name: 'o',
  typed_config: typed('envoy.extensions.filters.http.on_demand.v3.OnDemand', {
    odcds: { source: { ads: {} } },
  }),
};
const route = (match: Json, action: Json = { route: { cluster: 'a' } }, host: Json = {}): Json =>
  manager({
    route_config: { virtual_hosts: [{ name: 'v', domains: ['*'], routes: [{ match, ...action }], ...host }] },
  });
const ads = (config: Json, xds: Json = {}): Json => ({
  node: { id: 'n' },
  static_resources: { clusters: [{ name: 'xds', ...xds }] },
  dynamic_resources: { ads_config: config, cds_config: { ads: {} } },
});
const grpc = [{ envoy_grpc: { cluster_name: 'xds' } }];
const good = { api_type: 'GRPC', transport_api_version: 'V3', grpc_services: grpc };
const options = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';
const tls = 'envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext';
const speaksHttp2 = {
  typed_extension_protocol_options: {
    [options]: typed(options, { explicit_http_config: { http2_protocol_options: {} } }),
  },
};
const overAds = { name: 's', sds_config: { ads: {}, resource_api_version: 'V3' } };

const log = { name: 'l', typed_config: typed('envoy.extensions.access_loggers.stream.v3.StdoutAccessLog') };
const file = 'envoy.extensions.access_loggers.file.v3.FileAccessLog';
const logged = (format: string) =>
  manager({ access_log: [{ typed_config: typed(file, { path: 'l', format }) }] });
const filteredLog = (filter: Json) => manager({ access_log: [{ ...log, filter }] });
const fault = 'envoy.extensions.filters.http.fault.v3.HTTPFault';
const mutation = 'envoy.extensions.filters.http.header_mutation.v3.HeaderMutation';
const filtered = (type: string, fields: Json): Json =>
  manager({
    route_config: { virtual_hosts: [] },
    http_filters: [{ name: 'f', typed_config: typed(type, fields) }, router],
  });

const check = (fields: Json, rest: Json = {}): Json =>
  cluster({
    health_checks: [
      { timeout: '1s', interval: '1s', unhealthy_threshold: 1, healthy_threshold: 1, ...fields },
    ],
    ...rest,
  });
const ask = (fields: Json): Json => check({ http_health_check: { path: '/', ...fields } });

const sticky = 'envoy.extensions.filters.http.stateful_session.v3.StatefulSession';
const cookieState = 'envoy.extensions.http.stateful_session.cookie.v3.CookieBasedSessionState';
const kept = (session_state: Json, fields: Json = {}) => filtered(sticky, { session_state, ...fields });

const sessionCases: readonly (readonly [name: string, document: Json, expected: string])[] = [
  ['a session kept nowhere', kept({ name: 'x' }), 'session_state.typed_config: must be set'],
  [
    'a session kept in no cookie',
    kept({ name: 'x', typed_config: typed(cookieState) }),
    'session_state.typed_config.cookie: must be set',
  ],
  [
    'a missing endpoint that is no refusal',
    filtered(sticky, { status_on_strict_destination_not_found: 200 }),
    'status_on_strict_destination_not_found: must be 400 to 599',
  ],
  [
    'nothing said to a session filter',
    route(
      { prefix: '/' },
      { route: { cluster: 'a' }, typed_per_filter_config: { f: typed(`${sticky}PerRoute`) } },
    ),
    'typed_per_filter_config[f]: one of disabled, stateful_session must be set',
  ],
];

const healthCases: readonly (readonly [name: string, document: Json, expected: string])[] = [
  [
    'a check without its times',
    cluster({ health_checks: [{ tcp_health_check: {} }] }),
    'health_checks[0].timeout: must be set',
  ],
  ['two checks', cluster({ health_checks: [{}, {}] }), 'health_checks: must be one at most, as in Envoy'],
  [
    'a check of nothing',
    check({}),
    'health_checks[0]: one of http_health_check, tcp_health_check, grpc_health_check must be set',
  ],
  [
    'a payload that is not hexadecimal',
    check({ tcp_health_check: { send: { text: 'PING' } } }),
    'tcp_health_check.send.text: must be pairs of hexadecimal digits',
  ],
  [
    'statuses that are none',
    ask({ expected_statuses: [{ start: 200, end: 700 }] }),
    'expected_statuses[0]: must be a range within 100 to 600',
  ],
  [
    'a check that tells what nobody knows of it',
    ask({ request_headers_to_add: [{ header: { key: 'x', value: '%PROTOCOL%' } }] }),
    'request_headers_to_add[0].header.value: must be without operators',
  ],
  ['a check by CONNECT', ask({ method: 'CONNECT' }), 'http_health_check.method: must not be CONNECT'],
  [
    'a check over HTTP/3',
    ask({ codec_client_type: 'HTTP3' }),
    'codec_client_type: is supported as HTTP1 or HTTP2 only',
  ],
  [
    'options of TLS without TLS',
    check({ tcp_health_check: {}, tls_options: { alpn_protocols: ['h2'] } }),
    'health_checks[0].tls_options: needs a transport_socket with TLS',
  ],
  [
    'two event logs',
    check({ tcp_health_check: {}, event_logger: [{}, {}] }),
    'health_checks[0].event_logger: must be one at most',
  ],
  [
    'an event log without a type',
    check({ tcp_health_check: {}, event_logger: [{ name: 'x' }] }),
    'event_logger[0].typed_config: must be set',
  ],
];

const http2 = (fields: Json): Json => manager({ http2_protocol_options: fields });
const custom = (...pairs: readonly (readonly [identifier: number, value: number])[]): Json => ({
  custom_settings_parameters: pairs.map(([identifier, value]) => ({ identifier, value })),
});

const http2Cases: readonly (readonly [name: string, document: Json, expected: string])[] = [
  [
    'no outbound frame at all',
    http2({ max_outbound_frames: 0 }),
    'max_outbound_frames: must be greater than 0',
  ],
  [
    'no window update at all',
    http2({ max_inbound_window_update_frames_per_data_frame_sent: 0 }),
    'max_inbound_window_update_frames_per_data_frame_sent: must be greater than 0',
  ],
  [
    'a setting without a number',
    http2({ custom_settings_parameters: [{ value: 1 }] }),
    'custom_settings_parameters[0].identifier: must be set',
  ],
  [
    'a setting without a value',
    http2({ custom_settings_parameters: [{ identifier: 9 }] }),
    'custom_settings_parameters[0].value: must be set',
  ],
  [
    'a setting beyond 16 bits',
    http2(custom([65_536, 1])),
    'custom_settings_parameters[0].identifier: must be at most 65535',
  ],
  [
    'a setting twice',
    http2(custom([9, 1], [9, 2])),
    'custom_settings_parameters: must not say two values of one setting',
  ],
  [
    'a setting by name and by number',
    http2({ ...(custom([4, 70_000]) as object), initial_stream_window_size: 70_000 }),
    'custom_settings_parameters: must not say what initial_stream_window_size says',
  ],
  ['a table of a megabyte', http2(custom([1, 1 << 20])), 'must be at most 65536 for 0x1'],
  ['server push', http2(custom([2, 1])), 'must be 0 for 0x2: nothing is pushed'],
  ['no stream', http2(custom([3, 0])), 'must be above 0 for 0x3'],
  ['no window', http2(custom([4, 1])), 'must be 65535 to 2147483647 for 0x4'],
  ['larger frames', http2(custom([5, 32_768])), 'is supported as 16384 for 0x5 only'],
  ['extended CONNECT by number', http2(custom([8, 1])), 'must be said by allow_connect'],
];

const cases: readonly (readonly [name: string, document: Json | string, expected: string])[] = [
  ...healthCases,
  ...http2Cases,
  ...sessionCases,
  [
    'a local cluster that is not there',
    { ...cluster({}), cluster_manager: { local_cluster_name: 'other' } },
    'cluster_manager.local_cluster_name: must name a static cluster',
  ],
  [
    'slow start that never ends',
    cluster({
      round_robin_lb_config: {
        slow_start_config: { slow_start_window: '1s', aggression: { default_value: 0 } },
      },
    }),
    'round_robin_lb_config.slow_start_config.aggression.default_value: must be greater than 0',
  ],
  [
    'a bias that would send requests to who has most',
    cluster({
      lb_policy: 'LEAST_REQUEST',
      least_request_lb_config: { active_request_bias: { default_value: -1 } },
    }),
    'least_request_lb_config.active_request_bias.default_value: must not be negative',
  ],
  [
    'a bound below the average',
    cluster({ common_lb_config: { consistent_hashing_lb_config: { hash_balance_factor: 99 } } }),
    'consistent_hashing_lb_config.hash_balance_factor: must be at least 100',
  ],
  [
    'names for hashing where there are none',
    cluster({ common_lb_config: { consistent_hashing_lb_config: { use_hostname_for_hashing: true } } }),
    'use_hostname_for_hashing: is for clusters of type STRICT_DNS, as in Envoy',
  ],
  [
    'two reasons to drop requests',
    cluster({
      load_assignment: {
        cluster_name: 'a',
        policy: { drop_overloads: [{ category: 'x' }, { category: 'y' }] },
      },
    }),
    'load_assignment.policy.drop_overloads: must be one at most, as in Envoy',
  ],
  [
    'further addresses of a name',
    cluster({
      type: 'STRICT_DNS',
      load_assignment: {
        cluster_name: 'a',
        endpoints: [
          {
            lb_endpoints: [
              {
                endpoint: {
                  address: { socket_address: { address: 'a.example', port_value: 1 } },
                  additional_addresses: [
                    { address: { socket_address: { address: '127.0.0.1', port_value: 1 } } },
                  ],
                },
              },
            ],
          },
        ],
      },
    }),
    'endpoint.additional_addresses: are for clusters of type STATIC and EDS',
  ],
  [
    'four connections for one',
    cluster({ preconnect_policy: { per_upstream_preconnect_ratio: 4 } }),
    'preconnect_policy.per_upstream_preconnect_ratio: must be 1 to 3',
  ],
  [
    'preconnecting the endpoint that comes next',
    cluster({ preconnect_policy: { predictive_preconnect_ratio: 2 } }),
    'preconnect_policy.predictive_preconnect_ratio: is not supported by Weft',
  ],
  ['nothing at all', '', 'is empty'],
  [
    'a mirror of two minds',
    route(
      { prefix: '/' },
      { route: { cluster: 'a', request_mirror_policies: [{ cluster: 'a', cluster_header: 'x' }] } },
    ),
    'route.request_mirror_policies[0]: exactly one of cluster, cluster_header must be set',
  ],
  [
    'a back-off by no header',
    route({ prefix: '/' }, { route: { cluster: 'a', retry_policy: { rate_limited_retry_back_off: {} } } }),
    'retry_policy.rate_limited_retry_back_off.reset_headers: must be at least one',
  ],
  [
    'a header that no strict check knows',
    manager({
      http_filters: [
        {
          name: 'r',
          typed_config: typed('envoy.extensions.filters.http.router.v3.Router', {
            strict_check_headers: ['x-envoy-retry-on', 'x-other'],
          }),
        },
      ],
    }),
    'http_filters[0].typed_config.strict_check_headers[1]: must be of x-envoy-upstream-rq-timeout-ms, ' +
      'x-envoy-upstream-rq-per-try-timeout-ms, x-envoy-max-retries, x-envoy-retry-grpc-on, x-envoy-retry-on',
  ],
  [
    'proxies by number and by address',
    manager({
      original_ip_detection_extensions: [
        {
          name: 'x',
          typed_config: typed('envoy.extensions.http.original_ip_detection.xff.v3.XffConfig', {
            xff_num_trusted_hops: 1,
            xff_trusted_cidrs: { cidrs: [{ address_prefix: '10.0.0.0', prefix_len: 8 }] },
          }),
        },
      ],
    }),
    'typed_config.xff_trusted_cidrs: must not be set with xff_num_trusted_hops',
  ],
  [
    'request ids of nothing',
    manager({ request_id_extension: {} }),
    'request_id_extension.typed_config: must be set',
  ],
  [
    'a filter that is not known and not optional',
    manager({ http_filters: [{ name: 'x', typed_config: typed('google.protobuf.Empty') }, router] }),
    'http_filters[0].typed_config: is supported as envoy.extensions.filters.http.router.v3.Router or ',
  ],
  [
    'a filter that may be left out in the place of the router',
    manager({
      http_filters: [router, { name: 'x', is_optional: true, typed_config: typed('google.protobuf.Empty') }],
    }),
    'http_filters: must end with the router filter',
  ],
  [
    'a chain of an upgrade without the router',
    manager({ upgrade_configs: [{ upgrade_type: 'websocket', filters: [{ name: 'x' }] }] }),
    'upgrade_configs[0].filters[0].typed_config: must be set',
  ],
  [
    'a name to verify without trust',
    cluster({
      transport_socket: { name: 't', typed_config: typed(tls) },
      upstream_http_protocol_options: { auto_san_validation: true },
    }),
    'upstream_http_protocol_options.auto_san_validation: must come with a validation context',
  ],
  [
    'a log for no service',
    manager({
      access_log: [
        {
          typed_config: typed('envoy.extensions.access_loggers.grpc.v3.HttpGrpcAccessLogConfig', {
            common_config: { log_name: 'l' },
          }),
        },
      ],
    }),
    'typed_config.common_config.grpc_service: must be set',
  ],
  [
    'a pseudo header from a redirect',
    route(
      { prefix: '/' },
      { route: { cluster: 'a', internal_redirect_policy: { response_headers_to_copy: ['x-a', ':path'] } } },
    ),
    'route.internal_redirect_policy.response_headers_to_copy[1]: must not be :… or host',
  ],
  [
    'an empty predicate of redirects',
    route({ prefix: '/' }, { route: { cluster: 'a', internal_redirect_policy: { predicates: [{}] } } }),
    'route.internal_redirect_policy.predicates[0].typed_config: must be set',
  ],
  [
    'more than one request at first',
    route({ prefix: '/' }, { route: { cluster: 'a', hedge_policy: { initial_requests: 2 } } }),
    'route.hedge_policy.initial_requests: is supported as 1 only',
  ],
  [
    'a chance of another request',
    route({ prefix: '/' }, { route: { cluster: 'a', hedge_policy: { additional_request_chance: {} } } }),
    'route.hedge_policy.additional_request_chance: is not supported',
  ],
  [
    'an upgrade twice',
    manager({ upgrade_configs: [{ upgrade_type: 'websocket' }, { upgrade_type: 'WebSocket' }] }),
    'upgrade_configs[1].upgrade_type: must be unique',
  ],
  [
    'CONNECT options of another upgrade',
    route(
      { prefix: '/' },
      { route: { cluster: 'a', upgrade_configs: [{ upgrade_type: 'websocket', connect_config: {} }] } },
    ),
    'route.upgrade_configs[0].connect_config: is for CONNECT alone',
  ],
  ['no node for an ADS server', { ...ads(good), node: {} }, 'node.id: must be set with an ADS server'],
  [
    'resources from elsewhere',
    { ...ads(good), dynamic_resources: { ads_config: good, lds_config: {} } },
    'dynamic_resources.lds_config: one of ads, api_config_source, path_config_source must be set',
  ],
  [
    'resources from a text of protobuf',
    { ...ads(good), dynamic_resources: { cds_config: { path_config_source: { path: '/cds.pb_text' } } } },
    'dynamic_resources.cds_config.path_config_source.path: must be JSON, YAML or .pb',
  ],
  [
    'a service of its own, of an unknown cluster',
    {
      ...ads(good),
      dynamic_resources: {
        cds_config: {
          api_config_source: { ...good, grpc_services: [{ envoy_grpc: { cluster_name: 'other' } }] },
        },
      },
    },
    'cds_config.api_config_source.grpc_services[0].envoy_grpc.cluster_name: must name a static cluster',
  ],
  ['no kind of API', ads({ ...good, api_type: undefined }), 'api_type: must be GRPC or DELTA_GRPC'],
  [
    'no version of the transport',
    ads({ ...good, transport_api_version: undefined }),
    'transport_api_version: must be V3',
  ],
  ['no server', ads({ ...good, grpc_services: [] }), 'grpc_services: must be one or two'],
  ['a server over HTTP/1', ads(good), 'must name a cluster with http2_protocol_options: gRPC needs HTTP/2'],
  ['a server without address', ads(good, speaksHttp2), 'must name a cluster with endpoints of its own'],
  [
    'routes by RDS without ADS',
    manager({ rds: { route_config_name: 'r', config_source: { ads: {} } } }),
    'dynamic_resources.ads_config: must be set: listener l uses RDS',
  ],
  [
    'clusters by name without ADS',
    manager({ http_filters: [asksForClusters, router] }),
    'dynamic_resources.ads_config: must be set: listener l asks for clusters',
  ],
  [
    'clusters by name of responses that say all',
    { ...manager({ http_filters: [asksForClusters, router] }), dynamic_resources: { ads_config: good } },
    'dynamic_resources.ads_config.api_type: must be DELTA_GRPC: listener l asks for clusters by name',
  ],
  [
    'a secret by ADS without ADS',
    cluster({
      transport_socket: {
        name: 't',
        typed_config: typed(tls, { common_tls_context: { validation_context_sds_secret_config: overAds } }),
      },
    }),
    'ads_config: must be set: cluster a has the secret s by ADS',
  ],
  [
    'an address of no kind',
    cluster({
      load_assignment: { cluster_name: 'a', endpoints: [{ lb_endpoints: [{ endpoint: { address: {} } }] }] },
    }),
    'one of socket_address, pipe must be set',
  ],
  [
    'endpoints beside EDS',
    cluster({ type: 'EDS', load_assignment: { cluster_name: 'a' } }),
    'load_assignment: must not be set for clusters of type EDS',
  ],
  [
    'two names of one logical cluster',
    cluster({ type: 'LOGICAL_DNS', load_assignment: { cluster_name: 'a', endpoints: [] } }),
    'must be one for clusters of type LOGICAL_DNS',
  ],
  [
    'options of HTTP that say nothing',
    cluster({ typed_extension_protocol_options: { [options]: typed(options) } }),
    'explicit_http_config: must be set, or use_downstream_protocol_config, or auto_config',
  ],
  [
    'ALPN without TLS',
    cluster({ typed_extension_protocol_options: { [options]: typed(options, { auto_config: {} }) } }),
    'must be TLS: auto_config goes by what the handshake agrees on',
  ],
  [
    'a latency-aware policy without a duration',
    cluster({
      load_balancing_policy: {
        policies: [
          {
            typed_extension_config: {
              name: 'weft.dev/latency-aware',
              typed_config: typed('xds.type.v3.TypedStruct', {
                type_url: 'type.googleapis.com/weft.dev/v1alpha1.LatencyAware',
                value: { decay: 'soon' },
              }),
            },
          },
        ],
      },
    }),
    'value.decay: must be a duration like 10s',
  ],
  [
    'a list of policies that is not there',
    cluster({ lb_policy: 'LOAD_BALANCING_POLICY_CONFIG' }),
    'must be set with lb_policy LOAD_BALANCING_POLICY_CONFIG',
  ],
  [
    'a ring that is smaller than its least',
    cluster({ lb_policy: 'RING_HASH', ring_hash_lb_config: { minimum_ring_size: 9, maximum_ring_size: 8 } }),
    'minimum_ring_size: must not be above maximum_ring_size',
  ],
  [
    'a table of no prime',
    cluster({ lb_policy: 'MAGLEV', maglev_lb_config: { table_size: 4 } }),
    'table_size: must be a prime',
  ],
  [
    'no filter',
    manager({ http_filters: [], route_config: { virtual_hosts: [] } }),
    'http_filters: must end with the router filter',
  ],
  ['no routes', manager({}), 'one of rds, route_config must be set'],
  [
    'routes by RDS from elsewhere',
    manager({ rds: { route_config_name: 'r', config_source: {} } }),
    'rds.config_source: one of ads, api_config_source, path_config_source must be set',
  ],
  [
    'a range that is none',
    manager({
      route_config: { virtual_hosts: [] },
      internal_address_config: { cidr_ranges: [{ address_prefix: '10.0.0.0', prefix_len: 64 }] },
    }),
    'cidr_ranges[0]: must be an IP literal with a prefix that fits it',
  ],
  [
    'case of an expression',
    route({ safe_regex: { regex: '/a' }, case_sensitive: false }),
    'case_sensitive: does not hold for safe_regex',
  ],
  [
    'half a folder',
    route({ path_separated_prefix: '/a/' }),
    'path_separated_prefix: must start with / and not end with /, without ? and #',
  ],
  [
    'weights that are not their sum',
    route(
      { prefix: '/' },
      { route: { weighted_clusters: { total_weight: 3, clusters: [{ name: 'a', weight: 1 }] } } },
    ),
    'total_weight: must be the sum of the weights, 1',
  ],
  [
    'a hash of nothing',
    route({ prefix: '/' }, { route: { cluster: 'a', hash_policy: [{}] } }),
    'one of header, cookie, connection_properties, query_parameter must be set',
  ],
  [
    'a comparison of nothing',
    route({ prefix: '/', headers: [{ name: 'x', string_match: {} }] }),
    'one of exact, prefix, suffix, contains, safe_regex must be set',
  ],
  [
    'case of an expression in a field',
    route({
      prefix: '/',
      headers: [{ name: 'x', string_match: { safe_regex: { regex: 'a' }, ignore_case: true } }],
    }),
    'ignore_case: does not hold for safe_regex',
  ],
  ['an access log of no kind', manager({ access_log: [{}] }), 'access_log[0].typed_config: must be set'],
  ['a command that is none', logged('%NOPE%'), 'format: %NOPE% is no command'],
  ['a command that is open', logged('50%'), 'no command starts at character 3'],
  ['a command that takes nothing', logged('%PROTOCOL(x)%'), '%PROTOCOL% takes no argument'],
  ['a command that takes something', logged('%REQ%'), '%REQ% takes an argument'],
  ['a command that takes no length', logged('%PROTOCOL:3%'), '%PROTOCOL% takes no length'],
  ['two alternatives', logged('%REQ(a?b?c)%'), '%REQ% takes a header name and one alternative at most'],
  [
    'a command that Weft has no value for',
    logged('%CEL(a)%'),
    '%CEL% is not supported by Weft: there is no CEL',
  ],
  ['a time of another calendar', logged('%START_TIME(%Q)%'), '%START_TIME% %Q is no time specifier'],
  [
    'a format of no kind',
    manager({ access_log: [{ typed_config: typed(file, { path: 'l', log_format: {} }) }] }),
    'log_format: one of text_format, json_format, text_format_source must be set',
  ],
  [
    'a command deep in JSON',
    manager({
      access_log: [{ typed_config: typed(file, { path: 'l', log_format: { json_format: { a: ['%X%'] } } }) }],
    }),
    'log_format.json_format: a: [0]: %X% is no command',
  ],
  [
    'a mapper of all answers',
    manager({ local_reply_config: { mappers: [{}] } }),
    'local_reply_config.mappers[0].filter: must be set',
  ],
  [
    'a mapper to no status',
    manager({
      local_reply_config: { mappers: [{ filter: { traceable_filter: {} }, status_code: 100 }] },
    }),
    'local_reply_config.mappers[0].status_code: must be 200 to 599',
  ],
  [
    'two ways to find the client',
    manager({ use_remote_address: true, original_ip_detection_extensions: [{ name: 'a' }] }),
    'original_ip_detection_extensions: must not be set with use_remote_address',
  ],
  [
    'hops told twice',
    manager({ xff_num_trusted_hops: 1, original_ip_detection_extensions: [{ name: 'a' }] }),
    'original_ip_detection_extensions: must not be set with xff_num_trusted_hops',
  ],
  [
    'virtual hosts by themselves in a listener',
    manager({
      route_config: {
        vhds: { config_source: { ads: {} } },
      },
    }),
    'route_config.vhds: goes with routes by rds alone',
  ],
  ['a log filter of no kind', filteredLog({}), 'access_log[0].filter: must be one of Envoy’s filters'],
  [
    'a filter alone',
    filteredLog({ and_filter: { filters: [] } }),
    'and_filter.filters: must be at least two',
  ],
  [
    'a comparison with nothing',
    filteredLog({ status_code_filter: {} }),
    'status_code_filter.comparison: must be set',
  ],
  ['no header to look at', filteredLog({ header_filter: {} }), 'header_filter.header: must be set'],
  [
    'a flag that is none',
    filteredLog({ response_flag_filter: { flags: ['XX'] } }),
    'response_flag_filter.flags[0]: is supported as LH or UH',
  ],
  [
    'a metadata filter without a path',
    filteredLog({ metadata_filter: { matcher: { filter: 'f', value: { bool_match: true } } } }),
    'metadata_filter.matcher.path: must not be empty',
  ],
  [
    'a secret of no kind',
    { static_resources: { secrets: [{ name: 's' }] } },
    'one of tls_certificate, validation_context must be set',
  ],
  [
    'a number for bytes',
    route({ prefix: '/' }, { direct_response: { status: 200, body: { inline_bytes: 1 } } }),
    'inline_bytes: must be base64 text',
  ],
  [
    'a text for a share',
    cluster({ common_lb_config: { healthy_panic_threshold: { value: 'half' } } }),
    'healthy_panic_threshold.value: must be a number',
  ],
  [
    'a delay of no length',
    filtered(fault, { delay: {} }),
    'delay: one of fixed_delay, header_delay must be set',
  ],
  [
    'an abort without a status',
    filtered(fault, { abort: {} }),
    'abort: one of http_status, grpc_status, header_abort must be set',
  ],
  [
    'an edit that does nothing',
    filtered(mutation, { mutations: { request_mutations: [{}] } }),
    'request_mutations[0]: one of remove, append must be set',
  ],
  [
    'a word to a filter that says nothing',
    route(
      { prefix: '/' },
      {
        route: { cluster: 'a' },
        typed_per_filter_config: { f: typed('envoy.config.route.v3.FilterConfig') },
      },
    ),
    'one of config, disabled must be set',
  ],
  ['a number for a text', cluster({ alt_stat_name: {} }), 'alt_stat_name: must be a string'],
  [
    'a text for a yes',
    manager({ use_remote_address: 'perhaps', route_config: { virtual_hosts: [] } }),
    'use_remote_address: must be true or false',
  ],
];

describe('a bootstrap is refused for', () => {
  for (const [name, document, expected] of cases) {
    test(name, () => {
      expect(faultsOf(typeof document === 'string' ? document : JSON.stringify(document))).toContain(
        expected,
      );
    });
  }
});

test('a resource of a type that nobody asked for', () => {
  const resource = { name: 'x', version: '1', typeUrl: 'type.googleapis.com/x.Y', bytes: new Uint8Array() };
  const decoded = decodeResource(resource);
  expect(decoded.ok ? [] : decoded.issues.map(({ rule }) => rule)).toEqual([
    'is of a type that was not asked for',
  ]);
});

describe('a last good file is refused that', () => {
  const made = LastGoodText.ofAll({ nodeId: 'n', savedAtMs: 1, resources: [] }, () => true);
  made.encode(1_000);
  const saved = Buffer.concat(made.pieces);
  const text = Buffer.from(saved).toString();
  const sealed = (body: string) =>
    Buffer.from(`weft-last-good/1 sha256=${createHash('sha256').update(body).digest('hex')}\n${body}\n`);
  const files: readonly (readonly [name: string, bytes: Uint8Array, expected: string])[] = [
    [
      'is too large',
      new Uint8Array(configLimits.savedBytesMax + 1),
      `has more than ${configLimits.savedBytesMax} bytes`,
    ],
    ['is another’s', Buffer.from('hello\n'), 'is not a file of Weft'],
    [
      'is of another version',
      Buffer.from(text.replace('/1 ', '/9 ')),
      'has format weft-last-good/9, this version reads weft-last-good/1',
    ],
    ['has another shape', sealed('{}'), 'has an unknown shape'],
    [
      'is damaged',
      Buffer.from(text.replace('"savedAtMs":1', '"savedAtMs":2')),
      'does not match its checksum',
    ],
  ];
  for (const [name, bytes, expected] of files) {
    test(name, () => {
      const parsed = parseLastGood(bytes, 'n');
      expect(parsed.ok ? '' : parsed.error).toBe(expected);
    });
  }
  test('none of these', () => expect(parseLastGood(saved, 'n').ok).toBe(true));

  const read = { nodeId: 'n', savedAtMs: 1, resources: [], digest: 'd' };
  const change = (body: string, sum = createHash('sha256').update(body).digest('hex')) =>
    Buffer.from(`weft-last-good-change/1 sha256=${sum}\n${body}\n`);
  test.each([
    [
      'too large',
      new Uint8Array(configLimits.savedBytesMax + 1),
      `has more than ${configLimits.savedBytesMax} bytes`,
    ],
    ['damaged', change('{}', 'e'.repeat(64)), 'a change does not match its checksum'],
    ['of another shape', change('{}'), 'a change has an unknown shape'],
  ])('changes that are %s', (_, bytes, expected) => {
    expect(applyChanges(read, bytes).fault).toBe(expected);
  });
});

/** The longest fixed piece of each rule in the sources: words between quotes or backticks that say what must be. */
function rulesIn(text: string): readonly string[] {
  const calls = /(?:faults\.add\(|fail\()[^;]*?(['`])((?:must|is|has|does|names|one of)[^'`]*)\1/gs;
  return [...text.matchAll(calls)].map(([, , rule = '']) => {
    const pieces = rule.split(/\$\{[^}]*\}/).map((piece) => piece.trim());
    return pieces.sort((a, b) => b.length - a.length)[0] ?? rule;
  });
}

/** Said of what only a bug of ours could make. */
const unreachable: ReadonlySet<string> = new Set(['has nothing to configure']);

test('every refusal stands in a test, so that a new one without is noticed', () => {
  const root = import.meta.dir;
  const read = (pattern: string) =>
    [...new Glob(pattern).scanSync(root)].map(
      (path) => [path, readFileSync(join(root, path), 'utf8')] as const,
    );
  const sources = read('**/*.ts');
  const shown = [...sources.filter(([path]) => path.endsWith('.test.ts')), ...read('testdata/*.json')]
    .map(([, text]) => text)
    .join('\n');
  const rules = sources
    .filter(([path]) => !/\.(test|gen)\.ts$|^testing/.test(path))
    .flatMap(([, text]) => rulesIn(text));
  expect(rules.length).toBeGreaterThan(60);
  expect(rules.filter((rule) => !unreachable.has(rule) && !shown.includes(rule.replace(/:$/, '')))).toEqual(
    [],
  );
});

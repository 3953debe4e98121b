// Tables: envoy.config.listener.v3 and the HTTP connection manager.

import { accessLog, httpLogOptions } from './access-log.ts';
import {
  address,
  configSource,
  downstreamConnectionOptions,
  headKilobytes,
  http1Options,
  http2Options,
  metadata,
  socketOption,
  socketOptions,
} from './core.ts';

import { f, forPeople, knownUnlessOptional, message, only, positive, required } from './field.ts';
import { httpFilterTypes } from './filters.ts';
import { createJwtAuthn } from './jwt-authn.ts';
import { filterChainMatch, listenerFilter } from './listener-filters.ts';
import { networkFilterTypes } from './network-filters.ts';
import { internalAddressConfig, localReplyConfig, originalIpDetection } from './origin.ts';
import { routeConfiguration, routeMatch } from './route.ts';
import {
  earlyMutationExtension,
  proxyStatusConfig,
  requestIdExtension,
  schemeTransformation,
} from './special.ts';
import { tcpProxy } from './tcp-proxy.ts';
import { transportSocket } from './tls.ts';
import { tracing } from './tracing.ts';

export const router = message('envoy.extensions.filters.http.router.v3.Router', {
  dynamic_stats: f.boolValue(1, 'true', only(true)),
  suppress_envoy_headers: f.bool(4),
  strict_check_headers: f.repeated(f.string(5)),
  respect_expected_rq_timeout: f.bool(6),
  suppress_grpc_request_failure_code_stats: f.bool(7),
});

export const jwtAuthn = createJwtAuthn(routeMatch);

const chainTypes = [router, ...httpFilterTypes, jwtAuthn] as const;

export const httpFilter = message(
  'envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter',
  {
    name: f.string(1),
    typed_config: f.any(4, chainTypes, 'the router last, before it those of the table', true),
    is_optional: f.bool(6, 'one that is not known is left out'),
    disabled: f.bool(7, 'true: only where a route enables it'),
  },
  [],
  knownUnlessOptional('typed_config', chainTypes),
);

export const rds = message('envoy.extensions.filters.network.http_connection_manager.v3.Rds', {
  config_source: f.message(1, configSource),
  route_config_name: f.string(2, '', required),
});

const clientCertDetails = message(
  'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.SetCurrentClientCertDetails',
  {
    subject: f.boolValue(1),
    cert: f.bool(3),
    chain: f.bool(6, 'false', only(false)),
    dns: f.bool(4),
    uri: f.bool(5),
  },
);

const upgradeConfig = message(
  'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.UpgradeConfig',
  {
    upgrade_type: f.string(1, 'as in Upgrade, in any case; or CONNECT', required),
    filters: f.repeated(f.message(2, httpFilter, 'none: those of http_filters')),
    enabled: f.boolValue(3),
  },
);

export const httpConnectionManager = message(
  'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
  {
    codec_type: f.enum(
      1,
      { AUTO: 0, HTTP1: 1, HTTP2: 2, HTTP3: 3 },
      'AUTO (by the first bytes: HTTP/1.1, HTTP/2), HTTP1, HTTP2',
      only('AUTO', 'HTTP1', 'HTTP2'),
    ),
    stat_prefix: f.string(2, '', required),
    rds: f.message(3, rds),
    route_config: f.message(4, routeConfiguration),
    upgrade_configs: f.repeated(f.message(23, upgradeConfig)),
    http_filters: f.repeated(f.message(5, httpFilter, 'the router is the last')),
    common_http_protocol_options: f.message(35, downstreamConnectionOptions),
    http_protocol_options: f.message(8, http1Options),
    http2_protocol_options: f.message(9, http2Options),
    server_name: f.string(10, 'default weft'),
    server_header_transformation: f.enum(
      34,
      { OVERWRITE: 0, APPEND_IF_ABSENT: 1, PASS_THROUGH: 2 },
      'default OVERWRITE',
    ),
    max_request_headers_kb: f.uint32Value(29, 'default 60; the target may take all of it', headKilobytes),
    stream_idle_timeout: f.duration(24, 'default 5m; 0s is no limit'),
    request_timeout: f.duration(28, 'default no limit'),
    request_headers_timeout: f.duration(41, 'default 10s (Envoy: no limit); 0s is no limit'),
    drain_timeout: f.duration(12, 'default 5s'),
    delayed_close_timeout: f.duration(
      26,
      'default 2s (Envoy: 1s), from the arrival of the last byte; 0s waits for nobody',
    ),
    tracing: f.message(7, tracing),
    access_log: f.repeated(f.message(13, accessLog)),
    access_log_options: f.message(56, httpLogOptions),
    access_log_flush_interval: f.duration(54, 'deprecated in Envoy'),
    flush_access_log_on_new_request: f.bool(55, 'deprecated in Envoy'),
    use_remote_address: f.boolValue(14),
    xff_num_trusted_hops: f.uint32(19),
    skip_xff_append: f.bool(21),
    internal_address_config: f.message(25, internalAddressConfig, 'default: no address is internal'),
    original_ip_detection_extensions: f.repeated(
      f.message(46, originalIpDetection, 'not with use_remote_address or xff_num_trusted_hops'),
    ),
    append_x_forwarded_port: f.bool(51),
    always_set_request_id_in_response: f.bool(37),
    local_reply_config: f.message(38, localReplyConfig),
    generate_request_id: f.boolValue(15),
    request_id_extension: f.message(36, requestIdExtension),
    scheme_header_transformation: f.message(48, schemeTransformation),
    add_user_agent: f.boolValue(6),
    represent_ipv4_remote_address_as_ipv4_mapped_ipv6: f.bool(20),
    early_header_mutation_extensions: f.repeated(f.message(52, earlyMutationExtension)),
    proxy_100_continue: f.bool(18),
    append_local_overload: f.bool(57),
    stream_error_on_invalid_http_message: f.boolValue(
      40,
      'what is refused before it is a request ends the connection in any case',
    ),
    proxy_status_config: f.message(49, proxyStatusConfig, 'of Weft’s own answers'),
    preserve_external_request_id: f.bool(32),
    forward_client_cert_details: f.enum(
      16,
      { SANITIZE: 0, FORWARD_ONLY: 1, APPEND_FORWARD: 2, SANITIZE_SET: 3, ALWAYS_FORWARD_ONLY: 4 },
      'a certificate counts when it was verified (Envoy: also one that was only shown)',
    ),
    set_current_client_cert_details: f.message(17, clientCertDetails),
    normalize_path: f.boolValue(30),
    path_normalization_options: f.refused(43, 'Envoy does not implement it either: normalize_path'),
    merge_slashes: f.bool(33),
    via: f.string(22),
    strip_matching_host_port: f.bool(39),
    strip_any_host_port: f.bool(42),
    strip_trailing_host_dot: f.bool(47),
    path_with_escaped_slashes_action: f.enum(
      45,
      {
        IMPLEMENTATION_SPECIFIC_DEFAULT: 0,
        KEEP_UNCHANGED: 1,
        REJECT_REQUEST: 2,
        UNESCAPE_AND_REDIRECT: 3,
        UNESCAPE_AND_FORWARD: 4,
      },
      'default KEEP_UNCHANGED',
    ),
  },
  [['rds', 'route_config']],
);

const filter = message('envoy.config.listener.v3.Filter', {
  name: f.string(1, forPeople),
  typed_config: f.any(
    4,
    [httpConnectionManager, tcpProxy, ...networkFilterTypes],
    'the last one is the HTTP connection manager or the TCP proxy',
  ),
});

const filterChain = message('envoy.config.listener.v3.FilterChain', {
  filter_chain_match: f.message(1, filterChainMatch),
  name: f.string(7),
  filters: f.repeated(f.message(3, filter)),
  metadata: f.message(5, metadata),
  transport_socket: f.message(6, transportSocket, 'RawBuffer or DownstreamTlsContext'),
  transport_socket_connect_timeout: f.duration(9, 'default 15s (Envoy: no limit); 0s is no limit'),
});

export const listener = message('envoy.config.listener.v3.Listener', {
  name: f.string(1, 'in a bootstrap: default the address'),
  address: f.message(2, address),
  additional_addresses: f.repeated(
    f.message(
      33,
      message('envoy.config.listener.v3.AdditionalAddress', {
        address: f.message(1, address),
        socket_options: f.message(2, socketOptions),
      }),
    ),
  ),
  bind_to_port: f.boolValue(26, 'false: takes only what another listener hands over'),
  deprecated_v1: f.message(
    7,
    message('envoy.config.listener.v3.Listener.DeprecatedV1', { bind_to_port: f.boolValue(1) }),
  ),
  use_original_dst: f.boolValue(
    4,
    'true: a redirected connection is handed to the listener of its destination',
  ),
  drain_type: f.enum(
    8,
    { DEFAULT: 0, MODIFY_ONLY: 1 },
    'MODIFY_ONLY: failing health checks end no connection',
  ),
  tcp_backlog_size: f.uint32Value(24),
  enable_mptcp: f.bool(30, 'where the kernel has it'),
  tcp_fast_open_queue_length: f.uint32Value(12),
  freebind: f.boolValue(11),
  transparent: f.boolValue(10),
  socket_options: f.repeated(f.message(13, socketOption)),
  ignore_global_conn_limit: f.bool(31),
  max_connections_to_accept_per_socket_event: f.uint32Value(34, 'no effect: the engine decides', positive),
  stat_prefix: f.string(
    28,
    'in place of the address that names its statistics: in Prometheus the same label',
  ),
  access_log: f.repeated(f.message(22, accessLog, 'a line for each connection that ends')),
  per_connection_buffer_limit_bytes: f.uint32Value(
    5,
    'default 1 MiB: of a request body that is kept for a retry; Weft’s own bounds hold for the rest',
  ),
  filter_chains: f.repeated(f.message(3, filterChain)),
  default_filter_chain: f.message(25, filterChain),
  listener_filters: f.repeated(f.message(9, listenerFilter)),
  listener_filters_timeout: f.duration(15, 'default 15s; 0s is no limit'),
  continue_on_listener_filters_timeout: f.bool(17),
  connection_balance_config: f.ignored(20, 'the kernel spreads connections over the threads: no effect'),
  metadata: f.message(6, metadata),
  traffic_direction: f.enum(16, { UNSPECIFIED: 0, INBOUND: 1, OUTBOUND: 2 }),
  enable_reuse_port: f.boolValue(29, 'every thread has a queue of its own (--concurrency): no effect'),
});

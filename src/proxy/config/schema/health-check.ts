// Tables: envoy.config.core.v3.HealthCheck: the active checks of a cluster's endpoints.

import { headerValueOption, proxyProtocolConfig, stringMatcher } from './core.ts';
import { f, forPeople, message, positive, required } from './field.ts';

const payload = message(
  'envoy.config.core.v3.HealthCheck.Payload',
  { text: f.string(1, 'hexadecimal'), binary: f.bytes(2) },
  [['text', 'binary']],
);

const int64Range = message('envoy.type.v3.Int64Range', {
  start: f.uint64(1, '100 to 599'),
  end: f.uint64(2, 'the first that is not in it, at most 600'),
});

const httpHealthCheck = message('envoy.config.core.v3.HealthCheck.HttpHealthCheck', {
  host: f.string(1, 'default the cluster’s name'),
  path: f.string(2, '', required),
  receive: f.repeated(f.message(4, payload)),
  response_buffer_size: f.uint64Value(14, 'default 1024; 0 is 1 MiB'),
  request_headers_to_add: f.repeated(f.message(6, headerValueOption, 'without operators')),
  request_headers_to_remove: f.repeated(f.string(8)),
  expected_statuses: f.repeated(f.message(9, int64Range, 'default 200 alone')),
  retriable_statuses: f.repeated(f.message(12, int64Range)),
  codec_client_type: f.enum(10, { HTTP1: 0, HTTP2: 1, HTTP3: 2 }, 'HTTP1, HTTP2', (value) =>
    value === 'HTTP3' ? 'is supported as HTTP1 or HTTP2 only' : null,
  ),
  service_name_matcher: f.message(11, stringMatcher, 'of x-envoy-upstream-healthchecked-cluster'),
  method: f.enum(
    13,
    {
      METHOD_UNSPECIFIED: 0,
      GET: 1,
      HEAD: 2,
      POST: 3,
      PUT: 4,
      DELETE: 5,
      CONNECT: 6,
      OPTIONS: 7,
      TRACE: 8,
      PATCH: 9,
    },
    'all but CONNECT; default GET',
    (value) => (value === 'CONNECT' ? 'must not be CONNECT' : null),
  ),
});

const tcpHealthCheck = message('envoy.config.core.v3.HealthCheck.TcpHealthCheck', {
  send: f.message(1, payload),
  receive: f.repeated(f.message(2, payload)),
  proxy_protocol_config: f.message(
    3,
    proxyProtocolConfig,
    'says UNKNOWN in version 1 (Envoy: its own addresses)',
  ),
});

const grpcHealthCheck = message('envoy.config.core.v3.HealthCheck.GrpcHealthCheck', {
  service_name: f.string(1),
  authority: f.string(2, 'default the cluster’s name'),
  initial_metadata: f.repeated(f.message(3, headerValueOption, 'without operators')),
});

export const healthEventFileSink = message(
  'envoy.extensions.health_check.event_sinks.file.v3.HealthCheckEventFileSink',
  { event_log_path: f.string(1, '', required) },
);

export const activeHealthCheck = message(
  'envoy.config.core.v3.HealthCheck',
  {
    timeout: f.duration(1, 'must be set', positive),
    interval: f.duration(2, 'must be set', positive),
    initial_jitter: f.duration(20),
    interval_jitter: f.duration(3),
    interval_jitter_percent: f.uint32(18),
    unhealthy_threshold: f.uint32Value(4, 'must be set'),
    healthy_threshold: f.uint32Value(5, 'must be set'),
    alt_port: f.refused(
      6,
      'Envoy does not implement it either: health_check_config.port_value of the endpoint',
    ),
    reuse_connection: f.boolValue(7, 'default true'),
    http_health_check: f.message(8, httpHealthCheck),
    tcp_health_check: f.message(9, tcpHealthCheck),
    grpc_health_check: f.message(11, grpcHealthCheck),
    no_traffic_interval: f.duration(12, 'default 60s', positive),
    no_traffic_healthy_interval: f.duration(24, 'default no_traffic_interval', positive),
    unhealthy_interval: f.duration(14, 'default interval', positive),
    unhealthy_edge_interval: f.duration(15, 'default unhealthy_interval', positive),
    healthy_edge_interval: f.duration(16, 'default interval', positive),
    event_log_path: f.string(17, 'deprecated in Envoy: event_logger'),
    event_logger: f.repeated(
      f.message(
        25,
        message('envoy.config.core.v3.TypedExtensionConfig', {
          name: f.string(1, forPeople),
          typed_config: f.any(2, [healthEventFileSink]),
        }),
        'one at most',
      ),
    ),
    event_service: f.refused(22, 'Envoy does not implement it either: event_logger'),
    always_log_health_check_failures: f.bool(19),
    always_log_health_check_success: f.bool(26),
    tls_options: f.message(
      21,
      message('envoy.config.core.v3.HealthCheck.TlsOptions', { alpn_protocols: f.repeated(f.string(1)) }),
    ),
    transport_socket_match_criteria: f.struct(23, 'instead of an endpoint’s labels'),
  },
  [['http_health_check', 'tcp_health_check', 'grpc_health_check']],
);

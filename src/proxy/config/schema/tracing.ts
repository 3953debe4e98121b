// Tables: which requests are traced, what their spans say, and who collects them.

import { filterGrpcService, fractionalPercent, percent } from './core.ts';
import { customTag } from './custom-tag.ts';
import { httpUri } from './ext-authz.ts';
import { f, forPeople, message, notEmpty, only, required } from './field.ts';

export const openTelemetry = message(
  'envoy.config.trace.v3.OpenTelemetryConfig',
  {
    grpc_service: f.message(1, filterGrpcService),
    http_service: f.message(
      3,
      message('envoy.config.core.v3.HttpService', { http_uri: f.message(1, httpUri) }),
    ),
    service_name: f.string(2, 'default unknown_service:envoy'),
  },
  [['grpc_service', 'http_service']],
);

export const zipkin = message('envoy.config.trace.v3.ZipkinConfig', {
  collector_cluster: f.string(1, '', required),
  collector_endpoint: f.string(2, '', required),
  trace_id_128bit: f.bool(3),
  shared_span_context: f.boolValue(4, 'default true'),
  collector_endpoint_version: f.enum(
    5,
    { DEPRECATED_AND_UNAVAILABLE_DO_NOT_USE: 0, HTTP_JSON: 1, HTTP_PROTO: 2, GRPC: 3 },
    'HTTP_JSON',
    (value) => (value === 'HTTP_JSON' ? null : 'is supported as HTTP_JSON only'),
  ),
  collector_hostname: f.string(6, 'default the name of the cluster'),
});

const provider = message('envoy.config.trace.v3.Tracing.Http', {
  name: f.string(1, forPeople, required),
  typed_config: f.any(3, [openTelemetry, zipkin]),
});

export const tracing = message(
  'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.Tracing',
  {
    client_sampling: f.message(3, percent, 'default 100'),
    random_sampling: f.message(4, percent, 'default 100'),
    overall_sampling: f.message(5, percent, 'default 100'),
    verbose: f.bool(6, 'false', only(false)),
    max_path_tag_length: f.uint32Value(7, 'default 256'),
    custom_tags: f.repeated(f.message(8, customTag)),
    provider: f.message(9, provider, 'needed: spans that nobody collects are not made'),
    spawn_upstream_span: f.boolValue(10, 'false: a request has one span', only(false)),
  },
);

export const routeTracing = message('envoy.config.route.v3.Tracing', {
  client_sampling: f.message(1, fractionalPercent, 'default the listener’s'),
  random_sampling: f.message(2, fractionalPercent, 'default the listener’s'),
  overall_sampling: f.message(3, fractionalPercent, 'default the listener’s'),
  custom_tags: f.repeated(f.message(4, customTag, 'beside the listener’s')),
});

export const decorator = message('envoy.config.route.v3.Decorator', {
  operation: f.string(1, '', notEmpty),
  propagate: f.boolValue(2, 'default true'),
});

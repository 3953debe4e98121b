// Table: the external authorization filter, over HTTP and gRPC.

import { filterGrpcService, headerValue, regexMatcher, stringMatcher } from './core.ts';
import { f, message, only, positive, required } from './field.ts';
import { metadataMatcher } from './rbac.ts';

const name = (short: string) => `envoy.extensions.filters.http.ext_authz.v3.${short}`;

export const httpUri = message('envoy.config.core.v3.HttpUri', {
  uri: f.string(1, '', required),
  cluster: f.string(2, '', required),
  timeout: f.duration(3, '0s is no limit'),
});

const listMatcher = message('envoy.type.matcher.v3.ListStringMatcher', {
  patterns: f.repeated(f.message(1, stringMatcher)),
});

export const authzBufferSettings = message(name('BufferSettings'), {
  max_request_bytes: f.uint32(1, '', positive),
  allow_partial_message: f.bool(2),
  pack_as_bytes: f.bool(3, 'of gRPC alone'),
});

const httpService = message(name('HttpService'), {
  server_uri: f.message(1, httpUri),
  path_prefix: f.string(2),
  authorization_request: f.message(
    7,
    message(name('AuthorizationRequest'), {
      allowed_headers: f.message(1, listMatcher, 'deprecated in Envoy'),
      headers_to_add: f.repeated(f.message(2, headerValue)),
    }),
  ),
  authorization_response: f.message(
    8,
    message(name('AuthorizationResponse'), {
      allowed_upstream_headers: f.message(1, listMatcher),
      allowed_upstream_headers_to_append: f.message(3, listMatcher),
      allowed_client_headers: f.message(2, listMatcher),
      allowed_client_headers_on_success: f.message(4, listMatcher),
      dynamic_metadata_from_headers: f.message(5, listMatcher),
    }),
  ),
});

const ofGrpc = 'of gRPC alone';

const headerMutationRules = message('envoy.config.common.mutation_rules.v3.HeaderMutationRules', {
  allow_all_routing: f.boolValue(1, 'of :method and :scheme no effect: both stay'),
  allow_envoy: f.boolValue(2),
  disallow_system: f.boolValue(3),
  disallow_all: f.boolValue(4),
  allow_expression: f.message(5, regexMatcher),
  disallow_expression: f.message(6, regexMatcher),
  disallow_is_error: f.boolValue(7),
});

/** `percent` and `status` are handed in by the table of filters, which shares them. */
export function createExtAuthz<P, S>(
  runtimePercent: Parameters<typeof f.message<P>>[1],
  httpStatus: Parameters<typeof f.message<S>>[1],
) {
  const runtimeFlag = message('envoy.config.core.v3.RuntimeFeatureFlag', {
    default_value: f.boolValue(1),
    runtime_key: f.string(2, 'there is no runtime layer: default_value holds'),
  });
  return message(
    name('ExtAuthz'),
    {
      grpc_service: f.message(1, filterGrpcService, 'timeout: default 200ms'),
      http_service: f.message(3, httpService),
      transport_api_version: f.enum(12, { AUTO: 0, V2: 1, V3: 2 }, 'V3 in any case', only('AUTO', 'V3')),
      failure_mode_allow: f.bool(2),
      failure_mode_allow_header_add: f.bool(19),
      with_request_body: f.message(5, authzBufferSettings),
      clear_route_cache: f.bool(6),
      status_on_error: f.message(7, httpStatus, 'default 403'),
      filter_enabled: f.message(9, runtimePercent, 'default 100 %'),
      filter_enabled_metadata: f.message(14, metadataMatcher),
      deny_at_disable: f.message(11, runtimeFlag),
      stat_prefix: f.string(13),
      allowed_headers: f.message(17, listMatcher),
      disallowed_headers: f.message(25, listMatcher),
      charge_cluster_response_stats: f.boolValue(20, 'default true'),
      metadata_context_namespaces: f.repeated(f.string(8, ofGrpc)),
      route_metadata_context_namespaces: f.repeated(f.string(21, ofGrpc)),
      include_peer_certificate: f.bool(10, ofGrpc),
      include_tls_session: f.bool(18, ofGrpc),
      encode_raw_headers: f.bool(23, ofGrpc),
      validate_mutations: f.bool(24),
      decoder_header_mutation_rules: f.message(26, headerMutationRules),
      enable_dynamic_metadata_ingestion: f.boolValue(27, 'default true'),
    },
    [['grpc_service', 'http_service']],
  );
}

export const extAuthzPerRoute = message(
  name('ExtAuthzPerRoute'),
  {
    disabled: f.bool(1, 'true', only(true)),
    check_settings: f.message(
      2,
      message(name('CheckSettings'), {
        context_extensions: f.map(f.string(1, 'of gRPC alone; those of all levels together')),
        disable_request_body_buffering: f.bool(2),
        with_request_body: f.message(3, authzBufferSettings),
      }),
    ),
  },
  [['disabled', 'check_settings']],
);

// Tables: envoy.extensions.filters.http.*: the filters that may stand before the router, and what routes say to them.

import { bandwidthLimit } from './bandwidth-limit.ts';
import { buffer, bufferPerRoute, compressor, compressorPerRoute, decompressor } from './coding-filters.ts';
import { fractionalPercent, headerValueOption, percent, stringMatcher } from './core.ts';
import { createExtAuthz, extAuthzPerRoute } from './ext-authz.ts';
import { atMost, f, knownUnlessOptional, message, notEmpty, positive, required } from './field.ts';
import { grpcStats, grpcWeb } from './grpc-filters.ts';
import { headerMatcher } from './header-matcher.ts';
import { jwtPerRoute } from './jwt-authn.ts';
import { onDemand, onDemandPerRoute } from './on-demand.ts';
import { createRateLimits, rateLimitPerRoute } from './rate-limit.ts';
import { httpRbac, httpRbacPerRoute } from './rbac.ts';
import { statefulSession, statefulSessionPerRoute } from './stateful-session.ts';
import { typedStruct } from './typed-struct.ts';

export const runtimePercent = message('envoy.config.core.v3.RuntimeFractionalPercent', {
  default_value: f.message(1, fractionalPercent),
  runtime_key: f.string(2, 'there is no runtime layer: default_value holds'),
});

const noRuntime = 'there is no runtime: what is said here holds';

const headerAsked = (name: string) => message(name, {});

const faultDelay = message(
  'envoy.extensions.filters.common.fault.v3.FaultDelay',
  {
    fixed_delay: f.duration(3, '', positive),
    header_delay: f.message(
      5,
      headerAsked('envoy.extensions.filters.common.fault.v3.FaultDelay.HeaderDelay'),
    ),
    percentage: f.message(4, fractionalPercent),
  },
  [['fixed_delay', 'header_delay']],
);

const faultAbort = message(
  'envoy.extensions.filters.http.fault.v3.FaultAbort',
  {
    http_status: f.uint32(2, '200 to 599', (value) =>
      value >= 200 && value <= 599 ? null : 'must be 200 to 599',
    ),
    grpc_status: f.uint32(5, 'for others than callers of gRPC: 200', atMost(16)),
    header_abort: f.message(4, headerAsked('envoy.extensions.filters.http.fault.v3.FaultAbort.HeaderAbort')),
    percentage: f.message(3, fractionalPercent),
  },
  [['http_status', 'grpc_status', 'header_abort']],
);

const faultRateLimit = message(
  'envoy.extensions.filters.common.fault.v3.FaultRateLimit',
  {
    fixed_limit: f.message(
      1,
      message('envoy.extensions.filters.common.fault.v3.FaultRateLimit.FixedLimit', {
        limit_kbps: f.uint64(1, 'KiB a second', positive),
      }),
    ),
    header_limit: f.message(
      3,
      headerAsked('envoy.extensions.filters.common.fault.v3.FaultRateLimit.HeaderLimit'),
    ),
    percentage: f.message(2, fractionalPercent),
  },
  [['fixed_limit', 'header_limit']],
);

export const httpFault = message('envoy.extensions.filters.http.fault.v3.HTTPFault', {
  delay: f.message(1, faultDelay),
  abort: f.message(2, faultAbort),
  upstream_cluster: f.string(3),
  headers: f.repeated(f.message(4, headerMatcher)),
  downstream_nodes: f.repeated(f.string(5, 'as x-envoy-downstream-service-node says')),
  max_active_faults: f.uint32Value(6, 'default no limit'),
  response_rate_limit: f.message(7, faultRateLimit, 'of answers of endpoints; not of upgrades'),
  delay_percent_runtime: f.string(8, noRuntime),
  abort_percent_runtime: f.string(9, noRuntime),
  delay_duration_runtime: f.string(10, noRuntime),
  abort_http_status_runtime: f.string(11, noRuntime),
  max_active_faults_runtime: f.string(12, noRuntime),
  response_rate_limit_percent_runtime: f.string(13, noRuntime),
  abort_grpc_status_runtime: f.string(14, noRuntime),
  filter_metadata: f.struct(16, 'of requests with a fault, under the filter’s name'),
  disable_downstream_cluster_stats: f.bool(15, 'there are none by callers in any case'),
});

/** The names that http_status.proto gives to numbers, those that refuse. */
export const statusCodes = {
  Empty: 0,
  BadRequest: 400,
  Unauthorized: 401,
  PaymentRequired: 402,
  Forbidden: 403,
  NotFound: 404,
  MethodNotAllowed: 405,
  NotAcceptable: 406,
  ProxyAuthenticationRequired: 407,
  RequestTimeout: 408,
  Conflict: 409,
  Gone: 410,
  TooManyRequests: 429,
  InternalServerError: 500,
  NotImplemented: 501,
  BadGateway: 502,
  ServiceUnavailable: 503,
  GatewayTimeout: 504,
} as const;

const httpStatus = message('envoy.type.v3.HttpStatus', {
  code: f.enum(1, statusCodes, 'default 429; below 400 means 429'),
});

const rateLimits = createRateLimits(runtimePercent, httpStatus);
export const localRateLimit = rateLimits.local;
export const globalRateLimit = rateLimits.global;

export const cors = message('envoy.extensions.filters.http.cors.v3.Cors', {});

export const corsPolicy = message('envoy.extensions.filters.http.cors.v3.CorsPolicy', {
  allow_origin_string_match: f.repeated(f.message(1, stringMatcher)),
  allow_methods: f.string(2),
  allow_headers: f.string(3),
  expose_headers: f.string(4),
  max_age: f.string(5),
  allow_credentials: f.boolValue(6),
  filter_enabled: f.message(7, runtimePercent, 'default 100 %'),
  shadow_enabled: f.message(8, runtimePercent, 'default 0 %'),
  allow_private_network_access: f.boolValue(9),
  forward_not_matching_preflights: f.boolValue(10, 'default true'),
});

export const csrfPolicy = message('envoy.extensions.filters.http.csrf.v3.CsrfPolicy', {
  filter_enabled: f.message(1, runtimePercent, 'default 0 %'),
  shadow_enabled: f.message(2, runtimePercent, 'default 0 %'),
  additional_origins: f.repeated(f.message(3, stringMatcher)),
});

export const healthCheckFilter = message('envoy.extensions.filters.http.health_check.v3.HealthCheck', {
  pass_through_mode: f.boolValue(1),
  cache_time: f.duration(3, 'with pass_through_mode'),
  cluster_min_healthy_percentages: f.map(f.message(4, percent, 'without pass_through_mode')),
  headers: f.repeated(f.message(5, headerMatcher)),
});

export const headerMutationRule = message(
  'envoy.config.common.mutation_rules.v3.HeaderMutation',
  { remove: f.string(1, '', notEmpty), append: f.message(2, headerValueOption) },
  [['remove', 'append']],
);

export const queryMutation = message(
  'envoy.config.core.v3.KeyValueMutation',
  {
    append: f.message(
      1,
      message('envoy.config.core.v3.KeyValueAppend', {
        entry: f.refused(1, 'Envoy wants a record'),
        record: f.message(
          3,
          message('envoy.config.core.v3.KeyValuePair', {
            key: f.string(1, '', required),
            value: f.textValue(2, 'may hold format operators'),
          }),
        ),
        action: f.enum(2, {
          APPEND_IF_EXISTS_OR_ADD: 0,
          ADD_IF_ABSENT: 1,
          OVERWRITE_IF_EXISTS_OR_ADD: 2,
          OVERWRITE_IF_EXISTS: 3,
        }),
      }),
    ),
    remove: f.string(2, '', notEmpty),
  },
  [['append', 'remove']],
);

const mutations = message('envoy.extensions.filters.http.header_mutation.v3.Mutations', {
  request_mutations: f.repeated(f.message(1, headerMutationRule)),
  response_mutations: f.repeated(f.message(2, headerMutationRule)),
  query_parameter_mutations: f.repeated(
    f.message(3, queryMutation, 'other parameters stay as they came; Envoy writes them decoded, by name'),
  ),
  response_trailers_mutations: f.repeated(f.refused(4, 'trailers pass as they are')),
  request_trailers_mutations: f.repeated(f.refused(5, 'trailers pass as they are')),
});

export const headerMutation = message('envoy.extensions.filters.http.header_mutation.v3.HeaderMutation', {
  mutations: f.message(1, mutations),
  most_specific_header_mutations_wins: f.bool(2),
});

export const headerMutationPerRoute = message(
  'envoy.extensions.filters.http.header_mutation.v3.HeaderMutationPerRoute',
  { mutations: f.message(1, mutations) },
);

export const extAuthz = createExtAuthz(runtimePercent, httpStatus);

/** Those that a listener's chain may hold before its router. */
export const httpFilterTypes = [
  httpFault,
  localRateLimit,
  globalRateLimit,
  cors,
  csrfPolicy,
  healthCheckFilter,
  headerMutation,
  httpRbac,
  statefulSession,
  bandwidthLimit,
  buffer,
  compressor,
  decompressor,
  grpcWeb,
  grpcStats,
  onDemand,
  extAuthz,
  typedStruct,
] as const;

const routeFilters = [
  httpFault,
  localRateLimit,
  rateLimitPerRoute,
  corsPolicy,
  csrfPolicy,
  headerMutationPerRoute,
  httpRbacPerRoute,
  statefulSessionPerRoute,
  bandwidthLimit,
  bufferPerRoute,
  compressorPerRoute,
  extAuthzPerRoute,
  onDemandPerRoute,
  typedStruct,
  jwtPerRoute,
] as const;

/** What a virtual host, route or cluster's weight says to a filter of its listener, of any type but the router's. */
export const filterConfig = message(
  'envoy.config.route.v3.FilterConfig',
  {
    config: f.any(1, routeFilters, '', true),
    is_optional: f.bool(2, 'what is not known says nothing'),
    disabled: f.bool(3),
  },
  [],
  knownUnlessOptional('config', routeFilters),
);

export function perRouteFilters(number: number) {
  return f.map(f.any(number, [...routeFilters, filterConfig], 'by the name of the filter in the chain'));
}

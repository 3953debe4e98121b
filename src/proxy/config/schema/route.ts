// Tables: envoy.config.route.v3: virtual hosts, routes and what they do.

import {
  configSource,
  dataSource,
  headerValueOption,
  metadata,
  regexMatchAndSubstitute,
  regexMatcher,
} from './core.ts';
import { atMost, f, forPeople, message, notEmpty, only, required } from './field.ts';
import { perRouteFilters, runtimePercent } from './filters.ts';
import { headerMatcher } from './header-matcher.ts';
import { internalRedirectPolicy } from './internal-redirect.ts';
import { queryParameterMatcher } from './query-matcher.ts';
import { rateLimitRule } from './rate-limit.ts';
import { metadataMatcher } from './rbac.ts';
import { retryPolicy } from './retry.ts';
import { decorator, routeTracing } from './tracing.ts';

/** Header edits stand at four levels under the same names, but not the same numbers. */
const edits = (requestAdd: number, requestRemove: number, responseAdd: number, responseRemove: number) => ({
  request_headers_to_add: f.repeated(f.message(requestAdd, headerValueOption)),
  request_headers_to_remove: f.repeated(f.string(requestRemove, '', notEmpty)),
  response_headers_to_add: f.repeated(f.message(responseAdd, headerValueOption)),
  response_headers_to_remove: f.repeated(f.string(responseRemove, '', notEmpty)),
});

export const uriTemplateMatch = message(
  'envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig',
  { path_template: f.string(1, '', required) },
);

export const uriTemplateRewrite = message(
  'envoy.extensions.path.rewrite.uri_template.v3.UriTemplateRewriteConfig',
  { path_template_rewrite: f.string(1, '', required) },
);

export const pathMatchPolicy = message('envoy.config.core.v3.TypedExtensionConfig', {
  name: f.string(1, forPeople, required),
  typed_config: f.any(2, [uriTemplateMatch]),
});

export const pathRewritePolicy = message('envoy.config.core.v3.TypedExtensionConfig', {
  name: f.string(1, forPeople, required),
  typed_config: f.any(2, [uriTemplateRewrite], 'with a path_match_policy'),
});

const tlsContextMatch = message('envoy.config.route.v3.RouteMatch.TlsContextMatchOptions', {
  presented: f.boolValue(1),
  validated: f.boolValue(2),
});

export const routeMatch = message(
  'envoy.config.route.v3.RouteMatch',
  {
    prefix: f.string(1),
    path: f.string(2),
    safe_regex: f.message(10, regexMatcher),
    path_separated_prefix: f.string(14, '', notEmpty),
    path_match_policy: f.message(15, pathMatchPolicy),
    connect_matcher: f.message(12, message('envoy.config.route.v3.RouteMatch.ConnectMatcher', {})),
    case_sensitive: f.boolValue(4),
    headers: f.repeated(f.message(6, headerMatcher)),
    runtime_fraction: f.message(9, runtimePercent),
    query_parameters: f.repeated(f.message(7, queryParameterMatcher)),
    tls_context: f.message(11, tlsContextMatch),
    dynamic_metadata: f.repeated(
      f.message(13, metadataMatcher, 'what filters said before the route was chosen'),
    ),
    grpc: f.message(8, message('envoy.config.route.v3.RouteMatch.GrpcRouteMatchOptions', {})),
  },
  [['prefix', 'path', 'safe_regex', 'path_separated_prefix', 'connect_matcher', 'path_match_policy']],
);

const hedgePolicy = message('envoy.config.route.v3.HedgePolicy', {
  initial_requests: f.uint32Value(1, '1: Envoy begins with one, whatever it is told', only(1)),
  hedge_on_per_try_timeout: f.bool(3, 'needs a retry policy; the loser is reset'),
});

const clusterWeight = message(
  'envoy.config.route.v3.WeightedCluster.ClusterWeight',
  {
    name: f.string(1),
    cluster_header: f.string(12),
    weight: f.uint32Value(2),
    metadata_match: f.message(3, metadata, 'as the route’s, which it is merged with'),
    host_rewrite_literal: f.string(11, 'unless the route rewrites it'),
    typed_per_filter_config: perRouteFilters(10),
    ...edits(4, 9, 5, 6),
  },
  [['name', 'cluster_header']],
);

const weightedCluster = message('envoy.config.route.v3.WeightedCluster', {
  clusters: f.repeated(f.message(1, clusterWeight)),
  total_weight: f.uint32Value(3, 'deprecated in Envoy; the sum of the weights'),
  runtime_key_prefix: f.string(2, 'no runtime changes the weights'),
  header_name: f.string(4, 'whose number draws; where it has none, chance does'),
});

export const requestMirrorPolicy = message('envoy.config.route.v3.RouteAction.RequestMirrorPolicy', {
  cluster: f.string(1),
  cluster_header: f.string(5),
  runtime_fraction: f.message(3, runtimePercent),
  trace_sampled: f.ignored(4, 'copies have no spans of their own'),
  disable_shadow_host_suffix_append: f.bool(6),
});

const mirrors = (number: number) =>
  f.repeated(
    f.message(
      number,
      requestMirrorPolicy,
      'sent when the request is complete; a body above the buffer limit is not copied',
    ),
  );

export const hashPolicy = message(
  'envoy.config.route.v3.RouteAction.HashPolicy',
  {
    header: f.message(
      1,
      message('envoy.config.route.v3.RouteAction.HashPolicy.Header', {
        header_name: f.string(1, '', required),
        regex_rewrite: f.message(2, regexMatchAndSubstitute, 'of each value before it is hashed'),
      }),
    ),
    cookie: f.message(
      2,
      message('envoy.config.route.v3.RouteAction.HashPolicy.Cookie', {
        name: f.string(1, '', required),
        ttl: f.duration(2, 'a client without the cookie is given one; 0s: for its session'),
        path: f.string(3),
      }),
    ),
    connection_properties: f.message(
      3,
      message('envoy.config.route.v3.RouteAction.HashPolicy.ConnectionProperties', {
        source_ip: f.bool(1, 'true', only(true)),
      }),
    ),
    query_parameter: f.message(
      5,
      message('envoy.config.route.v3.RouteAction.HashPolicy.QueryParameter', {
        name: f.string(1, '', required),
      }),
    ),
    terminal: f.bool(4),
  },
  [['header', 'cookie', 'connection_properties', 'query_parameter']],
);

const upgradeConfig = message('envoy.config.route.v3.RouteAction.UpgradeConfig', {
  upgrade_type: f.string(1, 'as in Upgrade, in any case; or CONNECT', required),
  enabled: f.boolValue(2),
  connect_config: f.message(
    3,
    message('envoy.config.route.v3.RouteAction.UpgradeConfig.ConnectConfig', {
      allow_post: f.bool(2, 'false', only(false)),
    }),
    'a CONNECT ends here, and its bytes go to an endpoint as they come',
  ),
});

const maxStreamDuration = message('envoy.config.route.v3.RouteAction.MaxStreamDuration', {
  max_stream_duration: f.duration(1, 'default the listener’s; 0s is no limit'),
  grpc_timeout_header_max: f.duration(2, '0s is no limit; grpc-timeout counts in any case'),
  grpc_timeout_header_offset: f.duration(3),
});

const routeAction = message(
  'envoy.config.route.v3.RouteAction',
  {
    cluster: f.string(1, '', notEmpty),
    cluster_header: f.string(2, '', notEmpty),
    weighted_clusters: f.message(3, weightedCluster),
    metadata_match: f.message(4, metadata, 'envoy.lb, for the subsets of the cluster'),
    cluster_not_found_response_code: f.enum(20, {
      SERVICE_UNAVAILABLE: 0,
      NOT_FOUND: 1,
      INTERNAL_SERVER_ERROR: 2,
    }),
    prefix_rewrite: f.string(5),
    regex_rewrite: f.message(
      32,
      regexMatchAndSubstitute,
      'a path that would begin without a slash is given one',
    ),
    path_rewrite_policy: f.message(41, pathRewritePolicy),
    host_rewrite_literal: f.string(6, '', notEmpty),
    host_rewrite_header: f.string(29, '', notEmpty),
    host_rewrite_path_regex: f.message(
      35,
      regexMatchAndSubstitute,
      'what comes of it and is no host changes nothing',
    ),
    append_x_forwarded_host: f.bool(38),
    auto_host_rewrite: f.boolValue(7, 'the endpoint’s hostname, or the name that DNS was asked for'),
    timeout: f.duration(8, 'default 15s; 0s is no limit'),
    idle_timeout: f.duration(24, 'default the listener’s stream_idle_timeout; 0s is no limit'),
    max_stream_duration: f.message(36, maxStreamDuration),
    max_grpc_timeout: f.duration(23, 'unless max_stream_duration is set; 0s is no limit'),
    grpc_timeout_offset: f.duration(28, 'of max_grpc_timeout'),
    early_data_policy: f.ignored(40, 'no early data is sent'),
    retry_policy: f.message(9, retryPolicy),
    hedge_policy: f.message(27, hedgePolicy, 'default the virtual host’s'),
    internal_redirect_policy: f.message(
      34,
      internalRedirectPolicy,
      'of complete requests whose body is kept',
    ),
    internal_redirect_action: f.enum(
      26,
      { PASS_THROUGH_INTERNAL_REDIRECT: 0, HANDLE_INTERNAL_REDIRECT: 1 },
      'deprecated in Envoy; as a policy with nothing but max_internal_redirects',
    ),
    max_internal_redirects: f.uint32Value(31, 'of internal_redirect_action'),
    request_mirror_policies: mirrors(30),
    hash_policy: f.repeated(f.message(15, hashPolicy)),
    upgrade_configs: f.repeated(f.message(25, upgradeConfig)),
    rate_limits: f.repeated(f.message(13, rateLimitRule)),
    include_vh_rate_limits: f.boolValue(14),
    priority: f.enum(11, { DEFAULT: 0, HIGH: 1 }, 'whose circuit breakers count'),
  },
  [
    ['cluster', 'weighted_clusters', 'cluster_header'],
    ['prefix_rewrite', 'regex_rewrite', 'path_rewrite_policy'],
    ['host_rewrite_literal', 'auto_host_rewrite', 'host_rewrite_header', 'host_rewrite_path_regex'],
  ],
);

export const redirectAction = message(
  'envoy.config.route.v3.RedirectAction',
  {
    https_redirect: f.bool(4),
    scheme_redirect: f.string(7),
    host_redirect: f.string(1),
    port_redirect: f.uint32(8, '', atMost(65_535)),
    path_redirect: f.string(2),
    prefix_rewrite: f.string(5),
    regex_rewrite: f.message(9, regexMatchAndSubstitute),
    response_code: f.enum(3, {
      MOVED_PERMANENTLY: 0,
      FOUND: 1,
      SEE_OTHER: 2,
      TEMPORARY_REDIRECT: 3,
      PERMANENT_REDIRECT: 4,
    }),
    strip_query: f.bool(6),
  },
  [
    ['https_redirect', 'scheme_redirect'],
    ['path_redirect', 'prefix_rewrite', 'regex_rewrite'],
  ],
);

const directResponse = message('envoy.config.route.v3.DirectResponseAction', {
  status: f.uint32(1, '200 to 599', atMost(599)),
  body: f.message(2, dataSource),
});

export const route = message(
  'envoy.config.route.v3.Route',
  {
    name: f.string(14),
    match: f.message(1, routeMatch),
    route: f.message(2, routeAction),
    redirect: f.message(3, redirectAction),
    direct_response: f.message(7, directResponse),
    decorator: f.message(5, decorator),
    tracing: f.message(15, routeTracing),
    per_request_buffer_limit_bytes: f.uint32Value(16, 'of a request body that is kept for a retry'),
    stat_prefix: f.string(19, 'of what is forwarded'),
    metadata: f.message(4, metadata),
    typed_per_filter_config: perRouteFilters(13),
    ...edits(9, 12, 10, 11),
  },
  [['route', 'redirect', 'direct_response']],
);

export const virtualCluster = message('envoy.config.route.v3.VirtualCluster', {
  headers: f.repeated(f.message(4, headerMatcher)),
  name: f.string(2, '', required),
});

export const virtualHost = message('envoy.config.route.v3.VirtualHost', {
  name: f.string(1, '', required),
  domains: f.repeated(f.string(2, '', notEmpty)),
  routes: f.repeated(f.message(3, route)),
  require_tls: f.enum(4, { NONE: 0, EXTERNAL_ONLY: 1, ALL: 2 }),
  include_request_attempt_count: f.bool(14, 'true: the count is always sent', only(true)),
  include_attempt_count_in_response: f.bool(19),
  include_is_timeout_retry_header: f.bool(23),
  retry_policy: f.message(16, retryPolicy),
  hedge_policy: f.message(17, hedgePolicy),
  request_mirror_policies: mirrors(22),
  per_request_buffer_limit_bytes: f.uint32Value(18, 'of a request body that is kept for a retry'),
  rate_limits: f.repeated(f.message(6, rateLimitRule)),
  virtual_clusters: f.repeated(f.message(5, virtualCluster)),
  metadata: f.message(24, metadata),
  typed_per_filter_config: perRouteFilters(15),
  ...edits(7, 13, 10, 11),
});

const vhds = message('envoy.config.route.v3.Vhds', {
  config_source: f.message(1, configSource, 'ads, of a bootstrap whose ads_config is DELTA_GRPC'),
});

export const routeConfiguration = message('envoy.config.route.v3.RouteConfiguration', {
  name: f.string(1, 'of RDS; of routes within a listener no effect'),
  vhds: f.message(9, vhds, 'of a table that comes by RDS'),
  virtual_hosts: f.repeated(f.message(2, virtualHost)),
  most_specific_header_mutations_wins: f.bool(10),
  validate_clusters: f.boolValue(
    7,
    'false: a route to an unknown cluster answers 503; absent in a bootstrap without ADS: refused',
    only(false),
  ),
  max_direct_response_body_size_bytes: f.uint32Value(11, 'default 4096'),
  ignore_port_in_host_matching: f.bool(14),
  ignore_path_parameters_in_path_matching: f.bool(15),
  internal_only_headers: f.repeated(f.string(3, '', notEmpty)),
  request_mirror_policies: mirrors(13),
  metadata: f.message(17, metadata, 'nothing here reads it'),
  typed_per_filter_config: perRouteFilters(16),
  ...edits(6, 8, 4, 5),
});

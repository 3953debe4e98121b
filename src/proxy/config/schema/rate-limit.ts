// Tables: what requests are counted by, at routes and virtual hosts, and the two filters that count them.

import { filterGrpcService, headerValueOption } from './core.ts';
import { atMost, f, message, positive, required } from './field.ts';
import { headerMatcher } from './header-matcher.ts';
import { queryParameterMatcher } from './query-matcher.ts';

const name = (short: string) => `envoy.config.route.v3.RateLimit.${short}`;

export const metadataKey = message('envoy.type.metadata.v3.MetadataKey', {
  key: f.string(1, '', required),
  path: f.repeated(
    f.message(
      2,
      message('envoy.type.metadata.v3.MetadataKey.PathSegment', { key: f.string(1, '', required) }),
    ),
  ),
});

const prefix = (number: number, most: number) => f.uint32Value(number, `default ${most}`, atMost(most));

const action = message(
  name('Action'),
  {
    source_cluster: f.message(1, message(name('Action.SourceCluster'), {})),
    destination_cluster: f.message(2, message(name('Action.DestinationCluster'), {})),
    request_headers: f.message(
      3,
      message(name('Action.RequestHeaders'), {
        header_name: f.string(1, '', required),
        descriptor_key: f.string(2, '', required),
        skip_if_absent: f.bool(3),
      }),
    ),
    remote_address: f.message(4, message(name('Action.RemoteAddress'), {})),
    masked_remote_address: f.message(
      10,
      message(name('Action.MaskedRemoteAddress'), {
        v4_prefix_mask_len: prefix(1, 32),
        v6_prefix_mask_len: prefix(2, 128),
      }),
    ),
    generic_key: f.message(
      5,
      message(name('Action.GenericKey'), {
        descriptor_value: f.string(1, '', required),
        descriptor_key: f.string(2, 'default generic_key'),
      }),
    ),
    header_value_match: f.message(
      6,
      message(name('Action.HeaderValueMatch'), {
        descriptor_key: f.string(4, 'default header_match'),
        descriptor_value: f.string(1, '', required),
        expect_match: f.boolValue(2, 'default true'),
        headers: f.repeated(f.message(3, headerMatcher)),
      }),
    ),
    query_parameter_value_match: f.message(
      11,
      message(name('Action.QueryParameterValueMatch'), {
        descriptor_key: f.string(4, 'default query_match'),
        descriptor_value: f.string(1, '', required),
        expect_match: f.boolValue(2, 'default true'),
        query_parameters: f.repeated(f.message(3, queryParameterMatcher)),
      }),
    ),
    metadata: f.message(
      8,
      message(name('Action.MetaData'), {
        descriptor_key: f.string(1, '', required),
        metadata_key: f.message(2, metadataKey),
        default_value: f.string(3),
        source: f.enum(4, { DYNAMIC: 0, ROUTE_ENTRY: 1 }),
        skip_if_absent: f.bool(5),
      }),
    ),
  },
  [
    [
      'source_cluster',
      'destination_cluster',
      'request_headers',
      'remote_address',
      'masked_remote_address',
      'generic_key',
      'header_value_match',
      'query_parameter_value_match',
      'metadata',
    ],
  ],
);

/** A rule by which requests are counted. */
export const rateLimitRule = message('envoy.config.route.v3.RateLimit', {
  stage: f.uint32Value(1, 'default 0', atMost(10)),
  disable_key: f.string(2, 'there is no runtime: the rule always holds'),
  actions: f.repeated(f.message(3, action)),
  limit: f.message(
    4,
    message(name('Override'), {
      dynamic_metadata: f.message(
        1,
        message(name('Override.DynamicMetadata'), { metadata_key: f.message(1, metadataKey) }),
      ),
    }),
    'of the global filter alone',
  ),
});

export const tokenBucket = message('envoy.type.v3.TokenBucket', {
  max_tokens: f.uint32(1, '', positive),
  tokens_per_fill: f.uint32Value(2, 'default 1', positive),
  fill_interval: f.duration(3, 'at least 50ms', (value) => (value >= 50 ? null : 'must be at least 50ms')),
});

const entry = message('envoy.extensions.common.ratelimit.v3.RateLimitDescriptor.Entry', {
  key: f.string(1, '', required),
  value: f.string(2, 'never empty: there are no descriptors for any value', required),
});

const ownRules = 'instead of those of routes; without stage and limit';

/** `percent`, `status` and the like are handed in by the table of filters, which shares them. */
export function createRateLimits<P, S>(
  runtimePercent: Parameters<typeof f.message<P>>[1],
  httpStatus: Parameters<typeof f.message<S>>[1],
) {
  const shared = {
    status: f.message<S>(2, httpStatus, 'default 429; below 400 means 429'),
  };
  const local = message('envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit', {
    stat_prefix: f.string(1, '', required),
    ...shared,
    token_bucket: f.message(3, tokenBucket),
    filter_enabled: f.message<P>(4, runtimePercent, 'default 0 %'),
    filter_enforced: f.message<P>(5, runtimePercent, 'default 0 %'),
    response_headers_to_add: f.repeated(f.message(6, headerValueOption)),
    request_headers_to_add_when_not_enforced: f.repeated(f.message(10, headerValueOption)),
    descriptors: f.repeated(
      f.message(
        8,
        message('envoy.extensions.common.ratelimit.v3.LocalRateLimitDescriptor', {
          entries: f.repeated(f.message(1, entry)),
          token_bucket: f.message(2, tokenBucket),
        }),
      ),
    ),
    stage: f.uint32(9, '', atMost(10)),
    local_rate_limit_per_downstream_connection: f.bool(11, 'false', (value) =>
      value ? 'is supported as false only' : null,
    ),
    enable_x_ratelimit_headers: f.enum(12, { OFF: 0, DRAFT_VERSION_03: 1 }),
    vh_rate_limits: f.enum(13, { OVERRIDE: 0, INCLUDE: 1, IGNORE: 2 }),
    always_consume_default_token_bucket: f.boolValue(14, 'default true'),
    rate_limited_as_resource_exhausted: f.bool(15),
    rate_limits: f.repeated(f.message(17, rateLimitRule, ownRules)),
  });
  const global = message('envoy.extensions.filters.http.ratelimit.v3.RateLimit', {
    domain: f.string(1, '', required),
    stage: f.uint32(2, '', atMost(10)),
    request_type: f.string(3, 'internal, external or both', (value) =>
      ['', 'internal', 'external', 'both'].includes(value) ? null : 'must be internal, external or both',
    ),
    timeout: f.duration(4, 'default 20ms'),
    failure_mode_deny: f.bool(5),
    rate_limited_as_resource_exhausted: f.bool(6),
    rate_limit_service: f.message(
      7,
      message('envoy.config.ratelimit.v3.RateLimitServiceConfig', {
        grpc_service: f.message(2, filterGrpcService, 'its timeout has no effect: the filter’s holds'),
        transport_api_version: f.enum(4, { AUTO: 0, V2: 1, V3: 2 }, 'V3', (value) =>
          value === 'V2' ? 'is supported as V3 only' : null,
        ),
      }),
    ),
    enable_x_ratelimit_headers: f.enum(8, { OFF: 0, DRAFT_VERSION_03: 1 }),
    disable_x_envoy_ratelimited_header: f.bool(9),
    rate_limited_status: f.message<S>(10, httpStatus, 'default 429; below 400 means 429'),
    response_headers_to_add: f.repeated(f.message(11, headerValueOption)),
    status_on_error: f.message<S>(12, httpStatus, 'default 500; below 400 means 500'),
    stat_prefix: f.string(13),
    filter_enabled: f.message<P>(14, runtimePercent, 'default 100 %'),
    filter_enforced: f.message<P>(15, runtimePercent, 'default 100 %'),
    failure_mode_deny_percent: f.message<P>(16, runtimePercent, 'in place of failure_mode_deny'),
    rate_limits: f.repeated(f.message(17, rateLimitRule, ownRules)),
  });
  return { local, global };
}

/** What a route says to the global filter. */
export const rateLimitPerRoute = message('envoy.extensions.filters.http.ratelimit.v3.RateLimitPerRoute', {
  vh_rate_limits: f.enum(1, { OVERRIDE: 0, INCLUDE: 1, IGNORE: 2 }),
  domain: f.string(4, 'default the filter’s'),
});

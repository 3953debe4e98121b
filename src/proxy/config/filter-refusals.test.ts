// Refusals of filters' configurations, each by its path and in its words.

import { describe, expect, test } from 'bun:test';
import { parseBootstrap } from './bootstrap.ts';

type Json = Readonly<Record<string, unknown>>;

const typed = (type: string, fields: Json = {}): Json => ({
  '@type': `type.googleapis.com/${type}`,
  ...fields,
});
const http = 'envoy.extensions.filters.http';
const manager = 'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager';

/** What is wrong with a listener whose chain holds this filter before its router. */
function faultsOf(type: string, fields: Json, route: Json = {}): string {
  const routes = [{ match: { prefix: '/' }, route: { cluster: 'a' }, ...route }];
  const config = typed(manager, {
    stat_prefix: 'x',
    http_filters: [
      { name: 'f', typed_config: typed(type.startsWith('xds.') ? type : `${http}.${type}`, fields) },
      { name: 'r', typed_config: typed(`${http}.router.v3.Router`) },
    ],
    route_config: { virtual_hosts: [{ name: 'v', domains: ['*'], routes }] },
  });
  const address = { socket_address: { address: '127.0.0.1', port_value: 1 } };
  const document = {
    static_resources: {
      clusters: [{ name: 'a' }],
      listeners: [
        { name: 'l', address, filter_chains: [{ filters: [{ name: 'h', typed_config: config }] }] },
      ],
    },
  };
  const parsed = parseBootstrap(JSON.stringify(document), { fileName: 'f', version: '0' });
  return parsed.ok ? '' : parsed.error.map((issue) => `${issue.field}: ${issue.rule}`).join('\n');
}

function nested(depth: number): Json {
  return depth === 0 ? { any: true } : { not_rule: nested(depth - 1) };
}

const anybody = [{ any: true }];
const rules = (
  permissions: readonly Json[],
  principals: readonly Json[] = anybody,
  more: Json = {},
): Json => ({
  rules: { policies: { p: { permissions, principals, ...more } } },
});
const metadata = (fields: Json): Json =>
  rules([{ metadata: { filter: 'f', path: [{ key: 'k' }], value: { bool_match: true }, ...fields } }]);
const rbac = 'rbac.v3.RBAC';
const limit = 'local_ratelimit.v3.LocalRateLimit';
const globalLimit = 'ratelimit.v3.RateLimit';
const jwt = 'jwt_authn.v3.JwtAuthentication';
const tokens = (provider: Json): Json => ({ providers: { p: provider } });

const cases: readonly (readonly [name: string, type: string, fields: Json, expected: string])[] = [
  ['health check: neither way', 'health_check.v3.HealthCheck', {}, 'pass_through_mode: must be set'],
  [
    'health check: clusters beside the application',
    'health_check.v3.HealthCheck',
    { pass_through_mode: true, cluster_min_healthy_percentages: { a: { value: 50 } } },
    'cluster_min_healthy_percentages: must not be set with pass_through_mode',
  ],
  [
    'health check: nothing to keep',
    'health_check.v3.HealthCheck',
    { pass_through_mode: false, cache_time: '1s' },
    'cache_time: needs pass_through_mode',
  ],
  [
    'fault: a rate of nothing',
    'fault.v3.HTTPFault',
    { response_rate_limit: {} },
    'response_rate_limit: one of fixed_limit, header_limit must be set',
  ],
  [
    'fault: a rate of no bytes',
    'fault.v3.HTTPFault',
    { response_rate_limit: { fixed_limit: {} } },
    'response_rate_limit.fixed_limit.limit_kbps: must be greater than 0',
  ],
  [
    'bandwidth: no limit',
    'bandwidth_limit.v3.BandwidthLimit',
    { stat_prefix: 's', enable_mode: 'REQUEST' },
    'limit_kbps: must be set',
  ],
  [
    'bandwidth: an interval too short',
    'bandwidth_limit.v3.BandwidthLimit',
    { stat_prefix: 's', limit_kbps: 1, fill_interval: '0.01s' },
    'fill_interval: must be 20ms to 1s',
  ],
  [
    'bandwidth: trailers',
    'bandwidth_limit.v3.BandwidthLimit',
    { stat_prefix: 's', limit_kbps: 1, enable_response_trailers: true },
    'enable_response_trailers: is not supported by Weft: no trailers are added',
  ],
  [
    'jwt: a pause that shrinks',
    jwt,
    tokens({
      issuer: 'i',
      remote_jwks: {
        http_uri: { uri: 'http://k/', cluster: 'a', timeout: '1s' },
        retry_policy: { retry_back_off: { base_interval: '2s', max_interval: '1s' } },
      },
    }),
    'remote_jwks.retry_policy.retry_back_off.max_interval: must not be less than base_interval',
  ],
  [
    'local limit: a stage of the filter itself',
    limit,
    { stat_prefix: 'x', rate_limits: [{ stage: 1, actions: [{ remote_address: {} }] }] },
    'rate_limits[0].stage: must not be set in the filter itself',
  ],
  [
    'global limit: a limit of the filter itself',
    globalLimit,
    { domain: 'd', rate_limits: [{ limit: {}, actions: [{ remote_address: {} }] }] },
    'rate_limits[0].limit: must not be set in the filter itself',
  ],
  ['rbac: nothing permitted', rbac, rules([]), 'rules.policies[p].permissions: must be at least one'],
  ['rbac: nobody', rbac, rules(anybody, []), 'rules.policies[p].principals: must be at least one'],
  ['rbac: a permission of nothing', rbac, rules([{}]), 'permissions[0]: must say what it matches'],
  ['rbac: a principal of nothing', rbac, rules(anybody, [{}]), 'principals[0]: must say what it matches'],
  ['rbac: an empty list', rbac, rules([{ or_rules: {} }]), 'or_rules.rules: must be at least one'],
  ['rbac: a path of nothing', rbac, rules([{ url_path: {} }]), 'url_path.path: must be set'],
  [
    'rbac: a range that is none',
    rbac,
    rules(anybody, [{ remote_ip: { address_prefix: 'x', prefix_len: 8 } }]),
    'principals[0].remote_ip: must be an IP literal with a prefix that fits it',
  ],
  [
    'rbac: two things at once',
    rbac,
    rules([{ any: true, destination_port: 1 }]),
    'permissions[0]: only one of any, destination_port may be set',
  ],
  ['rbac: metadata without a path', rbac, metadata({ path: [] }), 'metadata.path: must be at least one'],
  ['rbac: metadata without a value', rbac, metadata({ value: undefined }), 'metadata.value: must be set'],
  ['rbac: a value of nothing', rbac, metadata({ value: {} }), 'metadata.value: must say what it matches'],
  [
    'rbac: an alternative of one',
    rbac,
    metadata({ value: { or_match: { value_matchers: [{ bool_match: true }] } } }),
    'or_match.value_matchers: must be at least two',
  ],
  [
    'rbac: an expression',
    rbac,
    rules(anybody, anybody, { condition: { id: 1 } }),
    'rules.policies[p].condition: is not supported by Weft (docs/envoy-compat.md)',
  ],
  [
    'rbac: a matcher',
    rbac,
    { matcher: {} },
    'http_filters[0].typed_config.matcher: is not supported by Weft (docs/envoy-compat.md)',
  ],
  ['buffer: no limit', 'buffer.v3.Buffer', {}, 'max_request_bytes: must be set'],
  [
    'compressor: no library',
    'compressor.v3.Compressor',
    { compressor_library: { name: 'a' } },
    'compressor_library.typed_config: must be set',
  ],
  [
    'compressor: no such level',
    'compressor.v3.Compressor',
    {
      compressor_library: {
        typed_config: typed('envoy.extensions.compression.brotli.compressor.v3.Brotli', { quality: 12 }),
      },
    },
    'compressor_library.typed_config.quality: must be 0 to 11',
  ],
  [
    'decompressor: no library',
    'decompressor.v3.Decompressor',
    {},
    'decompressor_library.typed_config: must be set',
  ],
  [
    'on_demand: clusters from nowhere',
    'on_demand.v3.OnDemand',
    { odcds: {} },
    'odcds.source: one of ads, api_config_source, path_config_source must be set',
  ],
  [
    'on_demand: clusters of a file',
    'on_demand.v3.OnDemand',
    { odcds: { source: { path: 'cds.yaml' } } },
    'odcds.source: must be ads or api_config_source: a file cannot be asked for a name',
  ],
  [
    'on_demand: responses that say all',
    'on_demand.v3.OnDemand',
    {
      odcds: {
        source: {
          api_config_source: {
            api_type: 'GRPC',
            transport_api_version: 'V3',
            grpc_services: [{ envoy_grpc: { cluster_name: 'a' } }],
          },
        },
      },
    },
    'odcds.source.api_config_source.api_type: must be DELTA_GRPC, to ask for clusters by name',
  ],
  [
    'on_demand: collections',
    'on_demand.v3.OnDemand',
    { odcds: { source: { ads: {} }, resources_locator: 'xdstp://a/b' } },
    'odcds.resources_locator: is not supported by Weft: names of clusters are plain ones: Weft has no xdstp collections',
  ],
  ['ext_authz: no service', 'ext_authz.v3.ExtAuthz', {}, 'one of grpc_service, http_service must be set'],
  [
    'ext_authz: no address',
    'ext_authz.v3.ExtAuthz',
    { http_service: {} },
    'http_service.server_uri: must be set',
  ],
  [
    'ext_authz: no time',
    'ext_authz.v3.ExtAuthz',
    { http_service: { server_uri: { uri: 'http://a', cluster: 'a' } } },
    'server_uri.timeout: must be set',
  ],
  [
    'ext_authz: no bound of a body',
    'ext_authz.v3.ExtAuthz',
    { with_request_body: {} },
    'with_request_body.max_request_bytes: must be set',
  ],
  [
    'ext_authz: over gRPC to nobody',
    'ext_authz.v3.ExtAuthz',
    { grpc_service: {} },
    'grpc_service.envoy_grpc: must be set',
  ],
  [
    'ext_authz: over gRPC by a library of Google’s',
    'ext_authz.v3.ExtAuthz',
    { grpc_service: { google_grpc: {} } },
    'grpc_service.google_grpc: is not supported by Weft (docs/envoy-compat.md)',
  ],
  [
    'ext_authz: a field of the call that is none',
    'ext_authz.v3.ExtAuthz',
    {
      grpc_service: {
        envoy_grpc: { cluster_name: 'authz' },
        initial_metadata: [{ key: 'x-a', value: '%REQ(:path)%' }],
      },
    },
    'grpc_service.initial_metadata[0].value: must not hold a command',
  ],
  [
    'ext_authz: over both',
    'ext_authz.v3.ExtAuthz',
    { grpc_service: { envoy_grpc: { cluster_name: 'a' } }, http_service: {} },
    'only one of grpc_service, http_service may be set',
  ],
  [
    'ext_authz: rules of changes that are no expression',
    'ext_authz.v3.ExtAuthz',
    {
      grpc_service: { envoy_grpc: { cluster_name: 'a' } },
      decoder_header_mutation_rules: { allow_expression: { regex: '(' } },
    },
    'decoder_header_mutation_rules.allow_expression.regex: ',
  ],
  [
    'local_ratelimit: a descriptor of nothing',
    limit,
    { stat_prefix: 'a', descriptors: [{ token_bucket: { max_tokens: 1, fill_interval: '1s' } }] },
    'descriptors[0].entries: must not be empty',
  ],
  [
    'local_ratelimit: a descriptor without a bucket',
    limit,
    { stat_prefix: 'a', descriptors: [{ entries: [{ key: 'a', value: 'b' }] }] },
    'descriptors[0].token_bucket: must be set',
  ],
  [
    'local_ratelimit: a descriptor for any value',
    limit,
    { stat_prefix: 'a', descriptors: [{ entries: [{ key: 'a' }] }] },
    'descriptors[0].entries[0].value: must be set',
  ],
  [
    'local_ratelimit: a bucket without a time',
    limit,
    { stat_prefix: 'a', token_bucket: { max_tokens: 1 } },
    'token_bucket.fill_interval: must be set',
  ],
  [
    'local_ratelimit: a bucket of nothing',
    limit,
    { stat_prefix: 'a', token_bucket: { fill_interval: '1s' } },
    'token_bucket.max_tokens: must be set',
  ],
  [
    'local_ratelimit: of each connection',
    limit,
    { stat_prefix: 'a', local_rate_limit_per_downstream_connection: true },
    'local_rate_limit_per_downstream_connection: is supported as false only',
  ],
  ['ratelimit: no service', globalLimit, { domain: 'a' }, 'rate_limit_service: must be set'],
  [
    'ratelimit: a service of nobody',
    globalLimit,
    { domain: 'a', rate_limit_service: { transport_api_version: 'V3' } },
    'rate_limit_service.grpc_service: must be set',
  ],
  [
    'ratelimit: an older service',
    globalLimit,
    { domain: 'a', rate_limit_service: { transport_api_version: 'V2' } },
    'rate_limit_service.transport_api_version: is supported as V3 only',
  ],
  [
    'ratelimit: others than there are',
    globalLimit,
    { domain: 'a', request_type: 'mine' },
    'request_type: must be internal, external or both',
  ],
  ['jwt: no keys', jwt, tokens({}), 'providers[p]: one of remote_jwks, local_jwks must be set'],
  [
    'jwt: keys that are none',
    jwt,
    tokens({ local_jwks: { inline_string: '{"keys":[]}' } }),
    'local_jwks: must be a JSON Web Key Set with a key',
  ],
  ['jwt: keys from nowhere', jwt, tokens({ remote_jwks: {} }), 'remote_jwks.http_uri: must be set'],
  ['jwt: a rule without a match', jwt, { rules: [{}] }, 'rules[0].match: must be set'],
  [
    'jwt: a requirement that is not there',
    jwt,
    { rules: [{ match: { prefix: '/' }, requirement_name: 'x' }] },
    'requirement_name: must be one of requirement_map',
  ],
  [
    'jwt: a provider that is not there',
    jwt,
    { rules: [{ match: { prefix: '/' }, requires: { provider_name: 'x' } }] },
    'requires.provider_name: must be one of providers',
  ],
  [
    'jwt: nothing required',
    jwt,
    { rules: [{ match: { prefix: '/' }, requires: {} }] },
    'requires: must say what it requires',
  ],
  ['rbac: rules in rules without end', rbac, rules([nested(90)]), 'is nested deeper than 64 messages'],
];

const own = 'xds.type.v3.TypedStruct';
const ownType = 'type.googleapis.com/weft.dev/v1alpha1.UserFilter';
const ownCases: readonly (readonly [name: string, fields: Json, expected: string])[] = [
  ['another type', { type_url: 'a/b' }, 'type_url: is supported as weft.dev/v1alpha1.UserFilter only'],
  ['no name', { type_url: ownType }, 'value.filter: must be the name of a filter'],
  [
    'another field',
    { type_url: ownType, value: { filter: 'a', conf: {} } },
    'value.conf: is not a field of weft.dev/v1alpha1.UserFilter',
  ],
  [
    'another way to fail',
    { type_url: ownType, value: { filter: 'a', onError: 'shrug' } },
    'value.onError: must be fail or pass',
  ],
  [
    'no time',
    { type_url: ownType, value: { filter: 'a', timeout: '0s' } },
    'value.timeout: must be a duration like 5s, above 0',
  ],
];

describe('a filter of the user’s own is refused for', () => {
  for (const [name, fields, expected] of ownCases)
    test(name, () => expect(faultsOf(own, fields)).toContain(expected));
});

const routeCases: readonly (readonly [name: string, type: string, fields: Json, expected: string])[] = [
  [
    'ext_authz: nothing said',
    'ext_authz.v3.ExtAuthzPerRoute',
    {},
    'one of disabled, check_settings must be set',
  ],
  [
    'ext_authz: a body and none',
    'ext_authz.v3.ExtAuthzPerRoute',
    {
      check_settings: { disable_request_body_buffering: true, with_request_body: { max_request_bytes: 1 } },
    },
    'check_settings.with_request_body: must not be set with disable_request_body_buffering',
  ],
  ['jwt: nothing said', 'jwt_authn.v3.PerRouteConfig', {}, 'one of disabled, requirement_name must be set'],
  ['buffer: nothing said', 'buffer.v3.BufferPerRoute', {}, 'one of disabled, buffer must be set'],
  [
    'compressor: nothing said',
    'compressor.v3.CompressorPerRoute',
    {},
    'one of disabled, overrides must be set',
  ],
];

describe('a route’s word to a filter is refused for', () => {
  for (const [name, type, fields, expected] of routeCases)
    test(name, () => {
      const route = { typed_per_filter_config: { f: typed(`${http}.${type}`, fields) } };
      expect(faultsOf('cors.v3.Cors', {}, route)).toContain(expected);
    });
});

const ruleCases: readonly (readonly [name: string, rule: Json, expected: string])[] = [
  ['nothing to count by', {}, 'actions: must not be empty'],
  ['an action that is none', { actions: [{}] }, 'actions[0]: one action must be set'],
  [
    'fields that are none',
    { actions: [{ header_value_match: { descriptor_value: 'a' } }] },
    'actions[0].header_value_match.headers: must not be empty',
  ],
  [
    'parameters that are none',
    { actions: [{ query_parameter_value_match: { descriptor_value: 'a' } }] },
    'actions[0].query_parameter_value_match.query_parameters: must not be empty',
  ],
  [
    'metadata from nowhere',
    { actions: [{ metadata: { descriptor_key: 'a' } }] },
    'actions[0].metadata.metadata_key: must be set',
  ],
  [
    'metadata without a path',
    { actions: [{ metadata: { descriptor_key: 'a', metadata_key: { key: 'b' } } }] },
    'actions[0].metadata.metadata_key.path: must not be empty',
  ],
  [
    'a limit from nowhere',
    { actions: [{ remote_address: {} }], limit: {} },
    'limit.dynamic_metadata: must be set',
  ],
];

describe('a rule by which requests are counted is refused for', () => {
  for (const [name, rule, expected] of ruleCases)
    test(name, () => {
      const route = { route: { cluster: 'a', rate_limits: [rule] } };
      expect(faultsOf('cors.v3.Cors', {}, route)).toContain(`route.rate_limits[0].${expected}`);
    });
});

describe('a filter is refused for', () => {
  for (const [name, type, fields, expected] of cases)
    test(name, () => expect(faultsOf(type, fields)).toContain(expected));
});

describe('a network filter is refused for', () => {
  const network = 'envoy.extensions.filters.network';
  const last = {
    name: 't',
    typed_config: typed(`${network}.tcp_proxy.v3.TcpProxy`, { stat_prefix: 't', cluster: 'a' }),
  };
  const faults = (...filters: readonly Json[]) => {
    const address = { socket_address: { address: '127.0.0.1', port_value: 1 } };
    const listeners = [{ name: 'l', address, filter_chains: [{ filters }] }];
    const document = { static_resources: { clusters: [{ name: 'a' }], listeners } };
    const parsed = parseBootstrap(JSON.stringify(document), { fileName: 'f', version: '0' });
    return parsed.ok ? '' : parsed.error.map((issue) => `${issue.field}: ${issue.rule}`).join('\n');
  };
  const tunnels: readonly (readonly [tunneling: Json, expected: string])[] = [
    [{ hostname: 'a:1', post_path: '/x' }, 'post_path: must be with use_post'],
    [{ hostname: 'a:1', use_post: true, post_path: 'x' }, 'post_path: must begin with a slash'],
    [{ hostname: '%NOTHING%' }, 'hostname: '],
    [{ hostname: 'a:1', propagate_response_headers: true }, 'propagate_response_headers: is not supported'],
    [{}, 'hostname: must be set'],
  ];
  for (const [tunneling_config, expected] of tunnels)
    test(`a tunnel: ${expected}`, () => {
      const config = { ...last.typed_config, tunneling_config };
      expect(faults({ name: 't', typed_config: config })).toContain(`tunneling_config.${expected}`);
    });
  const before = (type: string, fields: Json) =>
    faults({ name: 'n', typed_config: typed(`${network}.${type}`, fields) }, last);

  test('none', () => expect(faults()).toContain('filter_chains[0].filters: must be at least one'));
  test('two that end the chain', () =>
    expect(faults(last, last)).toContain('filters[0].typed_config: must be the last filter'));
  test('no number', () =>
    expect(before('connection_limit.v3.ConnectionLimit', { stat_prefix: 'x' })).toContain(
      'filters[0].typed_config.max_connections: must be set',
    ));
  test('no bucket', () =>
    expect(before('local_ratelimit.v3.LocalRateLimit', { stat_prefix: 'x' })).toContain(
      'filters[0].typed_config.token_bucket.max_tokens: must be set',
    ));
});

describe('tracing is refused for', () => {
  const faults = (tracing: Json) => {
    const hcm = typed(manager, {
      stat_prefix: 'x',
      http_filters: [{ name: 'r', typed_config: typed(`${http}.router.v3.Router`) }],
      route_config: { virtual_hosts: [{ name: 'v', domains: ['*'], routes: [] }] },
      tracing,
    });
    const address = { socket_address: { address: '127.0.0.1', port_value: 1 } };
    const listeners = [
      { name: 'l', address, filter_chains: [{ filters: [{ name: 'h', typed_config: hcm }] }] },
    ];
    const document = { static_resources: { listeners } };
    const parsed = parseBootstrap(JSON.stringify(document), { fileName: 'f', version: '0' });
    return parsed.ok ? '' : parsed.error.map((issue) => `${issue.field}: ${issue.rule}`).join('\n');
  };
  const by = (type: string, fields: Json) => ({
    provider: { name: 'p', typed_config: typed(`envoy.config.trace.v3.${type}`, fields) },
  });
  const zipkin = { collector_cluster: 'a', collector_endpoint: '/', collector_endpoint_version: 'HTTP_JSON' };
  const refused: readonly (readonly [name: string, tracing: Json, expected: string])[] = [
    ['nobody who collects', {}, 'tracing.provider: must be set'],
    ['a collector without a word', { provider: { name: 'p' } }, 'tracing.provider.typed_config: must be set'],
    [
      'no service',
      by('OpenTelemetryConfig', {}),
      'provider.typed_config: one of grpc_service, http_service must be set',
    ],
    [
      'a service of nobody',
      by('OpenTelemetryConfig', { http_service: {} }),
      'provider.typed_config.http_service.http_uri: must be set',
    ],
    [
      'an address that is none',
      by('OpenTelemetryConfig', { http_service: { http_uri: { uri: 'here', cluster: 'a', timeout: '1s' } } }),
      'provider.typed_config.http_service.http_uri.uri: must be an http URL',
    ],
    [
      'spans in another form',
      by('ZipkinConfig', { ...zipkin, collector_endpoint_version: 'HTTP_PROTO' }),
      'collector_endpoint_version: is supported as HTTP_JSON only',
    ],
    [
      'a tag of nothing',
      { ...by('ZipkinConfig', zipkin), custom_tags: [{ tag: 'a' }] },
      'custom_tags[0]: one of literal, environment, request_header, metadata must be set',
    ],
    [
      'a tag of metadata from nowhere',
      { ...by('ZipkinConfig', zipkin), custom_tags: [{ tag: 'a', metadata: {} }] },
      'custom_tags[0].metadata.metadata_key: must be set',
    ],
    [
      'spans of attempts',
      { ...by('ZipkinConfig', zipkin), spawn_upstream_span: true },
      'spawn_upstream_span: is supported as false only',
    ],
  ];
  for (const [name, tracing, expected] of refused)
    test(name, () => expect(faults(tracing)).toContain(expected));
});

test.each<[what: string, mutation: Json, fault: string]>([
  ['nothing', {}, ': one of remove, append must be set'],
  ['two edits in one', { remove: 'a', append: { record: { key: 'b', value: 'c' } } }, ': '],
  [
    'an entry',
    { append: { entry: { key: 'a' } } },
    '.append.entry: is not supported by Weft: Envoy wants a record',
  ],
  ['no record', { append: {} }, '.append.record: must be set'],
  ['no key', { append: { record: { value: 'b' } } }, '.append.record.key: '],
  [
    'a value that is no text',
    { append: { record: { key: 'a', value: 3 } } },
    '.append.record.value: must be a string',
  ],
  ['a format that is none', { append: { record: { key: 'a', value: '%REQ(%' } } }, '.append.record.value: '],
  [
    'a key beyond ASCII',
    { append: { record: { key: 'é', value: 'b' } } },
    '.append.record.key: must be printable ASCII',
  ],
])('header_mutation of a query: %s', (_, mutation, fault) => {
  const fields = { mutations: { query_parameter_mutations: [mutation] } };
  expect(faultsOf('header_mutation.v3.HeaderMutation', fields)).toContain(
    `query_parameter_mutations[0]${fault}`,
  );
});

test.each(['request', 'response'])('header_mutation of trailers of a %s', (side) => {
  const fields = { mutations: { [`${side}_trailers_mutations`]: [{ remove: 'a' }] } };
  expect(faultsOf('header_mutation.v3.HeaderMutation', fields)).toContain('trailers pass as they are');
});

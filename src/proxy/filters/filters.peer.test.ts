// Each HTTP filter beside Envoy's: the same chain, the same requests.

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { describeWith } from '../../testing/programs.ts';
import { BesideEnvoy, type Case, prefixOf, typed } from '../testing/beside-envoy.ts';

setDefaultTimeout(60_000);

const http = 'envoy.extensions.filters.http';
const never = { runtime_key: 'none', default_value: { numerator: 0 } };
const all = { default_value: { numerator: 100, denominator: 'HUNDRED' } };
const hundred = { numerator: 100, denominator: 'HUNDRED' };

function filter(name: string, type: string, fields: object = {}, more: object = {}): object {
  return { name, typed_config: typed(`${http}.${type}`, fields), ...more };
}

function routed(filterName: string, type: string, fields: object): Pick<Case, 'routes'> {
  return {
    routes: [
      {
        match: { prefix: '/said' },
        route: { cluster: 'backend' },
        typed_per_filter_config: { [filterName]: typed(`${http}.${type}`, fields) },
      },
      {
        match: { prefix: '/off' },
        route: { cluster: 'backend' },
        typed_per_filter_config: {
          [filterName]: typed('envoy.config.route.v3.FilterConfig', { disabled: true }),
        },
      },
      { match: { prefix: '/' }, route: { cluster: 'backend' } },
    ],
  };
}

const parameter = (key: string, value: string, action = 'APPEND_IF_EXISTS_OR_ADD') => ({
  append: { record: { key, value }, action },
});
const three = [{ path: '/' }, { path: '/said' }, { path: '/off' }];
const bucket = { max_tokens: 2, tokens_per_fill: 1, fill_interval: '3600s' };
const limit = (fields: object = {}) => ({
  stat_prefix: 'limited',
  token_bucket: bucket,
  filter_enabled: { runtime_key: 'a', ...all },
  filter_enforced: { runtime_key: 'b', ...all },
  ...fields,
});
const origin = (value: string) => [`origin: ${value}`];
const preflight = (value: string) => ({
  method: 'OPTIONS',
  fields: [...origin(value), 'access-control-request-method: PUT', 'access-control-request-headers: x-a'],
});
const policy = {
  allow_origin_string_match: [{ exact: 'http://good.example' }, { suffix: '.trusted.example' }],
  allow_methods: 'GET, PUT',
  allow_headers: 'x-a',
  expose_headers: 'x-from',
  max_age: '600',
  allow_credentials: true,
};

const firstCases: readonly Case[] = [
  {
    name: 'fault: abort',
    filters: [filter('fault', 'fault.v3.HTTPFault', { abort: { http_status: 418, percentage: hundred } })],
    ...routed('fault', 'fault.v3.HTTPFault', { abort: { http_status: 503, percentage: hundred } }),
    asks: three,
    stats: /fault/,
  },
  {
    name: 'fault: what is said of requests that had one',
    filters: [
      filter('tell', 'header_mutation.v3.HeaderMutation', {
        mutations: {
          response_mutations: [
            { append: { header: { key: 'x-fault', value: '%DYNAMIC_METADATA(fault)%' } } },
          ],
        },
      }),
      filter('fault', 'fault.v3.HTTPFault', {
        filter_metadata: { kind: 'drill' },
        delay: { header_delay: {}, percentage: { numerator: 100 } },
        abort: { header_abort: {}, percentage: { numerator: 100 } },
      }),
    ],
    asks: [
      { path: '/' },
      { path: '/', fields: ['x-envoy-fault-delay-request: 2'] },
      { path: '/', fields: ['x-envoy-fault-abort-request: 503'] },
    ],
  },
  {
    name: 'fault: as the caller asks',
    filters: [
      filter('fault', 'fault.v3.HTTPFault', {
        abort: { header_abort: {}, percentage: hundred },
        delay: { header_delay: {}, percentage: hundred },
      }),
    ],
    asks: [
      {},
      { fields: ['x-envoy-fault-abort-request: 429'] },
      { fields: ['x-envoy-fault-abort-request: 429', 'x-envoy-fault-abort-request-percentage: 0'] },
      { fields: ['x-envoy-fault-abort-request: 999'] },
      { fields: ['x-envoy-fault-abort-request: no'] },
      { fields: ['x-envoy-fault-delay-request: 20'] },
      { fields: ['x-envoy-fault-delay-request: 20', 'x-envoy-fault-abort-request: 500'] },
    ],
    stats: /fault/,
  },
  {
    name: 'fault: for some requests only',
    filters: [
      filter('fault', 'fault.v3.HTTPFault', {
        abort: { http_status: 400, percentage: hundred },
        upstream_cluster: 'backend',
        headers: [{ name: 'x-break', string_match: { exact: 'yes' } }],
      }),
    ],
    asks: [{}, { fields: ['x-break: yes'] }, { fields: ['x-break: no'] }],
    stats: /fault/,
  },
  {
    name: 'local rate limit',
    filters: [
      filter('limit', 'local_ratelimit.v3.LocalRateLimit', {
        ...limit(),
        response_headers_to_add: [{ header: { key: 'x-limited', value: 'yes' } }],
        status: { code: 'ServiceUnavailable' },
      }),
    ],
    asks: [{ times: 4 }],
    stats: /rate_limit.*"limited"/,
  },
  {
    name: 'local rate limit: counted, not enforced',
    filters: [
      filter('limit', 'local_ratelimit.v3.LocalRateLimit', {
        ...limit({ stat_prefix: 'shadow', filter_enforced: undefined }),
        request_headers_to_add_when_not_enforced: [{ header: { key: 'x-would', value: 'be limited' } }],
      }),
    ],
    asks: [{ times: 4 }],
    stats: /rate_limit.*"shadow"/,
  },
  {
    name: 'local rate limit: by route',
    filters: [filter('limit', 'local_ratelimit.v3.LocalRateLimit', { stat_prefix: 'outer' })],
    ...routed('limit', 'local_ratelimit.v3.LocalRateLimit', limit({ stat_prefix: 'inner' })),
    asks: [...three, ...three, ...three],
    stats: /rate_limit.*"(outer|inner)"/,
  },
  {
    name: 'cors',
    filters: [filter('cors', 'cors.v3.Cors')],
    ...routed('cors', 'cors.v3.CorsPolicy', policy),
    asks: ['/', '/said', '/off'].flatMap((path) => [
      { path },
      { path, fields: origin('http://good.example') },
      { path, fields: origin('http://a.trusted.example') },
      { path, fields: origin('http://bad.example') },
      { path, ...preflight('http://good.example') },
      { path, ...preflight('http://bad.example') },
      { path, method: 'OPTIONS', fields: origin('http://good.example') },
    ]),
    stats: /cors/,
  },
  {
    name: 'cors: stars are answered with what was asked',
    filters: [filter('cors', 'cors.v3.Cors')],
    ...routed('cors', 'cors.v3.CorsPolicy', { ...policy, allow_methods: '*', allow_headers: '*' }),
    asks: ['/', '/said'].flatMap((path) => [
      { path, ...preflight('http://good.example') },
      { path, fields: origin('http://good.example') },
    ]),
    stats: /cors/,
  },
  {
    name: 'csrf',
    filters: [
      filter('csrf', 'csrf.v3.CsrfPolicy', {
        filter_enabled: all,
        additional_origins: [{ exact: 'good.example' }],
      }),
    ],
    asks: ['GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'HEAD'].flatMap((method) => [
      { method },
      { method, fields: origin('http://a.example') },
      { method, fields: origin('http://good.example') },
      { method, fields: origin('http://bad.example') },
      { method, fields: origin('null') },
      { method, fields: [...origin('null'), 'referer: http://a.example/page'] },
      { method, fields: origin('good.example') },
      { method, fields: ['referer: http://a.example/page'] },
    ]),
    stats: /csrf/,
  },
  {
    name: 'health check',
    filters: [
      filter('health', 'health_check.v3.HealthCheck', {
        pass_through_mode: false,
        headers: [{ name: ':path', string_match: { exact: '/healthz' } }],
      }),
    ],
    asks: [{}, { path: '/healthz' }, { path: '/healthz', method: 'HEAD' }],
  },
  {
    name: 'health check: passed through and kept',
    filters: [
      filter('health', 'health_check.v3.HealthCheck', {
        pass_through_mode: true,
        cache_time: '60s',
        headers: [{ name: ':path', string_match: { exact: '/healthz' } }],
      }),
    ],
    asks: [{}, { path: '/healthz' }, { path: '/healthz' }],
  },
  {
    name: 'health check: of clusters',
    filters: ['backend', 'gone'].map((name) =>
      filter(`health-${name}`, 'health_check.v3.HealthCheck', {
        pass_through_mode: false,
        cluster_min_healthy_percentages: { [name]: { value: 50 } },
        headers: [{ name: ':path', string_match: { exact: `/${name}` } }],
      }),
    ),
    asks: [{}, { path: '/backend' }, { path: '/gone' }],
  },
  {
    name: 'fault: a status of gRPC',
    filters: [
      filter('fault', 'fault.v3.HTTPFault', {
        abort: { grpc_status: 8, percentage: { numerator: 100 } },
        downstream_nodes: ['a', 'b'],
        delay_percent_runtime: 'x',
      }),
    ],
    asks: [
      {},
      { fields: ['x-envoy-downstream-service-node: a'] },
      { fields: ['x-envoy-downstream-service-node: b', 'content-type: application/grpc'] },
      { fields: ['x-envoy-downstream-service-node: c'] },
    ],
    stats: /fault/,
  },
  {
    name: 'fault: a status of gRPC that is asked for',
    filters: [
      filter('fault', 'fault.v3.HTTPFault', {
        abort: { header_abort: {}, percentage: { numerator: 100 } },
      }),
    ],
    asks: [
      { fields: ['x-envoy-fault-abort-grpc-request: 5', 'content-type: application/grpc'] },
      { fields: ['x-envoy-fault-abort-grpc-request: 5'] },
      {
        fields: [
          'x-envoy-fault-abort-grpc-request: 5',
          'x-envoy-fault-abort-request: 418',
          'content-type: application/grpc',
        ],
      },
      { fields: ['x-envoy-fault-abort-grpc-request: 99'] },
    ],
    stats: /fault/,
  },
  {
    name: 'cors: in the shadow, and of private networks',
    filters: [filter('cors', 'cors.v3.Cors', {})],
    routes: [
      ['/shadow', { filter_enabled: never, shadow_enabled: all }],
      ['/private', { allow_private_network_access: true }],
      ['/public', { allow_private_network_access: false }],
      ['/', {}],
    ].map(([prefix, fields]) => ({
      match: { prefix },
      route: { cluster: 'backend' },
      typed_per_filter_config: {
        cors: typed('envoy.extensions.filters.http.cors.v3.CorsPolicy', {
          allow_origin_string_match: [{ exact: 'http://good.example' }],
          allow_methods: 'GET',
          ...(fields as object),
        }),
      },
    })),
    asks: ['/shadow', '/private', '/public', '/'].flatMap((path) => [
      { path, fields: ['origin: http://good.example'] },
      { path, fields: ['origin: http://bad.example'] },
      {
        path,
        method: 'OPTIONS',
        fields: [
          'origin: http://good.example',
          'access-control-request-method: GET',
          'access-control-request-private-network: true',
        ],
      },
    ]),
    stats: /cors/,
  },
  {
    name: 'header mutation',
    filters: [
      filter('mutate', 'header_mutation.v3.HeaderMutation', {
        mutations: {
          request_mutations: [
            { remove: 'x-gone' },
            { append: { header: { key: 'x-added', value: 'filter' } } },
            {
              append: {
                header: { key: 'x-set', value: 'filter' },
                append_action: 'OVERWRITE_IF_EXISTS_OR_ADD',
              },
            },
          ],
          response_mutations: [
            { remove: 'x-from' },
            { append: { header: { key: 'x-answer', value: 'filter' } } },
          ],
        },
      }),
    ],
    ...routed('mutate', 'header_mutation.v3.HeaderMutationPerRoute', {
      mutations: {
        request_mutations: [{ append: { header: { key: 'x-added', value: 'route' } } }],
        response_mutations: [{ append: { header: { key: 'x-answer', value: 'route' } } }],
      },
    }),
    asks: three.map((each) => ({ ...each, fields: ['x-gone: a', 'x-set: b', 'x-added: c'] })),
  },
  {
    // Names in their order and nothing escaped: Envoy writes all parameters decoded and sorted, Weft as they came.
    name: 'header mutation of a query',
    filters: [
      filter('mutate', 'header_mutation.v3.HeaderMutation', {
        mutations: {
          request_mutations: [{ append: { header: { key: 'x-said', value: 'said' } } }],
          query_parameter_mutations: [
            { remove: 'gone' },
            parameter('b', '%REQ(x-said)%%REQ(:METHOD)%'),
            parameter('c', 'set', 'OVERWRITE_IF_EXISTS_OR_ADD'),
            parameter('aa', 'there', 'OVERWRITE_IF_EXISTS'),
            parameter('e', 'absent', 'ADD_IF_ABSENT'),
          ],
        },
      }),
    ],
    ...routed('mutate', 'header_mutation.v3.HeaderMutationPerRoute', {
      mutations: { query_parameter_mutations: [parameter('f', 'route')] },
    }),
    asks: three.flatMap(({ path }) => [
      { path },
      { path: `${path}?a=1&gone=2&gone` },
      { path: `${path}?a=1&aa=1&aa=2` },
      { path: `${path}?b=0` },
    ]),
  },
];

const loopback = { address_prefix: '127.0.0.0', prefix_len: 8 };
const ten = { address_prefix: '10.0.0.0', prefix_len: 8 };
const pathStarts = (prefix: string) => ({ url_path: { path: { prefix } } });
const fieldIs = (name: string, exact: string) => ({ header: { name, string_match: { exact } } });
const allow = (permission: object, principal: object = { any: true }) => ({
  action: 'ALLOW',
  policies: { one: { permissions: [permission], principals: [principal] } },
});
const rbac = (fields: object) => [filter('rbac', 'rbac.v3.RBAC', fields)];
const paths = [
  { path: '/open/a' },
  { path: '/shut' },
  { path: '/shut?x=/open' },
  { path: '/said' },
  { path: '/off' },
];

const accessCases: readonly Case[] = [
  { name: 'rbac: nothing said', filters: rbac({}), asks: paths, stats: /rbac/ },
  { name: 'rbac: no policy', filters: rbac({ rules: { action: 'ALLOW' } }), asks: paths, stats: /rbac/ },
  {
    name: 'rbac: no policy denies',
    filters: rbac({ rules: { action: 'DENY' } }),
    asks: paths,
    stats: /rbac/,
  },
  { name: 'rbac: allow', filters: rbac({ rules: allow(pathStarts('/open')) }), asks: paths, stats: /rbac/ },
  {
    name: 'rbac: deny',
    filters: rbac({ rules: { ...allow(pathStarts('/open')), action: 'DENY' } }),
    asks: paths,
    stats: /rbac/,
  },
  {
    name: 'rbac: log',
    filters: rbac({ rules: { ...allow(pathStarts('/open')), action: 'LOG' } }),
    asks: paths,
    stats: /rbac/,
  },
  {
    name: 'rbac: shadow',
    filters: rbac({ shadow_rules: allow(pathStarts('/open')), shadow_rules_stat_prefix: 'trial_' }),
    asks: paths,
    stats: /rbac/,
  },
  {
    name: 'rbac: shadow beside rules, by policy',
    filters: rbac({
      rules: allow(pathStarts('/shut')),
      rules_stat_prefix: 'real_',
      shadow_rules: allow(pathStarts('/open')),
      track_per_rule_stats: true,
    }),
    asks: paths,
    stats: /rbac/,
  },
  {
    name: 'rbac: by route',
    filters: rbac({ rules: allow(pathStarts('/open')) }),
    ...routed('rbac', 'rbac.v3.RBACPerRoute', { rbac: { rules: allow({ any: true }) } }),
    asks: paths,
    stats: /rbac/,
  },
  {
    name: 'rbac: off by route',
    filters: rbac({ rules: allow(pathStarts('/open')) }),
    ...routed('rbac', 'rbac.v3.RBACPerRoute', {}),
    asks: paths,
    stats: /rbac/,
  },
  {
    name: 'rbac: all, any, not',
    filters: rbac({
      rules: allow(
        {
          and_rules: {
            rules: [
              { or_rules: { rules: [pathStarts('/a'), pathStarts('/b')] } },
              { not_rule: fieldIs('x-no', 'yes') },
            ],
          },
        },
        {
          or_ids: {
            ids: [
              { and_ids: { ids: [fieldIs('x-a', '1'), fieldIs('x-b', '2')] } },
              { not_id: fieldIs(':method', 'GET') },
            ],
          },
        },
      ),
    }),
    asks: ['/a', '/b', '/c'].flatMap((path) => [
      { path },
      { path, method: 'PUT' },
      { path, method: 'PUT', fields: ['x-no: yes'] },
      { path, fields: ['x-a: 1', 'x-b: 2'] },
      { path, fields: ['x-a: 1'] },
    ]),
    stats: /rbac/,
  },
  ...(
    [
      ['source', { any: true }, { source_ip: loopback }],
      ['direct', { any: true }, { direct_remote_ip: loopback }],
      ['remote', { any: true }, { remote_ip: ten }],
      ['not that remote', { any: true }, { not_id: { remote_ip: ten } }],
      ['path of a principal', { any: true }, pathStarts('/open')],
      ['destination', { destination_ip: loopback }, { any: true }],
      ['another destination', { destination_ip: ten }, { any: true }],
      ['port', { destination_port: 1 }, { any: true }],
      ['range of ports', { destination_port_range: { start: 1024, end: 65_535 } }, { any: true }],
      ['server name', { requested_server_name: { exact: '' } }, { any: true }],
      ['authenticated', { any: true }, { authenticated: {} }],
      ['authenticated by name', { any: true }, { authenticated: { principal_name: { exact: 'a' } } }],
      [
        'metadata that is not there',
        { metadata: { filter: 'a', path: [{ key: 'b' }], value: { string_match: { exact: 'c' } } } },
        { any: true },
      ],
      [
        'not that metadata',
        {
          metadata: {
            filter: 'a',
            path: [{ key: 'b' }],
            value: { or_match: { value_matchers: [{ bool_match: true }, { null_match: {} }] } },
            invert: true,
          },
        },
        { any: true },
      ],
    ] as const
  ).map(
    ([name, permission, principal]): Case => ({
      name: `rbac: ${name}`,
      filters: rbac({ rules: allow(permission, principal) }),
      asks: [
        { path: '/open' },
        { path: '/shut', fields: ['x-forwarded-for: 10.1.2.3'] },
        { path: '/shut', fields: ['x-forwarded-for: 10.1.2.3, 11.1.1.1'] },
      ],
      stats: /rbac/,
    }),
  ),
  {
    name: 'rbac: behind what another rbac said',
    filters: [
      filter('first', 'rbac.v3.RBAC', { shadow_rules: allow(pathStarts('/open')) }),
      filter('second', 'rbac.v3.RBAC', {
        rules: allow({
          metadata: {
            filter: 'envoy.filters.http.rbac',
            path: [{ key: 'shadow_engine_result' }],
            value: { string_match: { exact: 'allowed' } },
          },
        }),
      }),
    ],
    asks: paths,
    stats: /rbac/,
  },
];

const cases = [...firstCases, ...accessCases];

describeWith(['envoy'], 'HTTP filters beside Envoy', () => {
  const beside = new BesideEnvoy({ cases });
  beforeAll(() => beside.start());
  afterAll(() => beside.stop());

  for (const [index, { name, stats }] of cases.entries()) {
    test(name, async () => {
      const { envoy, weft } = await beside.play(index);
      expect(weft).toEqual([...envoy]);
      if (stats === undefined) return;
      const counted = await beside.stats(new RegExp(`(?=.*${stats.source})`));
      const mine = (lines: readonly string[]) =>
        lines.filter((line) => line.includes(`"${prefixOf(index)}"`) || line.includes('rate_limit'));
      expect(mine(counted.weft)).toEqual(mine(counted.envoy));
    });
  }
});

// Each HTTP filter beside Envoy's: the same chain, the same requests.

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { describeWith } from '../../testing/programs.ts';
import { BesideEnvoy, type Case, prefixOf, typed } from '../testing/beside-envoy.ts';

setDefaultTimeout(60_000);

const http = 'envoy.extensions.filters.http';
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

const cases: readonly Case[] = [
  {
    name: 'fault: abort',
    filters: [filter('fault', 'fault.v3.HTTPFault', { abort: { http_status: 418, percentage: hundred } })],
    ...routed('fault', 'fault.v3.HTTPFault', { abort: { http_status: 503, percentage: hundred } }),
    asks: three,
    stats: /fault/,
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
];

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

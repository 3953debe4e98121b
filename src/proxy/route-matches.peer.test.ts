// What routes match by beyond the head, who is sent to TLS, and how weights are drawn by a field, beside Envoy.

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { describeWith } from '../testing/programs.ts';
import { type Ask, BesideEnvoy, type Case, cluster, type Told } from './testing/beside-envoy.ts';

setDefaultTimeout(60_000);

const all = { prefix: '/' };
const backend = { cluster: 'backend' };
const otherwise = { match: all, direct_response: { status: 404 } };
const get = (path: string, ...fields: string[]): Ask => ({ path, fields: ['host: a.example:80', ...fields] });
const routesWith = (host: object, config: object = {}) => ({
  route_config: { name: 'own', virtual_hosts: [{ name: 'all', domains: ['*'], ...host }], ...config },
});
const internal = {
  internal_address_config: { cidr_ranges: [{ address_prefix: '10.0.0.0', prefix_len: 8 }] },
};
const drawn = (more: object, ...clusters: readonly object[]) => [
  { match: all, route: { weighted_clusters: { clusters, ...more } } },
];
const weights = [
  { name: 'first', weight: 10, response_headers_to_add: [{ header: { key: 'x-drawn', value: 'first' } }] },
  { name: 'backend', weight: 0, response_headers_to_add: [{ header: { key: 'x-drawn', value: 'never' } }] },
  { name: 'second', weight: 20, response_headers_to_add: [{ header: { key: 'x-drawn', value: 'second' } }] },
];
const numbers = ['0', '9', '10', '29', '30', '+5', ' 35 ', '18446744073709551615', '9007199254740993'];
const said = (value: object, invert = false) => ({
  dynamic_metadata: [{ filter: 'own', path: [{ key: 'said' }], value, invert }],
});

const cases: readonly Case[] = [
  ...['ALL', 'EXTERNAL_ONLY', 'NONE'].map((require_tls) => ({
    name: `TLS required of ${require_tls}`,
    host: { require_tls, response_headers_to_add: [{ header: { key: 'x-host', value: 'said' } }] },
    manager: internal,
    asks: [
      get('/a?b'),
      get('/', 'x-forwarded-proto: https'),
      get('/', 'x-forwarded-proto: http'),
      get('/', 'x-forwarded-for: 10.0.0.1'),
      get('/', 'x-forwarded-for: 11.0.0.1'),
      { ...get('/'), method: 'POST', body: 'sent' },
    ],
  })),
  {
    name: 'fields for insiders alone',
    manager: {
      ...internal,
      ...routesWith(
        { routes: [{ match: all, route: backend }] },
        { internal_only_headers: ['x-secret', 'X-Other'] },
      ),
    },
    asks: [
      get('/', 'x-secret: 1', 'x-other: 2', 'x-third: 3'),
      get('/', 'x-secret: 1', 'x-forwarded-for: 10.0.0.1'),
      get('/', 'x-secret: 1', 'x-secret: 2', 'x-forwarded-for: 11.0.0.1'),
    ],
  },
  {
    name: 'path parameters left out',
    manager: routesWith(
      {
        routes: [
          { match: { path: '/exact' }, route: { ...backend, prefix_rewrite: '/new' } },
          { match: { prefix: '/prefix/' }, route: { ...backend, prefix_rewrite: '/new/' } },
          { match: { path_separated_prefix: '/whole' }, route: backend },
          { match: { safe_regex: { regex: '/r[a-z]*' } }, route: { ...backend, prefix_rewrite: '/new' } },
          otherwise,
        ],
      },
      { ignore_path_parameters_in_path_matching: true },
    ),
    asks: [
      '/exact',
      '/exact;v=1',
      '/exact;v=1/more?q=;',
      '/exact?q=1;2',
      '/prefix/a;b',
      '/prefix;v=1/a',
      '/whole;v',
      '/whole/a;b/c',
      '/regex;v=1?x',
      '/;',
    ].map((path) => get(path)),
  },
  {
    name: 'weights drawn by a field',
    routes: drawn({ header_name: 'X-Draw' }, ...weights),
    asks: numbers.map((number) => get('/', `x-draw: ${number}`)),
  },
  {
    name: 'a host by the drawn cluster',
    routes: drawn({}, { name: 'backend', weight: 1, host_rewrite_literal: 'drawn.example' }),
    asks: [get('/', 'x-forwarded-host: before')],
  },
  {
    name: 'a host by the drawn cluster and by the route',
    routes: [
      {
        match: all,
        route: {
          weighted_clusters: {
            clusters: [{ name: 'backend', weight: 1, host_rewrite_literal: 'drawn.example' }],
            runtime_key_prefix: 'routing.own',
          },
          host_rewrite_literal: 'route.example',
          append_x_forwarded_host: true,
        },
      },
    ],
    asks: [get('/')],
  },
  {
    name: 'the drawn cluster named by a field',
    routes: drawn({}, { cluster_header: 'X-To', weight: 1 }),
    asks: [get('/', 'x-to: backend'), get('/', 'x-to: nobody'), get('/')],
  },
  ...[
    said({ string_match: { exact: 'a' } }),
    said({ string_match: { exact: 'a' } }, true),
    said({ present_match: true }),
    said({ present_match: false }),
  ].map((match, at) => ({
    name: `metadata that nobody said ${at}`,
    routes: [{ match: { ...all, ...match }, route: backend }, otherwise],
    asks: [get('/')],
  })),
  ...[{ presented: true }, { presented: false }, { validated: true }, { validated: false }, {}].map(
    (tls_context) => ({
      name: `without TLS: ${JSON.stringify(tls_context)}`,
      routes: [{ match: { ...all, tls_context }, route: backend }, otherwise],
      asks: [get('/')],
    }),
  ),
  {
    name: 'ranges of fields that were sent twice',
    routes: [
      ...[false, true].map((invert_match) => ({
        match: {
          prefix: `/${invert_match}`,
          headers: [{ name: 'x-n', range_match: { start: 1, end: 12 }, invert_match }],
        },
        route: backend,
      })),
      otherwise,
    ],
    asks: [
      ['x-n: 1', 'x-n: 2'],
      ['x-n: 7', 'x-n: 7'],
      ['x-n: 7'],
      ['x-n:', 'x-n: 7'],
      ['x-n: 7', 'x-n:'],
      ['x-n: 12', 'x-n: 3'],
      ['x-n: 3', 'x-n: 12'],
      ['x-n: a', 'x-n: 3'],
      ['x-n: 3', 'x-n: a'],
      ['x-n: 3a'],
      ['x-n: 3,4'],
      ['x-n: 0x3'],
      ['x-n: +3'],
      ['x-n: -3'],
      ['x-n: 99'],
      ['x-n: 99', 'x-n: 98'],
      ['x-n: a', 'x-n: b'],
      ['x-n: 99', 'x-n: 98', 'x-n: 3'],
      [],
    ].flatMap((fields) => ['/true', '/false'].map((path) => get(path, ...fields))),
  },
];

const clusters = (port: () => number) => () => ['first', 'second'].map((name) => cluster(name, port()));

/** The texts of own refusals differ. */
function comparable({ answer, seen }: Told): unknown {
  return typeof answer === 'object' && answer.status >= 400 ? answer.status : { answer, seen };
}

describeWith(['envoy'], 'what routes match by, beside Envoy', () => {
  const server = Bun.serve({ hostname: '127.0.0.1', port: 0, fetch: () => new Response('drawn') });
  const beside = new BesideEnvoy({
    cases,
    clusters: clusters(() => server.port ?? 0),
  });
  beforeAll(() => beside.start(), 60_000);
  afterAll(async () => {
    await beside.stop();
    await server.stop(true);
  });

  describe('both say the same', () => {
    test.each(cases.map(({ name }, index) => [name, index] as const))('%s', async (_, index) => {
      const { envoy, weft } = await beside.play(index);
      expect(weft.map(comparable)).toEqual(envoy.map(comparable));
      expect(envoy.length).toBe(cases[index]!.asks.length);
    });
  });
});

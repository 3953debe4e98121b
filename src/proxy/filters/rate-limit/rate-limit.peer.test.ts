// Limits by what requests are counted by, beside Envoy's: buckets of the proxy's own, and a service of grpc-go that is
// asked.

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { describeWith, freePort } from '../../../testing/programs.ts';
import { type Ask, BesideEnvoy, type Case, cluster, type Told, typed } from '../../testing/beside-envoy.ts';
import { GoServices, goBuildMs, http2Cluster } from '../../testing/go-services.ts';

setDefaultTimeout(60_000);

const localType = 'envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit';
const globalType = 'envoy.extensions.filters.http.ratelimit.v3';
const never = { runtime_key: 'n', default_value: { numerator: 0 } };
const always = { runtime_key: 'a', default_value: { numerator: 100 } };
/** Nothing is filled while a test runs. */
const bucket = (max_tokens: number, fill_interval = '1000s') => ({ max_tokens, fill_interval });

type Pair = readonly [key: string, value: string];
const descriptor = (max: number, ...entries: readonly Pair[]) => ({
  entries: entries.map(([key, value]) => ({ key, value })),
  token_bucket: bucket(max),
});

function local(fields: object): object {
  const common = { stat_prefix: 'l', filter_enabled: always, filter_enforced: always };
  return { name: 'limit', typed_config: typed(localType, { ...common, ...fields }) };
}

function global(fields: object = {}, clusterName = 'limits'): object {
  const service = {
    grpc_service: { envoy_grpc: { cluster_name: clusterName } },
    transport_api_version: 'V3',
  };
  const all = { domain: 'shop', timeout: '1s', rate_limit_service: service, ...fields };
  return { name: 'limit', typed_config: typed(`${globalType}.RateLimit`, all) };
}

const header = (header_name: string, descriptor_key: string, more: object = {}) => ({
  request_headers: { header_name, descriptor_key, ...more },
});
const generic = (descriptor_value: string, descriptor_key = '') => ({
  generic_key: { descriptor_value, descriptor_key },
});
const rule = (...actions: readonly object[]) => ({ actions });

function routes(rate_limits: readonly object[], more: object = {}, outer: object = {}): readonly object[] {
  return [{ match: { prefix: '/' }, route: { cluster: 'backend', rate_limits, ...more }, ...outer }];
}

const who = (name: string, more: Partial<Ask> = {}): Ask => ({ fields: [`x-who: ${name}`], ...more });
const say = (response: object, more: Partial<Ask> = {}): Ask => ({
  ...more,
  fields: [`x-say: ${Buffer.from(JSON.stringify(response)).toString('base64')}`, ...(more.fields ?? [])],
});
const sayRule = rule(header('x-say', 'say'));

const allActions = [
  rule({ source_cluster: {} }, { destination_cluster: {} }),
  rule({ remote_address: {} }),
  rule({ masked_remote_address: { v4_prefix_mask_len: 20 } }),
  rule({ masked_remote_address: {} }),
  rule(generic('v'), generic('v', 'k')),
  rule(header('x-who', 'who'), generic('v')),
  rule(header('x-who', 'who', { skip_if_absent: true }), generic('v')),
  rule(header(':path', 'path'), header(':method', 'method')),
  rule({
    header_value_match: {
      descriptor_value: 'ann',
      headers: [{ name: 'x-who', string_match: { exact: 'ann' } }],
    },
  }),
  rule({
    header_value_match: {
      descriptor_key: 'not',
      descriptor_value: 'ann',
      expect_match: false,
      headers: [{ name: 'x-who', string_match: { exact: 'ann' } }],
    },
  }),
  rule({
    query_parameter_value_match: {
      descriptor_value: 'slow',
      query_parameters: [{ name: 'speed', string_match: { exact: 'slow' } }],
    },
  }),
  rule({
    query_parameter_value_match: {
      descriptor_key: 'q',
      descriptor_value: 'other',
      expect_match: false,
      query_parameters: [{ name: 'speed', present_match: true }],
    },
  }),
  ...['DYNAMIC', 'ROUTE_ENTRY'].flatMap((source) => [
    rule({
      metadata: {
        descriptor_key: 'm',
        source,
        metadata_key: { key: 'of.route', path: [{ key: 'tier' }, { key: 'name' }] },
      },
    }),
    rule({
      metadata: {
        descriptor_key: 'm',
        source,
        default_value: 'none',
        metadata_key: { key: 'of.route', path: [{ key: 'absent' }] },
      },
    }),
    rule(
      {
        metadata: {
          descriptor_key: 'm',
          source,
          skip_if_absent: true,
          metadata_key: { key: 'of.route', path: [{ key: 'absent' }] },
        },
      },
      generic('after'),
    ),
  ]),
  { stage: 1, actions: [generic('of another stage')] },
];

const ofHost = { rate_limits: [rule(header('x-who', 'host'))] };
const perHost = [descriptor(1, ['host', 'ann']), descriptor(1, ['route', 'ann'])];
const ownRules = [rule(header('x-who', 'route'))];
const twice: readonly Ask[] = [who('ann', { times: 3 }), who('bob', { times: 2 })];
const status = (requests: number, unit: string, limit_remaining: number, name = '') => ({
  code: 'OK',
  current_limit: { requests_per_unit: requests, unit, name },
  limit_remaining,
  duration_until_reset: `${limit_remaining}.5s`,
});

const cases: readonly Case[] = [
  {
    name: 'rules of the filter itself',
    filters: [
      local({
        token_bucket: bucket(5),
        rate_limits: [rule(header('x-who', 'who'))],
        descriptors: [descriptor(1, ['who', 'ann']), descriptor(1, ['route', 'bob'])],
      }),
    ],
    routes: [
      { match: { path: '/direct' }, direct_response: { status: 200 } },
      ...routes([rule(header('x-who', 'route'))]),
    ],
    asks: [who('ann', { times: 2 }), who('bob', { times: 2 }), who('ann', { path: '/direct' })],
    stats: /http_local_rate_limit/,
  },
  {
    name: 'a bucket for each who',
    filters: [
      local({
        token_bucket: bucket(3),
        descriptors: [descriptor(1, ['who', 'ann']), descriptor(2, ['who', 'bob'])],
        enable_x_ratelimit_headers: 'DRAFT_VERSION_03',
        response_headers_to_add: [{ header: { key: 'x-limited', value: 'yes' } }],
      }),
    ],
    routes: routes([rule(header('x-who', 'who'))]),
    asks: [who('ann', { times: 2 }), who('bob', { times: 3 }), who('cat', { times: 2 }), {}],
    stats: /http_local_rate_limit/,
  },
  {
    name: 'buckets of their own alone',
    filters: [
      local({
        token_bucket: bucket(1),
        descriptors: [descriptor(3, ['who', 'ann'])],
        always_consume_default_token_bucket: false,
        enable_x_ratelimit_headers: 'DRAFT_VERSION_03',
      }),
    ],
    routes: routes([rule(header('x-who', 'who'))]),
    asks: [who('ann', { times: 4 }), who('bob', { times: 2 })],
  },
  {
    name: 'of several buckets all give',
    filters: [
      local({
        token_bucket: bucket(10),
        descriptors: [
          descriptor(4, ['who', 'ann']),
          { ...descriptor(2, ['who', 'ann'], ['path', '/a']), token_bucket: bucket(2, '2000s') },
        ],
        enable_x_ratelimit_headers: 'DRAFT_VERSION_03',
      }),
    ],
    routes: routes([
      rule(header('x-who', 'who')),
      rule(header('x-who', 'who'), header(':path', 'path')),
      rule(header('x-absent', 'absent'), header('x-who', 'who')),
    ]),
    asks: [who('ann', { path: '/a', times: 3 }), who('ann', { path: '/b', times: 3 })],
  },
  {
    name: 'callers of gRPC are told that a resource is exhausted',
    filters: [local({ token_bucket: bucket(1), rate_limited_as_resource_exhausted: true })],
    asks: [{ times: 2, fields: ['content-type: application/grpc'] }, {}],
  },
  ...(['OVERRIDE', 'INCLUDE', 'IGNORE'] as const).flatMap((vh_rate_limits): Case[] => [
    {
      name: `rules of the host, ${vh_rate_limits}, beside the route’s`,
      filters: [local({ token_bucket: bucket(100), descriptors: perHost, vh_rate_limits })],
      host: ofHost,
      routes: routes(ownRules),
      asks: twice,
    },
    {
      name: `rules of the host, ${vh_rate_limits}, alone`,
      filters: [local({ token_bucket: bucket(100), descriptors: perHost, vh_rate_limits })],
      host: ofHost,
      routes: routes([]),
      asks: twice,
    },
    {
      name: `rules of the host, ${vh_rate_limits}, which the route includes`,
      filters: [local({ token_bucket: bucket(100), descriptors: perHost, vh_rate_limits })],
      host: ofHost,
      routes: routes(ownRules, { include_vh_rate_limits: true }),
      asks: twice,
    },
  ]),
  {
    name: 'rules of another stage',
    filters: [local({ token_bucket: bucket(100), descriptors: perHost, stage: 2 })],
    routes: routes([...ownRules, { ...rule(header('x-who', 'host')), stage: 2 }]),
    asks: twice,
  },
  {
    name: 'by the service: all that requests are counted by',
    filters: [global()],
    routes: routes(
      allActions,
      {},
      {
        metadata: { filter_metadata: { 'of.route': { tier: { name: 'gold' } } } },
      },
    ),
    asks: [
      { path: '/a?speed=slow' },
      who('ann', { path: '/b?c' }),
      who('bob', { method: 'POST', body: 'x' }),
    ],
  },
  {
    name: 'by the service: nobody is counted',
    filters: [global({ filter_enabled: never })],
    routes: routes([sayRule]),
    asks: [say({ overall_code: 'OVER_LIMIT' })],
  },
  {
    name: 'by the service: nobody is refused',
    filters: [global({ filter_enforced: never })],
    routes: routes([sayRule]),
    asks: [
      say({
        overall_code: 'OVER_LIMIT',
        request_headers_to_add: [{ key: 'x-asked', value: 'yes' }],
        response_headers_to_add: [{ key: 'x-answered', value: 'yes' }],
      }),
    ],
    stats: /ratelimit/,
  },
  {
    name: 'by a service that is not there, in shares',
    filters: [global({ failure_mode_deny: true, failure_mode_deny_percent: never }, 'dead')],
    routes: routes([sayRule]),
    asks: [say({ overall_code: 'OK' })],
  },
  {
    name: 'by a service that is not there, in other shares',
    filters: [global({ failure_mode_deny_percent: always }, 'dead')],
    routes: routes([sayRule]),
    asks: [say({ overall_code: 'OK' })],
  },
  {
    name: 'by the service: rules of the filter itself',
    filters: [global({ rate_limits: [sayRule, rule(header('x-who', 'who'))] })],
    routes: routes([rule(header('x-who', 'route'))]),
    asks: [who('ann'), say({ overall_code: 'OVER_LIMIT' }), {}],
  },
  {
    name: 'by the service: what it says',
    filters: [global({ response_headers_to_add: [{ header: { key: 'x-limited', value: 'yes' } }] })],
    routes: routes([sayRule]),
    asks: [
      {},
      say({ overallCode: 'OK', requestHeadersToAdd: [{ key: 'x-more', value: 'yes' }] }),
      say({ overallCode: 'OVER_LIMIT' }),
      say({ overallCode: 'OVER_LIMIT', rawBody: Buffer.from('too many').toString('base64') }),
      say({ overallCode: 'OVER_LIMIT' }, { fields: ['content-type: application/grpc'] }),
      say({ overallCode: 'UNKNOWN' }),
      { fields: ['x-say: error'] },
    ],
    stats: /cluster_ratelimit/,
  },
  {
    name: 'by the service: what is left',
    filters: [
      global({
        enable_x_ratelimit_headers: 'DRAFT_VERSION_03',
        disable_x_envoy_ratelimited_header: true,
        rate_limited_status: { code: 'ServiceUnavailable' },
        rate_limited_as_resource_exhausted: true,
        stat_prefix: 'mine',
      }),
    ],
    routes: routes([sayRule]),
    asks: [
      say({ overallCode: 'OK', statuses: [status(10, 'MINUTE', 5)] }),
      say({
        overallCode: 'OK',
        statuses: [status(10, 'MINUTE', 5, 'a'), status(4, 'HOUR', 2), { code: 'OK' }],
      }),
      say({ overallCode: 'OVER_LIMIT', statuses: [status(10, 'DAY', 0)] }),
      say({ overallCode: 'OVER_LIMIT' }, { fields: ['content-type: application/grpc'] }),
    ],
  },
  {
    name: 'by the service: notes',
    filters: [global()],
    routes: routes(
      [sayRule],
      {},
      {
        response_headers_to_add: [
          { header: { key: 'x-noted', value: '%DYNAMIC_METADATA(envoy.filters.http.ratelimit:a)%' } },
        ],
      },
    ),
    asks: [say({ overallCode: 'OK', dynamicMetadata: { a: 'b' } })],
  },
  {
    name: 'by the service, in time',
    filters: [global({ timeout: '0.1s', failure_mode_deny: true, status_on_error: { code: 'BadGateway' } })],
    routes: routes([sayRule]),
    asks: [{ fields: ['x-say: slow'] }],
    stats: /cluster_ratelimit/,
  },
  {
    name: 'by a service that is not there',
    filters: [global({}, 'dead')],
    routes: routes([rule(generic('a'))]),
    asks: [{}],
    stats: /cluster_ratelimit/,
  },
  {
    name: 'by a service that is not there, which is an error',
    filters: [global({ failure_mode_deny: true }, 'dead')],
    routes: routes([rule(generic('a'))]),
    asks: [{}],
  },
  {
    name: 'by the service: what the route says of it',
    filters: [global()],
    host: ofHost,
    routes: ['OVERRIDE', 'INCLUDE', 'IGNORE'].map((vh_rate_limits, index) => ({
      match: { prefix: `/${index}` },
      route: { cluster: 'backend', rate_limits: ownRules },
      typed_per_filter_config: {
        limit: typed(`${globalType}.RateLimitPerRoute`, {
          vh_rate_limits,
          ...(index === 2 ? { domain: 'other' } : {}),
        }),
      },
    })),
    asks: [who('ann', { path: '/0' }), who('ann', { path: '/1' }), who('ann', { path: '/2' })],
  },
  ...(['internal', 'external'] as const).map(
    (request_type): Case => ({
      name: `by the service: ${request_type} requests`,
      filters: [global({ request_type })],
      routes: routes([rule(generic('a'))]),
      asks: [{}, { fields: ['x-envoy-internal: true'] }],
    }),
  ),
];

describeWith(['envoy', 'go'], 'limits beside Envoy', () => {
  const dead = freePort();
  const services = new GoServices();
  const beside = new BesideEnvoy({
    cases,
    clusters: () => [http2Cluster('limits', services.port), cluster('dead', dead)],
  });

  beforeAll(async () => {
    await services.start();
    await beside.start();
  }, goBuildMs);
  afterAll(async () => {
    await beside.stop();
    await services.stop();
  });

  for (const [index, { name, stats }] of cases.entries()) {
    test(name, async () => {
      const before = await counted(stats);
      const { envoy, weft } = await beside.play(index);
      expect(weft.map(open)).toEqual(envoy.map(open));
      const after = await counted(stats);
      expect(grown(before.weft, after.weft)).toEqual(grown(before.envoy, after.envoy));
    });
  }

  function counted(stats: RegExp | undefined) {
    return stats === undefined ? { envoy: [], weft: [] } : beside.stats(stats);
  }
});

/** Series of clusters are shared by all cases. */
function grown(before: readonly string[], after: readonly string[]): readonly string[] {
  const numbers = (lines: readonly string[]) =>
    new Map(
      lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ')))]),
    );
  const old = numbers(before);
  return [...numbers(after)].flatMap(([name, value]) => {
    const more = value - (old.get(name) ?? 0);
    return more === 0 ? [] : [`${name} ${more}`];
  });
}

/** What the service was asked, in the open. */
function open({ answer, seen }: Told): unknown {
  if (typeof answer === 'string') return { answer, seen };
  const { 'x-saw': saw, ...fields } = answer.fields;
  const asked = saw === undefined ? null : JSON.parse(Buffer.from(saw, 'base64').toString());
  return { answer: { ...answer, fields }, seen, asked };
}

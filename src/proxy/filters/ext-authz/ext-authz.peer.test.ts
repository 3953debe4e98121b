// ext_authz over HTTP beside Envoy's: the same chain, the same authorizer. What the authorizer saw comes back in what
// it says.

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { describeWith, freePort } from '../../../testing/programs.ts';
import {
  type Ask,
  BesideEnvoy,
  type Case,
  cluster,
  prefixOf,
  typed,
  withoutNoise,
} from '../../testing/beside-envoy.ts';

setDefaultTimeout(60_000);

const name = 'envoy.extensions.filters.http.ext_authz.v3';
const patterns = (...names: readonly string[]) => ({ patterns: names.map((exact) => ({ exact })) });

const service = (fields: object = {}, uri: object = {}) => ({
  http_service: {
    server_uri: { uri: 'http://authz.example/ignored', cluster: 'authz', timeout: '1s', ...uri },
    ...fields,
  },
});
const responses = {
  authorization_response: {
    allowed_upstream_headers: patterns('x-saw', 'x-set'),
    allowed_upstream_headers_to_append: patterns('x-more'),
    allowed_client_headers_on_success: patterns('x-told'),
    allowed_client_headers: patterns('x-why'),
  },
};

function authz(fields: object): object {
  return { name: 'authz', typed_config: typed(`${name}.ExtAuthz`, fields) };
}

/** `x-do`: what the authorizer is to say. */
const say = (status: number, more: Partial<Ask> = {}): Ask => ({
  ...more,
  fields: [`x-do: ${status}`, ...(more.fields ?? [])],
});
const carries = { allowed_headers: patterns('x-do', 'x-carried', 'x-set') };
const plain: readonly Ask[] = [
  say(200),
  say(200, { path: '/a/b?c=d', fields: ['x-carried: yes', 'x-not: carried', 'authorization: Bearer x'] }),
  say(200, { fields: ['x-set: client', 'x-more: client', 'x-remove: client'] }),
  say(200, { method: 'POST', body: 'a body' }),
  say(401),
  say(403),
  say(302),
  say(404),
  say(500),
  say(503),
];
const body = (fields: object) => ({ with_request_body: { max_request_bytes: 10, ...fields } });
const posts: readonly Ask[] = [
  say(200),
  say(200, { method: 'POST', body: '12345' }),
  say(200, { method: 'POST', body: '1234567890' }),
  say(200, { method: 'POST', body: '12345678901' }),
  say(200, { method: 'POST', pieces: ['12345', '67890', '12345'] }),
  say(403, { method: 'POST', body: '12345' }),
];

const cases: readonly Case[] = [
  {
    name: 'allowed and refused',
    filters: [authz({ ...service(responses), ...carries })],
    asks: plain,
    stats: /ext_authz/,
  },
  {
    name: 'everything is told to clients that are refused',
    filters: [authz({ ...service({ path_prefix: '/check' }), ...carries, stat_prefix: 'second' })],
    asks: plain,
    stats: /http_ext_authz/,
  },
  {
    name: 'fields of the configuration, and those that are not carried',
    filters: [
      authz({
        ...service({
          ...responses,
          authorization_request: { headers_to_add: [{ key: 'x-added', value: 'here' }] },
        }),
        allowed_headers: { patterns: [{ prefix: 'x-' }] },
        disallowed_headers: patterns('x-not'),
      }),
    ],
    asks: plain,
  },
  {
    name: 'with its body',
    filters: [authz({ ...service(responses), ...carries, ...body({}) })],
    asks: posts,
  },
  {
    name: 'with the beginning of its body',
    filters: [authz({ ...service(responses), ...carries, ...body({ allow_partial_message: true }) })],
    asks: posts,
  },
  {
    name: 'nobody answers',
    filters: [authz(service({}, { cluster: 'dead' }))],
    asks: [say(200)],
    stats: /http_ext_authz/,
  },
  {
    name: 'nobody answers, and that is allowed',
    filters: [
      authz({
        ...service({}, { cluster: 'dead' }),
        failure_mode_allow: true,
        failure_mode_allow_header_add: true,
      }),
    ],
    asks: [say(200)],
    stats: /http_ext_authz/,
  },
  {
    name: 'nobody answers in time',
    filters: [
      authz({
        ...service({}, { timeout: '0.05s' }),
        ...carries,
        status_on_error: { code: 'ServiceUnavailable' },
      }),
    ],
    asks: [{ path: '/slow' }],
    stats: /http_ext_authz/,
  },
  {
    name: 'off',
    filters: [
      authz({
        ...service(),
        filter_enabled: { runtime_key: 'a', default_value: { numerator: 0 } },
        deny_at_disable: { runtime_key: 'b', default_value: true },
      }),
    ],
    asks: [say(200)],
    stats: /http_ext_authz/,
  },
  {
    name: 'by route',
    filters: [authz({ ...service(responses), ...carries, ...body({}) })],
    routes: [
      ['/off', { disabled: true }],
      ['/bodiless', { check_settings: { disable_request_body_buffering: true } }],
      ['/more', { check_settings: { with_request_body: { max_request_bytes: 100 } } }],
    ]
      .map(([prefix, fields]) => ({
        match: { prefix },
        route: { cluster: 'backend' },
        typed_per_filter_config: { authz: typed(`${name}.ExtAuthzPerRoute`, fields as object) },
      }))
      .concat([{ match: { prefix: '/' }, route: { cluster: 'backend' } } as never]),
    asks: ['/off', '/bodiless', '/more', '/'].map((path) =>
      say(200, { path, method: 'POST', body: '12345678901' }),
    ),
  },
  {
    name: 'a route by what the authorizer set',
    filters: [
      authz({
        ...service({ authorization_response: { allowed_upstream_headers: patterns('x-set') } }),
        ...carries,
        clear_route_cache: true,
      }),
    ],
    routes: [
      {
        match: { prefix: '/', headers: [{ name: 'x-set', string_match: { exact: 'by authz' } }] },
        direct_response: { status: 299, body: { inline_string: 'found anew' } },
      },
      { match: { prefix: '/' }, route: { cluster: 'backend' } },
    ],
    asks: [say(200), say(403)],
  },
];

describeWith(['envoy'], 'external authorization beside Envoy', () => {
  const dead = freePort();
  let server: Bun.Server<undefined>;
  const beside = new BesideEnvoy({
    cases,
    clusters: () => [cluster('authz', server.port ?? 0), cluster('dead', dead)],
  });

  beforeAll(async () => {
    server = Bun.serve({ hostname: '127.0.0.1', port: 0, fetch: respond });
    await beside.start();
  });
  afterAll(async () => {
    await beside.stop();
    await server.stop(true);
  });

  for (const [index, { name, stats }] of cases.entries()) {
    test(name, async () => {
      const { envoy, weft } = await beside.play(index);
      expect(weft).toEqual([...envoy]);
      if (stats === undefined) return;
      const counted = await beside.stats(stats);
      const mine = (lines: readonly string[]) =>
        lines.filter((line) => line.includes(`"${prefixOf(index)}"`));
      expect(mine(counted.weft)).toEqual(mine(counted.envoy));
    });
  }
});

/** Of Envoy's own calls alone. */
const ofCalls = new Set([
  'x-envoy-internal',
  'x-forwarded-for',
  'x-forwarded-proto',
  'accept-encoding',
  'user-agent',
]);

async function respond(request: Request): Promise<Response> {
  const { pathname, search } = new URL(request.url);
  if (pathname.includes('/slow'))
    await new Promise((resolve) => request.signal.addEventListener('abort', resolve));
  const fields = Object.entries(withoutNoise(Object.fromEntries(request.headers))).filter(
    ([each]) => !ofCalls.has(each),
  );
  const saw = JSON.stringify([request.method, pathname + search, await request.text(), fields.sort()]);
  const status = Number(request.headers.get('x-do') ?? 200);
  const headers = new Headers({
    'x-saw': saw,
    'x-set': 'by authz',
    'x-more': 'by authz',
    'x-told': 'by authz',
    'x-why': 'because',
    'x-envoy-auth-headers-to-remove': 'x-remove, host',
    'content-type': 'application/json',
  });
  if (status === 401) headers.set('www-authenticate', 'Bearer');
  if (status === 302) headers.set('location', 'http://login.example/');
  return new Response(status === 200 ? 'fine' : '{"no":true}', { status, headers });
}

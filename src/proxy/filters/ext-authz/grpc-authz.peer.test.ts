// ext_authz over gRPC beside Envoy's: the same chain, the same authorization server, which is grpc-go's. What it was
// asked comes back in what it says.

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { createAuthority } from '../../../testing/certificates.ts';
import { describeWith, freePort } from '../../../testing/programs.ts';
import { until } from '../../../testing/until.ts';
import {
  type Ask,
  BesideEnvoy,
  type Case,
  cluster,
  prefixOf,
  type Told,
  typed,
} from '../../testing/beside-envoy.ts';
import { GoServices, goBuildMs, http2Cluster } from '../../testing/go-services.ts';

setDefaultTimeout(60_000);

const name = 'envoy.extensions.filters.http.ext_authz.v3';
const patterns = (...names: readonly string[]) => ({ patterns: names.map((exact) => ({ exact })) });

function authz(fields: object, service: object = {}): object {
  const grpc = { envoy_grpc: { cluster_name: 'authz' }, timeout: '1s', ...service };
  return { name: 'authz', typed_config: typed(`${name}.ExtAuthz`, { grpc_service: grpc, ...fields }) };
}

/** Asks for this CheckResponse. */
function say(response: object, more: Partial<Ask> = {}): Ask {
  const text = Buffer.from(JSON.stringify(response)).toString('base64');
  return { ...more, fields: [`x-say: ${text}`, ...(more.fields ?? [])] };
}

const line = (key: string, value: string, more: object = {}) => ({ header: { key, value }, ...more });
const allow = (response: object = {}, more: object = {}) => ({ ok_response: response, ...more });
const deny = (response: object = {}, code = 7) => ({ status: { code }, denied_response: response });

const plain: readonly Ask[] = [
  say(allow(), { path: '/a/b?c=d&e', fields: ['x-more: one', 'x-more: two', 'cookie: a=b', 'cookie: c=d'] }),
  say(
    allow({
      headers: [
        line('x-set', 'by authz'),
        line('x-more', 'by authz', { append: true }),
        line('x-new', 'yes'),
      ],
      headers_to_remove: ['x-gone', 'host', ':path'],
      response_headers_to_add: [line('x-told', 'one'), line('x-told', 'two')],
    }),
    { fields: ['x-set: client', 'x-more: client', 'x-gone: client'] },
  ),
  say(
    allow({
      headers: [
        line('x-a', '1', { append_action: 'APPEND_IF_EXISTS_OR_ADD' }),
        line('x-b', '1', { append_action: 'ADD_IF_ABSENT' }),
        line('x-c', '1', { append_action: 'OVERWRITE_IF_EXISTS' }),
        line('x-d', '1', { append_action: 'OVERWRITE_IF_EXISTS_OR_ADD' }),
        line('x-e', '1', { append: false }),
        line('x-f', '1', { append: true }),
      ],
    }),
    { fields: ['x-a: 0', 'x-b: 0', 'x-c: 0', 'x-d: 0', 'x-e: 0', 'x-f: 0'] },
  ),
  say(
    allow({
      headers: [
        line('x-a', '1', { append_action: 'APPEND_IF_EXISTS_OR_ADD' }),
        line('x-b', '1', { append_action: 'ADD_IF_ABSENT' }),
        line('x-c', '1', { append_action: 'OVERWRITE_IF_EXISTS' }),
        line('x-f', '1', { append: true }),
      ],
    }),
  ),
  ...['APPEND_IF_EXISTS_OR_ADD', 'ADD_IF_ABSENT', 'OVERWRITE_IF_EXISTS', 'OVERWRITE_IF_EXISTS_OR_ADD'].map(
    (append_action) =>
      say(
        allow({
          response_headers_to_add: [
            line('x-from', 'authz', { append_action }),
            line('x-absent', 'authz', { append_action }),
          ],
        }),
      ),
  ),
  say(allow({ response_headers_to_add: [line('x-from', 'authz', { append: true })] })),
  say(allow({ response_headers_to_add: [line('x-from', 'authz', { append: false })] })),
  say(
    allow({
      query_parameters_to_set: [
        { key: 'c', value: 'new' },
        { key: 'z', value: '1' },
      ],
      query_parameters_to_remove: ['e'],
    }),
    { path: '/q?c=d&e=f&g=h&e=i' },
  ),
  say(allow({ query_parameters_to_remove: ['e'] }), { path: '/q?e=f' }),
  say(deny()),
  say(deny({ status: { code: 401 }, headers: [line('www-authenticate', 'Bearer')], body: 'who are you' })),
  say(deny({ status: { code: 302 }, headers: [line('location', 'http://login.example/')] })),
  say(deny({ headers: [line('set-cookie', 'a=1'), line('set-cookie', 'b=2')] }, 16)),
  say({ status: { code: 7 } }),
  { fields: ['x-do: error'] },
];

const body = (fields: object) => ({ with_request_body: { max_request_bytes: 10, ...fields } });
const posts: readonly Ask[] = [
  say(allow()),
  say(allow(), { method: 'POST', body: '12345' }),
  say(allow(), { method: 'POST', body: '12345678901' }),
  say(allow(), { method: 'POST', pieces: ['12345', '67890', '12345'] }),
  say(deny(), { method: 'POST', body: '12345' }),
];

const rules = (fields: object) => ({ decoder_header_mutation_rules: fields });
const changes = say(
  allow({
    headers: [
      line('x-a', '1'),
      line('x-envoy-a', '1'),
      line('host', 'other.example'),
      line(':path', '/other'),
    ],
    headers_to_remove: ['x-b'],
  }),
  { fields: ['x-b: here', 'x-a: here'] },
);
const routes = (settings: readonly (readonly [prefix: string, settings: object])[]) => ({
  routes: settings.map(([prefix, fields]) => ({
    match: { prefix },
    route: { cluster: 'backend' },
    metadata: { filter_metadata: { 'of.route': { tier: 'gold', list: [1, 'two', { three: true }] } } },
    typed_per_filter_config: { authz: typed(`${name}.ExtAuthzPerRoute`, fields) },
  })),
});

const root = createAuthority();
const served = root.issue({ commonName: 'served', dns: ['shop.example'] });
const client = root.issue({
  commonName: 'client',
  uri: ['spiffe://mesh/ns/a/sa/b'],
  dns: ['client.example'],
});
const tlsCase = 'over TLS, with the certificate of the client';

const cases: readonly Case[] = [
  {
    name: tlsCase,
    filters: [authz({ include_peer_certificate: true, include_tls_session: true })],
    asks: [],
    chain: {
      transport_socket: {
        name: 'tls',
        typed_config: typed('envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext', {
          require_client_certificate: true,
          common_tls_context: {
            tls_certificates: [
              {
                certificate_chain: { inline_string: served.chainPem },
                private_key: { inline_string: served.keyPem },
              },
            ],
            validation_context: { trusted_ca: { inline_string: root.pem } },
          },
        }),
      },
    },
  },
  { name: 'allowed and refused', filters: [authz({})], asks: plain, stats: /ext_authz/ },
  {
    name: 'what is said of the call',
    filters: [
      authz(
        {},
        {
          envoy_grpc: { cluster_name: 'authz', authority: 'authz.example' },
          initial_metadata: [{ key: 'x-initial', value: 'here' }],
        },
      ),
    ],
    asks: [say(allow())],
  },
  {
    name: 'few fields',
    filters: [
      authz({
        allowed_headers: { patterns: [{ prefix: 'x-' }, { exact: ':path' }] },
        disallowed_headers: patterns('x-not'),
      }),
    ],
    asks: [say(allow(), { fields: ['x-carried: 1', 'x-not: 2', 'other: 3'] })],
  },
  {
    name: 'fields as they are',
    filters: [authz({ encode_raw_headers: true, ...body({ pack_as_bytes: true }) })],
    asks: [
      say(allow(), { fields: ['x-carried: 1', 'x-carried: 2'] }),
      say(allow(), { method: 'POST', body: '12345' }),
    ],
  },
  { name: 'with its body', filters: [authz(body({}))], asks: posts },
  {
    name: 'with the beginning of its body',
    filters: [authz(body({ allow_partial_message: true, pack_as_bytes: true }))],
    asks: posts,
  },
  {
    name: 'nobody answers',
    filters: [authz({}, { envoy_grpc: { cluster_name: 'dead' } })],
    asks: [say(allow())],
    stats: /http_ext_authz/,
  },
  {
    name: 'nobody answers, and that is allowed',
    filters: [
      authz(
        { failure_mode_allow: true, failure_mode_allow_header_add: true },
        { envoy_grpc: { cluster_name: 'dead' } },
      ),
    ],
    asks: [say(allow())],
    stats: /http_ext_authz/,
  },
  {
    name: 'nobody answers in time',
    filters: [authz({ status_on_error: { code: 'ServiceUnavailable' } }, { timeout: '0.1s' })],
    asks: [{ fields: ['x-do: slow'] }],
    stats: /http_ext_authz/,
  },
  {
    name: 'changes that cannot be sent',
    filters: [authz({ validate_mutations: true })],
    asks: [
      say(allow({ headers: [line('x-bad name', '1')] })),
      say(allow({ headers: [line('x-bad', 'a\r\nb')] })),
      say(allow({ response_headers_to_add: [line('x bad', '1')] })),
      say(allow({ headers_to_remove: ['x bad'] })),
      say(allow({ query_parameters_to_set: [{ key: 'a b', value: '1' }] })),
      say(deny({ headers: [line('x bad', '1')] })),
      say(allow({ headers: [line('x-good', '1')] })),
    ],
    stats: /http_ext_authz/,
  },
  { name: 'rules of changes: the default', filters: [authz(rules({}))], asks: [changes] },
  { name: 'rules of changes: none', filters: [authz({})], asks: [changes] },
  {
    name: 'rules of changes: all that routes',
    filters: [authz(rules({ allow_all_routing: true, allow_envoy: true }))],
    asks: [changes],
  },
  {
    name: 'rules of changes: nothing of the system',
    filters: [authz(rules({ allow_all_routing: true, disallow_system: true }))],
    asks: [changes],
  },
  { name: 'rules of changes: nothing', filters: [authz(rules({ disallow_all: true }))], asks: [changes] },
  {
    name: 'rules of changes: by name',
    filters: [
      authz(
        rules({
          disallow_all: true,
          allow_expression: { regex: 'x-.*' },
          disallow_expression: { regex: 'x-e.*' },
        }),
      ),
    ],
    asks: [changes],
  },
  {
    name: 'rules of changes: an error',
    filters: [authz(rules({ disallow_is_error: true }))],
    asks: [changes, say(allow({ headers: [line('x-a', '1')] }))],
    stats: /http_ext_authz/,
  },
  {
    name: 'what the route says',
    filters: [authz({ route_metadata_context_namespaces: ['of.route', 'absent'], ...body({}) })],
    host: {
      typed_per_filter_config: {
        authz: typed(`${name}.ExtAuthzPerRoute`, {
          check_settings: { context_extensions: { host: 'yes', both: 'host' } },
        }),
      },
    },
    ...routes([
      ['/off', { disabled: true }],
      ['/bodiless', { check_settings: { disable_request_body_buffering: true } }],
      ['/', { check_settings: { context_extensions: { both: 'route', route: 'yes' } } }],
    ]),
    asks: ['/off', '/bodiless', '/'].map((path) => say(allow(), { path, method: 'POST', body: '12345' })),
  },
  {
    name: 'notes, and a route by what was changed',
    filters: [authz({ clear_route_cache: true })],
    routes: [
      {
        match: { prefix: '/', headers: [{ name: 'x-set', string_match: { exact: 'by authz' } }] },
        direct_response: { status: 299, body: { inline_string: 'found anew' } },
      },
      {
        match: { prefix: '/' },
        route: { cluster: 'backend' },
        response_headers_to_add: [
          { header: { key: 'x-noted', value: '%DYNAMIC_METADATA(envoy.filters.http.ext_authz:who:name)%' } },
        ],
      },
    ],
    asks: [
      say(allow({ headers: [line('x-set', 'by authz')] })),
      say(allow({}, { dynamic_metadata: { who: { name: 'ann' } } })),
      say({ ...deny(), dynamic_metadata: { who: { name: 'ann' } } }),
    ],
  },
  {
    name: 'what filters before said',
    filters: [
      {
        name: 'rbac',
        typed_config: typed('envoy.extensions.filters.http.rbac.v3.RBAC', {
          shadow_rules: {
            action: 'DENY',
            policies: { all: { permissions: [{ any: true }], principals: [{ any: true }] } },
          },
        }),
      },
      authz({ metadata_context_namespaces: ['rbac', 'envoy.filters.http.rbac'] }),
    ],
    asks: [say(allow())],
  },
  {
    name: 'notes that are not taken',
    filters: [authz({ enable_dynamic_metadata_ingestion: false })],
    asks: [say(allow({}, { dynamic_metadata: { a: 'b' } }))],
    stats: /http_ext_authz/,
  },
];

describeWith(['envoy', 'go'], 'external authorization over gRPC beside Envoy', () => {
  const dead = freePort();
  const services = new GoServices();
  const beside = new BesideEnvoy({
    cases,
    respond: (_request, { fields }) => new Response('ok', { headers: echo(fields) }),
    clusters: () => [http2Cluster('authz', services.port), cluster('dead', dead)],
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
      const { envoy, weft } = await beside.play(index);
      expect(weft.map(open)).toEqual(envoy.map(open));
      if (stats === undefined) return;
      const counted = await beside.stats(stats);
      const mine = (lines: readonly string[]) =>
        lines.filter((each) => each.includes(`"${prefixOf(index)}"`));
      expect(mine(counted.weft)).toEqual(mine(counted.envoy));
    });
  }

  test('what TLS proved', async () => {
    const index = cases.findIndex(({ name }) => name === tlsCase);
    const asked = async (port: number) => {
      const tls = { ca: root.pem, cert: client.chainPem, key: client.keyPem, serverName: 'shop.example' };
      const headers = say(allow()).fields?.map((field) => field.split(': ') as [string, string]) ?? [];
      const answer = await fetch(`https://127.0.0.1:${port}/`, { headers, tls, keepalive: false });
      const saw = JSON.parse(Buffer.from(answer.headers.get('x-echo') ?? '', 'base64').toString());
      const { source, destination, tlsSession } = saw.attributes;
      const { principal, certificate } = source;
      return { status: answer.status, tlsSession, principal, certificate, local: destination.principal };
    };
    const weft = await asked(beside.weftPort(index));
    expect(weft).toEqual(await asked(beside.envoyPort(index)));
    expect(weft.principal).toBe('spiffe://mesh/ns/a/sa/b');
  });

  test('a client that leaves takes its question with it', async () => {
    const [asked, before] = [services.said('SLOW').length, services.said('CANCELLED').length];
    const index = cases.findIndex(({ name }) => name === 'allowed and refused');
    const socket = await Bun.connect({
      hostname: '127.0.0.1',
      port: beside.weftPort(index),
      socket: { data() {} },
    });
    socket.write('GET / HTTP/1.1\r\nhost: a\r\nx-do: slow\r\n\r\n');
    await until('it is asked', () => services.said('SLOW').length > asked);
    socket.terminate();
    await until('the server hears of it', () => services.said('CANCELLED').length > before);
  });
});

/** What the authorizer was asked, for those that see the answer alone. */
function echo(fields: Readonly<Record<string, string>>): Record<string, string> {
  const saw = fields['x-saw'];
  return saw === undefined ? { 'x-from': 'backend' } : { 'x-from': 'backend', 'x-echo': saw };
}

/** What the authorizer was asked, without what differs by nature. */
function open(told: Told): unknown {
  const fields = told.seen?.fields ?? {};
  const text = (value: string | undefined) => Buffer.from(value ?? '', 'base64').toString();
  const rest = Object.fromEntries(
    Object.entries(fields).filter(([key]) => key !== 'x-saw' && key !== 'x-say'),
  );
  const saw = fields['x-saw'] === undefined ? null : withoutNature(JSON.parse(text(fields['x-saw'])));
  const { answer } = told;
  const shown =
    typeof answer === 'string' ? answer : { ...answer, fields: { ...answer.fields, 'x-echo': '' } };
  return { answer: shown, seen: told.seen === null ? null : { ...told.seen, fields: rest }, saw };
}

interface Saw {
  readonly attributes: {
    readonly source: { readonly address: { readonly socketAddress: Record<string, unknown> } };
    readonly destination: { readonly address: { readonly socketAddress: Record<string, unknown> } };
    readonly request: { time?: string; http: Record<string, unknown> };
  };
}

const ofConnections = /^(:authority|host|x-request-id|x-b3-.*|traceparent|x-envoy-.*timeout-ms)$/;

function withoutNature(saw: Saw): unknown {
  const { source, destination, request } = saw.attributes;
  delete source.address.socketAddress['portValue'];
  delete destination.address.socketAddress['portValue'];
  const { http } = request;
  expect(Math.abs(Date.parse(request.time ?? '') - Date.now())).toBeLessThan(10_000);
  delete request.time;
  expect(http['id']).not.toBe('');
  delete http['id'];
  delete http['host'];
  const fields = http['headers'] as Record<string, string> | undefined;
  if (fields !== undefined)
    http['headers'] = Object.fromEntries(
      Object.entries(fields)
        .filter(([key]) => !ofConnections.test(key))
        .sort(([left], [right]) => (left < right ? -1 : 1)),
    );
  const map = http['headerMap'] as { headers: readonly { key: string }[] } | undefined;
  if (map !== undefined)
    http['headerMap'] = map.headers
      .filter(({ key }) => !ofConnections.test(key))
      .sort((left, right) => JSON.stringify(left).localeCompare(JSON.stringify(right)));
  return saw;
}

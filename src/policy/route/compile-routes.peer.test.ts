// The same routes in a real Envoy and here, asked the same things. Envoy answers each route directly with its name, so
// no upstream is needed; what the two disagree on is a fault of ours.

import { afterAll, beforeAll, expect, test } from 'bun:test';
import { formatIssue, Xoshiro128 } from '../../base/index.ts';
import { type Envoy, socketAddress, startEnvoy } from '../../testing/envoy.ts';
import { describeWith, freePort } from '../../testing/programs.ts';
import { compileRoutes } from './compile-routes.ts';
import type { HeaderMatch, PathMatch, RouteConfig, RouteMatch, StringMatch, VirtualHost } from './types.ts';

type Match = Partial<RouteMatch>;

function hostOf(name: string, domains: readonly string[], matches: readonly Match[]): VirtualHost {
  return {
    name,
    domains,
    routes: matches.map((match, index) => ({
      name: `${name}/${index}`,
      match: { path: prefix('/'), headers: [], query: [], ...match },
      action: { kind: 'respond', status: 200, body: `${name}/${index}` },
      timeouts: { requestMs: null, attemptMs: null, idleMs: null },
      retry: null,
      bufferBytesMax: null,
      requestEdits: null,
      responseEdits: null,
    })),
  };
}

function prefix(value: string, ignoreCase = false): PathMatch {
  return { kind: 'prefix', value, ignoreCase };
}

function exact(value: string, ignoreCase = false): PathMatch {
  return { kind: 'exact', value, ignoreCase };
}

function text(
  kind: 'exact' | 'prefix' | 'suffix' | 'contains',
  value: string,
  ignoreCase = false,
): StringMatch {
  return { kind, value, ignoreCase };
}

function header(name: string, match: StringMatch, invert = false): Match {
  return { headers: [{ name, match, invert }] };
}

const any: Match = {};
const config: RouteConfig = {
  name: 'routes',
  virtualHosts: [
    hostOf('exact', ['svc', 'svc.bank:8080'], [any]),
    hostOf('suffix', ['*.bank.svc', '*-blue.bank.svc'], [any]),
    hostOf('long-suffix', ['*.a.bank.svc'], [any]),
    hostOf('prefix', ['svc.*'], [any]),
    hostOf('long-prefix', ['svc.bank.*'], [any]),
    hostOf('any', ['*'], [any]),
    hostOf(
      'paths',
      ['paths'],
      [
        { path: exact('/exact') },
        { path: exact('/Any/Case', true) },
        { path: prefix('/pre/') },
        { path: prefix('/PREfix', true) },
        { path: { kind: 'separated-prefix', value: '/sep', ignoreCase: false } },
        { path: { kind: 'regex', value: '/re/[0-9]{2,3}(/(a|b)+)?' } },
        { path: { kind: 'regex', value: '(?i)/Loud/[[:alpha:]]+' } },
        { path: { kind: 'regex', value: '/dot/.' } },
      ],
    ),
    hostOf(
      'headers',
      ['headers'],
      [
        header('x-exact', text('exact', 'v')),
        header('x-case', text('exact', 'Vw', true)),
        header('x-prefix', text('prefix', 'ab')),
        header('x-suffix', text('suffix', 'yz')),
        header('x-contains', text('contains', 'mid')),
        header('x-regex', { kind: 'regex', value: 'a+b' }),
        header('x-present', { kind: 'present' }),
        header('x-not', text('exact', 'v'), true),
        header(':method', text('exact', 'DELETE')),
        header(':path', text('suffix', '?tail')),
        header('x-absent', { kind: 'present' }, true),
      ],
    ),
    hostOf(
      'query',
      ['query'],
      [
        { query: [{ name: 'a', match: text('exact', '1') }] },
        { query: [{ name: 'b', match: { kind: 'present' } }] },
        {
          query: [
            { name: 'c', match: text('prefix', 'x') },
            { name: 'd', match: { kind: 'regex', value: '\\d+' } },
          ],
        },
        { query: [{ name: 'e', match: text('exact', '') }] },
      ],
    ),
  ],
};

interface Asked {
  readonly authority: string;
  readonly path: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
}

function ask(
  authority: string,
  path = '/',
  headers: Readonly<Record<string, string>> = {},
  method = 'GET',
): Asked {
  return { authority, path, method, headers };
}

const authorities = [
  'svc',
  'SVC',
  'svc:80',
  'svc.bank:8080',
  'svc.bank:8081',
  'x.bank.svc',
  'X.Bank.Svc',
  'x.a.bank.svc',
  'x-blue.bank.svc',
  '-blue.bank.svc',
  '.bank.svc',
  'bank.svc',
  'svc.other',
  'svc.',
  'svc.bank.x',
  'svc.x.bank.svc',
  'x.bank.svc:80',
  'other',
];
const paths = [
  '/exact',
  '/exact?q=1',
  '/exact/',
  '/Exact',
  '/any/case',
  '/ANY/CASE?x',
  '/any/cases',
  '/pre',
  '/pre/',
  '/pre/x',
  '/prefix',
  '/PrefixMore',
  '/sep',
  '/sep/',
  '/sep/x',
  '/sep?x=1',
  '/separate',
  '/re/1',
  '/re/12',
  '/re/123',
  '/re/1234',
  '/re/12/abba',
  '/re/12/abc',
  '/re/12?x',
  '/loud/abc',
  '/LOUD/ABC',
  '/loud/a1',
  '/dot/x',
  '/dot/',
  '/dot/xy',
  '/',
];
const headers: readonly Readonly<Record<string, string>>[] = [
  { 'x-exact': 'v' },
  { 'x-exact': 'V' },
  { 'x-case': 'vW' },
  { 'x-prefix': 'abc' },
  { 'x-suffix': 'xyz' },
  { 'x-contains': 'amidst' },
  { 'x-regex': 'aaab' },
  { 'x-regex': 'aaabc' },
  { 'x-present': '1' },
  { 'x-not': 'v' },
  { 'x-not': 'w' },
  { 'x-absent': 'here' },
  {},
];
const queries = [
  '/?a=1',
  '/?a=2',
  '/?a=2&a=1',
  '/?a=1&a=2',
  '/?b',
  '/?b=',
  '/?bb=1',
  '/?c=xy&d=12',
  '/?c=xy&d=1x',
  '/?d=1&c=x',
  '/?e',
  '/?e=',
  '/?e=1',
  '/?x=1&a=1',
  '/?a=%31',
  '/',
  '/?',
  '/?&a=1',
  '/?=a=1',
];
const asked: readonly Asked[] = [
  ...authorities.map((authority) => ask(authority)),
  ...paths.map((path) => ask('paths', path)),
  ...headers.map((fields) => ask('headers', '/', fields)),
  ask('headers', '/', { 'x-absent': 'here' }, 'DELETE'),
  ask('headers', '/x?tail', { 'x-absent': 'here' }),
  ...queries.map((path) => ask('query', path)),
];

function envoyString(match: StringMatch): object {
  if (match.kind === 'present' || match.kind === 'range') return {};
  return match.kind === 'regex'
    ? { safe_regex: { regex: match.value } }
    : { [match.kind]: match.value, ignore_case: match.ignoreCase };
}

function envoyHeader({ name, match, invert }: HeaderMatch): object {
  const matcher = match.kind === 'present' ? { present_match: true } : { string_match: envoyString(match) };
  return { name, invert_match: invert, ...matcher };
}

function envoyMatch({ path, headers: fields, query }: RouteMatch): object {
  const names = { exact: 'path', prefix: 'prefix', 'separated-prefix': 'path_separated_prefix' } as const;
  return {
    ...(path.kind === 'connect'
      ? { connect_matcher: {} }
      : path.kind === 'regex'
        ? { safe_regex: { regex: path.value } }
        : { [names[path.kind]]: path.value, case_sensitive: !path.ignoreCase }),
    headers: fields.map(envoyHeader),
    query_parameters: query.map(({ name, match }) =>
      match.kind === 'present' ? { name, present_match: true } : { name, string_match: envoyString(match) },
    ),
  };
}

function envoyBootstrap(port: number): object {
  const type = (name: string): string => `type.googleapis.com/envoy.extensions.filters.${name}`;
  const manager = {
    '@type': type('network.http_connection_manager.v3.HttpConnectionManager'),
    stat_prefix: 'peer',
    http_filters: [
      { name: 'envoy.filters.http.router', typed_config: { '@type': type('http.router.v3.Router') } },
    ],
    route_config: {
      virtual_hosts: config.virtualHosts.map(({ name, domains, routes }) => ({
        name,
        domains,
        routes: routes.map(({ name: route, match }) => ({
          match: envoyMatch(match),
          direct_response: { status: 200, body: { inline_string: route } },
        })),
      })),
    },
  };
  const filters = [{ name: 'envoy.filters.network.http_connection_manager', typed_config: manager }];
  return {
    static_resources: { listeners: [{ address: socketAddress(port), filter_chains: [{ filters }] }] },
  };
}

async function askEnvoy(port: number, { authority, path, method, headers: fields }: Asked): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, {
    method,
    headers: { ...fields, host: authority },
  });
  return response.status === 200 ? response.text() : String(response.status);
}

describeWith(['envoy'], 'Envoy and we', () => {
  const port = freePort();
  let envoy: Envoy | null = null;

  beforeAll(async () => {
    envoy = await startEnvoy(envoyBootstrap(port));
  }, 60_000);

  afterAll(() => envoy?.stop());

  test('choose the same route', async () => {
    const table = compileRoutes(config);
    if (!table.ok) throw new Error(table.error.map(formatIssue).join('\n'));
    const random = new Xoshiro128(1);
    const [ours, theirs]: [string[], string[]] = [[], []];
    for (const one of asked) {
      const hit = table.value.match({ ...one, getName: (name) => one.headers[name] ?? null }, random);
      const shown = `${one.method} ${one.authority} ${one.path} ${JSON.stringify(one.headers)} -> `;
      ours.push(shown + (hit === null ? '404' : hit.route.name));
      theirs.push(shown + (await askEnvoy(port, one)));
    }
    expect(ours).toEqual(theirs);
  }, 60_000);
});

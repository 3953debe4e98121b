// Redirects that a proxy follows in its client's place: Envoy and Weft under the same bootstrap, before a backend that
// sends each request where the request says.

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeWith } from '../testing/programs.ts';
import { until } from '../testing/until.ts';
import { clusterAt, type Side, type Sides, sides, startSides } from './testing/side-by-side.ts';
import { type Step, StepBackend } from './testing/step-backend.ts';

setDefaultTimeout(60_000);

const predicate = (kind: string, type: string, fields: object = {}) => ({
  name: kind,
  typed_config: {
    '@type': `type.googleapis.com/envoy.extensions.internal_redirect.${kind}.v3.${type}`,
    ...fields,
  },
});
const listed = predicate('allow_listed_routes', 'AllowListedRoutesConfig', {
  allowed_route_names: ['one', 'two'],
});
const previous = predicate('previous_routes', 'PreviousRoutesConfig');
const safe = predicate('safe_cross_scheme', 'SafeCrossSchemeConfig');

const policies: Readonly<Record<string, object>> = {
  default: { internal_redirect_policy: {} },
  three: { internal_redirect_policy: { max_internal_redirects: 3 } },
  none: { internal_redirect_policy: { max_internal_redirects: 0 } },
  codes: { internal_redirect_policy: { redirect_response_codes: [301, 303, 307, 308, 404] } },
  cross: { internal_redirect_policy: { allow_cross_scheme_redirect: true, max_internal_redirects: 2 } },
  safe: { internal_redirect_policy: { allow_cross_scheme_redirect: true, predicates: [safe] } },
  listed: { internal_redirect_policy: { predicates: [listed] } },
  previous: { internal_redirect_policy: { max_internal_redirects: 9, predicates: [previous] } },
  copied: { internal_redirect_policy: { response_headers_to_copy: ['X-Token', 'x-gone'] } },
  off: {},
  'off, said': { internal_redirect_action: 'PASS_THROUGH_INTERNAL_REDIRECT' },
  legacy: { internal_redirect_action: 'HANDLE_INTERNAL_REDIRECT', max_internal_redirects: 2 },
};

const routesOf = (name: string, policy: object) => [
  {
    name: 'local',
    match: { prefix: '/local' },
    direct_response: { status: 418, body: { inline_string: 'tea' } },
  },
  {
    name: 'rewritten',
    match: { prefix: '/rewritten' },
    route: { cluster: name, prefix_rewrite: '/new', ...policy },
    request_headers_to_add: [{ header: { key: 'x-route', value: 'rewritten' } }],
  },
  ...['one', 'two', 'three', 'start'].map((path) => ({
    name: path,
    match: { prefix: `/${path}` },
    route: { cluster: name, timeout: path === 'three' ? '0.2s' : '5s', ...policy },
    request_headers_to_add: [{ header: { key: 'x-route', value: path } }],
    response_headers_to_add: [{ header: { key: 'x-answered-by', value: path } }],
  })),
];

interface Case {
  readonly policy: string;
  readonly what: string;
  readonly steps: readonly Step[];
  readonly path?: string;
  readonly method?: string;
  readonly body?: string;
  readonly fields?: Readonly<Record<string, string>>;
}

const to = (location: string, status = 302, fields: Readonly<Record<string, string>> = {}): Step => ({
  status,
  fields: { location, ...fields },
});
const fine: Step = { status: 200 };
const here = 'http://a.example';

const cases: readonly Case[] = [
  { policy: 'default', what: 'followed once', steps: [to(`${here}/one?x=1`), fine] },
  {
    policy: 'default',
    what: 'a second one is passed on',
    steps: [to(`${here}/one`), to(`${here}/two`), fine],
  },
  { policy: 'default', what: 'not 301', steps: [to(`${here}/one`, 301), fine] },
  { policy: 'default', what: 'no location', steps: [{ status: 302 }, fine] },
  { policy: 'default', what: 'no route', steps: [to(`${here}/nowhere`), fine] },
  { policy: 'default', what: 'to an answer of the proxy', steps: [to(`${here}/local`), fine] },
  {
    policy: 'default',
    what: 'from and to a rewritten path',
    steps: [to(`${here}/rewritten/b`), fine],
    path: '/rewritten/a',
  },
  { policy: 'default', what: 'with a body', steps: [to(`${here}/one`), fine], method: 'POST', body: 'body' },
  {
    policy: 'default',
    what: 'PUT with a body',
    steps: [to(`${here}/one`), fine],
    method: 'PUT',
    body: 'x'.repeat(9000),
  },
  {
    policy: 'default',
    what: 'with a body too long',
    steps: [to(`${here}/one`), fine],
    method: 'POST',
    body: 'x'.repeat(90_000),
  },
  { policy: 'default', what: 'HEAD', steps: [to(`${here}/one`), fine], method: 'HEAD' },
  { policy: 'default', what: 'another answer', steps: [fine] },
  { policy: 'default', what: 'a route of its own time', steps: [to(`${here}/three`), { delayMs: 1000 }] },
  { policy: 'default', what: 'https', steps: [to('https://a.example/one'), fine] },
  { policy: 'three', what: 'three', steps: [to(`${here}/one`), to(`${here}/two`), to(`${here}/one`), fine] },
  { policy: 'three', what: 'four', steps: [to(`${here}/one`)] },
  { policy: 'none', what: 'none', steps: [to(`${here}/one`), fine] },
  ...[301, 303, 307, 308, 302, 404].map(
    (status): Case => ({ policy: 'codes', what: `${status}`, steps: [to(`${here}/one`, status), fine] }),
  ),
  {
    policy: 'codes',
    what: '303 makes a GET',
    steps: [to(`${here}/one`, 303), fine],
    method: 'POST',
    body: 'body',
  },
  { policy: 'codes', what: '303 keeps HEAD', steps: [to(`${here}/one`, 303), fine], method: 'HEAD' },
  {
    policy: 'codes',
    what: '307 keeps POST',
    steps: [to(`${here}/one`, 307), fine],
    method: 'POST',
    body: 'body',
  },
  { policy: 'cross', what: 'https', steps: [to('https://a.example/one'), fine] },
  { policy: 'cross', what: 'https and back', steps: [to('https://a.example/one'), to(`${here}/two`), fine] },
  { policy: 'cross', what: 'another scheme', steps: [to('ftp://a.example/one'), fine] },
  { policy: 'safe', what: 'not to https', steps: [to('https://a.example/one'), fine] },
  { policy: 'safe', what: 'to http', steps: [to(`${here}/one`), fine] },
  { policy: 'listed', what: 'to one that is', steps: [to(`${here}/two`), fine] },
  { policy: 'listed', what: 'to one that is not', steps: [to(`${here}/three`), fine] },
  {
    policy: 'previous',
    what: 'not to the same again',
    steps: [to(`${here}/one`), to(`${here}/two`), to(`${here}/one`), to(`${here}/two`), fine],
  },
  { policy: 'previous', what: 'to itself', steps: [to(`${here}/start`), to(`${here}/start`), fine] },
  {
    policy: 'copied',
    what: 'from the answer',
    steps: [to(`${here}/one`, 302, { 'x-token': 'new' }), fine],
    fields: { 'x-token': 'old', 'x-gone': 'yes', 'x-stays': 'yes' },
  },
  { policy: 'off', what: 'passed on', steps: [to(`${here}/one`), fine] },
  { policy: 'off, said', what: 'passed on', steps: [to(`${here}/one`), fine] },
  { policy: 'legacy', what: 'twice', steps: [to(`${here}/one`), to(`${here}/two`), to(`${here}/one`), fine] },
  ...[
    '',
    '/one',
    '//a.example/one',
    'http://a.example',
    'http://a.example?one',
    'http://a.example/one#part',
    'http://a.example/one?x=1#part',
    'http://user@a.example/one',
    'http://user:word@a.example:81/one',
    'http://a.example:8080/one',
    'http://a.example:99999/one',
    'http://a.example:/one',
    'http://:80/one',
    'http:///one',
    'http://[::1]/one',
    'http://[::1]:80/one',
    'http://[::1/one',
    'http://a_b.example/one',
    'http://a~b.example/one',
    'http://a example/one',
    'http://a.example/one two',
    'http://a.example/one%20two',
    'http://a.example/one"two',
    'HTTP://A.example/one',
    'http//a.example/one',
    'http:a.example/one',
    'h+t://a.example/one',
    'one',
    'http://a.example/one\\two',
    'http://a,b/one',
    'http://a.example@b/one',
    'http://a.example//one',
    'http://a.example/../one',
  ].map(
    (location): Case => ({ policy: 'default', what: `location ${location}`, steps: [to(location), fine] }),
  ),
];

const clusterCounters = [
  'upstream_rq_total',
  'upstream_internal_redirect_succeeded_total',
  'upstream_internal_redirect_failed_total',
];
const httpCounters = [
  'passthrough_internal_redirect_bad_location',
  'passthrough_internal_redirect_unsafe_scheme',
  'passthrough_internal_redirect_too_many_redirects',
  'passthrough_internal_redirect_no_route',
  'passthrough_internal_redirect_predicate',
  'downstream_rq_total',
];

const folder = mkdtempSync(join(tmpdir(), 'weft-redirects-'));
const logPath = join(folder, 'access.log');
/**
 * Both write into one file: requests have ids of their own. Envoy's first line has the next request's path already, and
 * counts the body again in each; ours have the path that was asked for, and the bytes once.
 */
const accessLog = {
  name: 'file',
  typed_config: {
    '@type': 'type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog',
    path: logPath,
    log_format: {
      text_format_source: {
        inline_string:
          '%REQ(X-ID)% %REQ(:METHOD)% %RESPONSE_CODE% %RESPONSE_CODE_DETAILS% %RESPONSE_FLAGS% ' +
          '%BYTES_SENT% %RESP(LOCATION)%\n',
      },
    },
  },
};

describeWith(['envoy'], 'internal redirects, beside Envoy', () => {
  let backend: StepBackend;
  let both: Sides;
  let last = 0;

  beforeAll(async () => {
    backend = new StepBackend();
    const managers = Object.fromEntries(
      Object.entries(policies).map(([name, policy]) => {
        const hosts = [
          {
            name: 'all',
            domains: ['*'],
            include_request_attempt_count: true,
            routes: routesOf(name, policy),
          },
        ];
        return [name, { route_config: { name, virtual_hosts: hosts }, access_log: [accessLog] }];
      }),
    );
    const clusters = Object.keys(policies).map((name) => ({
      ...clusterAt(name, backend.port),
    }));
    both = await startSides(managers, clusters);
  });

  afterAll(async () => {
    await both.stop();
    await backend.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  async function play(side: Side, each: Case) {
    const { body, fields = {}, method = 'GET', path = '/start', policy, steps } = each;
    last += 1;
    const id = `${last}`;
    const before = await count(side, policy);
    const response = await fetch(`http://127.0.0.1:${both.port(side, policy)}${path}`, {
      method,
      redirect: 'manual',
      headers: { host: 'first.example', ...fields, 'x-id': id, 'x-steps': JSON.stringify(steps) },
      ...(body === undefined ? {} : { body }),
    });
    const text = await response.text();
    const after = await count(side, policy);
    const answeredBy = response.headers.get('x-answered-by');
    return {
      status: response.status,
      text: response.status < 500 ? text : '',
      answeredBy,
      location: response.headers.get('location'),
      seen: backend.attempts(id).map((attempt) => ({
        method: attempt.method,
        path: attempt.path,
        body: attempt.body,
        fields: pick(attempt.fields),
      })),
      counted: Object.fromEntries([...after].map(([name, value]) => [name, value - (before.get(name) ?? 0)])),
    };
  }

  async function count(side: Side, name: string): Promise<ReadonlyMap<string, number>> {
    const text = await (await fetch(`http://127.0.0.1:${both.adminPort(side)}/stats/prometheus`)).text();
    const read = (metric: string, ...labels: readonly string[]) => {
      const line = text
        .split('\n')
        .find((each) => each.startsWith(`${metric}{`) && labels.every((label) => each.includes(label)));
      return [[metric, ...labels].join(' '), Number(line?.slice(line.lastIndexOf(' ')) ?? 0)] as const;
    };
    const prefix = `envoy_http_conn_manager_prefix="${name}"`;
    const cluster = `envoy_cluster_name="${name}"`;
    const classes = ['2', '3', '4', '5'].map((each) => `envoy_response_code_class="${each}"`);
    return new Map([
      ...clusterCounters.map((each) => read(`envoy_cluster_${each}`, cluster)),
      ...httpCounters.map((each) => read(`envoy_http_${each}`, prefix)),
      ...classes.map((each) => read('envoy_http_downstream_rq_xx', prefix, each)),
    ]);
  }

  test('each of the requests has its line', async () => {
    const steps = [to(`${here}/one`), to(`${here}/two`), fine];
    for (const side of sides)
      await play(side, { policy: 'three', what: '', steps, method: 'POST', body: 'body' });
    const ids = [last - 1, last];
    const linesOf = (id: number) =>
      readFileSync(logPath, 'utf8')
        .split('\n')
        .filter((line) => line.startsWith(`${id} `))
        .map((line) => line.slice(`${id} `.length));
    await until('logged', () => Promise.resolve(ids.every((id) => linesOf(id).length === 3)));
    expect(linesOf(last)).toEqual(linesOf(last - 1));
  });

  for (const each of cases) {
    test(`${each.policy}: ${each.what}`, async () => {
      const [envoy, weft] = await Promise.all(sides.map((side) => play(side, each)));
      expect(weft).toEqual(envoy!);
    });
  }
});

/** What a redirect may change; the rest is said by both, or by neither in the same words. */
function pick(fields: Readonly<Record<string, string>>): Readonly<Record<string, string | undefined>> {
  const names = [
    'host',
    'content-length',
    'transfer-encoding',
    'x-forwarded-proto',
    'x-forwarded-for',
    'x-envoy-original-url',
    'x-envoy-original-path',
    'x-envoy-attempt-count',
    'x-route',
    'x-token',
    'x-gone',
    'x-stays',
  ];
  return Object.fromEntries(names.map((name) => [name, fields[name]]));
}

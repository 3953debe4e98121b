// What the router filter and its routes say beside where requests go: what endpoints and clients are told, whose word
// on times is believed. Envoy and Weft under the same bootstrap.

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { describeWith } from '../testing/programs.ts';
import { clusterAt, type Side, type Sides, sides, startSides } from './testing/side-by-side.ts';
import { type Step, StepBackend } from './testing/step-backend.ts';

setDefaultTimeout(60_000);

const routerType = 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router';
const router = (fields: object) => ({
  http_filters: [{ name: 'router', typed_config: { '@type': routerType, ...fields } }],
});
const internal = {
  internal_address_config: { cidr_ranges: [{ address_prefix: '10.0.0.0', prefix_len: 8 }] },
};
const retry = {
  retry_on: '5xx',
  num_retries: 2,
  retry_back_off: { base_interval: '0.001s', max_interval: '0.002s' },
};
const strict = [
  'x-envoy-upstream-rq-timeout-ms',
  'x-envoy-upstream-rq-per-try-timeout-ms',
  'x-envoy-max-retries',
  'x-envoy-retry-grpc-on',
  'x-envoy-retry-on',
];

const listeners: Readonly<Record<string, { route?: object; host?: object; manager?: object }>> = {
  plain: {},
  'no time': { route: { timeout: '0s' } },
  'attempt time': { route: { timeout: '5s', retry_policy: { ...retry, per_try_timeout: '0.3s' } } },
  'long attempt time': { route: { timeout: '0.5s', retry_policy: { ...retry, per_try_timeout: '2s' } } },
  hedged: {
    route: {
      timeout: '5s',
      retry_policy: { ...retry, per_try_timeout: '0.3s' },
      hedge_policy: { hedge_on_per_try_timeout: true },
    },
  },
  quiet: {
    route: { prefix_rewrite: '/new', host_rewrite_literal: 'other.example' },
    manager: router({ suppress_envoy_headers: true }),
  },
  loud: { route: { prefix_rewrite: '/new', host_rewrite_literal: 'other.example' } },
  strict: { manager: { ...internal, ...router({ strict_check_headers: strict }) } },
  believed: { manager: { ...internal, ...router({ respect_expected_rq_timeout: true }) } },
  'not believed': { manager: internal },
  wishes: { manager: internal },
  marked: {
    route: { retry_policy: { ...retry, per_try_timeout: '0.2s' } },
    host: { include_is_timeout_retry_header: true },
  },
  grpc: { route: { max_grpc_timeout: '2s', timeout: '9s' } },
  'grpc, any': { route: { max_grpc_timeout: '0s', timeout: '9s' } },
  'grpc offset': { route: { max_grpc_timeout: '2s', grpc_timeout_offset: '0.1s' } },
  'grpc attempts': { route: { max_grpc_timeout: '2s', retry_policy: { ...retry, per_try_timeout: '1s' } } },
  'grpc codes': { manager: router({ suppress_grpc_request_failure_code_stats: true }) },
};

interface Case {
  readonly listener: string;
  readonly what: string;
  readonly fields?: Readonly<Record<string, string>>;
  readonly steps?: readonly Step[];
}

const inside = { 'x-forwarded-for': '10.0.0.1' };
const call = { 'content-type': 'application/grpc' };
const fine: Step = { status: 200 };

const cases: readonly Case[] = [
  { listener: 'plain', what: 'the default time' },
  {
    listener: 'plain',
    what: 'a time that a stranger names',
    fields: { 'x-envoy-expected-rq-timeout-ms': '77' },
  },
  { listener: 'no time', what: 'nothing is said' },
  { listener: 'attempt time', what: 'of an attempt', steps: [{ status: 503 }, fine] },
  { listener: 'long attempt time', what: 'is not looked at' },
  { listener: 'long attempt time', what: 'and does not end an attempt', steps: [{ delayMs: 2000 }] },
  { listener: 'hedged', what: 'the whole time' },
  { listener: 'quiet', what: 'nothing is said' },
  {
    listener: 'quiet',
    what: 'nor of an endpoint’s own',
    steps: [{ fields: { 'x-envoy-upstream-service-time': '7' } }],
  },
  { listener: 'loud', what: 'all is said' },
  ...strict.flatMap((name): Case[] =>
    ['12', 'x', '', '-1', '1.5', '5xx', '5xx,x', 'cancelled', 'unavailable', '5xx, reset'].map((value) => ({
      listener: 'strict',
      what: `${name}: ${value}`,
      fields: { ...inside, [name]: value, ...(name.endsWith('-on') ? {} : { 'x-envoy-retry-on': '5xx' }) },
    })),
  ),
  { listener: 'strict', what: 'from outside', fields: { 'x-envoy-max-retries': 'x' } },
  { listener: 'wishes', what: 'badly said', fields: { ...inside, 'x-envoy-max-retries': 'x' } },
  {
    listener: 'believed',
    what: 'a proxy’s word',
    fields: { ...inside, 'x-envoy-expected-rq-timeout-ms': '300' },
    steps: [{ delayMs: 1500 }],
  },
  {
    listener: 'believed',
    what: 'before a caller’s',
    fields: { ...inside, 'x-envoy-expected-rq-timeout-ms': '300', 'x-envoy-upstream-rq-timeout-ms': '900' },
  },
  {
    listener: 'believed',
    what: 'a caller’s',
    fields: { ...inside, 'x-envoy-upstream-rq-timeout-ms': '900' },
  },
  { listener: 'believed', what: 'no number', fields: { ...inside, 'x-envoy-expected-rq-timeout-ms': 'x' } },
  {
    listener: 'not believed',
    what: 'a proxy’s word',
    fields: { ...inside, 'x-envoy-expected-rq-timeout-ms': '300' },
  },
  {
    listener: 'wishes',
    what: '204 for what is late',
    fields: {
      ...inside,
      'x-envoy-upstream-rq-timeout-ms': '200',
      'x-envoy-upstream-rq-timeout-alt-response': '1',
    },
    steps: [{ delayMs: 1500 }],
  },
  { listener: 'marked', what: 'in time' },
  {
    listener: 'marked',
    what: 'a bad answer, then a late one',
    steps: [{ status: 503 }, { delayMs: 1500 }, fine],
  },
  ...['', '1S', '500m', '3S', '50m', '100m', '1H', '1500000u', 'x', '99999999H'].flatMap((value): Case[] =>
    ['grpc', 'grpc, any', 'grpc offset', 'grpc attempts'].map((listener) => ({
      listener,
      what: `grpc-timeout ${value}`,
      fields: { ...call, ...(value === '' ? {} : { 'grpc-timeout': value }) },
    })),
  ),
  { listener: 'grpc', what: 'no call', fields: { 'grpc-timeout': '1S' } },
  {
    listener: 'grpc',
    what: 'ends in time',
    fields: { ...call, 'grpc-timeout': '300m' },
    steps: [{ delayMs: 1500 }],
  },
  { listener: 'grpc codes', what: 'a call that failed', fields: call, steps: [{ status: 503 }] },
  { listener: 'grpc codes', what: 'another request', steps: [{ status: 503 }] },
];

describeWith(['envoy'], 'router options, beside Envoy', () => {
  let backend: StepBackend;
  let both: Sides;
  let last = 0;

  beforeAll(async () => {
    backend = new StepBackend();
    const managers = Object.fromEntries(
      Object.entries(listeners).map(([name, { host = {}, manager = {}, route = {} }]) => {
        const routes = [{ match: { prefix: '/' }, route: { cluster: name, ...route } }];
        const hosts = [{ name: 'all', domains: ['*'], include_request_attempt_count: true, routes, ...host }];
        return [name, { ...manager, route_config: { name, virtual_hosts: hosts } }];
      }),
    );
    both = await startSides(
      managers,
      Object.keys(listeners).map((name) => clusterAt(name, backend.port)),
    );
  });

  afterAll(async () => {
    await both.stop();
    await backend.stop();
  });

  async function play(side: Side, { fields = {}, listener, steps = [fine] }: Case) {
    last += 1;
    const id = `${last}`;
    const before = await count(side, listener);
    const response = await fetch(`http://127.0.0.1:${both.port(side, listener)}/path`, {
      headers: { ...fields, 'x-id': id, 'x-steps': JSON.stringify(steps) },
    });
    const text = await response.text();
    const after = await count(side, listener);
    return {
      status: response.status,
      text: response.status === 400 ? text : '',
      toldClient: response.headers.has('x-envoy-upstream-service-time'),
      told: backend.attempts(id).map((attempt) => told(attempt.fields)),
      counted: Object.fromEntries([...after].map(([code, value]) => [code, value - (before.get(code) ?? 0)])),
    };
  }

  /** Answers by code. */
  async function count(side: Side, cluster: string): Promise<ReadonlyMap<string, number>> {
    const text = await (await fetch(`http://127.0.0.1:${both.adminPort(side)}/stats/prometheus`)).text();
    const lines = text.split('\n').filter((line) => line.includes(`envoy_cluster_name="${cluster}"`));
    const named = lines.filter((line) => /^envoy_cluster_(retry_)?upstream_rq(_completed)?\{/.test(line));
    return new Map(
      named.map((line) => [
        `${line.includes('retry_') ? 'retried ' : ''}${/code="(\d+)"/.exec(line)?.[1] ?? 'completed'}`,
        Number(line.slice(line.lastIndexOf(' '))),
      ]),
    );
  }

  for (const each of cases) {
    test(`${each.listener}: ${each.what}`, async () => {
      const [envoy, weft] = await Promise.all(sides.map((side) => play(side, each)));
      expect(weft).toEqual(envoy!);
    });
  }
});

const names = [
  'host',
  'x-envoy-original-path',
  'x-envoy-original-host',
  'x-envoy-is-timeout-retry',
  'x-envoy-attempt-count',
  'x-envoy-max-retries',
  'x-envoy-retry-on',
];

/** What is told of times, to the nearest tenth of a second: what a retry has left differs by what went before. */
function told(fields: Readonly<Record<string, string>>): Readonly<Record<string, string | undefined>> {
  const expected = fields['x-envoy-expected-rq-timeout-ms'];
  const call = /^(\d+)(\w)$/.exec(fields['grpc-timeout'] ?? '');
  return {
    ...Object.fromEntries(names.map((name) => [name, fields[name]?.replace(/:\d+$/, '')])),
    expected: expected === undefined || Number.isNaN(Number(expected)) ? expected : rounded(expected),
    call: call === null ? fields['grpc-timeout'] : `${rounded(call[1] ?? '')}${call[2]}`,
  };
}

function rounded(text: string): string {
  return Number(text) < 200 ? text : `${Math.round(Number(text) / 100) * 100}`;
}

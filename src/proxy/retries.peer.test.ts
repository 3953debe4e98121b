// What is tried again, how often, after how long, and what ends a request that takes too long: Envoy and Weft under the
// same bootstrap, before a backend that does what each request tells it to.

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { describeWith } from '../testing/programs.ts';
import { clusterAt, routesOf, type Side, type Sides, sides, startSides } from './testing/side-by-side.ts';
import { type Step, StepBackend } from './testing/step-backend.ts';

setDefaultTimeout(60_000);

const fast = { base_interval: '0.001s', max_interval: '0.002s' };
const policy = (fields: object) => ({ retry_policy: { num_retries: 3, retry_back_off: fast, ...fields } });
const internal = {
  internal_address_config: { cidr_ranges: [{ address_prefix: '10.0.0.0', prefix_len: 8 }] },
};

const listeners: Readonly<Record<string, { route: object; manager?: object }>> = {
  '5xx': { route: policy({ retry_on: '5xx' }) },
  'gateway-error': { route: policy({ retry_on: 'gateway-error' }) },
  'retriable-4xx': { route: policy({ retry_on: 'retriable-4xx' }) },
  codes: { route: policy({ retry_on: 'retriable-status-codes', retriable_status_codes: [418, 202] }) },
  headers: {
    route: policy({
      retry_on: 'retriable-headers',
      retriable_headers: [
        { name: 'x-again', string_match: { exact: 'yes' } },
        { name: ':status', string_match: { exact: '204' } },
      ],
    }),
  },
  requests: {
    route: policy({
      retry_on: '5xx',
      retriable_request_headers: [
        { name: 'x-may', string_match: { prefix: 'y' } },
        { name: ':method', string_match: { exact: 'PUT' } },
      ],
    }),
  },
  ratelimited: { route: policy({ retry_on: '5xx,envoy-ratelimited' }) },
  reset: {
    route: policy({
      retry_on: '5xx',
      rate_limited_retry_back_off: {
        reset_headers: [{ name: 'Retry-After' }, { name: 'x-reset', format: 'UNIX_TIMESTAMP' }],
        max_interval: '2s',
      },
    }),
  },
  none: { route: {}, manager: internal },
  attempts: { route: policy({ retry_on: '5xx', per_try_timeout: '0.2s' }) },
  'attempt idle': { route: policy({ retry_on: '5xx', per_try_idle_timeout: '0.2s' }) },
  duration: { route: { max_stream_duration: { max_stream_duration: '0.3s' } } },
  'all durations': { route: {}, manager: { common_http_protocol_options: { max_stream_duration: '0.3s' } } },
  'no duration': {
    route: { max_stream_duration: { max_stream_duration: '0s' } },
    manager: { common_http_protocol_options: { max_stream_duration: '0.1s' } },
  },
  idle: { route: { idle_timeout: '0.3s' } },
  timeout: { route: { timeout: '0.3s' } },
};

interface Case {
  readonly listener: string;
  readonly what: string;
  readonly steps: readonly Step[];
  readonly method?: string;
  readonly fields?: Readonly<Record<string, string>>;
  /** Milliseconds that it takes at least and at most; what is said of neither is not compared. */
  readonly takes?: readonly [number, number];
}

/** Far beyond every limit here, so that a busy machine is not taken for one that waited for it. */
const slowMs = 20_000;

const fine: Step = { status: 200 };
const no = (status: number, fields: Readonly<Record<string, string>> = {}): Step => ({ status, fields });
const inside = { 'x-forwarded-for': '10.0.0.1' };

const cases: readonly Case[] = [
  { listener: '5xx', what: 'until it is well', steps: [no(500), no(503), fine] },
  { listener: '5xx', what: 'until all are used', steps: [no(500)] },
  { listener: '5xx', what: 'a POST too', steps: [no(500), fine], method: 'POST' },
  { listener: '5xx', what: 'not below 500', steps: [no(429), fine] },
  {
    listener: '5xx',
    what: 'not what a limit below refused',
    steps: [no(503, { 'x-envoy-ratelimited': 'true' }), fine],
  },
  { listener: 'gateway-error', what: '502', steps: [no(502), fine] },
  { listener: 'gateway-error', what: 'not 500', steps: [no(500), fine] },
  { listener: 'retriable-4xx', what: '409', steps: [no(409), fine] },
  { listener: 'retriable-4xx', what: 'not 404', steps: [no(404), fine] },
  { listener: 'codes', what: '418', steps: [no(418), fine] },
  { listener: 'codes', what: 'also below 400', steps: [no(202), fine] },
  { listener: 'codes', what: 'not 500', steps: [no(500), fine] },
  { listener: 'headers', what: 'by a header', steps: [no(200, { 'x-again': 'yes' }), fine] },
  { listener: 'headers', what: 'by another value', steps: [no(200, { 'x-again': 'no' }), fine] },
  { listener: 'headers', what: 'by status', steps: [no(204), fine] },
  { listener: 'requests', what: 'with the header', steps: [no(500), fine], fields: { 'x-may': 'yes' } },
  { listener: 'requests', what: 'with another value', steps: [no(500), fine], fields: { 'x-may': 'no' } },
  { listener: 'requests', what: 'without it', steps: [no(500), fine] },
  { listener: 'requests', what: 'by method', steps: [no(500), fine], method: 'PUT' },
  {
    listener: 'ratelimited',
    what: 'what a limit below refused',
    steps: [no(503, { 'x-envoy-ratelimited': 'true' }), fine],
  },
  { listener: 'reset', what: 'seconds', steps: [no(503, { 'retry-after': '1' }), fine], takes: [990, 4500] },
  {
    listener: 'reset',
    what: 'too long is not believed',
    steps: [no(503, { 'retry-after': '9' }), fine],
    takes: [0, 4500],
  },
  {
    listener: 'reset',
    what: 'no number',
    steps: [no(503, { 'retry-after': 'soon' }), fine],
    takes: [0, 4500],
  },
  { listener: 'none', what: 'nothing', steps: [no(503), fine] },
  {
    listener: 'none',
    what: 'a caller from outside wishes',
    steps: [no(503), fine],
    fields: { 'x-envoy-retry-on': '5xx' },
  },
  {
    listener: 'none',
    what: 'one from inside',
    steps: [no(503), no(503), fine],
    fields: { ...inside, 'x-envoy-retry-on': '5xx', 'x-envoy-max-retries': '2' },
  },
  {
    listener: 'none',
    what: 'by codes',
    steps: [no(418), fine],
    fields: {
      ...inside,
      'x-envoy-retry-on': 'retriable-status-codes',
      'x-envoy-retriable-status-codes': '418, x',
    },
  },
  {
    listener: 'none',
    what: 'by header names',
    steps: [no(200, { 'x-again': '1' }), fine],
    fields: {
      ...inside,
      'x-envoy-retry-on': 'retriable-headers',
      'x-envoy-retriable-header-names': 'X-Again',
    },
  },
  {
    listener: 'none',
    what: 'a time',
    steps: [{ delayMs: slowMs }],
    fields: { ...inside, 'x-envoy-upstream-rq-timeout-ms': '200' },
    takes: [190, slowMs / 2],
  },
  {
    listener: 'none',
    what: 'a time each',
    steps: [{ delayMs: slowMs }, fine],
    fields: { ...inside, 'x-envoy-retry-on': '5xx', 'x-envoy-upstream-rq-per-try-timeout-ms': '200' },
    takes: [190, slowMs / 2],
  },
  {
    listener: '5xx',
    what: 'what x-envoy-max-retries of a stranger says',
    steps: [no(503)],
    fields: { 'x-envoy-max-retries': '1' },
  },
  {
    listener: 'attempts',
    what: 'that take too long',
    steps: [{ delayMs: slowMs }, fine],
    takes: [190, slowMs / 2],
  },
  {
    listener: 'attempt idle',
    what: 'before the answer',
    steps: [{ delayMs: slowMs }, fine],
    takes: [190, slowMs / 2],
  },
  {
    listener: 'attempt idle',
    what: 'within the answer',
    steps: [{ bodyDelayMs: slowMs }, fine],
    takes: [190, slowMs / 2],
  },
  { listener: 'duration', what: 'before the answer', steps: [{ delayMs: slowMs }], takes: [290, slowMs / 2] },
  {
    listener: 'duration',
    what: 'within the answer',
    steps: [{ bodyDelayMs: slowMs }],
    takes: [290, slowMs / 2],
  },
  { listener: 'duration', what: 'in time', steps: [fine] },
  {
    listener: 'all durations',
    what: 'before the answer',
    steps: [{ delayMs: slowMs }],
    takes: [290, slowMs / 2],
  },
  {
    listener: 'no duration',
    what: 'is the route’s word',
    steps: [{ delayMs: 400 }],
    takes: [390, slowMs / 2],
  },
  { listener: 'idle', what: 'before the answer', steps: [{ delayMs: slowMs }], takes: [290, slowMs / 2] },
  { listener: 'timeout', what: 'before the answer', steps: [{ delayMs: slowMs }], takes: [290, slowMs / 2] },
];

describeWith(['envoy'], 'retries and times, beside Envoy', () => {
  let backend: StepBackend;
  let both: Sides;
  let last = 0;

  beforeAll(async () => {
    backend = new StepBackend();
    const managers = Object.fromEntries(
      Object.entries(listeners).map(([name, { manager = {}, route }]) => [
        name,
        {
          ...manager,
          route_config: routesOf({ match: { prefix: '/' }, route: { cluster: 'backend', ...route } }),
        },
      ]),
    );
    both = await startSides(managers, [clusterAt('backend', backend.port)]);
  });

  afterAll(async () => {
    await both.stop();
    await backend.stop();
  });

  async function play(side: Side, { listener, steps, method = 'GET', fields = {} }: Case) {
    last += 1;
    const id = `${last}`;
    const startedMs = performance.now();
    const response = await fetch(`http://127.0.0.1:${both.port(side, listener)}/`, {
      method,
      headers: { ...fields, 'x-id': id, 'x-steps': JSON.stringify(steps) },
      ...(method === 'GET' ? {} : { body: 'body' }),
    });
    const whole = await response.text().then(
      () => true,
      () => false,
    );
    const tookMs = performance.now() - startedMs;
    return { outcome: { status: response.status, whole, attempts: backend.attempts(id).length }, tookMs };
  }

  for (const each of cases) {
    test(`${each.listener}: ${each.what}`, async () => {
      const [envoy, weft] = await Promise.all(sides.map((side) => play(side, each)));
      expect(weft?.outcome).toEqual(envoy!.outcome);
      const [least, most] = each.takes ?? [0, Number.POSITIVE_INFINITY];
      for (const { tookMs } of [envoy!, weft!]) {
        expect(tookMs).toBeGreaterThanOrEqual(least);
        expect(tookMs).toBeLessThan(most);
      }
    });
  }

  test('counters of what took too long', async () => {
    const names = ['upstream_rq_per_try_timeout', 'upstream_rq_per_try_idle_timeout'];
    const values = await Promise.all(
      sides.map(async (side) => {
        const text = await (await fetch(`http://127.0.0.1:${both.adminPort(side)}/stats/prometheus`)).text();
        return names.map((name) => new RegExp(`^envoy_cluster_${name}\\{.*\\} (\\d+)$`, 'm').exec(text)?.[1]);
      }),
    );
    expect(values[1]).toEqual(values[0]!);
  });
});

// Attempts that run beside each other: Envoy and Weft under the same bootstrap, before a backend whose attempts are as
// slow and as well as each request tells it.

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { describeWith } from '../testing/programs.ts';
import { clusterAt, type Side, type Sides, sides, startSides } from './testing/side-by-side.ts';
import { type Step, StepBackend } from './testing/step-backend.ts';

setDefaultTimeout(60_000);

const policy = {
  retry_on: '5xx',
  num_retries: 2,
  per_try_timeout: '0.2s',
  retry_back_off: { base_interval: '0.001s', max_interval: '0.002s' },
};
const hedge = { hedge_on_per_try_timeout: true };
const internal = {
  internal_address_config: { cidr_ranges: [{ address_prefix: '10.0.0.0', prefix_len: 8 }] },
};

const listeners: Readonly<Record<string, { route: object; host?: object; manager?: object }>> = {
  route: { route: { retry_policy: policy, hedge_policy: hedge } },
  host: { route: {}, host: { retry_policy: policy, hedge_policy: hedge } },
  'route says no': { route: { hedge_policy: {} }, host: { retry_policy: policy, hedge_policy: hedge } },
  'no retries': {
    route: { retry_policy: { per_try_timeout: '0.2s' }, hedge_policy: hedge, timeout: '0.5s' },
  },
  'other condition': {
    route: { retry_policy: { ...policy, retry_on: 'retriable-4xx' }, hedge_policy: hedge },
  },
  short: { route: { retry_policy: policy, hedge_policy: hedge, timeout: '0.5s' } },
  idle: {
    route: {
      retry_policy: { ...policy, per_try_timeout: '0s', per_try_idle_timeout: '0.2s' },
      hedge_policy: hedge,
    },
  },
  caller: { route: { retry_policy: policy }, manager: internal },
};

interface Case {
  readonly listener: string;
  readonly what: string;
  readonly steps: readonly Step[];
  readonly method?: string;
  readonly fields?: Readonly<Record<string, string>>;
}

const slow = (delayMs: number, status = 200): Step => ({ status, delayMs });
const fine: Step = { status: 200 };
const inside = { 'x-forwarded-for': '10.0.0.1' };

const cases: readonly Case[] = [
  { listener: 'route', what: 'in time', steps: [fine] },
  { listener: 'route', what: 'the second is faster', steps: [slow(1500), fine] },
  { listener: 'route', what: 'the first is, after all', steps: [slow(350), slow(1500)] },
  { listener: 'route', what: 'a POST with its body', steps: [slow(1500), fine], method: 'POST' },
  { listener: 'route', what: 'the third is', steps: [slow(1500), slow(1500), fine] },
  {
    listener: 'route',
    what: 'all used: the last one is waited for',
    steps: [slow(1500), slow(1500), slow(450)],
  },
  {
    listener: 'route',
    what: 'a late bad answer is not the answer',
    steps: [slow(300, 503), slow(150), fine],
  },
  { listener: 'route', what: 'an early bad answer', steps: [{ status: 503 }, slow(1500), fine] },
  { listener: 'route', what: 'the newest is bad, and retried', steps: [slow(600), { status: 503 }, fine] },
  {
    listener: 'route',
    what: 'the newest is bad, and the first is waited for',
    steps: [slow(700), { status: 503 }, { status: 503 }],
  },
  {
    listener: 'route',
    what: 'all are bad',
    steps: [slow(700, 503), { status: 500 }, { status: 502 }],
  },
  { listener: 'host', what: 'the second is faster', steps: [slow(1500), fine] },
  { listener: 'route says no', what: 'the first is reset', steps: [slow(1500), fine] },
  { listener: 'no retries', what: 'nothing follows', steps: [slow(1500), fine] },
  { listener: 'other condition', what: 'is no condition of hedging', steps: [slow(1500), fine] },
  { listener: 'short', what: 'the request’s time', steps: [slow(1500)] },
  { listener: 'idle', what: 'nothing moved', steps: [slow(1500), fine] },
  {
    listener: 'caller',
    what: 'says yes',
    steps: [slow(350), slow(1500)],
    fields: { ...inside, 'x-envoy-hedge-on-per-try-timeout': 'true' },
  },
  {
    listener: 'caller',
    what: 'from outside is not heard',
    steps: [slow(350), slow(10)],
    fields: { 'x-envoy-hedge-on-per-try-timeout': 'true' },
  },
];

const counters = [
  'upstream_rq_total',
  'upstream_rq_retry',
  'upstream_rq_retry_success',
  'upstream_rq_retry_limit_exceeded',
  'upstream_rq_per_try_timeout',
  'upstream_rq_per_try_idle_timeout',
  'upstream_rq_timeout',
];

describeWith(['envoy'], 'hedging, beside Envoy', () => {
  let backend: StepBackend;
  let both: Sides;
  let last = 0;

  beforeAll(async () => {
    backend = new StepBackend();
    const managers = Object.fromEntries(
      Object.entries(listeners).map(([name, { host = {}, manager = {}, route }]) => {
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

  async function play(side: Side, { fields = {}, listener, method = 'GET', steps }: Case) {
    last += 1;
    const id = `${last}`;
    const before = await count(side, listener);
    const response = await fetch(`http://127.0.0.1:${both.port(side, listener)}/`, {
      method,
      headers: { ...fields, 'x-id': id, 'x-steps': JSON.stringify(steps) },
      ...(method === 'GET' ? {} : { body: 'body' }),
    });
    const text = await response.text();
    const attempts = backend.attempts(id);
    const after = await count(side, listener);
    return {
      status: response.status,
      text,
      bodies: attempts.map(({ body }) => body),
      numbers: attempts.map((attempt) => attempt.fields['x-envoy-attempt-count']),
      counted: counters.map((name, at) => [name, after[at]! - before[at]!]),
    };
  }

  async function count(side: Side, cluster: string): Promise<readonly number[]> {
    const text = await (await fetch(`http://127.0.0.1:${both.adminPort(side)}/stats/prometheus`)).text();
    const named = `envoy_cluster_name="${cluster}"`;
    const lines = text.split('\n').filter((line) => line.includes(named));
    return counters.map((name) => {
      const line = lines.find((each) => each.startsWith(`envoy_cluster_${name}{`));
      return Number(line?.slice(line.lastIndexOf(' ')) ?? 0);
    });
  }

  for (const each of cases) {
    test(`${each.listener}: ${each.what}`, async () => {
      const [envoy, weft] = await Promise.all(sides.map((side) => play(side, each)));
      expect(weft).toEqual(envoy!);
    });
  }
});

import { beforeEach, expect, test } from 'bun:test';
import { Histogram, PrometheusWriter } from '../observe/index.ts';
import { Collector } from './collector.ts';
import { consoleLimits } from './limits.ts';
import type { Mesh } from './mesh.ts';
import { readEndpoints } from './read-proxy.ts';

const proxies = [
  { node: 'a-0', admin: '127.0.0.1:1', connected: true },
  { node: 'a-1', admin: '127.0.0.1:2', connected: true },
  { node: 'gone', admin: '127.0.0.1:3', connected: false },
].map((proxy) => ({
  ...proxy,
  role: 'sidecar',
  workload: 'bank/a',
  version: 'v',
  ageSeconds: 0,
  nack: null,
}));
const mesh: Mesh = { version: 'v', services: ['bank/ledger'], proxies, issues: [] };

const page = {
  cluster_statuses: [
    {
      name: 'bank/ledger:80',
      service: 'bank/ledger',
      host_statuses: [
        {
          hostname: 'ledger-0',
          address: { socket_address: { address: '127.0.0.1', port_value: 9 } },
          stats: [
            { name: 'rq_active', value: '2' },
            { name: 'rq_total', value: '40' },
          ],
          weft: { state: 'ejected', latency_ms: 7.5 },
        },
      ],
    },
    { name: 'inbound:80', host_statuses: [{}] },
  ],
};

let nowMs: number;
let requests: number;
let asked: string[];
let collector: Collector;

/** Proxy 1 answers; proxy 2 is down. */
async function answer(input: string | URL | Request): Promise<Response> {
  const url = String(input);
  asked.push(url);
  if (url.includes(':2/')) throw new Error('refused');
  if (url.includes('/clusters')) return Response.json(page);
  const histogram = new Histogram([0.01, 0.1]);
  for (let request = 0; request < requests; request++) histogram.record(0.005);
  const writer = new PrometheusWriter().family('weft_request_duration_seconds', 'histogram', 'd');
  return new Response(
    writer.histogram({ direction: 'outbound', service: 'bank/ledger', code: '2xx' }, histogram).toString(),
  );
}

beforeEach(() => {
  [nowMs, requests, asked] = [1_000_000, 10, []];
  collector = new Collector({
    readMesh: async () => mesh,
    readDemo: async () => null,
    fetcher: Object.assign(answer, { preconnect() {} }),
    wallMs: () => nowMs,
  });
});

test('the first look shows no rates, the second those of the interval', async () => {
  expect((await collector.state()).golden.requestsPerSecond).toBe(0);
  nowMs += 2000;
  requests += 50;
  const state = await collector.state();
  expect([state.golden.requestsPerSecond, state.golden.successShare]).toEqual([25, 1]);
});

test('however many pages look, the mesh is asked once', async () => {
  await Promise.all([collector.state(), collector.state(), collector.state()]);
  const before = asked.length;
  nowMs += consoleLimits.readingAgeMinMs - 1;
  await collector.state();
  expect([before, asked.length]).toEqual([4, 4]);
});

test('after a pause a new interval begins', async () => {
  await collector.state();
  nowMs += consoleLimits.intervalMaxMs + 1;
  requests += 1000;
  expect((await collector.state()).golden.requestsPerSecond).toBe(0);
});

test('a proxy that does not answer is said so, one that is gone is not asked', async () => {
  const state = await collector.state();
  expect(state.proxies.map(({ node, reached }) => [node, reached])).toEqual([
    ['a-0', true],
    ['a-1', false],
    ['gone', false],
  ]);
  expect(asked.some((url) => url.includes(':3/'))).toBe(false);
});

test('endpoints are read with estimate and state, the inbound cluster left out', () => {
  expect(readEndpoints(page)).toEqual([
    {
      service: 'bank/ledger',
      address: '127.0.0.1:9',
      name: 'ledger-0',
      costMs: 7.5,
      active: 2,
      requests: 40,
      ejected: true,
      healthy: true,
    },
  ]);
});

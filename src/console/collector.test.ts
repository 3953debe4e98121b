import { beforeEach, describe, expect, test } from 'bun:test';
import { Histogram, PrometheusWriter } from '../observe/index.ts';
import { Collector } from './collector.ts';
import { consoleLimits } from './limits.ts';
import type { Mesh } from './mesh.ts';
import { readEndpoints, readProxy } from './read-proxy.ts';

const proxies = [
  { node: 'a-0', admin: '127.0.0.1:1', connected: true },
  { node: 'a-1', admin: '127.0.0.1:2', connected: true },
  { node: 'gone', admin: '127.0.0.1:3', connected: false },
  { node: 'mute', admin: '', connected: true },
].map((proxy) => ({
  ...proxy,
  role: 'sidecar',
  weft: true,
  sync: 'in sync' as const,
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
            { name: 'rq_error', value: '3' },
            { name: 'rq_total', value: '40' },
          ],
          weft: { state: 'ejected', latency_ms: 7.5, error_share: 0.2 },
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
  expect((await collector.state()).golden.requestsPerSecond).toBeNull();
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
  expect((await collector.state()).golden.requestsPerSecond).toBeNull();
});

test('a proxy that does not answer is said so, one that is gone is not asked', async () => {
  const state = await collector.state();
  expect(state.proxies.map(({ node, data }) => [node, data])).toEqual([
    ['a-0', 'read'],
    ['a-1', 'no answer'],
    ['gone', 'not connected'],
    ['mute', 'no admin address'],
  ]);
  expect(asked.some((url) => url.includes(':3/'))).toBe(false);
});

describe('a proxy that leads elsewhere', () => {
  const read = (
    admin: string,
    respond: (url: string, init?: RequestInit) => Response | Promise<Response>,
  ) => {
    const urls: string[] = [];
    const fetcher = async (input: string | URL | Request, init?: RequestInit) => {
      urls.push(String(input));
      return await respond(String(input), init);
    };
    const reading = readProxy({ admin, weft: true }, Object.assign(fetcher, { preconnect() {} }));
    return reading.then((value) => ({ value, urls }));
  };

  test.each([
    '127.0.0.1:1/quitquitquit?',
    'me@127.0.0.1:1',
    '127.0.0.1',
    'http://127.0.0.1:1',
    '127.0.0.1:1#',
    '127.0.0.1:1 ',
    '[::1:1',
  ])('%s is asked nothing', async (admin) => {
    expect(await read(admin, answer)).toEqual({ value: null, urls: [] });
  });

  test.each(['127.0.0.1:1', '[::1]:1', 'proxy-1:1'])('%s is asked', async (admin) => {
    expect((await read(admin, answer)).value).not.toBeNull();
  });

  test('its redirects are not followed', async () => {
    let other = 0;
    using server = Bun.serve({
      port: 0,
      hostname: '127.0.0.1',
      fetch(request) {
        if (new URL(request.url).pathname !== '/other') return Response.redirect('/other');
        other++;
        return Response.json(page);
      },
    });
    expect([await readProxy({ admin: `127.0.0.1:${server.port}`, weft: true }, fetch), other]).toEqual([
      null,
      0,
    ]);
  });

  test('what it answers without end is not read to the end', async () => {
    let pulled = 0;
    const endless = () =>
      new Response(
        new ReadableStream({
          pull(controller) {
            pulled += 1 << 20;
            controller.enqueue(new Uint8Array(1 << 20));
          },
        }),
      );
    expect((await read('127.0.0.1:1', endless)).value).toBeNull();
    // Both pages.
    expect(pulled).toBeLessThanOrEqual(2 * (consoleLimits.proxyBodyBytesMax + (4 << 20)));
  });
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
      failures: 3,
      errorShare: 0.2,
      ejected: true,
      healthy: true,
    },
  ]);
});

test('the looks of the last minutes are kept for a page that comes later', async () => {
  for (let look = 0; look < consoleLimits.historyPointsMax + 5; look++) {
    await collector.state();
    nowMs += 2000;
    requests += 20;
  }
  const { history } = collector;
  expect(history).toHaveLength(consoleLimits.historyPointsMax);
  expect(history.at(-1)?.golden.requestsPerSecond).toBe(10);
  expect(history.at(-1)?.services['bank/ledger']?.requestsPerSecond).toBe(10);
});

test('of a large mesh fewer looks are kept', async () => {
  const services = Array.from({ length: 5000 }, (_, at) => `bank/s${at}`);
  const large = new Collector({
    readMesh: async () => ({ ...mesh, services, proxies: [] }),
    readDemo: async () => null,
    fetcher: Object.assign(answer, { preconnect() {} }),
    wallMs: () => nowMs,
  });
  for (let look = 0; look < 10; look++) {
    await large.state();
    nowMs += 2000;
  }
  expect(large.history.length * services.length).toBeLessThanOrEqual(consoleLimits.historyCellsMax);
});

test('Envoy’s pages are read by its own names', async () => {
  const clusters = {
    cluster_statuses: [
      {
        name: 'bank/ledger:80',
        host_statuses: [
          {
            address: { socket_address: { address: '127.0.0.1', port_value: 9 } },
            stats: [
              { name: 'rq_error', value: '1' },
              { name: 'rq_total', value: '5' },
            ],
            health_status: { eds_health_status: 'HEALTHY', failed_outlier_check: true },
          },
        ],
      },
      { name: 'xds', host_statuses: [{}] },
    ],
  };
  const metrics = [
    'envoy_cluster_upstream_rq_xx{envoy_response_code_class="2",envoy_cluster_name="bank/ledger_80"} 4',
    'envoy_cluster_upstream_rq_xx{envoy_response_code_class="5",envoy_cluster_name="bank/ledger_80"} 1',
    'envoy_cluster_upstream_rq_retry{envoy_cluster_name="bank/ledger_80"} 2',
    'envoy_cluster_upstream_rq_time_bucket{envoy_cluster_name="bank/ledger_80",le="5"} 3',
    'envoy_cluster_upstream_rq_time_bucket{envoy_cluster_name="bank/ledger_80",le="+Inf"} 5',
    'envoy_cluster_upstream_rq_xx{envoy_response_code_class="2",envoy_cluster_name="xds"} 9',
  ].join('\n');
  const fetcher = async (input: string | URL | Request) =>
    String(input).includes('/clusters') ? Response.json(clusters) : new Response(metrics);
  const reading = await readProxy(
    { admin: '127.0.0.1:1', weft: false },
    Object.assign(fetcher, { preconnect() {} }),
  );
  expect([...(reading?.traffic.keys() ?? [])]).toEqual(['bank/ledger']);
  expect(reading?.traffic.get('bank/ledger')).toMatchObject({ requests: 5, failures: 1, retries: 2 });
  expect(reading?.traffic.get('bank/ledger')?.buckets.get(0.005)).toBe(3);
  expect(reading?.endpoints).toEqual([
    {
      service: 'bank/ledger',
      address: '127.0.0.1:9',
      name: '',
      costMs: null,
      active: 0,
      requests: 5,
      failures: 1,
      errorShare: null,
      ejected: true,
      healthy: true,
    },
  ]);
});

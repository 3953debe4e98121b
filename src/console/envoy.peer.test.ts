// What the console reads from a real Envoy: its traffic and its endpoints, by the names that Envoy has for them.

import { afterAll, beforeAll, expect, test } from 'bun:test';
import { type Envoy, startEnvoy } from '../testing/envoy.ts';
import { describeWith, freePort } from '../testing/programs.ts';
import { until } from '../testing/until.ts';
import { readProxy } from './read-proxy.ts';

const cluster = 'bank/ledger:80';
const address = (port: number) => ({ socket_address: { address: '127.0.0.1', port_value: port } });

function bootstrapOf(listenPort: number, endpointPort: number): object {
  const extensions = 'type.googleapis.com/envoy.extensions.filters';
  const manager = {
    '@type': `${extensions}.network.http_connection_manager.v3.HttpConnectionManager`,
    stat_prefix: 'outbound',
    route_config: {
      virtual_hosts: [
        { name: 'all', domains: ['*'], routes: [{ match: { prefix: '/' }, route: { cluster } }] },
      ],
    },
    http_filters: [
      { name: 'envoy.filters.http.router', typed_config: { '@type': `${extensions}.http.router.v3.Router` } },
    ],
  };
  const filters = [{ name: 'envoy.filters.network.http_connection_manager', typed_config: manager }];
  const endpoints = [{ lb_endpoints: [{ endpoint: { address: address(endpointPort) } }] }];
  return {
    static_resources: {
      listeners: [{ name: 'outbound', address: address(listenPort), filter_chains: [{ filters }] }],
      clusters: [{ name: cluster, type: 'STATIC', load_assignment: { cluster_name: cluster, endpoints } }],
    },
  };
}

describeWith(['envoy'], 'the console and Envoy', () => {
  let envoy: Envoy;
  let server: Bun.Server<undefined>;
  const port = freePort();

  beforeAll(async () => {
    server = Bun.serve({
      hostname: '127.0.0.1',
      port: 0,
      fetch: ({ method }) => new Response('', { status: method === 'POST' ? 503 : 200 }),
    });
    envoy = await startEnvoy(bootstrapOf(port, server.port ?? 0));
  }, 60_000);

  afterAll(async () => {
    await envoy?.stop();
    await server.stop(true);
  });

  test('requests, failures, latencies and the endpoint behind them', async () => {
    for (let call = 0; call < 4; call++) await fetch(`http://127.0.0.1:${port}/`);
    await fetch(`http://127.0.0.1:${port}/`, { method: 'POST' });
    const read = async () => await readProxy({ admin: `127.0.0.1:${envoy.adminPort}`, weft: false }, fetch);
    // Envoy merges its histograms every five seconds.
    await until('the latencies are there', async () => {
      const buckets = (await read())?.traffic.get('bank/ledger')?.buckets;
      return buckets?.get(Number.POSITIVE_INFINITY) === 5;
    });
    const reading = await read();
    expect([...(reading?.traffic.keys() ?? [])]).toEqual(['bank/ledger']);
    expect(reading?.traffic.get('bank/ledger')).toMatchObject({ requests: 5, failures: 1, retries: 0 });
    expect(reading?.endpoints).toMatchObject([
      {
        service: 'bank/ledger',
        address: `127.0.0.1:${server.port}`,
        requests: 5,
        failures: 1,
        healthy: true,
      },
    ]);
  }, 60_000);
});

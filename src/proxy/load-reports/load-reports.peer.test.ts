// The same requests through an Envoy and through our proxy, and what each reports of them to one server (LRS), which
// speaks by node:http2 and the published messages.

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Envoy, socketAddress, startEnvoy } from '../../testing/envoy.ts';
import { describeWith, freePorts } from '../../testing/programs.ts';
import { until } from '../../testing/until.ts';
import { typed } from '../testing/beside-envoy.ts';
import { LoadServer } from './testing/load-server.ts';

setDefaultTimeout(30_000);

function clusterOf(name: string, places: readonly (readonly [zone: string, port: number])[], fields = {}) {
  const endpoints = places.map(([zone, port]) => ({
    locality: { region: 'r', zone },
    lb_endpoints: [{ endpoint: { address: socketAddress(port) } }],
  }));
  const { policy, ...rest } = fields as { policy?: object };
  return {
    name,
    connect_timeout: '1s',
    load_assignment: { cluster_name: name, endpoints, ...(policy === undefined ? {} : { policy }) },
    ...rest,
  };
}

const http2 = {
  typed_extension_protocol_options: {
    'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': typed(
      'envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
      { explicit_http_config: { http2_protocol_options: {} } },
    ),
  },
};

function bootstrapOf(id: string, listenPort: number, server: number, origins: readonly number[]): object {
  const [one = 0, two = 0] = origins;
  const manager = typed('envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager', {
    stat_prefix: 'in',
    http_filters: [{ name: 'router', typed_config: typed('envoy.extensions.filters.http.router.v3.Router') }],
    route_config: {
      virtual_hosts: [
        {
          name: 'all',
          domains: ['*'],
          routes: ['drops', 'full', 'second', 'a'].map((cluster) => ({
            match: { prefix: cluster === 'a' ? '/' : `/${cluster}` },
            route: { cluster },
          })),
        },
      ],
    },
  });
  return {
    node: { id, cluster: 'proxies' },
    cluster_manager: {
      load_stats_config: {
        api_type: 'GRPC',
        transport_api_version: 'V3',
        grpc_services: [{ envoy_grpc: { cluster_name: 'loads' } }],
      },
    },
    static_resources: {
      listeners: [
        {
          name: 'in',
          address: socketAddress(listenPort),
          filter_chains: [{ filters: [{ name: 'hcm', typed_config: manager }] }],
        },
      ],
      clusters: [
        clusterOf('a', [['z1', one]]),
        clusterOf('second', [['z2', two]]),
        clusterOf('drops', [['z1', one]], {
          policy: { drop_overloads: [{ category: 'shed', drop_percentage: { numerator: 100 } }] },
        }),
        clusterOf('full', [['z1', one]], { circuit_breakers: { thresholds: [{ max_requests: 0 }] } }),
        clusterOf('silent', [['z1', one]]),
        clusterOf('loads', [['', server]], http2),
      ],
    },
  };
}

describeWith(['envoy'], 'load reports', () => {
  const folder = mkdtempSync(join(tmpdir(), 'weft-loads-'));
  const server = new LoadServer(['a', 'second', 'drops', 'full', 'nobody', 'silent']);
  const origins = [1, 2].map(() =>
    Bun.serve({
      hostname: '127.0.0.1',
      port: 0,
      fetch: (request) => new Response('', { status: request.url.endsWith('/bad') ? 503 : 200 }),
    }),
  );
  const [envoyPort = 0, weftPort = 0, adminPort = 0] = freePorts(3);
  let envoy: Envoy | null = null;
  let weft: Bun.Subprocess | null = null;

  beforeAll(async () => {
    const at = await server.start();
    const ports = origins.map(({ port }) => port ?? 0);
    const path = join(folder, 'weft.json');
    const admin = { address: socketAddress(adminPort) };
    writeFileSync(path, JSON.stringify({ ...bootstrapOf('weft', weftPort, at, ports), admin }));
    const command = [join(import.meta.dir, '../../../bin/weft'), 'proxy', '-c', path, '--log-level', 'error'];
    weft = Bun.spawn([...command, '--concurrency', '2'], { stdio: ['ignore', 'inherit', 'inherit'] });
    envoy = await startEnvoy(bootstrapOf('envoy', envoyPort, at, ports));
    await until('both report', () => ['weft', 'envoy'].every((id) => (server.reports.get(id) ?? 0) > 0));
  });

  afterAll(async () => {
    weft?.kill();
    await weft?.exited;
    await envoy?.stop();
    server.stop();
    for (const origin of origins) await origin.stop(true);
    rmSync(folder, { recursive: true, force: true });
  });

  test('are as Envoy’s, of all threads: localities, endpoints, drops, and clusters in which nothing happened', async () => {
    for (const port of [envoyPort, weftPort])
      for (const path of ['a', 'bad', 'a', 'second', 'second/bad', 'drops', 'drops', 'full'])
        await fetch(`http://127.0.0.1:${port}/${path}`, { headers: { connection: 'close' } });
    // Envoy has picked an endpoint by the time that it finds the cluster full, and calls it that endpoint's error.
    const notCompared = /interval$|^full r/;
    const sums = (id: string) =>
      Object.fromEntries([...(server.heard.get(id) ?? [])].filter(([key]) => !notCompared.test(key)));
    const isWhole = (id: string) => (server.heard.get(id)?.get('full dropped') ?? 0) > 0;
    await until('what was done is told', () => isWhole('envoy') && isWhole('weft'));
    const before = ['weft', 'envoy'].map((id) => server.reports.get(id) ?? 0);
    await until('the rest of it', () =>
      ['weft', 'envoy'].every((id, index) => (server.reports.get(id) ?? 0) > before[index]! + 1),
    );
    expect(sums('weft')).toEqual(sums('envoy'));
    expect(sums('weft')).toMatchObject({
      'a r/z1/ 0 issued': 3,
      'second r/z2/ 0 error': 1,
      'drops drops shed': 2,
      'full dropped': 1,
    });
    expect(server.heard.get('weft')?.get('silent has an interval')).toBeGreaterThan(0);
  });
});

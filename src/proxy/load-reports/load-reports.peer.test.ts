// The same requests through an Envoy and through our proxy, and what each reports of them to one server (LRS), which
// speaks by node:http2 and the published messages.

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Http2Server, type ServerHttp2Stream } from 'node:http2';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { type Envoy, socketAddress, startEnvoy } from '../../testing/envoy.ts';
import { describeWith, freePorts } from '../../testing/programs.ts';
import { until } from '../../testing/until.ts';
import type { ClusterStats } from '../../xds/gen/envoy/config/endpoint/v3/load_report_pb.ts';
import {
  LoadStatsRequestSchema,
  LoadStatsResponseSchema,
} from '../../xds/gen/envoy/service/load_stats/v3/lrs_pb.ts';
import { encodeFrame, FrameParser } from '../../xds/index.ts';
import { typed } from '../testing/beside-envoy.ts';

setDefaultTimeout(30_000);

/** What one node has said, summed, by what it is of. */
type Heard = Map<string, number>;

class LoadServer {
  readonly heard = new Map<string, Heard>();
  readonly reports = new Map<string, number>();
  private readonly server: Http2Server = createServer();

  async start(): Promise<number> {
    this.server.on('stream', (stream: ServerHttp2Stream) => this.serve(stream));
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    return (this.server.address() as { port: number }).port;
  }

  stop(): void {
    this.server.close();
  }

  private serve(stream: ServerHttp2Stream): void {
    stream.on('error', () => {});
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
    const parser = new FrameParser(1_000_000);
    let told = false;
    stream.on('data', (bytes: Buffer) =>
      parser.push(bytes, (message) => {
        const { node, clusterStats } = fromBinary(LoadStatsRequestSchema, message);
        const id = node?.id ?? '';
        if (!told) stream.write(encodeFrame(answer));
        else this.reports.set(id, (this.reports.get(id) ?? 0) + 1);
        told = true;
        const heard = this.heard.get(id) ?? new Map<string, number>();
        this.heard.set(id, heard);
        for (const stats of clusterStats) add(heard, stats);
      }),
    );
  }
}

const answer = toBinary(
  LoadStatsResponseSchema,
  create(LoadStatsResponseSchema, {
    clusters: ['a', 'second', 'drops', 'full', 'nobody', 'silent'],
    loadReportingInterval: { seconds: 0n, nanos: 200_000_000 },
    reportEndpointGranularity: true,
  }),
);

function add(heard: Heard, stats: ClusterStats): void {
  const count = (what: string, value: bigint) => {
    const key = `${stats.clusterName} ${what}`;
    const sum = (heard.get(key) ?? 0) + Number(value);
    heard.set(key, sum);
  };
  const interval = stats.loadReportInterval;
  count('has an interval', interval === undefined || interval.seconds > 5n ? 0n : 1n);
  count('dropped', stats.totalDroppedRequests);
  for (const { category, droppedCount } of stats.droppedRequests) count(`drops ${category}`, droppedCount);
  for (const locality of stats.upstreamLocalityStats) {
    const { region, zone, subZone } = locality.locality ?? {};
    const of = `${region}/${zone}/${subZone} ${locality.priority}`;
    count(`${of} issued`, locality.totalIssuedRequests);
    count(`${of} ok`, locality.totalSuccessfulRequests);
    count(`${of} error`, locality.totalErrorRequests);
    for (const endpoint of locality.upstreamEndpointStats) {
      const address = endpoint.address?.address;
      const port = address?.case === 'socketAddress' ? address.value.portSpecifier.value : '';
      count(`${of} ${port} issued`, endpoint.totalIssuedRequests);
      count(`${of} ${port} ok`, endpoint.totalSuccessfulRequests);
      count(`${of} ${port} error`, endpoint.totalErrorRequests);
    }
  }
}

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
  const server = new LoadServer();
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

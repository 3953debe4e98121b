// Envoy reports its load to the control plane's LRS: what it says is what it did.

import { afterAll, expect, setDefaultTimeout, test } from 'bun:test';
import { silentLog } from '../base/index.ts';
import { createBunNetwork, createSystemClock } from '../net/index.ts';
import { type Envoy, startEnvoy } from '../testing/envoy.ts';
import { describeWith, freePort } from '../testing/programs.ts';
import { until } from '../testing/until.ts';
import { AdsServer, type GrpcAdsListener, LoadReports, serveGrpcAds } from './index.ts';
import { TestSource } from './testing/resources.ts';

setDefaultTimeout(30_000);

const cleanups: (() => unknown)[] = [];
afterAll(async () => {
  for (const cleanup of cleanups.reverse()) await cleanup();
});

const socketAddress = (port: number) => ({ socket_address: { address: '127.0.0.1', port_value: port } });

function endpointsOf(cluster: string, port: number, zone: string) {
  return {
    cluster_name: cluster,
    endpoints: [
      { locality: { region: 'r', zone }, lb_endpoints: [{ endpoint: { address: socketAddress(port) } }] },
    ],
  };
}

function bootstrapOf(listenPort: number, backendPort: number, listener: GrpcAdsListener): object {
  const xdsPort = listener.address.kind === 'ip' ? listener.address.port : 0;
  const manager = {
    '@type':
      'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
    stat_prefix: 'in',
    http_filters: [
      {
        name: 'router',
        typed_config: { '@type': 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router' },
      },
    ],
    route_config: {
      virtual_hosts: [
        {
          name: 'all',
          domains: ['*'],
          routes: [{ match: { prefix: '/' }, route: { cluster: 'bank/a:80' } }],
        },
      ],
    },
  };
  const http2 = {
    'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
      '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
      explicit_http_config: { http2_protocol_options: {} },
    },
  };
  return {
    node: { id: 'envoy-1', cluster: 'envoys' },
    cluster_manager: {
      load_stats_config: {
        api_type: 'GRPC',
        transport_api_version: 'V3',
        grpc_services: [{ envoy_grpc: { cluster_name: 'xds' } }],
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
        { name: 'bank/a:80', load_assignment: endpointsOf('bank/a:80', backendPort, 'z') },
        {
          name: 'xds',
          load_assignment: endpointsOf('xds', xdsPort, ''),
          typed_extension_protocol_options: http2,
        },
      ],
    },
  };
}

describeWith(['envoy'], 'the load that Envoy reports', () => {
  test('is what it did, by locality; clusters that the mesh does not know are passed over', async () => {
    const loads = new LoadReports({
      knows: (cluster) => cluster === 'bank/a:80',
      hasEndpoints: () => true,
      intervalMs: 200,
    });
    const clock = createSystemClock();
    const listener = serveGrpcAds({
      server: new AdsServer({ clock, log: silentLog, snapshotFor: () => new TestSource() }),
      loads,
      network: createBunNetwork(),
      clock,
      address: { kind: 'ip', host: '127.0.0.1', port: 0 },
    });
    cleanups.push(() => listener.close(100));
    const backend = Bun.serve({
      hostname: '127.0.0.1',
      port: 0,
      fetch: (request) => new Response('', { status: request.url.endsWith('/bad') ? 503 : 200 }),
    });
    cleanups.push(() => backend.stop(true));
    const listenPort = freePort();
    const envoy: Envoy = await startEnvoy(bootstrapOf(listenPort, backend.port ?? 0, listener));
    cleanups.push(() => envoy.stop());
    // What it did before it knew how to report is not told.
    await until('it reports', () => (loads.byNode().get('envoy-1')?.reportedAtMs ?? 0) > 0);
    for (const path of ['a', 'b', 'c', 'bad']) await fetch(`http://127.0.0.1:${listenPort}/${path}`);
    await until('its report', () => {
      const load = loads.byNode().get('envoy-1');
      return load !== undefined && load.succeeded + load.failed === 4 && load.inProgress === 0;
    });
    await until('its report of the stream that it reports on', () => loads.unknown > 0);
    expect(loads.list()).toEqual([
      {
        cluster: 'bank/a:80',
        dropped: 0,
        localities: new Map([['r/z', { issued: 4, succeeded: 3, failed: 1 }]]),
      },
    ]);
  });
});

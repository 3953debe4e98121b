// The tools that people point at a gRPC port: grpcurl by reflection, and the health probe of Kubernetes' pods.

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLog } from '../base/index.ts';
import { createBunNetwork, createSystemClock, gunzip } from '../net/index.ts';
import { describeWith, run } from '../testing/programs.ts';
import { until } from '../testing/until.ts';
import { AdsServer, createSnapshot, type GrpcAdsListener, serveGrpcAds } from './index.ts';
import { FrameClient } from './testing/frame-client.ts';
import { clusterOf, TestSource, testNode } from './testing/resources.ts';

setDefaultTimeout(60_000);

const folder = mkdtempSync(join(tmpdir(), 'weft-grpc-tools-'));
const programs = [
  'github.com/fullstorydev/grpcurl/cmd/grpcurl@v1.9.3',
  'github.com/grpc-ecosystem/grpc-health-probe@v0.4.53',
];
const ads = 'envoy.service.discovery.v3.AggregatedDiscoveryService';

describeWith(['go'], 'tools of gRPC', () => {
  let listener: GrpcAdsListener;
  let port = 0;
  let healthy = true;

  beforeAll(() => {
    for (const program of programs) {
      const built = Bun.spawnSync(['go', 'install', program], {
        cwd: folder,
        env: { ...process.env, GOBIN: folder, GOFLAGS: '-mod=mod' },
      });
      if (!built.success) throw new Error(built.stderr.toString());
    }
    const clock = createSystemClock();
    const source = new TestSource();
    source.set(createSnapshot([clusterOf('bank/ledger:80')]));
    listener = serveGrpcAds({
      server: new AdsServer({ clock, log: silentLog, snapshotFor: () => source }),
      network: createBunNetwork(),
      clock,
      gunzip,
      address: { kind: 'ip', host: '127.0.0.1', port: 0 },
      healthy: () => healthy,
    });
    port = listener.address.kind === 'ip' ? listener.address.port : 0;
  }, 600_000);

  afterAll(async () => {
    await listener.close(100);
    rmSync(folder, { recursive: true, force: true });
  });

  const grpcurl = (flags: readonly string[], ...words: readonly string[]) =>
    run([join(folder, 'grpcurl'), '-plaintext', ...flags, `127.0.0.1:${port}`, ...words]);

  test('grpcurl lists services and methods', async () => {
    const { out } = await grpcurl([], 'list');
    expect(out.trim().split('\n')).toEqual([
      'envoy.service.cluster.v3.ClusterDiscoveryService',
      ads,
      'envoy.service.endpoint.v3.EndpointDiscoveryService',
      'envoy.service.listener.v3.ListenerDiscoveryService',
      'envoy.service.load_stats.v3.LoadReportingService',
      'envoy.service.route.v3.RouteDiscoveryService',
      'envoy.service.route.v3.VirtualHostDiscoveryService',
      'envoy.service.secret.v3.SecretDiscoveryService',
      'envoy.service.status.v3.ClientStatusDiscoveryService',
      'grpc.health.v1.Health',
      'grpc.reflection.v1.ServerReflection',
      'grpc.reflection.v1alpha.ServerReflection',
    ]);
    expect((await grpcurl([], 'list', ads)).out).toContain(`${ads}.DeltaAggregatedResources`);
  });

  test.each([
    ['a method', `${ads}.StreamAggregatedResources`, 'rpc StreamAggregatedResources'],
    ['a message', 'envoy.config.core.v3.Node', 'string id = 1;'],
    ['a nested enum', 'grpc.health.v1.HealthCheckResponse.ServingStatus', 'NOT_SERVING = 2;'],
    ['what its resources are', 'envoy.config.cluster.v3.Cluster', 'connect_timeout'],
  ])('and describes %s', async (_name, symbol, words) => {
    expect((await grpcurl([], 'describe', symbol)).out).toContain(words);
  });

  test('what is not there is said', async () => {
    const { code, err, out } = await grpcurl([], 'describe', 'nobody.Knows');
    expect([code, `${err}${out}`]).toEqual([1, expect.stringContaining('nobody.Knows')]);
  });

  test('grpcurl asks for a configuration, and prints the resources in it', async () => {
    const request = {
      node: { id: 'sidecar~a.b', cluster: 'a' },
      type_url: 'type.googleapis.com/envoy.config.cluster.v3.Cluster',
    };
    const data = ['-d', JSON.stringify(request)];
    const { out } = await grpcurl([...data, '-max-time', '5'], `${ads}/StreamAggregatedResources`);
    expect(out).toContain('"@type": "type.googleapis.com/envoy.config.cluster.v3.Cluster"');
    expect(out).toContain('"name": "bank/ledger:80"');
  });

  const csds = 'envoy.service.status.v3.ClientStatusDiscoveryService';

  test('grpcurl asks who has what, of all or of some, with and without the resources', async () => {
    const client = new FrameClient(createBunNetwork(), listener.address, 65_535);
    await until('its picture', () => client.messages.length > 0);
    const fetchStatus = async (request: object, method = 'FetchClientStatus') => {
      const { out, err } = await grpcurl(['-d', JSON.stringify(request)], `${csds}/${method}`);
      return out + err;
    };
    for (const method of ['FetchClientStatus', 'StreamClientStatus']) {
      const { config } = JSON.parse(await fetchStatus({}, method));
      expect(config[0]).toMatchObject({
        node: { id: testNode.id },
        genericXdsConfigs: [
          {
            typeUrl: 'type.googleapis.com/envoy.config.cluster.v3.Cluster',
            name: 'bank/ledger:80',
            xdsConfig: { name: 'bank/ledger:80' },
            configStatus: 'STALE',
            clientStatus: 'REQUESTED',
          },
        ],
      });
    }
    const of = (nodeId: object) => ({ nodeMatchers: [{ nodeId }], excludeResourceContents: true });
    const some = await fetchStatus(of({ prefix: testNode.id.slice(0, 4).toUpperCase(), ignoreCase: true }));
    expect([some.includes('bank/ledger:80'), some.includes('xdsConfig')]).toEqual([true, false]);
    expect(await fetchStatus(of({ exact: 'sidecar~b.b' }))).toBe('{}\n');
    expect(await fetchStatus(of({ safeRegex: { regex: '.*' } }))).toContain('neither exact, prefix, suffix');
    client.reset();
  });

  const probe = (...flags: readonly string[]) =>
    run([join(folder, 'grpc-health-probe'), `-addr=127.0.0.1:${port}`, ...flags]);

  test('the health probe goes by what is served', async () => {
    expect((await probe()).code).toBe(0);
    expect((await probe(`-service=${ads}`)).code).toBe(0);
    expect((await probe('-service=nobody')).code).toBe(3);
    healthy = false;
    expect((await probe()).code).toBe(4);
    healthy = true;
  });
});

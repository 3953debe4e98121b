import { afterAll, expect, test } from 'bun:test';
import { silentLog } from '../base/index.ts';
import { createSystemClock } from '../net/index.ts';
import { type AdsEnvoyOptions, type Envoy, startAdsEnvoy } from '../testing/envoy.ts';
import { describeWith, freePort } from '../testing/programs.ts';
import { until } from '../testing/until.ts';
import {
  type AdsNack,
  AdsServer,
  createSnapshot,
  type GrpcAdsListener,
  serveGrpcAds,
  typeUrls,
} from './index.ts';
import { clusterOf, endpointsOf, listenerOf, routeOf, TestSource } from './testing/resources.ts';
import type { XdsResource } from './types.ts';

interface World {
  readonly source: TestSource;
  readonly server: AdsServer;
  readonly nacks: AdsNack[];
  readonly listener: GrpcAdsListener;
  readonly envoy: Envoy;
}

const worlds: World[] = [];
afterAll(async () => {
  for (const { envoy, listener } of worlds) {
    await envoy.stop();
    await listener.close(200);
  }
});

async function createWorld(apiType: AdsEnvoyOptions['apiType']): Promise<World> {
  const source = new TestSource();
  const nacks: AdsNack[] = [];
  const server = new AdsServer({
    clock: createSystemClock(),
    log: silentLog,
    snapshotFor: () => source,
    observer: { onStream() {}, onNack: (nack) => nacks.push(nack), onAck() {} },
  });
  const listener = await serveGrpcAds({ server, address: { kind: 'ip', host: '127.0.0.1', port: 0 } });
  const envoy = await startAdsEnvoy({
    nodeId: 'sidecar~a.bank',
    cluster: 'a',
    metadata: { namespace: 'bank' },
    zone: 'z1',
    xdsPort: listener.address.kind === 'ip' ? listener.address.port : 0,
    apiType,
  });
  const world: World = { source, server, nacks, listener, envoy };
  worlds.push(world);
  return world;
}

/** Names of what Envoy holds: `cluster a`, `route r -> b`, `endpoint 127.0.0.1:1`. */
async function readDump(adminPort: number): Promise<string[]> {
  const response = await fetch(`http://127.0.0.1:${adminPort}/config_dump?include_eds`);
  const { configs } = (await response.json()) as { configs: Dumped[] };
  const names = configs.flatMap((config) => readConfig(config));
  return names.sort();
}

interface Dumped {
  readonly dynamic_active_clusters?: readonly { readonly cluster: { readonly name: string } }[];
  readonly dynamic_listeners?: readonly { readonly name: string; readonly active_state?: object }[];
  readonly dynamic_route_configs?: readonly {
    readonly route_config: {
      readonly name: string;
      readonly virtual_hosts?: readonly { readonly name: string }[];
    };
  }[];
}

function readConfig(config: Dumped): string[] {
  return [
    ...(config.dynamic_active_clusters ?? []).map(({ cluster }) => `cluster ${cluster.name}`),
    ...(config.dynamic_listeners ?? [])
      .filter((one) => one.active_state !== undefined)
      .map(({ name }) => `listener ${name}`),
    ...(config.dynamic_route_configs ?? []).map(
      ({ route_config: { name, virtual_hosts: hosts } }) =>
        `route ${name} -> ${(hosts ?? []).map((host) => host.name).join(' ')}`,
    ),
  ];
}

async function expectDump(world: World, expected: readonly string[]): Promise<void> {
  let dump: string[] = [];
  await until('Envoy holds that', async () => {
    dump = await readDump(world.envoy.adminPort);
    return JSON.stringify(dump) === JSON.stringify(expected);
  }).catch(() => expect(dump).toEqual([...expected]));
}

describeWith(['envoy'], 'a real Envoy', () => {
  test.each(['GRPC', 'DELTA_GRPC'] as const)(
    'by %s ADS takes clusters, endpoints, listeners and routes without a NACK, follows changes, and says what it refuses',
    async (apiType) => {
      const world = await createWorld(apiType);
      const port = freePort();
      const publish = (...resources: XdsResource[]) =>
        world.source.set(createSnapshot(resources, world.source.current()));
      publish(clusterOf('a'), endpointsOf('a'), listenerOf('l', 'r', port), routeOf('r', ['a']));
      await expectDump(world, ['cluster a', 'listener l', 'route r -> a']);

      // A changed cluster warms by endpoints that did not change; a new one replaces the old behind the route.
      publish(
        clusterOf('a', 1),
        clusterOf('b'),
        endpointsOf('a'),
        endpointsOf('b'),
        listenerOf('l', 'r', port),
        routeOf('r', ['a', 'b']),
      );
      await expectDump(world, ['cluster a', 'cluster b', 'listener l', 'route r -> a b']);
      publish(clusterOf('b'), endpointsOf('b', 81), listenerOf('l', 'r', port), routeOf('r', ['b']));
      await expectDump(world, ['cluster b', 'listener l', 'route r -> b']);
      const clusters = await (await fetch(`http://127.0.0.1:${world.envoy.adminPort}/clusters`)).text();
      expect(clusters).toContain('b::127.0.0.1:81::');
      const synced = () => world.server.status()[0]?.types.map(({ status }) => status) ?? [];
      await until('all is synced', () => synced().length === 4 && synced().every((one) => one === 'SYNCED'));
      expect(world.nacks).toEqual([]);
      expect(world.server.status()[0]?.node).toMatchObject({
        id: 'sidecar~a.bank',
        metadata: { namespace: 'bank' },
        locality: { zone: 'z1' },
        userAgent: expect.stringMatching(/^envoy\/\d+\.\d+\.\d+/),
      });

      // A listener without filters for HTTP is refused by name; all else stays in force, and nothing is sent in a loop.
      const faulty = { ...listenerOf('bad', '', port), name: 'bad' };
      publish(clusterOf('b'), endpointsOf('b', 81), listenerOf('l', 'r', port), faulty, routeOf('r', ['b']));
      await until('a NACK', () => world.nacks.length > 0);
      expect(world.nacks[0]).toMatchObject({
        typeUrl: typeUrls.listener,
        message: expect.stringContaining('bad'),
      });
      expect(world.server.status()[0]?.types.find((type) => type.typeUrl === typeUrls.listener)?.status).toBe(
        'ERROR',
      );
      publish(clusterOf('b'), endpointsOf('b', 82), listenerOf('l', 'r', port), faulty, routeOf('r', ['b']));
      await until('the endpoint moves', async () => {
        const text = await (await fetch(`http://127.0.0.1:${world.envoy.adminPort}/clusters`)).text();
        return text.includes('b::127.0.0.1:82::');
      });
      expect(world.nacks.length).toBe(1);
    },
    120_000,
  );
});

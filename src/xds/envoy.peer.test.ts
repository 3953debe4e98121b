import { afterAll, describe, expect, test } from 'bun:test';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLog } from '../base/index.ts';
import { createSystemClock } from '../net/index.ts';
import {
  type AdsNack,
  AdsServer,
  createSnapshot,
  type GrpcAdsListener,
  serveGrpcAds,
  typeUrls,
} from './index.ts';
import { freePort, waitFor, whyMissing } from './testing/peers.ts';
import { clusterOf, endpointsOf, listenerOf, routeOf, TestSource } from './testing/resources.ts';
import type { XdsResource } from './types.ts';

const missing = whyMissing('envoy');
if (missing !== null) console.log(`skipped: ${missing}`);

interface World {
  readonly source: TestSource;
  readonly server: AdsServer;
  readonly nacks: AdsNack[];
  readonly listener: GrpcAdsListener;
  readonly adminPort: number;
  stop(): Promise<void>;
}

const worlds: World[] = [];
afterAll(async () => {
  for (const world of worlds) await world.stop();
});

async function createWorld(apiType: string): Promise<World> {
  const source = new TestSource();
  const nacks: AdsNack[] = [];
  const server = new AdsServer({
    clock: createSystemClock(),
    log: silentLog,
    snapshotFor: () => source,
    observer: { onStream() {}, onNack: (nack) => nacks.push(nack), onAck() {} },
  });
  const listener = await serveGrpcAds({ server, address: { kind: 'ip', host: '127.0.0.1', port: 0 } });
  const adminPort = await freePort();
  const folder = mkdtempSync(join(tmpdir(), 'weft-xds-envoy-'));
  const path = join(folder, 'bootstrap.json');
  const xdsPort = listener.address.kind === 'ip' ? listener.address.port : 0;
  writeFileSync(path, JSON.stringify(createBootstrap(apiType, adminPort, xdsPort)));
  const baseId = String(40_000 + (adminPort % 20_000));
  const child = Bun.spawn(['envoy', '-c', path, '--concurrency', '1', '-l', 'error', '--base-id', baseId], {
    stdout: 'ignore',
    stderr: 'ignore',
  });
  const world: World = {
    source,
    server,
    nacks,
    listener,
    adminPort,
    async stop() {
      child.kill('SIGKILL');
      await child.exited;
      await listener.close(200);
      rmSync(folder, { recursive: true, force: true });
    },
  };
  worlds.push(world);
  return world;
}

function createBootstrap(apiType: string, adminPort: number, xdsPort: number): object {
  const at = (port: number) => ({ socket_address: { address: '127.0.0.1', port_value: port } });
  const ads = { ads: {}, resource_api_version: 'V3' };
  const options = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';
  return {
    node: { id: 'sidecar~a.bank', cluster: 'a', metadata: { namespace: 'bank' }, locality: { zone: 'z1' } },
    admin: { address: at(adminPort) },
    dynamic_resources: {
      ads_config: {
        api_type: apiType,
        transport_api_version: 'V3',
        grpc_services: [{ envoy_grpc: { cluster_name: 'xds' } }],
      },
      cds_config: ads,
      lds_config: ads,
    },
    static_resources: {
      clusters: [
        {
          name: 'xds',
          type: 'STATIC',
          typed_extension_protocol_options: {
            [options]: {
              '@type': `type.googleapis.com/${options}`,
              explicit_http_config: { http2_protocol_options: {} },
            },
          },
          load_assignment: {
            cluster_name: 'xds',
            endpoints: [{ lb_endpoints: [{ endpoint: { address: at(xdsPort) } }] }],
          },
        },
      ],
    },
  };
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

const unknown = () => [] as string[];

async function expectDump(world: World, expected: readonly string[]): Promise<void> {
  let dump: string[] = [];
  await waitFor(async () => {
    dump = await readDump(world.adminPort).catch(unknown);
    return JSON.stringify(dump) === JSON.stringify(expected);
  }, 15_000).catch(() => expect(dump).toEqual([...expected]));
}

describe.skipIf(missing !== null).each([
  ['SotW', 'GRPC'],
  ['incremental', 'DELTA_GRPC'],
])('a real Envoy by %s ADS', (_name, apiType) => {
  test('takes clusters, endpoints, listeners and routes without a NACK, follows changes, and says what it refuses', async () => {
    const world = await createWorld(apiType);
    const port = await freePort();
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
    const clusters = await (await fetch(`http://127.0.0.1:${world.adminPort}/clusters`)).text();
    expect(clusters).toContain('b::127.0.0.1:81::');
    const synced = () => world.server.status()[0]?.types.map(({ status }) => status) ?? [];
    await waitFor(
      () => Promise.resolve(synced().length === 4 && synced().every((one) => one === 'SYNCED')),
      5_000,
    );
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
    await waitFor(() => Promise.resolve(world.nacks.length > 0), 5_000);
    expect(world.nacks[0]).toMatchObject({
      typeUrl: typeUrls.listener,
      message: expect.stringContaining('bad'),
    });
    expect(world.server.status()[0]?.types.find((type) => type.typeUrl === typeUrls.listener)?.status).toBe(
      'ERROR',
    );
    publish(clusterOf('b'), endpointsOf('b', 82), listenerOf('l', 'r', port), faulty, routeOf('r', ['b']));
    await waitFor(async () => {
      const text = await (await fetch(`http://127.0.0.1:${world.adminPort}/clusters`)).text();
      return text.includes('b::127.0.0.1:82::');
    }, 5_000);
    expect(world.nacks.length).toBe(1);
  }, 60_000);
});

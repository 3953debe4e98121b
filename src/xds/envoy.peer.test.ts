import { afterAll, expect, test } from 'bun:test';
import { silentLog } from '../base/index.ts';
import { createBunNetwork, createSystemClock } from '../net/index.ts';
import { type AdsEnvoyOptions, type Envoy, startAdsEnvoy } from '../testing/envoy.ts';
import { describeWith, freePort } from '../testing/programs.ts';
import { until } from '../testing/until.ts';
import { joinPieces } from './discovery/encode.ts';
import { parseDeltaResponse, parseSotwResponse } from './discovery/parse.ts';
import {
  type AdsNack,
  type AdsRefusal,
  AdsServer,
  createSnapshot,
  type GrpcAdsListener,
  serveGrpcAds,
  typeUrls,
} from './index.ts';
import {
  clusterOf,
  endpointsOf,
  hostsOf,
  listenerOf,
  type RouteHost,
  routeOf,
  TestSource,
} from './testing/resources.ts';
import type { XdsResource } from './types.ts';

interface World {
  readonly refusals: AdsRefusal[];
  readonly source: TestSource;
  readonly server: AdsServer;
  readonly nacks: AdsNack[];
  readonly listener: GrpcAdsListener;
  readonly envoy: Envoy;
  /** `Cluster a` for each resource that was sent. */
  readonly sent: string[];
}

/** The same server, whose responses are written down. */
function tap(server: AdsServer, sent: string[]): AdsServer {
  const tapped: AdsServer = Object.create(server);
  tapped.accept = (variant, stream, from) => {
    const parse = variant === 'delta' ? parseDeltaResponse : parseSotwResponse;
    const send = (pieces: readonly Uint8Array[]): boolean => {
      const { resources, typeUrl } = parse(joinPieces(pieces));
      for (const { name } of resources) sent.push(`${typeUrl.split('.').at(-1)} ${name}`);
      return stream.send(pieces);
    };
    return server.accept(variant, { send, close: (error) => stream.close(error) }, from);
  };
  return tapped;
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
  const refusals: AdsRefusal[] = [];
  const server = new AdsServer({
    clock: createSystemClock(),
    log: silentLog,
    snapshotFor: () => source,
    observer: {
      onStream() {},
      onNack: (nack) => nacks.push(nack),
      onRefused: (_node, _typeUrl, refusal) => refusals.push(refusal),
      onResolved: (_node, _typeUrl, refusal) => refusals.splice(refusals.indexOf(refusal), 1),
      onAck() {},
    },
  });
  const sent: string[] = [];
  const listener = serveGrpcAds({
    network: createBunNetwork(),
    clock: createSystemClock(),
    server: tap(server, sent),
    address: { kind: 'ip', host: '127.0.0.1', port: 0 },
  });
  const envoy = await startAdsEnvoy({
    nodeId: 'sidecar~a.bank',
    cluster: 'a',
    metadata: { namespace: 'bank' },
    zone: 'z1',
    xdsPort: listener.address.kind === 'ip' ? listener.address.port : 0,
    apiType,
  });
  const world: World = { refusals, source, server, nacks, listener, envoy, sent };
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

  test.each([
    ['DELTA_GRPC', []],
    // Of what is not complete it repeats names alone, and is sent them again: it could have lost them.
    ['GRPC', ['ClusterLoadAssignment a', 'RouteConfiguration r']],
  ] as const)(
    'by %s ADS comes back, says who it is again, and is sent nothing but %p',
    async (apiType, again) => {
      const world = await createWorld(apiType);
      const port = freePort();
      const publish = (...clusters: XdsResource[]) =>
        world.source.set(
          createSnapshot(
            [...clusters, endpointsOf('a'), listenerOf('l', 'r', port), routeOf('r', ['a'])],
            world.source.current(),
          ),
        );
      publish(clusterOf('a'));
      await expectDump(world, ['cluster a', 'listener l', 'route r -> a']);
      const types = () => world.server.status()[0]?.types ?? [];
      const synced = () => types().length === 4 && types().every(({ status }) => status === 'SYNCED');
      await until('all is synced', synced);
      world.sent.length = 0;
      world.server.closeStreams();
      await until('it is back, and has all', synced);
      expect(world.sent.sort()).toEqual([...again]);
      expect(world.server.status()[0]?.node?.id).toBe('sidecar~a.bank');
      publish(clusterOf('a'), clusterOf('b'), endpointsOf('b'));
      await expectDump(world, ['cluster a', 'cluster b', 'listener l', 'route r -> a']);
      expect(world.nacks).toEqual([]);
    },
  );

  // What Envoy refuses only when it builds the routes: a program of more than 100 steps, and one domain in two hosts.
  const big = '^/(a{1,60}b{1,60}c{1,60})$';
  const faults: readonly (readonly [string, readonly RouteHost[]])[] = [
    ['a regular expression that is too big', [{ name: 'bad', regex: big }]],
    ['a domain that another host has', [{ name: 'bad', domains: ['a'] }]],
  ];
  test.each(
    (['GRPC', 'DELTA_GRPC'] as const).flatMap((apiType) =>
      faults.map((fault) => [apiType, ...fault] as const),
    ),
  )(
    'by %s ADS gets everything beside %s: other routes at once, and other hosts of the same routes',
    async (apiType, _name, bad) => {
      const world = await createWorld(apiType);
      const [one, two] = [freePort(), freePort()];
      const rest = [
        clusterOf('a'),
        clusterOf('b'),
        endpointsOf('a'),
        endpointsOf('b'),
        listenerOf('l', 'l', one),
        listenerOf('m', 'm', two),
      ];
      const names = ['cluster a', 'cluster b', 'listener l', 'listener m'];
      const publish = (...routes: XdsResource[]) =>
        world.source.set(createSnapshot([...rest, ...routes], world.source.current()));
      const told = () => world.refusals.map(({ resource, part, items }) => [resource, part, items]);
      const a = { name: 'a' };
      const b = { name: 'b' };
      publish(hostsOf('l', [a]), hostsOf('m', [a]));
      await expectDump(world, [...names, 'route l -> a', 'route m -> a']);

      // One response with a fault in `l`: `m`, and all of `l` that is good, are in force all the same.
      publish(hostsOf('l', [a, ...bad, b]), hostsOf('m', [a, b]));
      await until('the fault is found', () => told().length > 0);
      expect(told()).toEqual([['l', 'bad', ['bad']]]);
      expect(world.refusals[0]?.message.length).toBeGreaterThan(10);
      const dump = async () =>
        (await readDump(world.envoy.adminPort)).filter((line) => line.startsWith('route'));
      await until('all else is in force', async () => {
        const [l, m] = await dump();
        return m === 'route m -> a b' && l?.includes(' a ') === true && l.endsWith(' b');
      });
      // While it lasts, changes beside it go through; mended, it is as if it had never been.
      publish(hostsOf('l', [a, ...bad, b, { name: 'c' }]), hostsOf('m', [a, b]));
      await until('a change beside it is in force', async () => (await dump())[0]?.endsWith('b c') === true);
      expect(told()).toEqual([['l', 'bad', ['bad']]]);
      publish(hostsOf('l', [a, { name: 'bad' }]), hostsOf('m', [a, b]));
      await expectDump(world, [...names, 'route l -> a bad', 'route m -> a b']);
      await until('nothing is refused any more', () => told().length === 0);
      await until('all is synced', () =>
        (world.server.status()[0]?.types ?? []).every(({ status }) => status === 'SYNCED'),
      );
    },
    120_000,
  );
});

import { describe, expect, test } from 'bun:test';
import { formatIssue, type Issue, silentLog, VirtualClock } from '../../base/index.ts';
import { type Address, createMemoryStore, formatAddress, type MemoryStore } from '../../net/index.ts';
import { type AdsClientStatus, typeUrls, type XdsResource } from '../../xds/index.ts';
import { type Bootstrap, parseBootstrap } from './bootstrap.ts';
import { ConfigSource } from './config-source.ts';
import { lastGoodFileOf, parseLastGood } from './last-good.ts';
import type { ResourceSource } from './source-types.ts';
import type { AdsSubscriptions, SourceSubscriber } from './sources/index.ts';
import { clusterJson, endpointsJson, listenerJson, resourceOf, routesJson } from './testing/resources.ts';
import type { Snapshot } from './types.ts';

/** Stands in for the ADS client: remembers subscriptions, and lets the test deliver. */
class FakeClient implements AdsSubscriptions {
  readonly names = new Map<string, readonly string[] | '*'>();
  readonly answered = new Set<string>();

  subscribe(typeUrl: string, names: readonly string[] | '*'): void {
    this.names.set(typeUrl, names);
  }

  start(): void {}

  stop(): void {}

  status(): AdsClientStatus {
    const types = [...this.answered].map((typeUrl) => ({
      typeUrl,
      subscribed: '*' as const,
      known: 0,
      missing: 0,
      version: '1',
      nonce: '1',
      nack: null,
      ageMs: 0,
    }));
    return { state: 'connected', attempts: 0, connectedMs: 0, lastError: '', types };
  }
}

function parse(text: string): Bootstrap {
  const parsed = parseBootstrap(text, { fileName: 'b', version: '0' });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.error));
  return parsed.value;
}

const adsBootstrap = parse(await Bun.file(`${import.meta.dir}/testdata/sidecar-ads.yaml`).text());

const lastGoodPath = `/state/${lastGoodFileOf(adsBootstrap.node.id)}`;

class World {
  readonly clock: VirtualClock;
  readonly client = new FakeClient();
  readonly source: ConfigSource;
  snapshot: Snapshot | null = null;
  /** Ports that somebody else on this machine has. */
  readonly takenPorts = new Set<number>();
  private subscriber: SourceSubscriber | null = null;

  constructor(store: MemoryStore, stateDir: string | null, bootstrap: Bootstrap, wallMs = 1_000_000) {
    this.clock = new VirtualClock({ wallMs });
    this.source = new ConfigSource({
      clock: this.clock,
      log: silentLog,
      store,
      stateDir,
      bootstrap,
      drainTimeoutMs: null,
      target: {
        apply: (snapshot) => (this.snapshot = snapshot),
        refusal: ({ name, address }) => {
          if (!this.takenPorts.has(portOf(address))) return null;
          return { object: name, field: 'address', rule: 'listen: in use', value: formatAddress(address) };
        },
      },
      createClient: (_request, subscriber) => {
        this.subscriber = subscriber;
        return this.client;
      },
    });
    this.source.start();
  }

  deliver(
    typeUrl: string,
    changed: readonly XdsResource[],
    removed: readonly string[] = [],
  ): readonly Issue[] {
    this.client.answered.add(typeUrl);
    return this.source.onUpdate({ typeUrl, version: 'v1', changed, removed });
  }

  connection(up: boolean): void {
    this.subscriber!.onConnection(up, null);
  }

  /** A listener, its routes, a cluster and its endpoint, in the order a server sends them. */
  deliverAll(port = 80): void {
    this.deliver(typeUrls.cluster, [resourceOf(typeUrls.cluster, 'a', clusterJson('a'))]);
    this.deliver(typeUrls.endpoint, [resourceOf(typeUrls.endpoint, 'a', endpointsJson('a', port))]);
    this.deliver(typeUrls.listener, [resourceOf(typeUrls.listener, 'out', listenerJson('out', 'r'))]);
    this.deliver(typeUrls.route, [resourceOf(typeUrls.route, 'r', routesJson('r', ['a']))]);
  }
}

function portOf(address: Address): number {
  return address.kind === 'ip' ? address.port : 0;
}

function fresh(stateDir: string | null = null, store = createMemoryStore(), bootstrap = adsBootstrap): World {
  return new World(store, stateDir, bootstrap);
}

/** Lets promises that are already settled run their continuations. */
async function settle(): Promise<void> {
  for (let i = 0; i < 10; i++) await Promise.resolve();
}

describe('subscriptions and readiness', () => {
  test('static configuration is ready at once', async () => {
    const bootstrap = parse(await Bun.file(`${import.meta.dir}/testdata/static-edge.yaml`).text());
    const world = fresh(null, createMemoryStore(), bootstrap);
    expect(world.source.ready).toBe(true);
    expect([...world.snapshot!.listeners.keys()]).toEqual(['listener_0']);
  });

  test('endpoints and routes are asked for by the names that are referred to', () => {
    const world = fresh();
    expect(world.client.names.get(typeUrls.listener)).toBe('*');
    world.deliver(
      typeUrls.cluster,
      ['b', 'a'].map((name) => resourceOf(typeUrls.cluster, name, clusterJson(name))),
    );
    expect(world.client.names.get(typeUrls.endpoint)).toEqual(['a', 'b']);
    world.deliver(typeUrls.listener, [resourceOf(typeUrls.listener, 'out', listenerJson('out', 'r'))]);
    expect(world.client.names.get(typeUrls.route)).toEqual(['r']);
    world.deliver(typeUrls.cluster, [], ['b']);
    expect(world.client.names.get(typeUrls.endpoint)).toEqual(['a']);
  });

  test('endpoints of a cluster that left by time are asked for anew when it comes back', () => {
    const world = fresh();
    world.deliverAll();
    world.deliver(typeUrls.cluster, [], ['a']);
    expect(world.client.names.get(typeUrls.endpoint)).toEqual(['a']);
    world.clock.advanceBy(16_000);
    expect(world.snapshot!.clusters.has('a')).toBe(false);
    expect(world.client.names.get(typeUrls.endpoint)).toEqual([]);
    world.deliver(typeUrls.cluster, [resourceOf(typeUrls.cluster, 'a', clusterJson('a'))]);
    expect(world.client.names.get(typeUrls.endpoint)).toEqual(['a']);
  });

  test('ready when the first set is whole, and then for good', () => {
    const world = fresh();
    expect(world.source.ready).toBe(false);
    world.deliver(typeUrls.cluster, [resourceOf(typeUrls.cluster, 'a', clusterJson('a'))]);
    world.deliver(typeUrls.listener, [resourceOf(typeUrls.listener, 'out', listenerJson('out', 'r'))]);
    expect(world.source.ready).toBe(false);
    world.deliver(typeUrls.endpoint, [resourceOf(typeUrls.endpoint, 'a', endpointsJson('a', 80))]);
    world.deliver(typeUrls.route, [resourceOf(typeUrls.route, 'r', routesJson('r', ['a']))]);
    expect(world.source.ready).toBe(true);
    world.deliver(typeUrls.cluster, [resourceOf(typeUrls.cluster, 'b', clusterJson('b'))]);
    expect(world.source.ready).toBe(true);
  });

  test('a control plane that has nothing for us is an answer too', () => {
    const world = fresh();
    world.client.answered.add(typeUrls.cluster);
    world.client.answered.add(typeUrls.listener);
    world.clock.advanceBy(200);
    expect(world.source.ready).toBe(true);
  });

  test('endpoints that do not exist are none, not unknown', () => {
    const world = fresh();
    world.deliver(typeUrls.cluster, [resourceOf(typeUrls.cluster, 'a', clusterJson('a'))]);
    world.deliver(typeUrls.endpoint, [], ['a']);
    expect(world.snapshot!.endpoints.get('a')?.endpoints).toEqual([]);
  });
});

describe('refusals', () => {
  const at = (name: string, port: number, version = '1') =>
    resourceOf(typeUrls.listener, name, listenerJson(name, 'r', port), version);

  test('a listener on a taken port is refused, at start and as an update, and taken when the port is free', () => {
    const world = fresh();
    world.takenPorts.add(7001);
    expect(world.deliver(typeUrls.listener, [at('out', 7001)])).toHaveLength(1);
    expect(world.source.refusedListeners.map(formatIssue)).toEqual([
      'out: address: listen: in use (got 127.0.0.1:7001)',
    ]);
    world.deliverAll();
    const before = world.snapshot!.listeners.get('out')!;
    const issues = world.deliver(typeUrls.listener, [at('out', 7001, '2')]);
    expect(issues.map(formatIssue)).toEqual(['out: address: listen: in use (got 127.0.0.1:7001)']);
    expect(world.snapshot!.listeners.get('out')).toBe(before);
    // The one before is in force: the refusal is the update's, not the proxy's.
    expect(world.source.refusedListeners).toEqual([]);
    world.takenPorts.clear();
    expect(world.deliver(typeUrls.listener, [at('out', 7001, '3')])).toEqual([]);
    expect(world.snapshot!.listeners.get('out')!.address).toMatchObject({ port: 7001 });
  });

  test('a listener on another one’s address is refused, but not in place of one that leaves with it', () => {
    const world = fresh();
    world.deliver(typeUrls.listener, [at('a', 7001)]);
    const issues = world.deliver(typeUrls.listener, [at('b', 7001)]);
    expect(issues.map(({ object, rule }) => `${object} ${rule}`)).toEqual([
      "b must be no other listener's: a has it",
    ]);
    expect(world.deliver(typeUrls.listener, [at('b', 7001)], ['a'])).toEqual([]);
    expect(world.deliver(typeUrls.listener, [at('c', 7002), at('d', 7002)])).toHaveLength(1);
  });

  test('good resources are applied, bad ones are named and keep their last good version', () => {
    const world = fresh();
    world.deliverAll();
    const before = world.snapshot!.clusters.get('a');
    const issues = world.deliver(typeUrls.cluster, [
      resourceOf(
        typeUrls.cluster,
        'a',
        { ...(clusterJson('a') as object), lbPolicy: 'CLUSTER_PROVIDED' },
        '2',
      ),
      resourceOf(typeUrls.cluster, 'b', clusterJson('b'), '2'),
    ]);
    expect(issues.map(({ object, field }) => `${object} ${field}`)).toEqual(['a lb_policy']);
    world.deliver(typeUrls.endpoint, [resourceOf(typeUrls.endpoint, 'b', endpointsJson('b', 81))]);
    expect(world.snapshot!.clusters.get('a')).toBe(before!);
    expect(world.snapshot!.clusters.has('b')).toBe(true);
    const table = world.source.tables.get(typeUrls.cluster)!;
    expect([...table.refused.keys()]).toEqual(['a']);
    expect(table.accepted.get('a')?.resource.version).toBe('1');
    expect(table.updatesRejected).toBe(1);
  });

  test('a good version later clears the refusal', () => {
    const world = fresh();
    world.deliver(typeUrls.cluster, [
      resourceOf(typeUrls.cluster, 'a', { ...(clusterJson('a') as object), lbPolicy: 'CLUSTER_PROVIDED' }),
    ]);
    world.deliver(typeUrls.cluster, [resourceOf(typeUrls.cluster, 'a', clusterJson('a'), '2')]);
    expect(world.source.tables.get(typeUrls.cluster)!.refused.size).toBe(0);
  });

  const cluster = resourceOf(typeUrls.cluster, 'a', clusterJson('a'));
  const cases: readonly (readonly [string, readonly XdsResource[], string])[] = [
    ['twice in one response', [cluster, cluster], 'must be in a response once'],
    ['under another name', [{ ...cluster, name: 'b' }], 'must be the name of the resource, b'],
    [
      'no protobuf',
      [{ ...cluster, bytes: new Uint8Array([255]) }],
      'is not a envoy.config.cluster.v3.Cluster',
    ],
  ];
  for (const [name, changed, rule] of cases) {
    test(`${name} is refused`, () => {
      const issues = fresh().deliver(typeUrls.cluster, changed);
      expect(issues.some((issue) => issue.rule.startsWith(rule))).toBe(true);
    });
  }

  test('what the bootstrap defines is not replaced', () => {
    const bootstrap = parse(`
node: { id: n }
dynamic_resources: { cds_config: { ads: {} }, ads_config: { api_type: GRPC, transport_api_version: V3, grpc_services: [{ envoy_grpc: { cluster_name: x } }] } }
static_resources:
  clusters:
  - { name: own, connect_timeout: 1s }
  - { name: x, http2_protocol_options: {}, load_assignment: { cluster_name: x, endpoints: [{ lb_endpoints: [{ endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: 1 } } } }] }] } }
`);
    const world = fresh(null, createMemoryStore(), bootstrap);
    const issues = world.deliver(typeUrls.cluster, [resourceOf(typeUrls.cluster, 'own', clusterJson('own'))]);
    expect(issues.map((issue) => issue.rule)).toEqual(['is defined in the bootstrap']);
    expect(world.snapshot!.clusters.get('own')?.discovery).toBe('static');
  });
});

describe('last good configuration', () => {
  async function saved(): Promise<MemoryStore> {
    const store = createMemoryStore();
    const world = fresh('/state', store);
    world.deliverAll();
    world.clock.advanceBy(600);
    await settle();
    await world.source.stop();
    return store;
  }

  test('it is in force after a restart without the control plane, with the age of its endpoints', async () => {
    const world = new World(await saved(), '/state', adsBootstrap, 5_000_000);
    world.connection(false);
    await settle();
    expect(world.source.origin).toBe('last-good');
    expect(world.source.ready).toBe(true);
    expect([...world.snapshot!.listeners.keys()]).toEqual(['out']);
    expect(world.snapshot!.endpoints.get('a')?.receivedAtMs).toBe(1_000_000);
  });

  test('a control plane that is merely silent counts as away after a moment', async () => {
    const world = fresh('/state', await saved());
    world.clock.advanceBy(900);
    await settle();
    expect(world.source.origin).toBe('none');
    world.clock.advanceBy(200);
    await settle();
    expect(world.source.origin).toBe('last-good');
  });

  test('an answer in time is used instead', async () => {
    const world = fresh('/state', await saved());
    world.deliverAll(99);
    world.clock.advanceBy(5000);
    await settle();
    expect(world.source.origin).toBe('control-plane');
    expect(world.snapshot!.endpoints.get('a')?.endpoints[0]?.address).toMatchObject({ port: 99 });
  });

  test('the control plane replaces it when it comes back; what it does not confirm goes after a while', async () => {
    const world = fresh('/state', await saved());
    world.connection(false);
    await settle();
    world.connection(true);
    world.deliver(typeUrls.cluster, [resourceOf(typeUrls.cluster, 'b', clusterJson('b'), '2')]);
    world.deliver(typeUrls.endpoint, [resourceOf(typeUrls.endpoint, 'b', endpointsJson('b', 81))]);
    world.deliver(typeUrls.route, [resourceOf(typeUrls.route, 'r', routesJson('r', ['b']), '2')]);
    world.deliver(typeUrls.listener, [resourceOf(typeUrls.listener, 'out', listenerJson('out', 'r'), '1')]);
    expect(world.snapshot!.clusters.has('a')).toBe(true);
    world.clock.advanceBy(6000);
    expect([...world.snapshot!.clusters.keys()]).toEqual(['b']);
    expect([...world.snapshot!.listeners.keys()]).toEqual(['out']);
  });

  describe('with a server of its own for clusters', () => {
    const own: ResourceSource = {
      kind: 'grpc',
      stream: { variant: 'sotw', services: [{ cluster: 'weft-control', authority: '', metadata: [] }] },
    };
    const server = { addresses: [], speaksHttp2: true, connectTimeoutMs: 1, tls: null };
    const apart: Bootstrap = { ...adsBootstrap, cds: own, servers: new Map([['weft-control', server]]) };
    const newListener = () => resourceOf(typeUrls.listener, 'out', listenerJson('out', 'other', 2), '2');

    test('what the one that is away had is restored, and nothing of the one that answered', async () => {
      const world = new World(await saved(), '/state', apart);
      world.deliver(typeUrls.listener, [newListener()]);
      world.clock.advanceBy(2_000);
      await settle();
      expect(world.source.origin).toBe('last-good');
      expect([...world.snapshot!.clusters.keys()]).toEqual(['a']);
      expect(world.source.tables.get(typeUrls.listener)?.accepted.get('out')?.resource.version).toBe('2');
      // Secrets, endpoints or one of the two do not make the control plane one that has spoken.
      world.deliver(typeUrls.endpoint, [resourceOf(typeUrls.endpoint, 'a', endpointsJson('a', 9))]);
      world.clock.advanceBy(60_000);
      expect([...world.snapshot!.clusters.keys()]).toEqual(['a']);
      world.deliver(typeUrls.cluster, [resourceOf(typeUrls.cluster, 'b', clusterJson('b'))]);
      world.deliver(typeUrls.endpoint, [resourceOf(typeUrls.endpoint, 'b', endpointsJson('b', 9))]);
      world.clock.advanceBy(60_000);
      expect(world.source.origin).toBe('control-plane');
      expect([...world.snapshot!.clusters.keys()]).toEqual(['b']);
    });
  });

  test('a file is no control plane that came back', async () => {
    const world = fresh('/state', await saved());
    world.connection(false);
    await settle();
    const resource = resourceOf(typeUrls.cluster, 'b', clusterJson('b'));
    world.source.onUpdate(
      { typeUrl: typeUrls.cluster, version: '1', changed: [resource], removed: [] },
      'local',
    );
    world.clock.advanceBy(60_000);
    expect(world.source.origin).toBe('last-good');
    expect(world.snapshot!.clusters.has('a')).toBe(true);
  });

  const bytesOf = async (store: MemoryStore) => (await store.read(lastGoodPath))!;
  const damages: readonly (readonly [string, (bytes: Uint8Array) => Uint8Array])[] = [
    ['a flipped byte', (bytes) => bytes.with(bytes.length - 10, bytes.at(-10)! ^ 1)],
    ['half a file', (bytes) => bytes.slice(0, bytes.length >> 1)],
    ['an empty file', () => new Uint8Array()],
    ['another program’s file', () => new TextEncoder().encode('hello\n')],
    [
      'another version of the format',
      (bytes) => new TextEncoder().encode(new TextDecoder().decode(bytes).replace('/1 ', '/9 ')),
    ],
  ];
  for (const [name, damage] of damages) {
    test(`${name} is ignored`, async () => {
      const store = await saved();
      await store.write(lastGoodPath, damage(await bytesOf(store)));
      const world = fresh('/state', store);
      world.connection(false);
      await settle();
      expect(world.source.origin).toBe('none');
      expect(world.source.ready).toBe(false);
      world.deliverAll();
      expect(world.source.ready).toBe(true);
    });
  }

  test('is not ready before routes are there, though their listener stopped waiting for them', () => {
    const world = fresh(null);
    world.connection(true);
    world.deliver(typeUrls.cluster, [resourceOf(typeUrls.cluster, 'a', clusterJson('a'))]);
    world.deliver(typeUrls.endpoint, [resourceOf(typeUrls.endpoint, 'a', endpointsJson('a', 80))]);
    world.deliver(typeUrls.listener, [resourceOf(typeUrls.listener, 'out', listenerJson('out', 'r'))]);
    world.clock.advanceBy(60_000);
    expect([world.snapshot?.listeners.size, world.source.ready]).toEqual([1, false]);
    world.deliver(typeUrls.route, [resourceOf(typeUrls.route, 'r', routesJson('r', ['a']))]);
    expect(world.source.ready).toBe(true);
  });

  test('the file of another node is ignored', async () => {
    const other = { ...adsBootstrap, node: { ...adsBootstrap.node, id: 'sidecar~other.bank' } };
    const store = await saved();
    await store.write(`/state/${lastGoodFileOf(other.node.id)}`, await bytesOf(store));
    const world = fresh('/state', store, other);
    world.connection(false);
    await settle();
    expect(world.source.origin).toBe('none');
  });

  test.each(['sidecar~other.bank', `${adsBootstrap.node.id.slice(0, -1)}/`, '../evil', 'x'.repeat(500)])(
    'two nodes in one folder keep their own: beside %s',
    async (id) => {
      const other = { ...adsBootstrap, node: { ...adsBootstrap.node, id } };
      const store = await saved();
      const before = await bytesOf(store);
      const world = fresh('/state', store, other);
      world.deliverAll();
      await world.source.stop();
      expect([await store.list('/state'), await bytesOf(store)]).toEqual([
        [lastGoodFileOf(adsBootstrap.node.id), lastGoodFileOf(id)].sort(),
        before,
      ]);
      expect(lastGoodFileOf(id)).toMatch(/^last-good-[\w.~-]{1,110}\.weft$/);
    },
  );

  test('a burst of changes is written once', async () => {
    const store = createMemoryStore();
    let writes = 0;
    const counting = {
      ...store,
      read: store.read.bind(store),
      write: async () => void writes++,
    } as unknown as MemoryStore;
    const world = fresh('/state', counting);
    for (let port = 1; port <= 20; port++) world.deliverAll(port);
    world.clock.advanceBy(600);
    await settle();
    expect(writes).toBe(1);
  });

  test('however much changes, it is not written all the time, and the last state is', async () => {
    const store = createMemoryStore();
    const written: number[] = [];
    const world = fresh('/state', {
      ...store,
      read: store.read.bind(store),
      write: async (path: string, bytes: Uint8Array) => {
        written.push(world.clock.now());
        await store.write(path, bytes);
      },
    } as unknown as MemoryStore);
    for (let at = 0; at < 20_000; at += 100) {
      world.deliverAll(1 + (at % 50_000));
      world.clock.advanceBy(100);
      await settle();
    }
    world.clock.advanceBy(5_000);
    await settle();
    expect(written.length).toBeLessThanOrEqual(6);
    for (const [i, at] of written.entries())
      if (i > 0) expect(at - (written[i - 1] ?? 0)).toBeGreaterThanOrEqual(5_000);
    const last = parseLastGood((await store.read(lastGoodPath)) ?? new Uint8Array(), adsBootstrap.node.id);
    expect(last.ok && last.value.resources.length).toBeGreaterThan(0);
  });

  test('stopping writes what is still to be written', async () => {
    const store = createMemoryStore();
    const world = fresh('/state', store);
    world.deliverAll();
    await world.source.stop();
    expect(await store.read(lastGoodPath)).not.toBeNull();
  });
});

import { describe, expect, setDefaultTimeout, test } from 'bun:test';
import fc from 'fast-check';
import { silentLog, VirtualClock, Xoshiro128 } from '../base/index.ts';
import { effortTimeoutMs, runs } from '../testing/effort.ts';
import { AdsClient } from './client/ads-client.ts';
import { AdsServer } from './server/ads-server.ts';
import { createSnapshot } from './snapshot/create-snapshot.ts';
import { findReferences } from './snapshot/references.ts';
import { clusterOf, endpointsOf, listenerOf, routeOf, TestSource, testNode } from './testing/resources.ts';
import { createMemoryAdsTransport } from './transport/memory.ts';
import { type AdsVariant, typeUrls, type XdsResource, type XdsSubscriber, type XdsUpdate } from './types.ts';

setDefaultTimeout(effortTimeoutMs);

const { cluster, endpoint, listener, route } = typeUrls;

/** A proxy as xds/ sees it: follows references, as Envoy and Weft do, and keeps what it was given. */
class TestProxy implements XdsSubscriber {
  readonly held = new Map<string, Map<string, XdsResource>>();
  readonly faults: string[] = [];
  updates = 0;
  client: AdsClient | null = null;

  onUpdate(update: XdsUpdate): readonly [] {
    this.updates += 1;
    const held = this.held.get(update.typeUrl) ?? new Map<string, XdsResource>();
    this.held.set(update.typeUrl, held);
    for (const resource of update.changed) held.set(resource.name, resource);
    for (const name of update.removed) held.delete(name);
    if (update.typeUrl === cluster) this.follow(endpoint, this.referred(cluster, 'endpoints'));
    if (update.typeUrl === listener) this.follow(route, this.referred(listener, 'routes'));
    this.check(update);
    return [];
  }

  onConnection(): void {}

  names(typeUrl: string): string[] {
    return [...(this.held.get(typeUrl) ?? [])].map(([name, { version }]) => `${name} ${version}`).sort();
  }

  /** Subscribes to what is referred to, and forgets what no longer is. */
  private follow(typeUrl: string, names: readonly string[]): void {
    for (const name of this.held.get(typeUrl)?.keys() ?? []) {
      if (!names.includes(name)) this.held.get(typeUrl)?.delete(name);
    }
    this.client?.subscribe(typeUrl, names);
  }

  private referred(typeUrl: string, kind: 'endpoints' | 'routes' | 'clusters'): string[] {
    return [...(this.held.get(typeUrl)?.values() ?? [])].flatMap((resource) => [
      ...findReferences(resource)[kind],
    ]);
  }

  /** At no moment may a route that is in use name a cluster that was not delivered, or was taken away. */
  private check(update: XdsUpdate): void {
    const used = new Set(this.referred(listener, 'routes'));
    for (const [name, resource] of this.held.get(route) ?? []) {
      if (!used.has(name)) continue;
      for (const target of findReferences(resource).clusters) {
        if (this.held.get(cluster)?.has(target) !== true)
          this.faults.push(`after ${update.typeUrl} ${name} names ${target}`);
      }
    }
  }
}

/** One state of the mesh: which clusters exist, and with which contents. */
interface State {
  readonly clusters: readonly number[];
  readonly revision: number;
  readonly routes: readonly (readonly number[])[];
  readonly waitMs: number;
  readonly cut: boolean;
}

const state: fc.Arbitrary<State> = fc
  .uniqueArray(fc.nat(5), { minLength: 1, maxLength: 5 })
  .chain((clusters) =>
    fc.record({
      clusters: fc.constant(clusters),
      revision: fc.nat(2),
      routes: fc.array(fc.uniqueArray(fc.constantFrom(...clusters), { maxLength: 4 }), { maxLength: 3 }),
      waitMs: fc.constantFrom(0, 1, 3, 10, 500, 8_000),
      cut: fc.boolean(),
    }),
  );

function createResources(one: State): XdsResource[] {
  return [
    ...one.clusters.map((id) => clusterOf(`c${id}`, (one.revision + id) % 2)),
    ...one.clusters.map((id) => endpointsOf(`c${id}`, 1 + ((one.revision * id) % 3))),
    ...one.routes.map((_, id) => listenerOf(`l${id}`, `r${id}`)),
    ...one.routes.map((ids, id) =>
      routeOf(
        `r${id}`,
        ids.map((target) => `c${target}`),
      ),
    ),
  ];
}

function play(variant: AdsVariant, states: readonly State[], seed: number): void {
  const clock = new VirtualClock();
  const source = new TestSource();
  const server = new AdsServer({ clock, log: silentLog, snapshotFor: () => source });
  const transport = createMemoryAdsTransport(server, { clock, delayMs: 2, messagesMax: 2 });
  const proxy = new TestProxy();
  const random = new Xoshiro128(seed);
  const options = { transport, variant, clock, random, node: testNode, subscriber: proxy, log: silentLog };
  const client = new AdsClient(options);
  proxy.client = client;
  client.subscribe(cluster, '*');
  client.subscribe(listener, '*');
  client.start();
  for (const one of states) {
    source.set(createSnapshot(createResources(one), source.current()));
    if (one.cut) {
      transport.setCut(true);
      clock.advanceBy(one.waitMs);
      transport.setCut(false);
    }
    clock.advanceBy(one.waitMs);
  }
  clock.advanceBy(120_000);
  const last = states.at(-1)!;
  const expected = (typeUrl: string) =>
    createResources(last)
      .filter((resource) => resource.typeUrl === typeUrl)
      .map(({ name, version }) => `${name} ${version}`)
      .sort();
  for (const typeUrl of Object.values(typeUrls)) expect(proxy.names(typeUrl)).toEqual(expected(typeUrl));
  // A SotW client does not say what it held before a reconnect: what went meanwhile is gone at once. Incremental xDS
  // has no such gap.
  if (variant === 'delta' || !states.some((one) => one.cut)) expect(proxy.faults).toEqual([]);
  // Settled: nothing is armed, nothing more is said.
  const before = proxy.updates;
  clock.advanceBy(600_000);
  expect([proxy.updates, clock.armedCount]).toEqual([before, 0]);
  for (const type of server.status()[0]?.types ?? []) {
    expect([type.typeUrl, type.status]).toEqual([
      type.typeUrl,
      type.subscribed === 0 ? type.status : 'SYNCED',
    ]);
  }
}

describe.each(['sotw', 'delta'] as const)('%s: a proxy and the control plane', (variant) => {
  test('agree after any changes and cuts; no route ever names a cluster that is not there; then silence', () => {
    fc.assert(
      fc.property(fc.array(state, { minLength: 1, maxLength: 6 }), fc.nat(1_000), (states, seed) =>
        play(variant, states, seed),
      ),
      { numRuns: runs(120), seed: 20_261_123 },
    );
  });
});

describe.each(['sotw', 'delta'] as const)('%s: a control plane that is killed in a push', (variant) => {
  const before: State = { clusters: [0, 1, 2], revision: 0, routes: [[0, 1], [2]], waitMs: 0, cut: false };
  /** Everything about it is another: clusters come, go and change, and so do the routes to them. */
  const after: State = {
    clusters: [1, 2, 3, 4],
    revision: 1,
    routes: [[3, 1], [2], [4]],
    waitMs: 0,
    cut: false,
  };

  test.each(Array.from({ length: 41 }, (_, ms) => ms))(
    'after %i ms, its successor brings the rest; nothing is ever empty',
    (killedMs) => {
      const clock = new VirtualClock();
      const start = (source: TestSource) =>
        new AdsServer({ clock, log: silentLog, snapshotFor: () => source });
      const source = new TestSource();
      source.set(createSnapshot(createResources(before)));
      const transport = createMemoryAdsTransport(start(source), { clock, delayMs: 2, messagesMax: 2 });
      const proxy = new TestProxy();
      const random = new Xoshiro128(killedMs);
      const options = {
        transport,
        variant,
        clock,
        random,
        node: testNode,
        subscriber: proxy,
        log: silentLog,
      };
      const client = new AdsClient(options);
      proxy.client = client;
      client.subscribe(cluster, '*');
      client.subscribe(listener, '*');
      client.start();
      clock.advanceBy(10_000);
      const types = Object.values(typeUrls).filter((typeUrl) => proxy.names(typeUrl).length > 0);
      expect(types).toHaveLength(4);
      const advance = (ms: number) => {
        for (let passed = 0; passed < ms; passed++) {
          clock.advanceBy(1);
          for (const typeUrl of types) expect(proxy.names(typeUrl)).not.toEqual([]);
        }
      };
      source.set(createSnapshot(createResources(after), source.current()));
      advance(killedMs);
      transport.setServer(null);
      advance(300);
      // It remembers nothing of its predecessor, and at first knows nothing of the mesh either.
      const own = new TestSource();
      transport.setServer(start(own));
      advance(1_000);
      own.set(createSnapshot(createResources(after)));
      advance(20_000);
      for (const typeUrl of types)
        expect(proxy.names(typeUrl)).toEqual(
          createResources(after)
            .filter((resource) => resource.typeUrl === typeUrl)
            .map(({ name, version }) => `${name} ${version}`)
            .sort(),
        );
      if (variant === 'delta') expect(proxy.faults).toEqual([]);
    },
  );
});

import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { VirtualClock } from '../../base/index.ts';
import { Assembler } from './assembler.ts';
import { clustersOf } from './route-facts.ts';
import { clusterOf, endpointsOf, listenerOf, routesOf } from './testing/resources.ts';
import type { Snapshot } from './types.ts';

class Target {
  snapshot: Snapshot | null = null;
  readonly history: Snapshot[] = [];

  apply(snapshot: Snapshot): void {
    this.snapshot = snapshot;
    this.history.push(snapshot);
  }
}

function create(statics = { listeners: [], clusters: [] }) {
  const clock = new VirtualClock();
  const target = new Target();
  const assembler = new Assembler({ clock, target, statics, drainTimeoutMs: null });
  return { clock, target, assembler };
}

describe('warming', () => {
  test('a cluster waits for its endpoints', () => {
    const { assembler } = create();
    assembler.setCluster(clusterOf('a'));
    expect([...assembler.publish().clusters.keys()]).toEqual([]);
    expect(assembler.warmingNames().clusters).toEqual(['a']);
    assembler.setEndpoints('a', endpointsOf(80), 5);
    const snapshot = assembler.publish();
    expect([...snapshot.clusters.keys()]).toEqual(['a']);
    expect(snapshot.endpoints.get('a')).toEqual({
      cluster: 'a',
      ...endpointsOf(80),
      receivedAtMs: 5,
    });
  });

  test('no longer than its initial_fetch_timeout', () => {
    const { assembler, clock, target } = create();
    assembler.setCluster(clusterOf('a'));
    assembler.publish();
    clock.advanceBy(14_900);
    expect(target.snapshot?.clusters.has('a')).toBe(false);
    clock.advanceBy(200);
    expect(target.snapshot?.clusters.has('a')).toBe(true);
    expect(target.snapshot?.endpoints.has('a')).toBe(false);
  });

  test('an initial_fetch_timeout of 0 waits for ever', () => {
    const { assembler, clock, target } = create();
    assembler.setCluster({ ...clusterOf('a'), initialFetchTimeoutMs: 0 });
    assembler.publish();
    clock.advanceBy(3_600_000);
    expect(target.snapshot?.clusters.has('a')).toBe(false);
  });

  test('a listener waits for its routes, and these for clusters that are on their way', () => {
    const { assembler } = create();
    assembler.setListener(listenerOf('out', 'r'));
    assembler.setCluster(clusterOf('a'));
    expect(assembler.publish().listeners.size).toBe(0);
    assembler.setRoutes(routesOf('r', ['a']));
    expect(assembler.publish().listeners.size).toBe(0);
    assembler.setEndpoints('a', endpointsOf(80), 0);
    const snapshot = assembler.publish();
    expect([...snapshot.listeners.keys()]).toEqual(['out']);
    expect(snapshot.routeConfigs.get('r')?.name).toBe('r');
    expect(assembler.warming).toBe(false);
  });

  test('a cluster that nobody announced holds nothing up', () => {
    const { assembler } = create();
    assembler.setListener(listenerOf('out', 'r'));
    assembler.setRoutes(routesOf('r', ['unresolved']));
    expect(assembler.publish().listeners.size).toBe(1);
  });

  test('what is in force stays until its successor is ready', () => {
    const { assembler } = create();
    assembler.setListener(listenerOf('out', 'r'));
    assembler.setRoutes(routesOf('r', ['a']));
    assembler.setCluster(clusterOf('a'));
    assembler.setEndpoints('a', endpointsOf(80), 0);
    const before = assembler.publish();
    assembler.setCluster(clusterOf('b'));
    assembler.setRoutes(routesOf('r', ['b']));
    assembler.setListener(listenerOf('out', 'r2'));
    const during = assembler.publish();
    expect(during.routeConfigs.get('r')).toBe(before.routeConfigs.get('r')!);
    expect(during.listeners.get('out')).toBe(before.listeners.get('out')!);
    assembler.setEndpoints('b', endpointsOf(81), 0);
    expect(assembler.publish().routeConfigs.get('r')?.virtualHosts[0]?.routes[0]?.action).toMatchObject({
      clusters: [{ cluster: 'b' }],
    });
  });

  test('new endpoints of a known name do not make a changed cluster wait', () => {
    const { assembler } = create();
    assembler.setCluster(clusterOf('a'));
    assembler.setEndpoints('a', endpointsOf(80), 0);
    assembler.publish();
    const changed = clusterOf('a');
    assembler.setCluster(changed);
    expect(assembler.publish().clusters.get('a')).toBe(changed.config);
  });
});

describe('removal', () => {
  function serving() {
    const world = create();
    world.assembler.setListener(listenerOf('out', 'r'));
    world.assembler.setRoutes(routesOf('r', ['a']));
    world.assembler.setCluster(clusterOf('a'));
    world.assembler.setEndpoints('a', endpointsOf(80), 0);
    world.assembler.publish();
    return world;
  }

  test('a removed cluster stays while an active route names it, for a while', () => {
    const { assembler, clock, target } = serving();
    assembler.removeCluster('a');
    expect(assembler.publish().clusters.has('a')).toBe(true);
    clock.advanceBy(16_000);
    expect(target.snapshot?.clusters.has('a')).toBe(false);
  });

  test('and goes at once when no route does', () => {
    const { assembler } = serving();
    assembler.setRoutes(routesOf('r', []));
    assembler.removeCluster('a');
    expect(assembler.publish().clusters.has('a')).toBe(false);
  });

  test('a cluster that comes back is not leaving any more', () => {
    const { assembler, clock, target } = serving();
    assembler.removeCluster('a');
    assembler.publish();
    assembler.setCluster(clusterOf('a'));
    assembler.publish();
    clock.advanceBy(60_000);
    expect(target.snapshot?.clusters.has('a')).toBe(true);
  });

  test('a removed listener goes, and with it its routes', () => {
    const { assembler } = serving();
    assembler.removeListener('out');
    const snapshot = assembler.publish();
    expect(snapshot.listeners.size + snapshot.routeConfigs.size).toBe(0);
    expect([...assembler.referenced().routes]).toEqual([]);
  });
});

describe('identity', () => {
  test('what did not change keeps its identity, so the data path sees what did', () => {
    const { assembler } = create();
    for (const name of ['a', 'b']) {
      assembler.setCluster(clusterOf(name));
      assembler.setEndpoints(name, endpointsOf(80), 0);
    }
    const before = assembler.publish();
    assembler.setEndpoints('b', endpointsOf(81), 1);
    const after = assembler.publish();
    expect(after.clusters.get('a')).toBe(before.clusters.get('a')!);
    expect(after.endpoints.get('a')).toBe(before.endpoints.get('a')!);
    expect(after.endpoints.get('b')).not.toBe(before.endpoints.get('b')!);
  });

  test('a listener’s stream_idle_timeout fills in for routes without one', () => {
    const { assembler } = create();
    assembler.setListener({ ...listenerOf('out', 'r'), streamIdleTimeoutMs: 7 });
    assembler.setRoutes(routesOf('r', ['unresolved']));
    const before = assembler.publish().routeConfigs.get('r');
    expect(before?.virtualHosts[0]?.routes[0]?.timeouts.idleMs).toBe(7);
    expect(assembler.publish().routeConfigs.get('r')).toBe(before!);
  });
});

test('whatever the order of arrival, the end is the same and no route in force names a cluster on its way (property)', () => {
  // Made once: making them is most of the work of a step.
  const made = {
    out: listenerOf('out', 'r'),
    in: listenerOf('in', 's'),
    r: routesOf('r', ['a', 'b']),
    s: routesOf('s', ['b']),
    a: clusterOf('a'),
    b: clusterOf('b'),
    endpointsA: endpointsOf(80),
    endpointsB: endpointsOf(81),
  };
  const steps = [
    (assembler: Assembler) => assembler.setListener(made.out),
    (assembler: Assembler) => assembler.setListener(made.in),
    (assembler: Assembler) => assembler.setRoutes(made.r),
    (assembler: Assembler) => assembler.setRoutes(made.s),
    (assembler: Assembler) => assembler.setCluster(made.a),
    (assembler: Assembler) => assembler.setCluster(made.b),
    (assembler: Assembler) => assembler.setEndpoints('a', made.endpointsA, 0),
    (assembler: Assembler) => assembler.setEndpoints('b', made.endpointsB, 0),
  ];
  const order = fc.shuffledSubarray([...steps.keys()], { minLength: steps.length });
  fc.assert(
    fc.property(order, fc.array(fc.boolean(), { minLength: 8, maxLength: 8 }), (indices, publish) => {
      const { assembler, target, clock } = create();
      const announced = new Set<string>();
      for (const [at, index] of indices.entries()) {
        // The client drops answers to what it has not asked for; servers send referenced things after what refers to
        // them.
        steps[index]!(assembler);
        if (index === 4) announced.add('a');
        if (index === 5) announced.add('b');
        if (!publish[at]) continue;
        const earlier = target.history.at(-1);
        const snapshot = assembler.publish();
        for (const [name, routes] of snapshot.routeConfigs) {
          // A route that was in force before its cluster was announced meets it warming, and answers 503 as before.
          if (earlier?.routeConfigs.get(name) === routes) continue;
          for (const cluster of clustersOf(routes)) {
            expect(!announced.has(cluster) || snapshot.clusters.has(cluster)).toBe(true);
          }
        }
      }
      for (const index of [2, 3, 6, 7]) steps[index]!(assembler);
      assembler.publish();
      clock.advanceBy(1);
      const last = target.snapshot!;
      expect([...last.clusters.keys()].sort()).toEqual(['a', 'b']);
      expect([...last.listeners.keys()].sort()).toEqual(['in', 'out']);
      expect([...last.routeConfigs.keys()].sort()).toEqual(['r', 's']);
      expect(last.endpoints.get('b')?.endpoints[0]?.address).toMatchObject({ port: 81 });
    }),
    { numRuns: 200, seed: 5 },
  );
});

describe('a snapshot that changes the one before', () => {
  const step = fc.record({
    kind: fc.constantFrom('set', 'remove', 'endpoints', 'clear', 'publish'),
    name: fc.constantFrom('a', 'b', 'c', 'd'),
  });

  test('is what would be made of all there is, and says which clusters it is about', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const { assembler } = create();
        // The same by looking at everything each time.
        const slots = new Map<string, { active: object | null; warming: object | null; leaving: boolean }>();
        const known = new Map<string, number>();
        let last = assembler.publish();
        for (const [at, { kind, name }] of [...steps, { kind: 'publish', name: 'a' } as const].entries()) {
          const slot = slots.get(name);
          if (kind === 'set') {
            const cluster = clusterOf(name);
            assembler.setCluster(cluster);
            slots.set(name, { active: slot?.active ?? null, warming: cluster.config, leaving: false });
          } else if (kind === 'remove') {
            assembler.removeCluster(name);
            if (slot?.active == null) slots.delete(name);
            else slot.leaving = true;
          } else if (kind !== 'publish') {
            if (kind === 'endpoints') assembler.setEndpoints(name, endpointsOf(at + 1), at);
            else assembler.clearEndpoints(name, at);
            known.set(name, at);
          } else {
            for (const one of known.keys()) if (!slots.has(one)) known.delete(one);
            for (const [one, each] of slots) {
              if (each.warming !== null && known.has(one)) [each.active, each.warming] = [each.warming, null];
              if (each.leaving) slots.delete(one);
            }
            const next = assembler.publish();
            const active = [...slots].filter(([, each]) => each.active !== null);
            expect(new Map(next.clusters)).toEqual(
              new Map(active.map(([one, each]) => [one, each.active])) as never,
            );
            const received = [...next.endpoints].map(([one, { receivedAtMs }]) => [one, receivedAtMs]);
            expect(new Map(received as never)).toEqual(
              new Map(active.map(([one]) => [one, known.get(one)!])),
            );
            expect(new Set(assembler.referenced().endpoints)).toEqual(new Set(slots.keys()));
            expect(assembler.warmingNames().clusters.toSorted()).toEqual(
              [...slots].flatMap(([one, each]) => (each.warming === null ? [] : [one])).toSorted(),
            );
            expect(next.changed?.since).toBe(last.version);
            for (const one of ['a', 'b', 'c', 'd'])
              if (
                next.clusters.get(one) !== last.clusters.get(one) ||
                next.endpoints.get(one) !== last.endpoints.get(one)
              )
                expect(next.changed?.clusters.has(one)).toBe(true);
            last = next;
          }
        }
      }),
      { numRuns: 300, seed: 1 },
    );
  });
});

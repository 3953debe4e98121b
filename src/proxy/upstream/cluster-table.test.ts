// Clusters that nobody has called: what is seen of them is what would be seen if they were awake, and they cost little.

import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import type { ClusterView, EndpointView } from '../stats/index.ts';
import { clusterConfig, endpointConfig, snapshot } from '../testing/configs.ts';
import { World } from '../testing/world.ts';

const endpointFields: readonly (keyof EndpointView)[] = [
  'key',
  'address',
  'name',
  'zone',
  'proxied',
  'priority',
  'weight',
  'healthy',
  'degraded',
  'excluded',
  'locality',
  'health',
  'leaving',
  'active',
  'costMs',
  'errorShare',
  'ejectedUntilMs',
  'ejections',
  'consecutiveFailures',
  'picks',
  'attemptsSucceeded',
  'attemptsFailed',
  'connectFailures',
  'connections',
  'idleConnections',
];

function describeView(cluster: ClusterView, nowMs: number): unknown {
  return {
    name: cluster.name,
    config: cluster.config,
    candidates: cluster.candidateCount,
    panicking: cluster.panicking,
    receivedAtMs: cluster.endpointsReceivedAtMs,
    retries: cluster.retryBudgetRemaining(nowMs),
    lane: {
      limits: cluster.lane.breaker.limits,
      held: [cluster.lane.breaker.connections, cluster.lane.breaker.pending, cluster.lane.breaker.requests],
      retries: cluster.lane.retriesLeft(nowMs),
    },
    high: cluster.high,
    endpoints: cluster.endpoints.map((endpoint) => [
      endpoint.configured.healthy,
      endpoint.configured.degraded,
      ...endpointFields.map((field) => endpoint[field]),
    ]),
  };
}

const endpoint = fc.record({
  port: fc.integer({ min: 1, max: 5 }),
  priority: fc.nat(2),
  healthy: fc.boolean(),
  degraded: fc.boolean(),
  weight: fc.integer({ min: 1, max: 4 }),
});

describe('a cluster that nobody has called', () => {
  test('looks as it would awake, and looking does not wake it', () => {
    fc.assert(
      fc.property(fc.array(endpoint, { maxLength: 12 }), fc.nat(100), (endpoints, panicPercent) => {
        const world = new World();
        const config = clusterConfig({ panicPercent });
        const ledger = endpoints.map(({ port, ...more }) => endpointConfig(port, more));
        world.plane.apply(snapshot({ clusters: [config], endpoints: { ledger } }));
        const nowMs = world.clock.now();
        const [asleep] = [...world.plane.clusters.values()];
        const before = describeView(asleep!, nowMs);
        expect([...world.plane.clusters.running()]).toEqual([]);
        const awake = world.plane.clusters.get('ledger')!;
        expect([...world.plane.clusters.running()]).toEqual([awake]);
        expect(describeView(awake, nowMs)).toEqual(before);
      }),
      { numRuns: 100, seed: 1 },
    );
  });

  test('those that drain are not missed, awake or asleep: no panic comes of them', () => {
    const world = new World();
    const going = { healthy: false, status: 'DRAINING' } as const;
    const ledger = [endpointConfig(1), endpointConfig(2, going), endpointConfig(3, going)];
    world.plane.apply(snapshot({ clusters: [clusterConfig({ panicPercent: 50 })], endpoints: { ledger } }));
    const [asleep] = [...world.plane.clusters.values()];
    const awake = world.plane.clusters.get('ledger');
    expect([asleep?.candidateCount, asleep?.panicking]).toEqual([1, false]);
    expect([awake?.candidateCount, awake?.panicking]).toEqual([1, false]);
  });

  test('follows its configuration, and leaves with it', () => {
    const world = new World();
    const { clusters } = world.plane;
    const apply = (panicPercent: number, ports: readonly number[]) =>
      world.plane.apply(
        snapshot({
          clusters: [clusterConfig({ panicPercent })],
          endpoints: { ledger: ports.map((port) => endpointConfig(port)) },
        }),
      );
    const seen = () =>
      [...clusters.values()].map(({ config, endpoints }) => [config.panicPercent, endpoints.length]);
    apply(10, [1]);
    expect(seen()).toEqual([[10, 1]]);
    apply(20, [1, 2]);
    expect([seen(), clusters.size, clusters.keys()]).toEqual([[[20, 2]], 1, ['ledger']]);
    expect(clusters.get('ledger')!.endpoints.length).toBe(2);
    apply(30, [1, 2, 3]);
    expect(seen()).toEqual([[30, 3]]);
    world.plane.apply(snapshot({ clusters: [], endpoints: {} }));
    expect([seen(), clusters.size, clusters.get('ledger')]).toEqual([[], 0, undefined]);
    apply(40, [1]);
    world.plane.apply(snapshot({ clusters: [], endpoints: {} }));
    expect(clusters.get('ledger')).toBeUndefined();
  });
});

import { describe, expect, test } from 'bun:test';
import { clusterConfig, endpointConfig, snapshot } from '../testing/configs.ts';
import { World } from '../testing/world.ts';

const discovery = 'eds' as const;

/** A set that was received `ageMs` ago and holds for 10 s. */
function told(
  world: World,
  ageMs: number,
  config = clusterConfig({ discovery }),
  receivedAtMs = world.clock.wall() - ageMs,
) {
  const base = snapshot({ clusters: [config], endpoints: { ledger: [endpointConfig(1)] } });
  const set = base.endpoints.get('ledger')!;
  const endpoints = new Map([['ledger', { ...set, receivedAtMs, staleAfterMs: 10_000 }]]);
  world.plane.apply({ ...base, version: `${receivedAtMs} ${world.clock.wall()}`, endpoints });
  return world.plane.clusters.get('ledger')!;
}

describe('endpoints that hold for a while', () => {
  test('are gone after it, and are back with the next that are told', () => {
    const world = new World();
    const cluster = told(world, 0);
    world.run(9_999);
    expect([cluster.endpoints.length, cluster.stats.staleAssignments]).toEqual([1, 0]);
    world.run(1);
    expect([cluster.endpoints.length, cluster.stats.staleAssignments]).toEqual([0, 1]);
    expect(told(world, 0).endpoints.length).toBe(1);
  });

  test('told again before, they hold from then', () => {
    const world = new World();
    const cluster = told(world, 0);
    world.run(6_000);
    told(world, 0);
    world.run(9_999);
    expect(cluster.endpoints.length).toBe(1);
    world.run(1);
    expect(cluster.endpoints.length).toBe(0);
  });

  test.each([-86_400_000, 86_400_000])('a clock that is set by %d ms makes them no older', (ms) => {
    const world = new World();
    const cluster = told(world, 0);
    const receivedAtMs = world.clock.wall();
    world.run(5_000);
    world.clock.shiftWall(ms);
    // As when something else of the cluster is told.
    told(world, 0, clusterConfig({ discovery }), receivedAtMs);
    world.run(4_999);
    expect(cluster.endpoints.length).toBe(1);
    world.run(1);
    expect(cluster.endpoints.length).toBe(0);
  });

  test('from before the clock was set they hold no longer than new ones', () => {
    const world = new World();
    const cluster = told(world, -86_400_000);
    world.run(9_999);
    expect(cluster.endpoints.length).toBe(1);
    world.run(1);
    expect(cluster.endpoints.length).toBe(0);
  });

  test('of a last good configuration, their age counts', () => {
    expect(told(new World(), 9_999).endpoints.length).toBe(1);
    const world = new World();
    expect(told(world, 10_000).endpoints.length).toBe(0);
  });

  test('written in the cluster itself they hold, as in Envoy', () => {
    const world = new World();
    const cluster = told(world, 0, clusterConfig({ discovery: 'static' }));
    world.run(60_000);
    expect(cluster.endpoints.length).toBe(1);
  });
});

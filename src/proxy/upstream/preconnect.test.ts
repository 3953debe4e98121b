// Connections opened ahead of streams (preconnect_policy), and connections of one client alone
// (connection_pool_per_downstream_connection).

import { describe, expect, test } from 'bun:test';
import { clusterConfig, endpointConfig, http2Settings } from '../testing/configs.ts';
import type { Respond } from '../testing/peers.ts';
import { World } from '../testing/world.ts';

const silent: Respond = () => {};

function setup(options: Parameters<typeof clusterConfig>[0], respond?: Respond) {
  const world = new World();
  const origin = world.origin(respond);
  world.serve([origin], { clusters: [clusterConfig(options)] });
  return { world, origin, stats: world.cluster().stats };
}

describe('connections opened ahead', () => {
  const opened = (
    preconnectRatio: number,
    clients: number,
    more: Parameters<typeof clusterConfig>[0] = {},
  ) => {
    const { world, stats } = setup({ preconnectRatio, ...more }, silent);
    for (let count = 0; count < clients; count++) {
      world.client().get('/');
      world.run(20);
    }
    return stats.connectionsTotal;
  };
  const cases = [
    ['a ratio of 2: one more than runs', 2, 1, 2],
    ['a ratio of 1.5: every second time', 1.5, 4, 6],
    ['a ratio of 3: two for each', 3, 2, 6],
    ['a ratio just above 1: one more at first', 1.05, 3, 4],
  ] as const;
  for (const [name, ratio, clients, expected] of cases)
    test(name, () => expect(opened(ratio, clients)).toBe(expected));

  test('never beyond the limit, and once for each stream that is counted as overflow, as in Envoy', () => {
    const { world, stats } = setup(
      { preconnectRatio: 3, limits: { connections: 2, pending: 10, requests: 10 } },
      silent,
    );
    world.client().get('/');
    world.run(20);
    expect([stats.connectionsTotal, stats.connectionOverflow]).toEqual([2, 1]);
  });

  test('over HTTP/2 one connection has room for those that follow', () => {
    const http2 = { ...http2Settings, streamsMax: 100 };
    expect(opened(3, 1, { http2 })).toBe(1);
  });

  test('an endpoint that is not well gets none', () => {
    const world = new World();
    const origin = world.origin(silent);
    const endpoints = { ledger: [endpointConfig(origin.port, { degraded: true })] };
    world.serve([], { clusters: [clusterConfig({ preconnectRatio: 3 })], endpoints });
    world.client().get('/');
    world.run(20);
    expect(world.cluster().stats.connectionsTotal).toBe(1);
  });

  test('what was opened ahead is used', () => {
    const { world, origin } = setup({ preconnectRatio: 2 });
    const client = world.client().get('/');
    world.run(20);
    for (let more = 0; more < 5; more++) {
      client.get('/');
      world.run(20);
    }
    expect([client.statuses.length, origin.accepted]).toEqual([6, 2]);
    world.expectSettled();
  });
});

describe('a client’s own connections', () => {
  test('nobody else’s requests go over them, its own next ones do, and they end with it', () => {
    const { world, origin, stats } = setup({ poolsByClient: true, idleTimeoutMs: 60_000 });
    const first = world.client().get('/');
    world.run(20);
    const second = world.client().get('/');
    world.run(20);
    first.get('/');
    world.run(20);
    expect([first.statuses, second.statuses, origin.accepted]).toEqual([[200, 200], [200], 2]);
    first.socket.end();
    world.run(30_000);
    expect(stats.connectionsActive).toBe(1);
    world.expectSettled();
  });

  test('of many that came and went nothing stays', () => {
    const { world, stats } = setup({ poolsByClient: true, idleTimeoutMs: 60_000 });
    for (let count = 0; count < 200; count++) {
      const client = world.client().get('/');
      world.run(5);
      client.socket.end();
    }
    world.run(30_000);
    expect(stats.connectionsActive).toBe(0);
    world.expectSettled();
  });
});

// Endpoints that nobody answers for: no request finds out twice, in no protocol, and what is made in the background is
// bounded and ends.

import { describe, expect, test } from 'bun:test';
import { proxyLimits } from '../limits.ts';
import {
  clusterConfig,
  endpointConfig,
  ip,
  listenerConfig,
  route,
  routeConfig,
  testRetry,
} from '../testing/configs.ts';
import { Origin } from '../testing/peers.ts';
import { World } from '../testing/world.ts';

const proxyHost = '10.0.0.2';
const timeouts = { requestMs: 5000, attemptMs: 1000, idleMs: null };
const routes = [routeConfig([route({ retry: testRetry, timeouts })])];

/** Replicas on hosts of their own, so that each can vanish. */
function setup(count: number, options: Parameters<typeof clusterConfig>[0] = {}) {
  const world = new World({ conditions: { latencyMs: 0.5 } });
  const hosts = Array.from({ length: count }, (_, index) => `10.0.1.${index + 1}`);
  const start = (host: string) => new Origin(world.network.createProcess(host, host), ip(9000, host));
  const origins = hosts.map(start);
  const endpoints = hosts.map((host) => endpointConfig(9000, { address: ip(9000, host) }));
  const cluster = clusterConfig({ connectTimeoutMs: 200, ...options });
  const parts = {
    listeners: [listenerConfig({ address: ip(15001, proxyHost) })],
    clusters: [cluster],
    routes,
  };
  world.serve([], { ...parts, endpoints: { ledger: endpoints } });
  const vanish = (some: readonly string[]) => {
    for (const host of some) world.network.partition(proxyHost, host);
  };
  const heal = (some: readonly string[]) => {
    for (const host of some) world.network.heal(proxyHost, host);
  };
  /** How many of so many requests, one after another, took longer than any that is answered. */
  const slow = (requests: number) => {
    let noticed = 0;
    for (let sent = 0; sent < requests; sent++) {
      const client = world.client().get('/');
      world.run(50);
      if (client.statuses.length === 0) {
        noticed += 1;
        world.run(2000);
      }
      expect(client.statuses).toEqual([200]);
      client.socket.end();
    }
    return noticed;
  };
  const unreachable = () => world.cluster().endpoints.filter((endpoint) => endpoint.unreachable).length;
  return { world, parts, hosts, origins, vanish, heal, slow, unreachable, stats: world.cluster().stats };
}

describe('endpoints that vanish', () => {
  test('cost one request each, and no other while they are gone', () => {
    const { world, hosts, slow, unreachable, vanish, heal, stats } = setup(5);
    vanish(hosts.slice(0, 3));
    expect(slow(100)).toBeLessThanOrEqual(3);
    expect(unreachable()).toBe(3);
    expect([slow(200), stats.lostEndpoints]).toEqual([0, 3]);
    expect(stats.redials).toBeGreaterThan(3);
    heal(hosts);
    world.run(11_000);
    expect([unreachable(), slow(50)]).toEqual([0, 0]);
    world.expectSettled();
  });

  test('are used all the same where nobody else is there', () => {
    const { world, hosts, vanish, heal, unreachable } = setup(1);
    vanish(hosts);
    const first = world.client().get('/');
    world.run(2000);
    expect([first.statuses, unreachable()]).toEqual([[503], 1]);
    heal(hosts);
    const second = world.client().get('/');
    world.run(50);
    // Its own connection was the one that opened.
    expect([second.statuses, unreachable()]).toEqual([[200], 0]);
    world.expectSettled();
  });

  test('are found out though connections to them are open: who owes an answer is dialled', () => {
    const { hosts, world, vanish, slow, unreachable } = setup(3, { idleTimeoutMs: 0 });
    expect(slow(30)).toBe(0);
    vanish(hosts.slice(0, 1));
    expect([slow(60), unreachable()]).toEqual([1, 1]);
    world.expectSettled();
  });

  test('that leave the configuration are dialled no more', () => {
    const { hosts, parts, world, vanish, slow, stats } = setup(3);
    vanish(hosts.slice(0, 1));
    slow(30);
    const left = hosts.slice(1).map((host) => endpointConfig(9000, { address: ip(9000, host) }));
    world.serve([], { ...parts, endpoints: { ledger: left } });
    const { redials } = stats;
    world.run(60_000);
    expect(stats.redials).toBe(redials);
    world.expectSettled();
  });

  test('are dialled in the background so many at a time', () => {
    const count = proxyLimits.redialsMax + 8;
    const { hosts, world, vanish, stats } = setup(count, { connectTimeoutMs: 100_000 });
    vanish(hosts);
    for (const endpoint of world.cluster().endpoints) world.cluster().redialer.suspect(endpoint);
    world.run(60_000);
    expect(stats.redials).toBe(proxyLimits.redialsMax);
  });
});

test('a refusal is no silence: three in a row take the endpoint out, and the first that opens brings it back', () => {
  const { world, origins, hosts, unreachable, slow } = setup(2);
  origins[0]!.close();
  slow(30);
  expect(unreachable()).toBe(1);
  const { connectFailures } = world.cluster().stats;
  slow(100);
  expect(world.cluster().stats.connectFailures).toBe(connectFailures);
  const again = new Origin(world.network.createProcess('again', hosts[0]!), ip(9000, hosts[0]!));
  world.run(11_000);
  slow(30);
  expect([unreachable(), again.requests.length > 0]).toEqual([0, true]);
  world.expectSettled();
});

test('with two endpoints the request that found one of them gone goes to the other', () => {
  const { world, hosts, vanish, slow } = setup(2);
  vanish(hosts.slice(0, 1));
  expect(slow(10)).toBeLessThanOrEqual(1);
  world.expectSettled();
});

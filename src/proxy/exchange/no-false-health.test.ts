// What happened before an endpoint was reached counts for nobody's health; and what an endpoint did not do is not said
// of it.

import { describe, expect, test } from 'bun:test';
import type { OutlierConfig } from '../../policy/index.ts';
import { clusterConfig, route, routeConfig } from '../testing/configs.ts';
import { answer200, type Respond } from '../testing/peers.ts';
import { World } from '../testing/world.ts';

const outlier: OutlierConfig = {
  consecutiveFailures: 2,
  successRate: null,
  intervalMs: 10_000,
  baseEjectionMs: 60_000,
  maxEjectionMs: 60_000,
  maxEjectedPercent: 100,
};

const silent: Respond = () => {};

function setup(respond: Respond, limits: { connections: number; pending: number }, requestMs: number) {
  const world = new World();
  const origins = [world.origin(respond), world.origin(respond), world.origin(respond)];
  const timeouts = { requestMs: null, attemptMs: null, idleMs: null };
  world.serve(origins, {
    clusters: [clusterConfig({ outlier, limits: { ...limits, requests: 1024 } })],
    routes: [routeConfig([route({ timeouts: { ...timeouts, requestMs } })])],
  });
  return world;
}

function expectNoBlame(world: World): void {
  for (const endpoint of world.cluster().endpoints)
    expect([endpoint.key, endpoint.attemptsFailed, endpoint.failures, endpoint.errorShare]).toEqual([
      endpoint.key,
      0,
      0,
      0,
    ]);
  expect(world.cluster().stats.ejections).toBe(0);
}

describe('nobody is blamed for', () => {
  test('requests that our own pending limit refuses', () => {
    const world = setup(answer200, { connections: 1024, pending: 1 }, 0);
    const clients = Array.from({ length: 40 }, () => world.client().get('/'));
    world.run(100);
    expect(clients.flatMap((client) => client.statuses)).toContain(503);
    expect(world.cluster().stats.pendingOverflow).toBeGreaterThan(5);
    expectNoBlame(world);
    world.expectSettled();
  });

  test('requests that time out in our own queue', () => {
    // One connection for each endpoint, each taken by an answer that does not end.
    const endless: Respond = (connection) =>
      connection.send('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\npart');
    const world = setup(endless, { connections: 3, pending: 100 }, 50);
    for (let index = 0; index < 3; index++) world.client().get('/');
    world.run(20);
    const waiting = Array.from({ length: 9 }, () => world.client().get('/'));
    world.run(20);
    expect(world.cluster().stats.pending).toBe(9);
    // The first three are cut off by their own timeout, which is their endpoint's doing, at 50 ms; the others wait on.
    world.run(15);
    const before = world.cluster().endpoints.map((endpoint) => endpoint.attemptsFailed);
    expect(before).toEqual([0, 0, 0]);
    expect(waiting.every((client) => client.statuses.length === 0)).toBe(true);
  });

  test('a client that leaves while its request waits', () => {
    const world = setup(silent, { connections: 3, pending: 100 }, 0);
    for (let index = 0; index < 3; index++) world.client().get('/');
    world.run(20);
    const waiting = Array.from({ length: 6 }, () => world.client().get('/'));
    world.run(20);
    for (const client of waiting) client.socket.reset();
    world.run(20);
    expect(world.cluster().stats.cancelled).toBe(6);
    expectNoBlame(world);
  });
});

test('an endpoint that owes an answer is blamed for its timeout', () => {
  const world = setup(silent, { connections: 100, pending: 100 }, 50);
  world.client().get('/');
  world.run(100);
  expect(
    world
      .cluster()
      .endpoints.map((endpoint) => endpoint.attemptsFailed)
      .toSorted(),
  ).toEqual([0, 0, 1]);
  world.expectSettled();
});

test('a limit that answers says so in x-envoy-overloaded', () => {
  const world = setup(silent, { connections: 1, pending: 0 }, 0);
  const client = world.client().get('/');
  world.run(20);
  expect(client.received).toContain('x-envoy-overloaded: true\r\n');
  expect(client.statuses).toEqual([503]);
});

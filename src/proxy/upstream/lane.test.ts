// Requests of high priority count under limits of their own, with connections of their own.

import { expect, test } from 'bun:test';
import { clusterConfig, endpointConfig, route, routeConfig } from '../testing/configs.ts';
import { World } from '../testing/world.ts';

const prefix = (value: string, high: boolean) =>
  route({
    name: value,
    match: { path: { kind: 'prefix', value, ignoreCase: false }, headers: [], query: [] },
    ...(high ? { high: true } : {}),
  });

const routes = [routeConfig([prefix('/high', true), prefix('/', false)])];

test('a full default priority refuses no request of high priority', () => {
  const world = new World();
  const silent = world.origin(() => {});
  const limits = { connections: 1, pending: 10, requests: 1 };
  const high = { limits: { connections: 1, pending: 10, requests: 2 }, retryLimit: null };
  world.apply({
    routes,
    clusters: [clusterConfig({ limits, high })],
    endpoints: { ledger: [endpointConfig(silent.port)] },
  });
  const ask = (path: string) => {
    const client = world.client().get(path);
    world.run(10);
    return client;
  };
  expect(world.cluster().high).toBeNull();
  const first = ask('/a');
  expect(ask('/b').statuses).toEqual([503]);
  const urgent = [ask('/high/a'), ask('/high/b')];
  expect(urgent.map(({ statuses }) => statuses.length)).toEqual([0, 0]);
  expect(ask('/high/c').statuses).toEqual([503]);
  // Each priority has its own limit of connections.
  expect(silent.connections.size).toBe(2);
  expect(world.cluster().lane.breaker).toMatchObject({ requests: 1, connections: 1 });
  expect(world.cluster().high!.breaker).toMatchObject({ requests: 2, connections: 1, pending: 1 });
  for (const connection of [...silent.connections]) connection.reply(200);
  world.run(10);
  for (const connection of [...silent.connections]) connection.reply(200);
  world.run(10);
  expect([first, ...urgent].map(({ statuses }) => statuses[0])).toEqual([200, 200, 200]);
  world.expectSettled();
  expect(world.cluster().high!.breaker).toMatchObject({ requests: 0, pending: 0 });
});

test('retries of each priority have their own limit', () => {
  const world = new World();
  const failing = world.origin((connection) => connection.reply(503));
  const retry = {
    on: ['StatusCodes'],
    statusCodes: [503],
    methods: ['GET'],
    idempotencyHeader: null,
    attempts: 1,
    backoff: { baseMs: 0, maxMs: 0 },
  } as const;
  const none = { kind: 'concurrency', max: 0 } as const;
  const high = {
    limits: { connections: 9, pending: 9, requests: 9 },
    retryLimit: { kind: 'concurrency', max: 3 } as const,
  };
  world.apply({
    routes,
    clusters: [clusterConfig({ retry, retryLimit: none, high })],
    endpoints: { ledger: [endpointConfig(failing.port)] },
  });
  world.client().get('/');
  world.run(50);
  expect(failing.requests.length).toBe(1);
  world.client().get('/high');
  world.run(50);
  expect(failing.requests.length).toBe(3);
});

test('an endpoint has no more connections than it may', () => {
  const world = new World();
  const silent = world.origin(() => {});
  world.serve([silent], { clusters: [clusterConfig({ connectionsPerEndpointMax: 2 })] });
  const clients = Array.from({ length: 5 }, () => world.client().get('/'));
  world.run(20);
  expect(silent.connections.size).toBe(2);
  expect(world.cluster().stats.connectionOverflow).toBeGreaterThan(0);
  for (let turn = 0; turn < 3; turn++) {
    for (const connection of [...silent.connections]) connection.reply(200);
    world.run(10);
  }
  expect(clients.map(({ statuses }) => statuses)).toEqual(clients.map(() => [200]));
  expect(silent.accepted).toBe(2);
  world.expectSettled();
});

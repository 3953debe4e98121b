// Attempts that run beside each other, in virtual time (Envoy's hedge_on_per_try_timeout).

import { expect, test } from 'bun:test';
import type { RetryPolicy } from '../../policy/index.ts';
import {
  clusterConfig,
  endpointConfig,
  forwardTo,
  ip,
  listenerConfig,
  route,
  routeConfig,
  testRetry,
} from '../testing/configs.ts';
import type { OriginConnection } from '../testing/peers.ts';
import { World } from '../testing/world.ts';

const policy: RetryPolicy = { ...testRetry, methods: null, attempts: 2, backoff: { baseMs: 1, maxMs: 1 } };

interface Setup {
  readonly retry?: RetryPolicy;
  readonly hedges?: boolean;
  readonly requestsMax?: number;
  readonly requestMs?: number;
}

/** Attempts wait in `held`, in their order, until the test answers them. An attempt has 100 ms. */
function setup({ hedges = true, requestMs = 5_000, requestsMax, retry = policy }: Setup = {}) {
  const world = new World();
  const held: OriginConnection[] = [];
  const origins = Array.from({ length: 4 }, () => world.origin((connection) => held.push(connection)));
  const timeouts = { requestMs, attemptMs: 100, idleMs: null };
  const limits = { connections: 100, pending: 100, requests: requestsMax ?? 100 };
  world.serve(origins, {
    routes: [routeConfig([route({ timeouts, retry, ...(hedges ? { hedges: true } : {}) })])],
    clusters: [clusterConfig({ limits })],
  });
  return { world, held, origins, client: world.client(), stats: world.cluster().stats };
}

/** Until `count` attempts run. */
function startAttempts(all: ReturnType<typeof setup>, count: number): void {
  all.client.get('/');
  all.world.run(50);
  for (let number = 1; number < count; number++) all.world.run(103);
  expect(all.held.length).toBe(count);
}

const slower = [
  ['the first attempt', 0],
  ['the second attempt', 1],
  ['the third attempt', 2],
] as const;

test.each(slower)('%s is the answer, and the others are reset', (_name, winner) => {
  const all = setup();
  const { client, held, world } = all;
  startAttempts(all, 3);
  expect(world.cluster().breaker.requests).toBe(3);
  held[winner]!.reply(200, `by ${winner}`);
  world.run(10);
  expect(client.statuses).toEqual([200]);
  expect(client.received).toContain(`by ${winner}`);
  expect(held.map(({ closed }) => closed)).toEqual([0, 1, 2].map((at) => at !== winner));
  expect(all.stats.attempts).toBe(3);
  expect(all.stats.retriesByReason.get('hedge')).toBe(2);
  expect(all.stats.attemptTimeouts).toBe(0);
  world.expectSettled();
  client.get('/');
  world.run(10);
  held[3]!.reply(200);
  world.run(10);
  expect(client.statuses).toEqual([200, 200]);
  world.expectSettled();
});

test('without hedging the slow one is reset before the next begins', () => {
  const all = setup({ hedges: false });
  startAttempts(all, 2);
  expect(all.held.map(({ closed }) => closed)).toEqual([true, false]);
  all.held[1]!.reply(200);
  all.world.run(10);
  expect(all.stats.attemptTimeouts).toBe(1);
  all.world.expectSettled();
});

test('a bad answer waits for a better one', () => {
  const all = setup();
  const { client, held, world } = all;
  startAttempts(all, 3);
  held[0]!.reply(503);
  held[2]!.reply(503);
  world.run(10);
  expect(client.statuses).toEqual([]);
  held[1]!.reply(200);
  world.run(10);
  expect(client.statuses).toEqual([200]);
  world.expectSettled();
});

test('the last bad answer is the answer', () => {
  const all = setup();
  const { client, held, world } = all;
  startAttempts(all, 3);
  held[2]!.reply(503, 'newest');
  held[1]!.socket.reset();
  world.run(10);
  expect(client.statuses).toEqual([]);
  held[0]!.reply(503, 'oldest');
  world.run(10);
  expect(client.statuses).toEqual([503]);
  expect(client.received).toContain('oldest');
  world.expectSettled();
});

test('all of them break: 503, once', () => {
  const all = setup();
  startAttempts(all, 3);
  for (const each of all.held) each.socket.reset();
  all.world.run(10);
  expect(all.client.statuses).toEqual([503]);
  all.world.expectSettled();
});

test('a bad answer of the newest is tried again beside the slow one', () => {
  const all = setup();
  const { client, held, world } = all;
  startAttempts(all, 2);
  held[1]!.reply(503);
  world.run(5);
  expect(held.length).toBe(3);
  expect(world.cluster().breaker.requests).toBe(2);
  held[0]!.reply(200, 'slow');
  world.run(5);
  expect(client.received).toContain('slow');
  expect(held[2]!.closed).toBe(true);
  world.expectSettled();
});

test('an answer within the back-off ends it', () => {
  const all = setup({ retry: { ...policy, backoff: { baseMs: 200, maxMs: 200 } } });
  const { client, held, world } = all;
  client.get('/');
  world.run(101);
  held[0]!.reply(200);
  world.run(500);
  expect(client.statuses).toEqual([200]);
  expect(held.length).toBe(1);
  world.expectSettled();
});

test('the request’s own time ends all of them, and counts each', () => {
  const all = setup({ requestMs: 300 });
  startAttempts(all, 3);
  all.world.run(100);
  expect(all.client.statuses).toEqual([504]);
  expect(all.stats.requestTimeouts).toBe(3);
  expect(all.held.every(({ closed }) => closed)).toBe(true);
  all.world.expectSettled();
});

test('a client that leaves ends all of them', () => {
  const all = setup();
  startAttempts(all, 3);
  all.client.socket.reset();
  all.world.run(10);
  expect(all.held.every(({ closed }) => closed)).toBe(true);
  all.world.expectSettled();
});

test('one beside another takes a request of the limit; where there is none, the slow one is waited for', () => {
  const all = setup({ requestsMax: 1 });
  const { client, held, stats, world } = all;
  client.get('/');
  world.run(400);
  expect(held.length).toBe(1);
  expect(stats.pendingOverflow).toBe(1);
  held[0]!.reply(200);
  world.run(10);
  expect(client.statuses).toEqual([200]);
  world.expectSettled();
});

test('a method that may not be repeated runs once', () => {
  const all = setup({ retry: { ...policy, methods: ['GET'] } });
  const { client, held, world } = all;
  client.post('/', 'body');
  world.run(400);
  expect(held.length).toBe(1);
  held[0]!.reply(200);
  world.run(10);
  expect(client.statuses).toEqual([200]);
  world.expectSettled();
});

test('each attempt says its own number, and bodies are sent to each', () => {
  const all = setup();
  const { client, held, origins, world } = all;
  client.post('/', 'whole body');
  world.run(260);
  const requests = origins.flatMap((origin) => origin.requests);
  expect(requests.map((text) => /attempt-count: (\d)/.exec(text)?.[1]).sort()).toEqual(['1', '2', '3']);
  expect(requests.every((text) => text.endsWith('whole body'))).toBe(true);
  held[0]!.reply(200);
  world.run(10);
  world.expectSettled();
});

test.each([
  ['still runs', false],
  ['failed after all', true],
])('what may not be hedged and %s is given up: %p', (_name, fails) => {
  const world = new World();
  const held: OriginConnection[] = [];
  const slow = world.origin((connection) => held.push(connection));
  const application = world.origin((connection) => connection.reply(500));
  const timeouts = { requestMs: 5_000, attemptMs: 100, idleMs: null };
  const hedged = route({ timeouts, retry: { ...policy, attempts: 1 }, hedges: true });
  const own = route({ action: forwardTo(['application', 1]) });
  const virtualHosts = [{ name: 'application', domains: ['*'], routes: [own] }];
  world.apply({
    listeners: [
      listenerConfig(),
      listenerConfig({ name: 'in', address: ip(15006), direction: 'inbound', routeConfig: 'in' }),
    ],
    routes: [routeConfig([hedged]), { name: 'in', virtualHosts }],
    clusters: [clusterConfig(), clusterConfig({ name: 'application' })],
    endpoints: { ledger: [endpointConfig(slow.port)], application: [endpointConfig(application.port)] },
  });
  const trace = ['traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'];
  const client = world.client().get('/', trace);
  world.run(400);
  expect(held.length).toBe(2);
  if (fails) for (const each of held) each.socket.reset();
  world.run(10);
  const caller = world.client(ip(15006)).get('/', trace);
  world.run(10);
  expect(caller.statuses).toEqual([500]);
  expect(caller.received.includes('x-weft-gave-up')).toBe(fails);
  if (!fails) held[1]!.reply(200);
  world.run(10);
  expect(client.statuses).toEqual([fails ? 503 : 200]);
  world.expectSettled();
});

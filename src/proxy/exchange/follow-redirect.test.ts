// Redirects that are followed here, in virtual time: what they hold and release. What they do is shown beside Envoy
// (redirects.peer.test.ts).

import { expect, test } from 'bun:test';
import { createIpRange, type IpRange, Timer } from '../../base/index.ts';
import type { InternalRedirects } from '../../policy/index.ts';
import { forwardTo, httpOptions, listenerConfig, route, routeConfig, testRetry } from '../testing/configs.ts';
import type { OriginConnection, Respond } from '../testing/peers.ts';
import { World } from '../testing/world.ts';

const redirects: InternalRedirects = {
  max: 5,
  statuses: [302],
  crossScheme: false,
  copied: [],
  predicates: [],
};

function setup(respond: Respond) {
  const world = new World();
  const origin = world.origin(respond);
  const action = { ...forwardTo(['ledger', 1]), redirects };
  const timeouts = { requestMs: 1_000, attemptMs: null, idleMs: null };
  world.serve([origin], { routes: [routeConfig([route({ action, retry: testRetry, timeouts })])] });
  return { world, origin, client: world.client(), stats: world.cluster().stats };
}

const elsewhere = (connection: OriginConnection, body = '') =>
  connection.reply(302, body, ['location: http://other.example/next']);

test('the same connection to the endpoint carries the next request, and the client’s the next answer', () => {
  const { client, origin, stats, world } = setup((connection, request) => {
    if (request.startsWith('POST /first')) elsewhere(connection, 'gone');
    else connection.reply(200, 'there');
  });
  client.post('/first', 'whole body');
  world.run(20);
  expect(client.statuses).toEqual([200]);
  expect(origin.requests[1]).toStartWith('POST /next HTTP/1.1\r\nhost: other.example\r\n');
  expect(origin.requests[1]).toContain('x-envoy-original-url: http://ledger/first');
  expect(origin.requests[1]).toEndWith('whole body');
  expect(stats.redirectsFollowed).toBe(1);
  world.expectSettled();
  client.get('/again');
  world.run(20);
  expect(client.statuses).toEqual([200, 200]);
  expect(client.closed).toBeNull();
  world.expectSettled();
});

test('a loop ends where the route says', () => {
  const { client, origin, stats, world } = setup((connection) => elsewhere(connection));
  client.get('/');
  world.run(50);
  expect(client.statuses).toEqual([302]);
  expect(origin.requests.length).toBe(1 + redirects.max);
  expect([stats.redirectsFollowed, stats.redirectsFailed]).toEqual([redirects.max, 1]);
  world.expectSettled();
});

test('a client that leaves between two of them ends it', () => {
  const { client, world } = setup((connection, request) => {
    if (request.startsWith('GET /next')) client.socket.reset();
    else elsewhere(connection);
  });
  client.get('/');
  world.run(50);
  world.expectSettled();
});

test('each has the time of its route, and its retries', () => {
  let tries = 0;
  const { client, origin, world } = setup((connection, request) => {
    if (!request.startsWith('GET /next')) elsewhere(connection);
    else if (tries++ === 0) connection.reply(503);
  });
  client.get('/');
  world.run(900);
  expect(client.statuses).toEqual([]);
  world.run(200);
  expect(client.statuses).toEqual([504]);
  expect(origin.requests.map((request) => /attempt-count: (\d)/.exec(request)?.[1])).toEqual(['1', '1', '2']);
  world.expectSettled();
});

test('a request that is not here as a whole is not made again', () => {
  const { client, origin, world } = setup(() => {});
  origin.onBytes = (connection) => elsewhere(connection);
  client.send('POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\nhalf');
  world.run(20);
  expect(client.statuses).toEqual([302]);
  expect(origin.requests).toEqual([]);
  expect(world.cluster().stats.redirectsFailed).toBe(1);
});

test.each([
  ['/public/../admin', '/admin'],
  ['/x//y', '/x/y'],
  ['/public/%2e%2E/admin?a/../b', '/admin?a/../b'],
  ['/a%2Fb', null],
  ['/%00', null],
])('a path sent elsewhere is held to the rules of the listener: %s', (path, next) => {
  const headRules = {
    escapedSlashes: 'reject' as const,
    normalizesPath: true,
    mergesSlashes: true,
    underscores: 'reject' as const,
    stripsPort: 'any' as const,
    stripsDot: false,
  };
  const world = new World();
  const origin = world.origin((connection, request) => {
    if (!request.startsWith('GET /first')) connection.reply(200);
    else connection.reply(302, '', [`location: http://other.example:81${path}`]);
  });
  const action = { ...forwardTo(['ledger', 1]), redirects };
  world.serve([origin], {
    listeners: [listenerConfig({ http: httpOptions({ headRules }) })],
    routes: [routeConfig([route({ action })])],
  });
  const client = world.client().get('/first');
  world.run(50);
  expect(client.statuses).toEqual([next === null ? 302 : 200]);
  expect(world.listener().stats.redirects.badLocation).toBe(next === null ? 1 : 0);
  if (next !== null)
    expect(origin.requests[1]).toStartWith(`GET ${next} HTTP/1.1\r\nhost: other.example\r\n`);
  world.expectSettled();
});

test.each([
  ['breaks', (connection: OriginConnection) => connection.socket.reset()],
  ['does not come', () => {}],
])('an answer of gRPC that is left and whose rest %s runs no more', (_name, end) => {
  const { client, world } = setup((connection, request) => {
    if (request.startsWith('GET /next')) connection.reply(200);
    else {
      const fields = 'location: http://other.example/next\r\ncontent-type: application/grpc\r\n';
      connection.send(`HTTP/1.1 302 Found\r\n${fields}content-length: 5\r\n\r\n`);
      world.clock.arm(new Timer({ onTimer: () => end(connection) }, 0), 5);
    }
  });
  client.get('/');
  world.run(10_000);
  expect(client.statuses).toEqual([200]);
  world.expectSettled();
});

const loopback = createIpRange('127.0.0.0', 8) as IpRange;

test.each([
  ['the stream’s', []],
  ['a gRPC caller’s', ['content-type: application/grpc', 'grpc-timeout: 500m']],
  ['an internal caller’s wish of', ['x-envoy-upstream-rq-timeout-ms: 300']],
  ['the expected', ['x-envoy-expected-rq-timeout-ms: 300']],
])('%s time is the same after it', (name, fields) => {
  const world = new World();
  const origin = world.origin((connection, request) => {
    if (!request.startsWith('GET /next'))
      world.clock.arm(new Timer({ onTimer: () => elsewhere(connection) }, 0), 200);
  });
  const http = httpOptions({
    streamDurationMs: name === 'the stream’s' ? 500 : 0,
    useRemoteAddress: true,
    internalRanges: [loopback],
    router: { quiet: false, strictHeaders: [], believesExpected: true, hidesGrpcCodes: false },
  });
  const action = { ...forwardTo(['ledger', 1]), redirects };
  const timeouts = { requestMs: 1_000, attemptMs: null, idleMs: null };
  world.serve([origin], {
    listeners: [listenerConfig({ http })],
    routes: [routeConfig([route({ action, timeouts })])],
  });
  const client = world.client().get('/', fields);
  world.run(490);
  expect([client.statuses, origin.requests.length]).toEqual([[], 2]);
  world.run(30);
  expect(client.statuses.length).toBe(1);
  world.expectSettled();
});

test('what was said of a retry is not said of the next request', () => {
  const world = new World();
  let asked = 0;
  const origin = world.origin((connection, request) => {
    if (request.startsWith('GET /next')) connection.reply(200);
    else if (asked++ > 0) elsewhere(connection);
  });
  const retry = { ...testRetry, on: ['AttemptTimeout' as const], attempts: 1 };
  const timeouts = { requestMs: 1_000, attemptMs: 100, idleMs: null };
  const action = { ...forwardTo(['ledger', 1]), redirects };
  world.serve([origin], {
    routes: [routeConfig([route({ action, retry, timeouts, marksTimeoutRetries: true })])],
  });
  const client = world.client().get('/');
  world.run(500);
  expect(client.statuses).toEqual([200]);
  const marks = origin.requests.map((text) => /is-timeout-retry: (\w+)/.exec(text)?.[1]);
  expect(marks).toEqual([undefined, 'true', undefined]);
  world.expectSettled();
});

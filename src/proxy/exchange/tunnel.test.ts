import { describe, expect, test } from 'bun:test';
import type { Route } from '../../policy/index.ts';
import {
  clusterConfig,
  forwardTo,
  httpOptions,
  listenerConfig,
  logTo,
  route,
  routeConfig,
  testRetry,
} from '../testing/configs.ts';
import type { Origin, OriginConnection, Respond } from '../testing/peers.ts';
import { World, type WorldOptions } from '../testing/world.ts';

const asks = ['connection: upgrade', 'upgrade: websocket'];
const switching = 'HTTP/1.1 101 Go\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n';
const agree: Respond = (connection) => connection.send(switching);

interface Setup extends WorldOptions {
  readonly respond?: Respond;
  readonly upgrades?: ReadonlyMap<string, boolean>;
  readonly route?: Partial<Route>;
}

function createWorld(setup: Setup = {}) {
  const lines: Record<string, unknown>[] = [];
  const world = new World({
    ...setup,
    createLogSink: () => ({
      write(bytes, handler) {
        const text = Buffer.from(bytes).toString();
        lines.push(
          ...text
            .trim()
            .split('\n')
            .map((line) => JSON.parse(line)),
        );
        handler.onWritten(null);
      },
      reopen: () => {},
      close: () => {},
    }),
  });
  const seen: string[] = [];
  const origin = world.origin(setup.respond ?? agree);
  origin.onBytes = (_connection, text) => seen.push(text);
  const upgrades = setup.upgrades ?? new Map([['websocket', true]]);
  world.serve([origin], {
    listeners: [listenerConfig({ http: httpOptions({ upgrades, ...logTo('log') }) })],
    routes: [routeConfig([route(setup.route ?? {})])],
    clusters: [clusterConfig({ retry: testRetry })],
  });
  return { world, origin, seen, lines };
}

function first(origin: Origin): OriginConnection {
  const [connection] = origin.connections;
  if (connection === undefined) throw new Error('nobody connected');
  return connection;
}

const forward = (more: object): Partial<Route> => ({
  action: { ...forwardTo(['ledger', 1]), ...more } as never,
});

describe('an upgrade', () => {
  test('becomes bytes both ways, is counted while it lasts, and is logged at its end', () => {
    const { world, origin, seen, lines } = createWorld();
    const client = world.client().get('/chat', asks);
    world.run(100);
    expect(client.take()).toStartWith('HTTP/1.1 101 Go\r\n');
    expect(world.listener().stats).toMatchObject({ upgradesTotal: 1, upgradesActive: 1 });
    client.send('ping');
    first(origin).send('pong');
    world.run(100);
    expect([client.take(), seen.at(-1)]).toEqual(['pong', 'ping']);
    expect(lines).toEqual([]);
    client.socket.end();
    world.run(100);
    expect(client.closed).toBe('in order');
    world.expectSettled();
    expect(world.listener().stats).toMatchObject({ upgradesTotal: 1, upgradesActive: 0 });
    world.run(2_000);
    expect(lines).toMatchObject([
      { response_code: 101, bytes_received: 4, bytes_sent: 4, failed_phase: null },
    ]);
  });

  test('says on both sides what is spoken', () => {
    const { world, origin } = createWorld();
    const client = world.client().get('/chat', asks);
    world.run(100);
    expect(origin.requests[0]).toContain('connection: Upgrade\r\nupgrade: websocket\r\n');
    expect(client.received).toContain('connection: Upgrade\r\nupgrade: websocket\r\n');
    expect(client.received).not.toContain('content-length');
  });

  for (const [name, upgrades, own, status] of [
    ['of a listener that says nothing', new Map(), undefined, 403],
    ['that the listener switches off', new Map([['websocket', false]]), undefined, 403],
    ['that the route switches off', new Map([['websocket', true]]), new Map([['websocket', false]]), 403],
    ['that the route allows', new Map(), new Map([['websocket', true]]), 101],
    ['of another name', new Map([['other', true]]), undefined, 403],
  ] as const) {
    test(`${name} is answered ${status}`, () => {
      const { world, origin, lines } = createWorld({
        upgrades,
        ...(own === undefined ? {} : { route: forward({ upgrades: own }) }),
      });
      const client = world.client().get('/chat', asks);
      world.run(100);
      expect(client.statuses).toEqual([status]);
      expect(origin.requests.length).toBe(status === 101 ? 1 : 0);
      if (status !== 403) return;
      client.send('GET /smuggled HTTP/1.1\r\nhost: ledger\r\n\r\n');
      world.run(5_000);
      expect(client.statuses).toEqual([403]);
      expect(client.received).toContain('connection: close');
      expect(world.listener().stats.upgradesRefused).toBe(1);
      world.run(2_000);
      expect(lines).toMatchObject([{ response_code: 403, response_code_details: 'upgrade_failed' }]);
    });
  }

  test('without a route is answered as any request is', () => {
    const { world } = createWorld({
      upgrades: new Map(),
      route: {
        match: { ...route().match, headers: [{ name: 'x', match: { kind: 'present' }, invert: false }] },
      },
    });
    const client = world.client().get('/chat', asks);
    world.run(100);
    expect(client.statuses).toEqual([404]);
  });

  test('what comes ahead of the answer waits for it, and never reaches who refuses', () => {
    for (const agrees of [true, false]) {
      const { world, origin, seen } = createWorld({ respond: () => {} });
      const client = world.client().get('/chat', asks).send('GET /smuggled HTTP/1.1\r\n\r\n');
      world.run(100);
      expect(origin.requests.length).toBe(1);
      seen.length = 0;
      if (agrees) first(origin).send(switching);
      else first(origin).reply(200, 'no');
      world.run(100);
      expect(client.statuses).toEqual([agrees ? 101 : 200]);
      expect(seen).toEqual(agrees ? ['GET /smuggled HTTP/1.1\r\n\r\n'] : []);
      client.socket.end();
      world.run(3_000);
      world.expectSettled();
    }
  });

  test('a client that floods before the answer is held back', () => {
    const { world, origin } = createWorld({ respond: () => {} });
    const client = world.client().get('/chat', asks);
    for (let piece = 0; piece < 64; piece++) client.send('x'.repeat(64 * 1024));
    world.run(1_000);
    expect(origin.requests.length).toBe(1);
    const held = 64 * 64 * 1024 - client.socket.queuedBytes;
    expect(held).toBeLessThan(2 * 1024 * 1024);
    client.socket.reset();
    world.run(3_000);
    world.expectSettled();
  });

  test('goes elsewhere while nobody has agreed', () => {
    const { world, origin, lines } = createWorld();
    origin.respond = (connection) => {
      if (origin.requests.length === 1) connection.reply(503, '');
      else agree(connection, '');
    };
    const client = world.client().get('/chat', asks);
    world.run(1_000);
    expect(client.statuses).toEqual([101]);
    client.socket.end();
    world.run(1_000);
    world.run(2_000);
    expect(lines).toMatchObject([{ response_code: 101, attempts: 2 }]);
    world.expectSettled();
  });

  for (const who of ['client', 'endpoint'] as const) {
    test(`the ${who} ends its half, the other goes on`, () => {
      const { world, origin, seen } = createWorld();
      const client = world.client().get('/chat', asks);
      // An origin that ends when its peer does would hide the other half.
      Object.assign(client, { onEnd: () => {} });
      world.run(100);
      const connection = first(origin);
      Object.assign(connection, { onEnd: () => seen.push('end') });
      client.take();
      if (who === 'client') client.socket.end();
      else connection.socket.end();
      world.run(10_000);
      if (who === 'client') connection.send('late');
      else client.send('late');
      world.run(100);
      if (who === 'client') expect([seen.at(-1), client.take()]).toEqual(['end', 'late']);
      else expect(seen.at(-1)).toBe('late');
      if (who === 'client') connection.socket.end();
      else client.socket.end();
      world.run(3_000);
      expect(client.closed).toBe('in order');
      world.expectSettled();
    });
  }

  test('ends when nothing moves for the idle time, and says so', () => {
    const { world, lines } = createWorld({
      route: { timeouts: { requestMs: 1_000, attemptMs: 500, idleMs: 3_000 } },
    });
    const client = world.client().get('/chat', asks);
    world.run(2_900);
    expect([client.statuses, client.closed]).toEqual([[101], null]);
    client.send('x');
    world.run(2_900);
    expect(client.closed).toBeNull();
    world.run(200);
    expect(client.closed).toBe('broken');
    world.run(2_000);
    expect(lines).toMatchObject([{ response_code: 101, response_flags: 'SI', failed_phase: 'relay' }]);
    world.run(3_000);
    world.expectSettled();
  });

  test('that nobody answers meets the timeout of the route', () => {
    const { world } = createWorld({
      respond: () => {},
      route: { timeouts: { requestMs: 1_000, attemptMs: null, idleMs: null } },
    });
    const client = world.client().get('/chat', asks);
    world.run(1_100);
    expect(client.statuses).toEqual([504]);
    world.run(3_000);
    world.expectSettled();
  });

  test('a reset of either side is passed on', () => {
    for (const who of ['client', 'endpoint'] as const) {
      const { world, origin } = createWorld();
      const client = world.client().get('/chat', asks);
      world.run(100);
      if (who === 'client') client.socket.reset();
      else first(origin).socket.reset();
      world.run(3_000);
      expect([client.closed, origin.connections.size]).toEqual(['broken', 0]);
      world.expectSettled();
    }
  });
});

describe('CONNECT', () => {
  const line = 'CONNECT db:5432 HTTP/1.1\r\nhost: db:5432\r\n\r\n';
  const match = { ...route().match, path: { kind: 'connect', value: '', ignoreCase: false } as const };
  const upgrades = new Map([['connect', true]]);

  test('that ends here becomes a connection of its own', () => {
    const { world, origin, seen, lines } = createWorld({
      route: { match, ...forward({ upgrades, connect: 'terminate' }) },
    });
    const client = world.client().send(line).send('early');
    world.run(100);
    expect(client.take()).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(seen.at(-1)).toBe('early');
    first(origin).send('hello');
    world.run(100);
    expect(client.take()).toBe('hello');
    client.socket.end();
    world.run(3_000);
    expect(client.closed).toBe('in order');
    world.run(2_000);
    expect(lines).toMatchObject([
      { method: 'CONNECT', response_code: 200, bytes_received: 5, bytes_sent: 5 },
    ]);
    world.expectSettled();
  });

  test('that ends here answers 503 when no endpoint takes it', () => {
    const { world, origin } = createWorld({
      route: { match, ...forward({ upgrades, connect: 'terminate' }) },
    });
    origin.close();
    const client = world.client().send(line);
    world.run(2_000);
    expect(client.statuses).toEqual([503]);
    expect(world.cluster().stats.connectFailures).toBeGreaterThan(0);
    world.run(3_000);
    world.expectSettled();
  });

  test('for the next proxy keeps its form', () => {
    const { world, origin } = createWorld({
      route: { match, ...forward({ upgrades }) },
      respond: (connection) => connection.send('HTTP/1.1 200 Fine\r\ncontent-length: 3\r\n\r\n'),
    });
    const client = world.client().send(line);
    world.run(100);
    expect(origin.requests[0]).toStartWith('CONNECT db:5432 HTTP/1.1\r\nhost: db:5432\r\n');
    expect(client.take()).toMatch(/^HTTP\/1\.1 200 Fine\r\n/);
    first(origin).send('hello');
    world.run(100);
    expect(client.take()).toBe('hello');
    client.socket.end();
    world.run(3_000);
    world.expectSettled();
  });

  test('is matched by no other route, and is refused where nobody allows it', () => {
    const other = createWorld();
    const client = other.world.client().send(line);
    other.world.run(100);
    expect(client.statuses).toEqual([404]);
    const refused = createWorld({ route: { match } });
    const second = refused.world.client().send(line);
    refused.world.run(100);
    expect(second.statuses).toEqual([403]);
  });
});

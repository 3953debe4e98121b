import { describe, expect, test } from 'bun:test';
import { clusterConfig, endpointConfig, testRetry } from '../testing/configs.ts';
import type { OriginConnection, Respond } from '../testing/peers.ts';
import { World } from '../testing/world.ts';

const silent: Respond = () => {};

function setup(options: Parameters<typeof clusterConfig>[0] = {}, respond: Respond = silent, origins = 1) {
  const world = new World();
  const list = Array.from({ length: origins }, () => world.origin(respond));
  world.serve(list, { clusters: [clusterConfig(options)] });
  return { world, origins: list, origin: list[0]!, stats: world.cluster().stats };
}

function answerAll(world: World): void {
  for (const origin of world.origins)
    for (const connection of origin.connections) if (connection.requests > 0) connection.reply(200, 'fine');
}

describe('limits', () => {
  test('requests beyond the limit are refused, flag UO', () => {
    const { world, stats } = setup({ limits: { connections: 10, pending: 10, requests: 2 } });
    const clients = Array.from({ length: 3 }, () => world.client().get('/'));
    world.run(20);
    expect(clients.flatMap((client) => client.statuses)).toEqual([503]);
    expect(stats.requestOverflow).toBe(1);
    answerAll(world);
    world.run(20);
    expect(clients.flatMap((client) => client.statuses).toSorted()).toEqual([200, 200, 503]);
    world.expectSettled();
  });

  test('beyond the connections requests wait their turn, first come first served', () => {
    const order: string[] = [];
    const { world, origin } = setup(
      { limits: { connections: 1, pending: 10, requests: 10 } },
      (connection, request) => {
        order.push(/GET (\S+)/.exec(request)![1]!);
        connection.reply(200);
      },
    );
    const clients = ['/1', '/2', '/3', '/4'].map((path) => {
      const client = world.client().get(path);
      world.run(0.2);
      return client;
    });
    world.run(100);
    expect(order).toEqual(['/1', '/2', '/3', '/4']);
    expect(clients.flatMap((client) => client.statuses)).toEqual([200, 200, 200, 200]);
    expect(origin.accepted).toBe(1);
    world.expectSettled();
  });

  test('beyond the queue they are refused', () => {
    const { world, stats } = setup({ limits: { connections: 1, pending: 1, requests: 10 } });
    const clients = Array.from({ length: 4 }, () => {
      const client = world.client().get('/');
      world.run(5);
      return client;
    });
    expect(clients.flatMap((client) => client.statuses)).toEqual([503, 503]);
    expect(stats.pendingOverflow).toBe(2);
    for (let round = 0; round < 2; round++) {
      answerAll(world);
      world.run(20);
    }
    expect(clients.flatMap((client) => client.statuses).toSorted()).toEqual([200, 200, 503, 503]);
    world.expectSettled();
  });

  test('an endpoint without a connection is not starved by the others', () => {
    const { world, origins } = setup(
      { limits: { connections: 1, pending: 10, requests: 10 } },
      (connection) => connection.reply(200),
      3,
    );
    for (let round = 0; round < 6; round++) {
      const client = world.client().get('/');
      world.run(50);
      expect(client.statuses).toEqual([200]);
    }
    expect(origins.map((origin) => origin.requests.length)).toEqual([2, 2, 2]);
    expect(world.cluster().breaker.connections).toBeLessThanOrEqual(2);
    world.expectSettled();
  });
});

describe('waiting', () => {
  test('a client that leaves while its request waits takes it out of the queue', () => {
    const { world, stats } = setup({ limits: { connections: 1, pending: 5, requests: 10 } });
    const first = world.client().get('/');
    world.run(5);
    const second = world.client().get('/');
    world.run(5);
    expect(stats.pending).toBe(1);
    second.socket.reset();
    world.run(5);
    expect(stats.pending).toBe(0);
    answerAll(world);
    world.run(20);
    expect(first.statuses).toEqual([200]);
    world.expectSettled();
  });

  test('every waiting request learns of its own failed connect', () => {
    const world = new World();
    world.apply({ endpoints: { ledger: [endpointConfig(1)] } });
    const clients = Array.from({ length: 5 }, () => world.client().get('/'));
    world.run(100);
    expect(clients.flatMap((client) => client.statuses)).toEqual([503, 503, 503, 503, 503]);
    expect(world.cluster().stats.connectFailures).toBe(5);
    world.expectSettled();
  });
});

describe('the life of a connection', () => {
  const reply: Respond = (connection) => connection.reply(200);

  function twice(world: World, gapMs: number): readonly number[] {
    const client = world.client().get('/');
    world.run(gapMs);
    client.get('/');
    world.run(50);
    return client.statuses;
  }

  test('the newest idle one is used first, so that surplus ones age', () => {
    const { world, origin } = setup({ idleTimeoutMs: 5_000 }, silent);
    const clients = Array.from({ length: 3 }, () => world.client().get('/'));
    world.run(20);
    answerAll(world);
    world.run(20);
    origin.respond = reply;
    for (let round = 0; round < 8; round++) {
      clients[0]!.get('/');
      world.run(2_000);
    }
    expect(origin.accepted).toBe(3);
    expect(origin.connections.size).toBe(1);
    world.expectSettled();
  });

  test('one that lay idle too long is not used', () => {
    const { world, origin } = setup({ idleTimeoutMs: 1_000 }, reply);
    expect(twice(world, 1_500)).toEqual([200, 200]);
    expect(origin.accepted).toBe(2);
    world.expectSettled();
  });

  test('the keep-alive time that the origin announces is kept', () => {
    const { world, origin } = setup({ idleTimeoutMs: 0 }, (connection: OriginConnection) =>
      connection.reply(200, '', ['keep-alive: timeout=5']),
    );
    expect(twice(world, 3_500)).toEqual([200, 200]);
    expect(origin.accepted).toBe(1);
    expect(twice(world, 4_500)).toEqual([200, 200]);
    expect(origin.accepted).toBe(2);
    world.expectSettled();
  });

  test('it ends after its number of requests', () => {
    const { world, origin } = setup({ requestsPerConnectionMax: 2 }, reply);
    expect(twice(world, 20)).toEqual([200, 200]);
    expect(twice(world, 20)).toEqual([200, 200]);
    expect(origin.accepted).toBe(2);
    expect(origin.connections.size).toBe(0);
    world.expectSettled();
  });

  test('it ends when the origin says so', () => {
    const { world, origin } = setup({}, (connection) => connection.reply(200, '', ['connection: close']));
    expect(twice(world, 20)).toEqual([200, 200]);
    expect(origin.accepted).toBe(2);
    world.expectSettled();
  });

  test('one that we ended is cut when the origin does not end it too', () => {
    const { world, origin } = setup({ requestsPerConnectionMax: 1 }, (connection) => {
      connection.onEnd = () => {};
      connection.reply(200);
    });
    world.client().get('/');
    world.run(1_900);
    expect(origin.connections.size).toBe(1);
    world.run(300);
    expect(origin.connections.size).toBe(0);
    world.expectSettled();
  });

  test('one that the origin closed while idle is forgotten', () => {
    const { world, origin } = setup({}, reply);
    const client = world.client().post('/', 'x');
    world.run(20);
    for (const connection of origin.connections) connection.socket.end();
    world.run(20);
    client.post('/', 'x');
    world.run(20);
    expect(client.statuses).toEqual([200, 200]);
    expect(origin.accepted).toBe(2);
    world.expectSettled();
  });

  test('bytes that nobody asked for end it', () => {
    const { world, origin } = setup({}, (connection) =>
      connection.send(
        'HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nbad',
      ),
    );
    const statuses = twice(world, 20);
    expect(statuses).toEqual([200, 200]);
    expect(origin.accepted).toBe(2);
    world.expectSettled();
  });
});

describe('ejection', () => {
  test('an endpoint that fails is left alone, and comes back', () => {
    const outlier = {
      consecutiveFailures: 3,
      successRate: null,
      intervalMs: 10_000,
      baseEjectionMs: 5_000,
      maxEjectionMs: 60_000,
      maxEjectedPercent: 50,
    };
    const { world, origins, stats } = setup(
      { outlier, retry: testRetry },
      (connection) => connection.reply(200),
      2,
    );
    const [bad, good] = origins as [(typeof origins)[0], (typeof origins)[0]];
    bad.respond = (connection) => connection.reply(503);
    function sendMany(count: number): void {
      for (let round = 0; round < count; round++) {
        const client = world.client().get('/');
        world.run(100);
        expect(client.statuses).toEqual([200]);
        client.socket.reset();
      }
    }
    sendMany(10);
    expect(stats.ejections).toBe(1);
    expect(world.cluster().candidateCount).toBe(1);
    const seen = bad.requests.length;
    sendMany(10);
    expect(bad.requests.length).toBe(seen);
    bad.respond = good.respond;
    world.run(10_000);
    expect(world.cluster().candidateCount).toBe(2);
    sendMany(4);
    expect(bad.requests.length).toBeGreaterThan(seen);
    world.expectSettled();
  });

  test('switching it off brings everybody back', () => {
    const outlier = {
      consecutiveFailures: 1,
      successRate: null,
      intervalMs: 10_000,
      baseEjectionMs: 60_000,
      maxEjectionMs: 60_000,
      maxEjectedPercent: 50,
    };
    const { world, origins } = setup({ outlier }, (connection) => connection.reply(503), 2);
    world.client().get('/');
    world.run(20);
    expect(world.cluster().candidateCount).toBe(1);
    world.serve(origins, { version: '2', clusters: [clusterConfig()] });
    expect(world.cluster().candidateCount).toBe(2);
  });
});

describe('the sweep follows the shortest timeout', () => {
  for (const [idleTimeoutMs, within] of [
    [500, 150],
    [5_000, 1_300],
    [100_000, 10_500],
  ] as const) {
    test(`an idle connection of a cluster with idle_timeout ${idleTimeoutMs} ms goes soon after it`, () => {
      const { world } = setup({ idleTimeoutMs }, (connection) => connection.reply(200));
      world.client().get('/');
      world.run(20);
      expect(world.cluster().stats.connectionsActive).toBe(1);
      world.run(idleTimeoutMs - 30);
      expect(world.cluster().stats.connectionsActive).toBe(1);
      world.run(within + 30);
      expect(world.cluster().stats.connectionsActive).toBe(0);
    });
  }
});

describe('endpoints', () => {
  test('one that is listed twice holds its better priority, of two alike the first', () => {
    const { world, origins } = setup({}, (connection) => connection.reply(200), 2);
    const [one, other] = origins.map(({ port }) => port) as [number, number];
    world.serve([], {
      version: '2',
      endpoints: {
        ledger: [
          endpointConfig(one, { priority: 1 }),
          endpointConfig(other, { priority: 1, name: 'first' }),
          endpointConfig(one, { priority: 0 }),
          endpointConfig(other, { priority: 1, name: 'second' }),
        ],
      },
    });
    const list = world.cluster().endpoints.map(({ address, priority, name }) => [address, priority, name]);
    expect(list).toEqual([
      [endpointConfig(one).address, 0, `pod-${one}`],
      [endpointConfig(other).address, 1, 'first'],
    ]);
  });

  test('priorities may leave gaps', () => {
    const { world, origin } = setup({}, (connection) => connection.reply(200));
    world.serve([], { version: '2', endpoints: { ledger: [endpointConfig(origin.port, { priority: 3 })] } });
    const client = world.client().get('/');
    world.run(20);
    expect(client.statuses).toEqual([200]);
  });
});

test('a connection limit lets a retry that must dial have the place of an idle connection', () => {
  let stale = false;
  const { world, origin } = setup({ limits: { connections: 2, pending: 4, requests: 8 } }, (connection) => {
    if (stale && connection.requests > 1) connection.socket.end();
    else connection.reply(200);
  });
  const clients = [world.client().get('/'), world.client().get('/')];
  world.run(20);
  stale = true;
  clients[0]!.get('/');
  world.run(50);
  expect(clients[0]!.statuses).toEqual([200, 200]);
  expect(origin.accepted).toBe(3);
  world.expectSettled();
});

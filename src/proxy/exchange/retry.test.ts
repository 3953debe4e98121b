import { describe, expect, test } from 'bun:test';
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
import { answer200, type Origin, type Respond } from '../testing/peers.ts';
import { sum, World } from '../testing/world.ts';

const reset: Respond = (connection) => connection.socket.reset();
const unavailable: Respond = (connection) => connection.reply(503, 'not now');

interface Setup {
  readonly retry?: RetryPolicy | null;
  readonly respond: readonly Respond[];
  readonly percent?: number;
  readonly minCount?: number;
}

function setup({ retry = testRetry, respond, percent, minCount = 0 }: Setup) {
  const world = new World();
  const origins = respond.map((each) => world.origin(each));
  const retryBudget =
    percent === undefined
      ? null
      : {
          kind: 'window' as const,
          percent,
          intervalMs: 10_000,
          minRetries: { count: minCount, intervalMs: 1_000 },
        };
  world.serve(origins, { clusters: [clusterConfig({ retry, retryLimit: retryBudget })] });
  return { world, origins, stats: world.cluster().stats };
}

function requestCount(origins: readonly Origin[]): number {
  return sum(origins.map((origin) => origin.requests.length));
}

/** Sends one request for each endpoint, so that round robin meets them all. */
function sendEach(world: World, count: number, send: (client: ReturnType<World['client']>) => void) {
  return Array.from({ length: count }, () => {
    const client = world.client();
    send(client);
    world.run(2_000);
    return client;
  });
}

describe('what is retried', () => {
  const cases: readonly (readonly [
    name: string,
    method: string,
    fields: readonly string[],
    bad: Respond,
    retried: boolean,
  ])[] = [
    ['GET after a reset', 'GET', [], reset, true],
    ['GET after a 503', 'GET', [], unavailable, true],
    ['PUT after a reset', 'PUT', [], reset, true],
    ['POST after a reset', 'POST', [], reset, false],
    ['POST after a 503', 'POST', [], unavailable, false],
    ['POST with a key after a reset', 'POST', ['idempotency-key: 1'], reset, true],
    ['POST with a key after a 503', 'POST', ['idempotency-key: 1'], unavailable, true],
  ];
  for (const [name, method, fields, bad, retried] of cases) {
    test(`${name}: ${retried ? 'yes' : 'no'}`, () => {
      const { world, origins, stats } = setup({ respond: [bad, answer200] });
      const clients = sendEach(world, 2, (client) =>
        client.send(`${method} / HTTP/1.1\r\nhost: ledger\r\n${fields.map((f) => `${f}\r\n`).join('')}\r\n`),
      );
      const statuses = clients.flatMap((client) => client.statuses);
      expect(statuses.filter((status) => status === 200)).toHaveLength(retried ? 2 : 1);
      expect(stats.retries).toBe(retried ? 1 : 0);
      expect(requestCount(origins)).toBe(retried ? 3 : 2);
      world.expectSettled();
    });
  }

  test('the attempts are counted for the next hop, and another endpoint is asked', () => {
    const { world, origins } = setup({ respond: [unavailable, answer200] });
    sendEach(world, 2, (client) => client.get('/'));
    const counts = origins[1]!.requests.map((request) => /x-envoy-attempt-count: (\d)/.exec(request)![1]);
    expect(counts.toSorted()).toEqual(['1', '2']);
    expect(origins[0]!.requests).toHaveLength(1);
  });

  test('all attempts failing gives the last answer and says so', () => {
    const { world, origins, stats } = setup({ respond: [unavailable, unavailable, unavailable] });
    const client = world.client().get('/');
    world.run(2_000);
    expect(client.statuses).toEqual([503]);
    expect(client.received).toEndWith('not now');
    expect(requestCount(origins)).toBe(3);
    expect(stats.refusedRetries('exhausted')).toBe(1);
    expect(stats.retriesByReason.get('status-5xx')).toBe(2);
    world.expectSettled();
  });

  test('a long answer that is not passed on costs its connection, a short one does not', () => {
    const long: Respond = (connection) => connection.reply(503, 'x'.repeat(100_000));
    for (const [bad, kept] of [
      [long, 0],
      [unavailable, 1],
    ] as const) {
      const { world, origins } = setup({ respond: [bad, answer200] });
      sendEach(world, 2, (client) => client.get('/'));
      expect(origins[0]!.connections.size).toBe(kept);
      world.expectSettled();
    }
  });

  test('an endless answer that is not passed on is cut', () => {
    const { world, origins } = setup({
      respond: [
        (connection) => connection.send('HTTP/1.1 503 No\r\ncontent-length: 5000\r\n\r\nx'),
        answer200,
      ],
    });
    sendEach(world, 2, (client) => client.get('/'));
    expect(origins[0]!.connections.size).toBe(0);
    world.expectSettled();
  });
});

describe('never sent', () => {
  test('a refused connection goes to another endpoint, whatever the method and without a policy', () => {
    const world = new World();
    const origin = world.origin();
    world.apply({ endpoints: { ledger: [endpointConfig(1), endpointConfig(origin.port)] } });
    const clients = sendEach(world, 4, (client) => client.post('/', 'pay'));
    expect(clients.flatMap((client) => client.statuses)).toEqual([200, 200, 200, 200]);
    expect(origin.requests.every((request) => request.endsWith('pay'))).toBe(true);
    expect(world.cluster().stats.retriesByReason.get('connect-refused')).toBeGreaterThan(0);
    world.expectSettled();
  });

  test('with one endpoint there is nowhere to go: 503, flag UF', () => {
    const world = new World();
    world.apply({ endpoints: { ledger: [endpointConfig(1)] } });
    const client = world.client().get('/');
    world.run(100);
    expect(client.statuses).toEqual([503]);
    expect(client.received).toContain('connection refused');
    expect(world.cluster().stats.connectFailures).toBe(1);
    world.expectSettled();
  });

  test('a policy of no attempts switches it off', () => {
    const world = new World();
    const origin = world.origin();
    world.apply({
      clusters: [clusterConfig({ retry: { ...testRetry, attempts: 0 } })],
      endpoints: { ledger: [endpointConfig(1), endpointConfig(origin.port)] },
    });
    const clients = sendEach(world, 2, (client) => client.get('/'));
    expect(clients.flatMap((client) => client.statuses).toSorted()).toEqual([200, 503]);
    world.expectSettled();
  });

  test('a peer that does not answer the connect is given up in time', () => {
    const world = new World();
    const origin = world.origin();
    const far = ip(9000, '10.0.0.9');
    world.network.createProcess('far', '10.0.0.9');
    world.network.partition('127.0.0.1', '10.0.0.9');
    world.apply({
      clusters: [clusterConfig({ connectTimeoutMs: 300 })],
      endpoints: { ledger: [endpointConfig(0, { address: far }), endpointConfig(origin.port)] },
    });
    const clients = sendEach(world, 2, (client) => client.get('/'));
    expect(clients.flatMap((client) => client.statuses)).toEqual([200, 200]);
    // Whoever chose the other one first.
    expect(world.cluster().stats.connectTimeouts).toBeGreaterThan(0);
    world.expectSettled();
  });
});

describe('pooled connections that the origin closed', () => {
  test('an idempotent request is sent again on a new connection, without a policy', () => {
    const { world, origins, stats } = setup({
      retry: null,
      respond: [
        (connection) => {
          if (connection.requests === 1) connection.reply(200, 'first');
          else connection.socket.end();
        },
      ],
    });
    const client = world.client().get('/');
    world.run(20);
    client.get('/');
    world.run(20);
    expect(client.statuses).toEqual([200, 200]);
    expect(origins[0]!.accepted).toBe(2);
    expect(stats.retriesByReason.get('peer-closed')).toBe(1);
    world.expectSettled();
  });

  test('also when all pooled connections ended together: the retry dials', () => {
    const world = new World({ conditions: { latencyMs: 10 } });
    let healthy = true;
    const origin = world.origin((connection) => {
      if (healthy || connection.requests === 1) connection.reply(200, 'fine');
    });
    world.serve([], {
      listeners: [listenerConfig({ address: world.listenAddress })],
      endpoints: { ledger: [endpointConfig(origin.port, { address: ip(origin.port, '10.0.0.3') })] },
    });
    const clients = Array.from({ length: 8 }, () => world.client().get('/'));
    world.run(200);
    expect(world.cluster().endpoints[0]!.idleConnections).toBe(8);
    healthy = false;
    clients[0]!.take();
    clients[0]!.get('/');
    // The request is on its way through the proxy when all eight end; their ends have not arrived there yet.
    world.run(12);
    for (const connection of [...origin.connections]) connection.socket.end();
    world.run(300);
    expect(clients[0]!.statuses).toEqual([200]);
    expect(origin.accepted).toBe(9);
    world.expectSettled();
  });

  test('a POST is not: it may have been executed', () => {
    const { world, origins } = setup({
      retry: null,
      respond: [
        (connection) => {
          if (connection.requests === 1) connection.reply(200, 'first');
          else connection.socket.end();
        },
      ],
    });
    const client = world.client().post('/', 'pay');
    world.run(20);
    client.post('/', 'pay');
    world.run(20);
    expect(client.statuses).toEqual([200, 503]);
    expect(origins[0]!.accepted).toBe(1);
    world.expectSettled();
  });
});

describe('bodies', () => {
  test('a body is sent again whole', () => {
    const { world, origins } = setup({ respond: [unavailable, answer200] });
    const body = 'b'.repeat(50_000);
    sendEach(world, 2, (client) => client.post('/', body, ['idempotency-key: 1']));
    expect(requestCount(origins)).toBe(3);
    for (const origin of origins) for (const request of origin.requests) expect(request).toEndWith(body);
    world.expectSettled();
  });

  test('200 kB are sent again: Envoy’s buffer of 1 MiB means what it says', () => {
    const { world, origins } = setup({ respond: [unavailable, answer200] });
    const body = 'b'.repeat(200_000);
    const clients = sendEach(world, 2, (client) => client.post('/', body, ['idempotency-key: 1']));
    expect(clients.flatMap((client) => client.statuses)).toEqual([200, 200]);
    for (const origin of origins) for (const request of origin.requests) expect(request).toEndWith(body);
    world.expectSettled();
  });

  test('one beyond the route’s buffer is not kept, its failure is the answer, and that is counted', () => {
    const world = new World();
    const origins = [world.origin(unavailable), world.origin(answer200)];
    world.serve(origins, {
      clusters: [clusterConfig({ retry: testRetry })],
      routes: [routeConfig([route({ bufferBytesMax: 64 * 1024 })])],
    });
    const { stats } = world.cluster();
    const body = 'b'.repeat(70_000);
    const clients = sendEach(world, 2, (client) => client.post('/', body, ['idempotency-key: 1']));
    expect(clients.flatMap((client) => client.statuses).toSorted()).toEqual([200, 503]);
    expect(stats.retries).toBe(0);
    expect(stats.refusedRetries('body-gone')).toBe(1);
    world.expectSettled();
  });

  test('a body still arriving when the first attempt fails goes to the second', () => {
    const { world, origins } = setup({ respond: [answer200, answer200] });
    for (const origin of origins)
      origin.onBytes = (connection, text) => {
        if (origin === origins[0] && text.includes('first')) connection.socket.reset();
      };
    for (let round = 0; round < 2; round++) {
      const client = world
        .client()
        .send('PUT / HTTP/1.1\r\nhost: ledger\r\ncontent-length: 11\r\n\r\nfirst ');
      world.run(500);
      client.send('later');
      world.run(500);
      expect(client.statuses).toEqual([200]);
    }
    expect(origins[1]!.requests).toHaveLength(2);
    for (const request of origins[1]!.requests) expect(request).toEndWith('first later');
    world.expectSettled();
  });
});

describe('budget', () => {
  test('over it the original failure is the answer, counted', () => {
    const { world, origins, stats } = setup({ respond: [unavailable], percent: 20 });
    const clients = sendEach(world, 10, (client) => client.get('/'));
    expect(clients.every((client) => client.received.endsWith('not now'))).toBe(true);
    expect(stats.retries).toBeLessThanOrEqual(2);
    expect(requestCount(origins)).toBe(10 + stats.retries);
    expect(stats.refusedRetries('no-budget')).toBeGreaterThan(0);
    world.expectSettled();
  });

  test('the floor lets a lone caller retry', () => {
    const { world, stats } = setup({ respond: [unavailable, answer200], percent: 0, minCount: 5 });
    const clients = sendEach(world, 2, (client) => client.get('/'));
    expect(clients.flatMap((client) => client.statuses)).toEqual([200, 200]);
    expect(stats.retries).toBe(1);
    expect(stats.retrySuccess).toBe(1);
  });
});

describe('Envoy’s limits count what runs at once', () => {
  const others = { ...testRetry, backoff: { baseMs: 0, maxMs: 0 } };

  test('40 requests in a row that need one retry each all get one under max_retries 3', () => {
    const world = new World();
    const origins = [world.origin(unavailable), world.origin(answer200)];
    world.serve(origins, {
      clusters: [clusterConfig({ retry: others, retryLimit: { kind: 'concurrency', max: 3 } })],
    });
    const clients = sendEach(world, 40, (client) => client.get('/'));
    expect(clients.flatMap((client) => client.statuses)).toEqual(new Array(40).fill(200));
    expect(world.cluster().stats.retries).toBeGreaterThan(11);
    expect(world.cluster().retryBudgetRemaining(0)).toBe(3);
    world.expectSettled();
  });

  test('the fourth retry at one moment is not made; a client that leaves gives its own back', () => {
    const world = new World();
    const origins = [world.origin((connection) => connection.requests > 1 || connection.reply(503))];
    const retry = { ...others, attempts: 1, statusCodes: [503] };
    world.serve(origins, {
      clusters: [clusterConfig({ retry, retryLimit: { kind: 'concurrency', max: 3 } })],
    });
    const clients = Array.from({ length: 5 }, () => world.client().get('/'));
    world.run(50);
    // Three wait for the answer of their second attempt; two were told 503 at once.
    expect(clients.map((client) => client.statuses.length).toSorted()).toEqual([0, 0, 0, 1, 1]);
    expect(world.cluster().retryBudgetRemaining(0)).toBe(0);
    for (const client of clients) client.socket.reset();
    world.run(50);
    expect(world.cluster().retryBudgetRemaining(0)).toBe(3);
    world.expectSettled();
  });
});

test('where the host is the endpoint’s own, each attempt has it, and what came is told once', () => {
  const world = new World();
  const origins = [world.origin(unavailable), world.origin(unavailable), world.origin(answer200)];
  const named = {
    ...forwardTo(['ledger', 1]),
    rewriteAuthorityByEndpoint: true,
    appendForwardedHost: true,
  } as const;
  world.serve(origins, {
    routes: [routeConfig([route({ action: named })])],
    clusters: [clusterConfig({ retry: { ...testRetry, attempts: 3, statusCodes: [503] } })],
    endpoints: {
      // The second one has no name: it is asked for what was asked before.
      ledger: origins.map(({ port }, at) =>
        endpointConfig(port, { hostname: at === 1 ? '' : `h${at}.example` }),
      ),
    },
  });
  for (let client = 0; client < 3; client++) world.client().get('/');
  world.run(5_000);
  for (const [at, { requests }] of origins.entries())
    for (const request of requests) {
      const host = /\r\nhost: (\S+)/i.exec(request)?.[1];
      if (at !== 1) expect(host).toBe(`h${at}.example`);
      const first = at === 1 && request.includes('x-envoy-attempt-count: 1');
      const told = (name: string) =>
        [...request.matchAll(new RegExp(`\\r\\n${name}: (\\S+)`, 'gi'))].map(([, one]) => one);
      if (!first) expect(told('x-envoy-original-host')).toEqual(['ledger']);
      if (!first) expect(told('x-forwarded-host')).toEqual(['ledger']);
    }
  expect(origins.flatMap(({ requests }) => requests).length).toBeGreaterThan(3);
  world.expectSettled();
});

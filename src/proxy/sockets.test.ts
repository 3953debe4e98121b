import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { until } from '../testing/until.ts';
import { clusterConfig, ip, listenerConfig, route, routeConfig, testRetry } from './testing/configs.ts';
import type { Respond } from './testing/peers.ts';
import { RealWorld } from './testing/real.ts';
import { expectBooksBalance } from './testing/world.ts';

let world: RealWorld;

beforeEach(() => {
  world = new RealWorld();
});

afterEach(async () => {
  await world.stop();
});

async function statusesOf(
  client: ReturnType<RealWorld['client']>,
  count: number,
): Promise<readonly number[]> {
  await until('the answers', () => client.statuses.length >= count || client.closed !== null);
  return client.statuses;
}

describe('faulty origins', () => {
  const cases: readonly (readonly [name: string, respond: Respond, expected: number])[] = [
    ['resets', (connection) => connection.socket.reset(), 503],
    ['closes without a byte', (connection) => connection.socket.end(), 503],
    [
      'closes within the head',
      (connection) => {
        connection.send('HTTP/1.1 200 OK\r\nconte');
        connection.socket.end();
      },
      503,
    ],
    ['sends garbage', (connection) => connection.send('\x01\x02\x03\r\n\r\n'), 502],
    ['never answers', () => {}, 504],
  ];
  for (const [name, respond, expected] of cases) {
    test(`one that ${name} gives ${expected}, and the connection of the client stays`, async () => {
      const origin = world.origin(respond);
      const timeouts = { requestMs: 100, attemptMs: null, idleMs: null };
      world.serve([origin.port], { routes: [routeConfig([route({ timeouts })])] });
      const client = world.client().post('/', 'x');
      expect(await statusesOf(client, 1)).toEqual([expected]);
      origin.respond = (connection) => connection.reply(200);
      client.post('/', 'x');
      expect(await statusesOf(client, 2)).toEqual([expected, 200]);
      expectBooksBalance(world.plane);
    });
  }

  test('one that resets within the body breaks the client’s connection too', async () => {
    const origin = world.origin((connection) => {
      connection.send('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\npart');
      setImmediate(() => connection.socket.reset());
    });
    world.serve([origin.port]);
    const client = world.client().get('/');
    await until('the end', () => client.closed !== null);
    expect(client.closed).toBe('broken');
    await until('the books', () => world.plane.listeners.get('outbound')!.stats.active === 0);
    expectBooksBalance(world.plane);
  });

  test('nobody listens: refused at once, and retried at one who does', async () => {
    const origin = world.origin();
    const gone = world.origin();
    gone.close();
    world.serve([gone.port, origin.port], { clusters: [clusterConfig({ retry: testRetry })] });
    const client = world.client();
    for (let round = 1; round <= 4; round++) {
      client.post('/', 'x');
      expect(await statusesOf(client, round)).toHaveLength(round);
    }
    expect(client.statuses).toEqual([200, 200, 200, 200]);
    expectBooksBalance(world.plane);
  });
});

describe('clients', () => {
  test('a request in single bytes is understood', async () => {
    const origin = world.origin();
    world.serve([origin.port]);
    const client = world.client();
    await until('the connection', () => client.opened);
    for (const byte of 'POST / HTTP/1.1\r\nhost: ledger\r\ncontent-length: 2\r\n\r\nhi') {
      client.send(byte);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await statusesOf(client, 1)).toEqual([200]);
    expect(origin.requests[0]).toEndWith('hi');
  });

  test('one that resets cancels its request', async () => {
    const origin = world.origin(() => {});
    world.serve([origin.port]);
    const client = world.client().get('/');
    await until('the request', () => origin.requests.length === 1);
    client.socket.reset();
    await until('the cancellation', () => origin.connections.size === 0);
    expect(world.plane.clusters.get('ledger')!.stats.cancelled).toBe(1);
    expectBooksBalance(world.plane);
  });

  test('10 MB pass in both directions', async () => {
    const body = Buffer.alloc(10_000_000, 'weft');
    const echo = Bun.serve({
      port: 0,
      hostname: '127.0.0.1',
      maxRequestBodySize: 20_000_000,
      fetch: async (request) => new Response(await request.arrayBuffer()),
    });
    world.serve([echo.port!]);
    const response = await fetch(world.url, { method: 'POST', body, headers: { host: 'ledger' } });
    expect(Buffer.compare(Buffer.from(await response.arrayBuffer()), body)).toBe(0);
    await until('the books', () => world.plane.listeners.get('outbound')!.stats.active === 0);
    expectBooksBalance(world.plane);
    await echo.stop(true);
  });
});

describe('listeners', () => {
  test('an address in use is an issue', async () => {
    const taken = world.origin();
    world.serve([taken.port], { listeners: [listenerConfig({ address: ip(taken.port) })] });
    expect(world.plane.issues).toHaveLength(1);
    expect(world.plane.issues[0]!.value).toBe(`127.0.0.1:${taken.port}`);
  });

  test('draining ends idle connections and accepts no more', async () => {
    const origin = world.origin();
    world.serve([origin.port]);
    const client = world.client().get('/');
    await statusesOf(client, 1);
    await world.plane.drain();
    await until('the end', () => client.closed !== null);
    expect(client.closed).toBe('in order');
    expect(world.plane.listeners.get('outbound')!.address).toBeNull();
  });
});

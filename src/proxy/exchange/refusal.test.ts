import { describe, expect, test } from 'bun:test';
import { formatAddress } from '../../net/index.ts';
import type { LimitsConfig, RetryPolicy } from '../../policy/index.ts';
import {
  clusterConfig,
  endpointConfig,
  forwardTo,
  ip,
  listenerConfig,
  route,
  routeConfig,
  snapshot,
  testRetry,
} from '../testing/configs.ts';
import type { Respond } from '../testing/peers.ts';
import { expectBooksBalance, World } from '../testing/world.ts';
import { encodeRefusal, parseRefusal } from './refusal.ts';

describe('the marker', () => {
  test('is read back', () => {
    expect(parseRefusal(encodeRefusal(false, 'connect-refused'))).toBe('unsent');
    expect(parseRefusal(encodeRefusal(true, 'peer-reset'))).toBe('sent');
    expect(parseRefusal('yes')).toBe('none');
    expect(parseRefusal(null)).toBe('none');
  });
});

/** A callee's sidecar in front of `port`, listening on `listen`, for the authority "ledger" alone. */
function sidecar(world: World, listen: number, port: number) {
  const plane = world.createPlane('bank/ledger');
  const misdirected = route({ name: 'misdirected', action: { kind: 'respond', status: 421, body: '' } });
  const own = route({ action: forwardTo(['inbound:80', 1]) });
  plane.apply(
    snapshot({
      listeners: [
        listenerConfig({
          name: 'inbound',
          address: ip(listen),
          direction: 'inbound',
          routeConfig: 'inbound',
        }),
      ],
      routes: [
        {
          name: 'inbound',
          virtualHosts: [
            { name: 'bank/ledger:80', domains: ['ledger'], routes: [own] },
            { name: 'misdirected', domains: ['*'], routes: [misdirected] },
          ],
        },
      ],
      clusters: [clusterConfig({ name: 'inbound:80' })],
      endpoints: { 'inbound:80': [endpointConfig(port)] },
    }),
  );
  return plane;
}

interface Setup {
  readonly proxied?: boolean;
  readonly retry?: boolean;
  /** Answers of the two applications; null: nothing listens. */
  readonly applications: readonly [Respond | null, Respond | null];
}

function setup({ proxied = true, retry = false, applications }: Setup) {
  const world = new World({ peer: 'bank/payments' });
  const origins = applications.map((respond) => (respond === null ? null : world.origin(respond)));
  const planes = origins.map((origin, index) => sidecar(world, 15106 + index, origin?.port ?? 1));
  world.apply({
    clusters: [clusterConfig({ retry: retry ? testRetry : null })],
    endpoints: { ledger: [endpointConfig(15106, { proxied }), endpointConfig(15107, { proxied })] },
  });
  return { world, origins, planes };
}

const fine: Respond = (connection) => connection.reply(200, 'fine');

function postMany(world: World, count: number): readonly (readonly number[])[] {
  return Array.from({ length: count }, () => {
    const client = world.client().post('/pay', 'body', []);
    world.run(500);
    return client.statuses;
  });
}

describe('a callee that could not reach its application', () => {
  test('says so in its answer', () => {
    const { world } = setup({ applications: [null, null] });
    const client = world.client(ip(15106)).get('/');
    world.run(100);
    expect(client.statuses).toEqual([503]);
    expect(client.received).toContain('x-weft-refused: unsent; reason=connect-refused\r\n');
  });

  test('even a POST goes to another endpoint, with its body', () => {
    const { world, origins, planes } = setup({ applications: [null, fine] });
    expect(postMany(world, 4)).toEqual([[200], [200], [200], [200]]);
    expect(origins[1]!.requests).toHaveLength(4);
    for (const request of origins[1]!.requests) expect(request).toEndWith('body');
    expect(world.cluster().stats.refusedUnsent).toBeGreaterThan(0);
    expect(world.cluster().stats.retriesByReason.get('unsent')).toBeGreaterThan(0);
    world.expectSettled();
    for (const plane of planes) expectBooksBalance(plane);
  });

  test('is not believed without being marked proxied: its 503 is the answer', () => {
    const { world } = setup({ proxied: false, applications: [null, fine] });
    expect(postMany(world, 2).flat().toSorted()).toEqual([200, 503]);
    expect(world.cluster().stats.refusedUnsent).toBe(0);
  });

  test('the marker never reaches the caller’s application', () => {
    const { world } = setup({ applications: [null, null] });
    const client = world.client().post('/', 'x');
    world.run(500);
    expect(client.statuses).toEqual([503]);
    expect(client.received).not.toContain('x-weft-refused');
  });
});

describe('an application cannot pose as a proxy', () => {
  test('its marker is taken off by its own sidecar', () => {
    const forged: Respond = (connection) =>
      connection.reply(503, 'no', ['x-weft-refused: unsent; reason=connect-refused']);
    const { world, origins } = setup({ applications: [forged, forged] });
    expect(postMany(world, 2)).toEqual([[503], [503]]);
    expect(origins.map((origin) => origin!.requests.length)).toEqual([1, 1]);
    expect(world.cluster().stats.refusedUnsent).toBe(0);
  });

  test('a failure after sending is marked sent, and a POST is not repeated', () => {
    const broken: Respond = (connection) => connection.socket.reset();
    const { world, origins } = setup({ retry: true, applications: [broken, broken] });
    expect(postMany(world, 2)).toEqual([[503], [503]]);
    expect(origins.map((origin) => origin!.requests.length)).toEqual([1, 1]);
    expect(world.cluster().stats.refusedSent).toBe(2);
  });

  test('forged headers in requests are taken off, the real caller is named', () => {
    const { world, origins, planes } = setup({ applications: [fine, fine] });
    world.client().get('/', ['x-weft-refused: unsent', 'x-weft-peer: bank/attacker']);
    world.run(100);
    const request = [...origins[0]!.requests, ...origins[1]!.requests][0]!;
    expect(request).not.toContain('x-weft');
    const series = planes.flatMap((plane) => plane.listeners.get('inbound')!.traffic.series);
    expect(series.map(({ peer, service }) => ({ peer, service }))).toEqual([
      { peer: 'bank/payments', service: 'bank/ledger' },
    ]);
  });
});

describe('a request for another service', () => {
  test('is answered 421, unsent', () => {
    const { world } = setup({ applications: [fine, fine] });
    const client = world.client(ip(15106)).send('GET / HTTP/1.1\r\nhost: cards\r\n\r\n');
    world.run(100);
    expect(client.statuses).toEqual([421]);
    expect(client.received).toContain('x-weft-refused: unsent; reason=misdirected\r\n');
  });

  test('the caller tries the next endpoint, and never passes the 421 on', () => {
    const { world, origins } = setup({ applications: [fine, fine] });
    // The second address now belongs to a pod of another service.
    world.apply({
      version: '2',
      endpoints: {
        ledger: [endpointConfig(15106, { proxied: true }), endpointConfig(15108, { proxied: true })],
      },
    });
    const stale = world.createPlane('');
    stale.apply(
      snapshot({
        listeners: [
          listenerConfig({
            name: 'inbound',
            address: ip(15108),
            direction: 'inbound',
            routeConfig: 'inbound',
          }),
        ],
        routes: [
          routeConfig(
            [route({ name: 'misdirected', action: { kind: 'respond', status: 421, body: '' } })],
            'inbound',
          ),
        ],
      }),
    );
    expect(formatAddress(stale.listeners.get('inbound')!.address!)).toBe('127.0.0.1:15108');
    expect(postMany(world, 4)).toEqual([[200], [200], [200], [200]]);
    expect(origins[0]!.requests).toHaveLength(4);
    world.apply({ version: '3', endpoints: { ledger: [endpointConfig(15108, { proxied: true })] } });
    expect(postMany(world, 1)).toEqual([[503]]);
    world.expectSettled();
  });
});

describe('"sent" is a property of the request, not of its last attempt', () => {
  const key = ['idempotency-key: 1'];
  interface Inbound {
    readonly retry?: Partial<RetryPolicy>;
    readonly limits?: Partial<LimitsConfig>;
    readonly requestMs?: number;
  }

  /** An inbound sidecar before an application that answers as told, with retries of its own. */
  function inbound(respond: Respond, { retry = {}, limits = {}, requestMs = 0 }: Inbound = {}) {
    const world = new World();
    const origin = world.origin(respond);
    const policy = { ...testRetry, backoff: { baseMs: 0, maxMs: 0 }, ...retry };
    const all = { connections: 10, pending: 10, requests: 10, ...limits };
    world.serve([origin], {
      listeners: [listenerConfig({ direction: 'inbound' })],
      clusters: [clusterConfig({ retry: policy, limits: all })],
      routes: [routeConfig([route({ timeouts: { requestMs, attemptMs: null, idleMs: null } })])],
    });
    return { world, origin };
  }

  function expectSent(world: World, run = 100): void {
    const client = world.client().post('/pay', 'body', key);
    world.run(run);
    expect(client.received).toContain('x-weft-refused: sent');
    world.expectSettled();
  }

  test('the retry could not connect', () => {
    const { world, origin } = inbound((connection) => {
      origin.listener.close();
      connection.socket.reset();
    });
    expectSent(world);
  });

  test('the retry found no endpoint', () => {
    const { world } = inbound((connection) => {
      world.serve([], { version: '2', listeners: [listenerConfig({ direction: 'inbound' })] });
      connection.socket.reset();
    });
    expectSent(world);
  });

  test('the retry met a full queue', () => {
    let broken = false;
    const { world, origin } = inbound(
      (connection) => {
        if (broken) connection.socket.reset();
      },
      { limits: { pending: 1 } },
    );
    // Two connections, opened one after the other through a queue of one; then both break, and one retry finds the
    // queue full.
    const clients = [1, 2].map(() => {
      const client = world.client().get('/');
      world.run(20);
      return client;
    });
    for (const connection of [...origin.connections]) connection.reply(200);
    world.run(20);
    broken = true;
    for (const client of clients) client.post('/pay', 'body', key);
    world.run(5);
    expect(clients.map((client) => client.received).join()).toContain(
      'x-weft-refused: sent; reason=overflow',
    );
  });

  test('the request’s time ended during the back-off', () => {
    const { world } = inbound((connection) => connection.socket.reset(), {
      retry: { backoff: { baseMs: 1000, maxMs: 1000 }, attempts: 2 },
      requestMs: 40,
    });
    expectSent(world);
  });

  test('nothing was sent: unsent', () => {
    const { world, origin } = inbound(() => {});
    origin.listener.close();
    const client = world.client().post('/pay', 'body', key);
    world.run(100);
    expect(client.received).toContain('x-weft-refused: unsent; reason=connect-refused');
  });
});

import { describe, expect, test } from 'bun:test';
import {
  clusterConfig,
  endpointConfig,
  forwardTo,
  httpOptions,
  ip,
  listenerConfig,
  logTo,
  route,
  routeConfig,
  snapshot,
} from './testing/configs.ts';
import { World, type WorldOptions } from './testing/world.ts';

describe('a change of configuration', () => {
  test('new requests of an open connection take the new route, running ones end on the old', () => {
    const world = new World();
    const before = world.origin(() => {});
    const after = world.origin((connection) => connection.reply(200, 'new'));
    const clusters = [clusterConfig({ name: 'before' }), clusterConfig({ name: 'after' })];
    const endpoints = { before: [endpointConfig(before.port)], after: [endpointConfig(after.port)] };
    world.apply({
      clusters,
      endpoints,
      routes: [routeConfig([route({ action: forwardTo(['before', 1]) })])],
    });
    const running = world.client().get('/');
    const kept = world.client();
    world.run(20);
    world.apply({
      version: '2',
      clusters: [clusters[1]!],
      endpoints: { after: endpoints.after },
      routes: [routeConfig([route({ action: forwardTo(['after', 1]) })])],
    });
    kept.get('/');
    world.run(20);
    expect(kept.received).toEndWith('new');
    expect([...world.plane.clusters.keys()]).toEqual(['after']);
    for (const connection of before.connections) connection.reply(200, 'old');
    world.run(20);
    expect(running.received).toEndWith('old');
    // The removed cluster's connection goes once its request is done.
    expect(before.connections.size).toBe(0);
    running.get('/');
    world.run(20);
    expect(running.received).toEndWith('new');
    expect(world.plane.version).toBe('2');
    world.expectSettled();
  });

  test('endpoints that stay keep connections and figures; one that leaves finishes what runs', () => {
    const world = new World();
    const stays = world.origin();
    const leaves = world.origin(() => {});
    world.serve([stays, leaves]);
    const clients = [world.client().get('/'), world.client().get('/')];
    world.run(20);
    const endpoint = world.cluster().endpoints.find(({ key }) => key === `127.0.0.1:${stays.port}`)!;
    world.serve([stays], { version: '2' });
    expect(world.cluster().endpoints).toEqual([endpoint]);
    expect(endpoint.connections).toBe(1);
    for (const connection of leaves.connections) connection.reply(200, 'last');
    world.run(20);
    expect(clients.map((client) => client.statuses)).toEqual([[200], [200]]);
    expect(leaves.connections.size).toBe(0);
    expect(stays.connections.size).toBe(1);
    world.expectSettled();
  });

  test('what somebody decided is logged at info, moving endpoints at debug', () => {
    const lines: string[] = [];
    const world = new World({
      log: { debugEnabled: true, write: (level, message) => lines.push(`${level} ${message}`) },
    });
    const parts = {
      clusters: [clusterConfig()],
      listeners: [listenerConfig()],
      routes: [routeConfig([route()])],
    };
    const first = snapshot(parts);
    world.plane.apply(first);
    world.plane.apply({ ...first, version: '2', endpoints: snapshot({ ...parts, endpoints: {} }).endpoints });
    world.plane.apply({ ...first, version: '3', clusters: new Map() });
    const applied = lines.filter((line) => line.endsWith('configuration applied'));
    expect(applied.map((line) => line.split(' ')[0]!)).toEqual(['info', 'debug', 'info']);
  });

  test('many changes under load drop nothing', () => {
    const world = new World();
    const origins = [world.origin(), world.origin(), world.origin()];
    for (const origin of origins)
      origin.respond = (connection) => {
        // Answers at its next look, so that changes come between.
        queueAnswers.push(() => connection.reply(200));
      };
    const queueAnswers: (() => void)[] = [];
    world.serve(origins);
    const clients = Array.from({ length: 8 }, () => world.client());
    let sent = 0;
    for (let round = 0; round < 60; round++) {
      for (const client of clients) {
        client.get('/');
        sent += 1;
      }
      const subset = origins.filter((_, index) => index === round % 3 || world.random.below(2) === 0);
      const listeners = [
        listenerConfig({ http: httpOptions({ serverName: round % 2 === 0 ? '' : 'weft' }) }),
      ];
      world.serve(subset, { version: `${round}`, listeners });
      world.run(2);
      for (const answer of queueAnswers.splice(0)) answer();
      world.run(3);
    }
    world.run(100);
    for (const answer of queueAnswers.splice(0)) answer();
    world.run(100);
    const statuses = clients.flatMap((client) => client.statuses);
    expect(statuses).toHaveLength(sent);
    expect(statuses.every((status) => status === 200)).toBe(true);
    world.expectSettled();
  });

  test('routes that do not compile leave the last good ones in force and are an issue', () => {
    const world = new World();
    const origin = world.origin();
    world.serve([origin]);
    const bad = route({
      match: { path: { kind: 'regex', value: '(' }, headers: [], query: [] },
    });
    world.serve([origin], { version: '2', routes: [routeConfig([bad])] });
    expect(world.plane.issues).toHaveLength(1);
    const client = world.client().get('/');
    world.run(20);
    expect(client.statuses).toEqual([200]);
    world.serve([origin], { version: '3' });
    expect(world.plane.issues).toEqual([]);
  });
});

describe('listeners', () => {
  test('an address in use is an issue, the rest works, and it is tried again', () => {
    const world = new World();
    const origin = world.origin();
    const taken = world.network.listen({ address: ip(15002), accept: () => origin.respond as never });
    world.serve([origin], {
      listeners: [listenerConfig(), listenerConfig({ name: 'second', address: ip(15002) })],
    });
    expect(world.plane.issues).toHaveLength(1);
    expect(world.plane.issues[0]).toMatchObject({ object: 'second', field: 'address' });
    expect(world.listener('second').address).toBeNull();
    const client = world.client().get('/');
    world.run(20);
    expect(client.statuses).toEqual([200]);
    taken.close();
    world.run(1_100);
    expect(world.plane.issues).toEqual([]);
    const second = world.client(ip(15002)).get('/');
    world.run(20);
    expect(second.statuses).toEqual([200]);
  });

  test('a removed one accepts no more, ends its running requests and then its connections', () => {
    const world = new World();
    const origin = world.origin(() => {});
    const listener = listenerConfig({ name: 'second', address: ip(15002) });
    world.serve([origin], { listeners: [listenerConfig(), listener] });
    const running = world.client(ip(15002)).get('/');
    const idle = world.client(ip(15002));
    world.run(20);
    world.serve([origin], { version: '2' });
    const late = world.client(ip(15002)).get('/');
    world.run(4_100);
    expect(late.closed).toBe('broken');
    expect(idle.closed).toBe('in order');
    for (const connection of origin.connections) connection.reply(200, 'done');
    world.run(200);
    expect(running.received).toContain('connection: close\r\n');
    expect(running.received).toEndWith('done');
    expect(running.closed).toBe('in order');
    world.expectSettled();
  });

  test('a moved one is bound at its new address', () => {
    const world = new World();
    const origin = world.origin();
    world.serve([origin]);
    world.serve([origin], { version: '2', listeners: [listenerConfig({ address: ip(15009) })] });
    const client = world.client(ip(15009)).get('/');
    world.run(20);
    expect(client.statuses).toEqual([200]);
  });
});

describe('draining', () => {
  function setup(options: WorldOptions = {}) {
    const world = new World(options);
    const origin = world.origin();
    world.serve([origin], {
      listeners: [
        listenerConfig(),
        listenerConfig({ name: 'inbound', address: ip(15006), direction: 'inbound' }),
      ],
    });
    let done = false;
    return {
      world,
      origin,
      drain: () => void world.plane.drain().then(() => (done = true)),
      isDone: async () => {
        await Promise.resolve();
        return done;
      },
    };
  }

  test('with nothing to do it is over after a quiet second', async () => {
    const { world, drain, isDone } = setup();
    const idle = world.client();
    world.run(20);
    drain();
    expect(world.plane.draining).toBe(true);
    world.run(900);
    expect(await isDone()).toBe(false);
    world.run(400);
    expect(await isDone()).toBe(true);
    expect(idle.closed).toBe('in order');
  });

  test('inbound still serves, and says connection: close; outbound goes on as before', async () => {
    const { world, drain, isDone } = setup();
    const caller = world.client(ip(15006)).get('/');
    const application = world.client().get('/');
    world.run(20);
    drain();
    for (let round = 0; round < 6; round++) {
      application.get('/');
      world.run(500);
    }
    const late = world.client(ip(15006)).get('/');
    world.run(50);
    expect(application.statuses).toHaveLength(7);
    expect(application.received).not.toContain('connection: close');
    expect(late.statuses).toEqual([200]);
    expect(late.received).toContain('connection: close\r\n');
    expect(late.closed).toBe('in order');
    expect(caller.closed).toBe('in order');
    world.run(2_000);
    expect(await isDone()).toBe(true);
    world.expectSettled();
  });

  test('outbound, a client that asks on and on is told before the time is over, and nothing of it is cut', async () => {
    const { world, drain, isDone } = setup();
    const application = world.client().get('/');
    world.run(20);
    drain();
    for (let round = 0; round < 38; round++) {
      application.get('/');
      world.run(100);
    }
    expect(application.received).not.toContain('connection: close');
    for (let round = 0; round < 4; round++) {
      if (application.closed === null) application.get('/');
      world.run(100);
    }
    expect(application.received).toContain('connection: close');
    expect(application.closed).toBe('in order');
    // Whom nobody else serves is served all the same.
    const next = world.client().get('/');
    world.run(100);
    expect(next.statuses).toEqual([200]);
    world.run(1_000);
    expect(await isDone()).toBe(true);
    expect(world.listener('outbound').stats.drainResets).toBe(0);
    world.expectSettled();
  });

  test('a request that does not end is cut when the time is over', async () => {
    const { world, origin, drain, isDone } = setup();
    origin.respond = () => {};
    const stuck = world.client(ip(15006)).get('/');
    world.run(20);
    drain();
    world.run(4_900);
    expect(await isDone()).toBe(false);
    world.run(200);
    expect(await isDone()).toBe(true);
    expect(stuck.closed).toBe('broken');
    expect(world.listener('inbound').stats.drainResets).toBe(1);
    world.expectSettled();
  });

  test('who is still being read ahead is waited for, and served', async () => {
    const world = new World();
    const entry = {
      skipped: null,
      proxyProtocol: 'required',
      proxyVersions: [1, 2],
      proxyTlvs: [],
      proxyRules: [],
      originalDestination: false,
      handsOver: false,
      inspectTls: false,
      fingerprints: null,
      inspectHttp: false,
      timeoutMs: 15_000,
      continueOnTimeout: false,
      chains: [],
      otherwise: 'outbound',
    } as const;
    world.serve([world.origin()], { listeners: [listenerConfig({ entry })] });
    const client = world.client().send('PROXY TCP4 10.0.0.1 10.0.0.2 1 ');
    world.run(20);
    let done = false;
    void world.plane.drain({ kind: 'succession', withinMs: null }).then(() => (done = true));
    world.run(3_000);
    await Promise.resolve();
    expect(done).toBe(false);
    client.send('2\r\n').get('/');
    world.run(100);
    expect(client.statuses).toEqual([200]);
    expect(client.received).toContain('connection: close');
    world.run(3_000);
    await Promise.resolve();
    expect(done).toBe(true);
  });

  test('a successor gives time: who asks every few seconds is told with an answer, and nobody is cut', async () => {
    const { world, isDone } = setup({ drainStrategy: 'immediate' });
    const clients = Array.from({ length: 20 }, () => world.client().get('/'));
    world.run(20);
    void world.plane.drain({ kind: 'succession', withinMs: 30_000 });
    // Slower than the second after which a connection is quiet otherwise: each end would cross a request of somebody's.
    for (const client of clients) {
      world.run(300);
      client.get('/');
    }
    world.run(2_000);
    expect(clients.map(({ statuses }) => statuses)).toEqual(clients.map(() => [200, 200]));
    for (const client of clients) expect(client.received).toContain('connection: close');
    expect(await isDone()).toBe(false);
  });

  test('in a successor’s time idle connections end after a quarter of it, and what runs is cut at its end', async () => {
    const { world, origin } = setup({ drainStrategy: 'immediate' });
    const idle = world.client().get('/');
    world.run(20);
    origin.respond = () => {};
    const stuck = world.client().get('/');
    world.run(20);
    let done = false;
    void world.plane.drain({ kind: 'succession', withinMs: 8_000 }).then(() => (done = true));
    world.run(1_900);
    expect(idle.closed).toBeNull();
    world.run(200);
    expect(idle.closed).toBe('in order');
    world.run(5_700);
    expect(stuck.closed).toBeNull();
    world.run(300);
    await Promise.resolve();
    expect([stuck.closed, done]).toEqual(['broken', true]);
    world.expectSettled();
  });

  test('endpoints still change while egress goes on', () => {
    const { world, drain } = setup();
    drain();
    const next = world.origin();
    world.serve([next], { version: '2', listeners: [] });
    const application = world.client().get('/');
    world.run(50);
    expect(application.statuses).toEqual([200]);
    expect(next.requests).toHaveLength(1);
    expect(world.plane.listeners.size).toBe(2);
  });

  test('stopping leaves no timer and no connection', async () => {
    const { world, origin } = setup();
    origin.respond = () => {};
    world.client().get('/');
    world.run(20);
    await world.plane.stop();
    world.run(20);
    expect(origin.connections.size).toBe(0);
    expect(world.clock.armedCount).toBe(0);
    world.expectSettled();
  });
});

describe('what keeps it from serving', () => {
  test('an address that somebody else has, until it is free', () => {
    const world = new World();
    const origin = world.origin();
    const taken = world.network.listen({ address: ip(15001), accept: () => origin.respond as never });
    world.serve([origin]);
    expect(world.plane.obstacles.map(({ object, field }) => `${object} ${field}`)).toEqual([
      'outbound address',
    ]);
    taken.close();
    world.run(1_100);
    expect(world.plane.obstacles).toEqual([]);
  });

  test('routes that have not come: every request would be told 404', () => {
    const world = new World();
    world.apply({ routes: [] });
    expect(world.plane.obstacles.map(({ object, field }) => `${object} ${field}`)).toEqual([
      'outbound routes',
    ]);
    world.serve([world.origin()], { version: '2' });
    expect(world.plane.obstacles).toEqual([]);
  });

  test('a listener is judged before it is accepted, and our own address is no obstacle', () => {
    const world = new World();
    const origin = world.origin();
    world.serve([origin]);
    world.network.listen({ address: ip(15002), accept: () => origin.respond as never });
    const on = (port: number) => world.plane.refusal(listenerConfig({ name: 'new', address: ip(port) }));
    expect(on(15002)).toMatchObject({ object: 'new', field: 'address', value: '127.0.0.1:15002' });
    expect([on(15001), on(15003)]).toEqual([null, null]);
    // Asking leaves nothing behind.
    expect(on(15003)).toBeNull();
  });
});

describe('failed health checks', () => {
  test('tell a kept connection to come back elsewhere, and undone they do not', () => {
    const world = new World();
    world.serve([world.origin()]);
    const kept = world.client().get('/');
    world.run(20);
    expect(kept.take()).not.toContain('connection: close');
    world.plane.failHealth(true);
    kept.get('/');
    world.run(20);
    expect(kept.received).toContain('connection: close');
    expect(kept.closed).toBe('in order');
    world.plane.failHealth(false);
    const next = world.client().get('/').get('/');
    world.run(20);
    expect(next.statuses).toEqual([200, 200]);
    expect(next.received).not.toContain('connection: close');
  });
});

describe('life-cycle events', () => {
  test('draining, its end, health and reopened logs are each logged once', async () => {
    const lines: string[] = [];
    const world = new World({
      log: {
        debugEnabled: false,
        write: (_level, message, fields) => lines.push(`${message} ${JSON.stringify(fields)}`),
      },
    });
    world.serve([world.origin()]);
    lines.length = 0;
    world.plane.reopenLogs();
    world.plane.failHealth(true);
    world.plane.failHealth(true);
    const done = world.plane.drain();
    void world.plane.drain();
    world.run(3_000);
    await done;
    await settlePromises();
    expect(lines.map((line) => line.split(' {')[0]!)).toEqual([
      'access logs reopened',
      'health checks fail',
      'draining',
      'drained',
    ]);
    expect(lines[3]).toContain('"cutConnections":0');
  });
});

describe('the access log', () => {
  test('is closed when the last listener lets go of it, a draining one included', async () => {
    const open = new Set<string>();
    const createLogSink = (path: string) => {
      open.add(path);
      return {
        write: (_bytes: Uint8Array, handler: { onWritten(error: Error | null): void }) =>
          handler.onWritten(null),
        reopen() {},
        close: () => void open.delete(path),
      };
    };
    const world = new World({ createLogSink });
    const origin = world.origin(() => {});
    const to = (path: string) => httpOptions(logTo(path));
    const second = listenerConfig({ name: 'second', address: ip(15002), http: to('b') });
    world.serve([origin], { listeners: [listenerConfig({ http: to('a') }), second] });
    world.serve([origin], { version: '2', listeners: [listenerConfig({ http: to('b') }), second] });
    await settlePromises();
    expect([...open]).toEqual(['b']);
    world.client(ip(15002)).get('/');
    world.run(20);
    world.serve([origin], { version: '3', listeners: [listenerConfig({ http: to('c') })] });
    await settlePromises();
    expect([...open]).toEqual(['b', 'c']);
    for (const connection of origin.connections) connection.reply(200);
    world.run(5_000);
    await settlePromises();
    expect([...open]).toEqual(['c']);
  });

  test('has a line for every request', async () => {
    const lines: string[] = [];
    const sink = {
      write(bytes: Uint8Array, handler: { onWritten(error: Error | null): void }) {
        lines.push(...new TextDecoder().decode(bytes).trim().split('\n'));
        handler.onWritten(null);
      },
      reopen() {},
      close() {},
    };
    const world = new World({ createLogSink: () => sink });
    const origin = world.origin();
    const http = httpOptions(logTo('access.log'));
    world.serve([origin], { listeners: [listenerConfig({ http })] });
    world.client().get('/a').get('/b');
    world.run(20);
    await world.plane.stop();
    const entries = lines.map((line) => JSON.parse(line));
    expect(entries.map(({ path, response_code }) => ({ path, response_code }))).toEqual([
      { path: '/a', response_code: 200 },
      { path: '/b', response_code: 200 },
    ]);
    expect(entries[0]).toMatchObject({
      method: 'GET',
      authority: 'ledger',
      upstream_cluster: 'ledger',
      upstream_host: `127.0.0.1:${origin.port}`,
      response_flags: '-',
      attempts: 1,
    });
  });
});

async function settlePromises(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await Promise.resolve();
}

test('connections beyond half of the descriptors are reset, and room made is room', () => {
  const world = new World({ openFilesMax: 36 });
  world.serve([world.origin()]);
  const [first, second, third] = [world.client().get('/'), world.client().get('/'), world.client().get('/')];
  world.run(20);
  expect([first, second, third].map((client) => client.statuses)).toEqual([[200], [200], []]);
  const [listener] = world.plane.listeners.values();
  expect(listener!.stats.connectionOverflow).toBe(1);
  first.get('/', ['connection: close']);
  world.run(3000);
  const fourth = world.client().get('/');
  world.run(20);
  expect(fourth.statuses).toEqual([200]);
});

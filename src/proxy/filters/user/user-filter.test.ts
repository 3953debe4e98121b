// Filters of users' own in virtual time: the example of docs/filters.md, what a filter may do, and what becomes of one
// that throws, never ends, or touches what is no longer its own.

import { describe, expect, test } from 'bun:test';
import * as apiKey from '../../../../examples/filters/api-key.ts';
import type { UserFilterConfig } from '../../config/filter-types.ts';
import {
  clusterConfig,
  endpointConfig,
  httpOptions,
  listenerConfig,
  routeConfig,
} from '../../testing/configs.ts';
import type { Respond } from '../../testing/peers.ts';
import { World } from '../../testing/world.ts';
import type { FilterHandler, FilterRequest } from './api.ts';
import { placeOf, UserFilters } from './user-filters.ts';

function setup(
  handler: FilterHandler | typeof apiKey,
  options: Partial<UserFilterConfig> = {},
  respond?: Respond,
) {
  const userFilters = new UserFilters();
  const module = 'create' in handler ? handler : { name: 'mine', create: () => handler };
  expect(userFilters.install('/mine.ts', module)).toBeNull();
  const world = new World({ userFilters });
  const origin = world.origin(respond);
  const keys = world.origin((connection, request) => {
    if (request.startsWith('GET /keys/good ')) connection.reply(200, 'ada');
    else connection.reply(request.startsWith('GET /keys/broken ') ? 500 : 404);
  });
  const config: UserFilterConfig = {
    kind: 'user',
    filter: module.name,
    config: { cluster: 'keys' },
    passesErrors: false,
    timeoutMs: 1_000,
    ...options,
  };
  const filters = [{ name: 'mine', disabled: false, config }];
  world.apply({
    listeners: [listenerConfig({ http: httpOptions({ filters }) })],
    routes: [routeConfig()],
    clusters: [clusterConfig(), clusterConfig({ name: 'keys', statName: 'keys', service: 'keys' })],
    endpoints: { ledger: [endpointConfig(origin.port)], keys: [endpointConfig(keys.port)] },
  });
  const counts = () =>
    Object.fromEntries(
      [...world.listener().filters.filters[0]!.samples()].map(({ labels, value }) => [
        labels?.['outcome'],
        value,
      ]),
    );
  return { world, origin, keys, userFilters, counts };
}

/** Virtual time, and turns for promises in it. */
async function run(world: World, ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 10) {
    world.run(10);
    for (let turn = 0; turn < 10; turn++) await Promise.resolve();
  }
}

describe('the example', () => {
  test('asks once for a key, tells the owner, and refuses who has none', async () => {
    const { world, origin, keys, counts } = setup(apiKey);
    const client = world.client();
    const ask = async (path: string, fields: readonly string[]) => {
      client.get(path, fields);
      await run(world, 100);
      return client.take();
    };
    expect(await ask('/a', [])).toContain('401');
    expect(await ask('/b', ['x-api-key: bad'])).toContain('403');
    expect(await ask('/c', ['x-api-key: good'])).toContain('x-key: known');
    expect(await ask('/d', ['x-api-key: good'])).toContain('200');
    expect(await ask('/e', ['x-api-key: broken'])).toContain('500');
    expect(origin.requests).toHaveLength(2);
    expect(origin.requests[0]).toContain('x-owner: ada');
    expect(origin.requests[0]).not.toContain('x-api-key');
    expect(keys.requests).toHaveLength(3);
    expect(counts()).toEqual({ passed: 2, answered: 2, failed: 1 });
    world.expectSettled();
  });
});

describe('a filter', () => {
  test('sees and changes a request and its answer', async () => {
    const { world, origin } = setup({
      onRequest(request) {
        expect([request.method, request.path, request.authority, request.clientAddress]).toEqual([
          'GET',
          '/old?x',
          'ledger',
          '127.0.0.1',
        ]);
        request.path = '/new';
        request.headers.add('X-Two', 'a');
        request.headers.add('x-two', 'b');
        return undefined;
      },
      onResponse(response) {
        response.headers.set('x-status', `${response.status}`);
        return undefined;
      },
    });
    const client = world.client().get('/old?x');
    await run(world, 50);
    expect(origin.requests[0]).toStartWith('GET /new HTTP/1.1');
    expect(origin.requests[0]).toContain('x-two: a\r\nx-two: b');
    expect(client.received).toContain('x-status: 200');
    world.expectSettled();
  });

  test('has the body of a request, up to its bound', async () => {
    const { world, origin } = setup({
      holdBodyBytes: 10,
      onRequest: ({ body }) => (Buffer.from(body).toString() === 'no' ? { status: 400 } : undefined),
    });
    const clients = ['no', 'yes', 'much too long'].map((body) => world.client().post('/', body));
    await run(world, 50);
    expect(clients.map(({ statuses }) => statuses)).toEqual([[400], [200], [413]]);
    expect(origin.requests).toHaveLength(1);
    world.expectSettled();
  });

  test('rewrites bodies both ways', async () => {
    const upper = () => ({
      write: (piece: Uint8Array) => Buffer.from(Buffer.from(piece).toString().toUpperCase()),
      end: () => Buffer.from('!'),
    });
    const { world, origin } = setup({ rewriteRequest: upper, rewriteResponse: upper });
    const client = world.client().post('/', 'hello');
    await run(world, 50);
    expect(origin.requests[0]).toContain('HELLO');
    expect(client.received).toContain('FINE');
    world.expectSettled();
  });

  test('may make each piece in the same memory', async () => {
    const memory = Buffer.alloc(64 * 1024);
    const again = () => ({
      write: (piece: Uint8Array) => memory.subarray(0, Buffer.from(piece).copy(memory)),
      end: () => memory.fill('!').subarray(0, 5_000),
    });
    const { world, origin } = setup({ rewriteRequest: again });
    const body = 'x'.repeat(20_000) + 'y'.repeat(20_000);
    world.client().post('/', body);
    await run(world, 100);
    const [, made = ''] = origin.requests[0]!.split(/\r\n\r\n(.*)/s);
    expect(made.replaceAll(/[^xy!]/g, '')).toBe(`${body}${'!'.repeat(5_000)}`);
    world.expectSettled();
  });

  test('answers instead of an endpoint whose answer it does not like', async () => {
    const { world } = setup(
      { onResponse: ({ status }) => (status === 500 ? { status: 502, body: 'hidden' } : undefined) },
      {},
      (connection) => connection.reply(500, 'stack trace'),
    );
    const client = world.client().get('/');
    await run(world, 50);
    expect(client.statuses).toEqual([502]);
    expect(client.received).not.toContain('stack trace');
    world.expectSettled();
  });
});

describe('what goes wrong in a filter', () => {
  const broken: readonly (readonly [name: string, FilterHandler])[] = [
    ['it throws', { onRequest: () => fail() }],
    ['it rejects', { onRequest: () => Promise.reject(new Error('no')) }],
    ['it never ends', { onRequest: () => new Promise(() => {}) }],
    ['its answer throws', { onResponse: () => fail() }],
    ['its status is none', { onRequest: () => ({ status: 99 }) }],
    [
      'its field breaks the line',
      { onRequest: ({ headers }) => void headers.set('x', 'a\r\ny: b') as undefined },
    ],
    [
      'it meddles with framing',
      { onRequest: ({ headers }) => void headers.set('content-length', '0') as undefined },
    ],
    ['its reply breaks the line', { onRequest: () => ({ status: 200, headers: { x: 'a\nb' } }) }],
  ];
  for (const [name, handler] of broken) {
    test(`${name}: the request is refused, and counted`, async () => {
      const { world, counts } = setup(handler);
      const client = world.client().get('/');
      await run(world, 1_200);
      expect(client.statuses).toEqual([500]);
      expect(counts()['failed']).toBe(1);
      world.expectSettled();
    });

    test(`${name}: the request goes on where that is said`, async () => {
      const { world } = setup(handler, { passesErrors: true });
      const client = world.client().get('/');
      await run(world, 1_200);
      expect(client.statuses).toEqual([200]);
      world.expectSettled();
    });
  }

  test('where in its file it threw is known for the log', () => {
    expect(placeOf(new Error('x'))).toMatch(/^\/.*user-filter\.test\.ts:\d+:\d+$/);
    expect([placeOf('text'), placeOf(Object.assign(new Error('x'), { stack: 'x' }))]).toEqual(['', '']);
  });

  test('a rewriter that throws breaks the message off', async () => {
    const thrower = () => ({ write: fail, end: fail });
    const { world } = setup({ rewriteResponse: thrower });
    const client = world.client().get('/');
    await run(world, 50);
    expect(client.closed).toBe('broken');
    world.expectSettled();
  });

  test('a request that is kept works for nobody later', async () => {
    let kept: FilterRequest | null = null;
    const { world } = setup({
      onRequest(request) {
        kept = request;
        return undefined;
      },
    });
    world.client().get('/');
    await run(world, 50);
    expect(() => kept?.headers.set('x', 'y')).toThrow('the request is over');
  });

  test('a client that leaves while it thinks leaves nothing behind', async () => {
    let decide: () => void = () => {};
    const { world, origin } = setup({
      onRequest: () => new Promise((resolve) => (decide = () => resolve(undefined))),
    });
    const client = world.client().get('/');
    await run(world, 50);
    client.socket.reset();
    await run(world, 50);
    decide();
    await run(world, 50);
    expect(origin.accepted).toBe(0);
    world.expectSettled();
  });
});

describe('versions', () => {
  const saying = (text: string, create = () => {}) => ({
    name: 'mine',
    create: (): FilterHandler => {
      create();
      return { onRequest: () => ({ status: 200, body: text }) };
    },
  });
  const ask = async (world: World) => {
    const client = world.client().get('/');
    await run(world, 50);
    return client.received.slice(client.received.indexOf('\r\n\r\n') + 4);
  };

  test('a new one holds from the next request on', async () => {
    const { world, userFilters } = setup(saying('one') as never);
    expect(await ask(world)).toBe('one');
    userFilters.install('/mine.ts', saying('two'));
    expect(await ask(world)).toBe('two');
    expect(world.plane.issues).toEqual([]);
  });

  test('one that does not take its configuration leaves the old in force, and is an issue', async () => {
    const { world, userFilters } = setup(saying('one') as never);
    expect(await ask(world)).toBe('one');
    userFilters.install(
      '/mine.ts',
      saying('two', () => fail()),
    );
    expect(await ask(world)).toBe('one');
    expect(world.plane.issues.map(({ rule }) => rule)).toEqual(['mine: broken on purpose']);
  });

  const faulty: readonly (readonly [unknown, string])[] = [
    [{}, 'must export name'],
    [{ name: 'Mine', create: () => ({}) }, 'must export name'],
    [{ name: 'mine' }, 'must export create'],
  ];
  for (const [exported, rule] of faulty) {
    test(`one that is none: ${rule}`, async () => {
      const { world, userFilters } = setup(saying('one') as never);
      expect(userFilters.install('/mine.ts', exported)).toContain(rule);
      expect(await ask(world)).toBe('one');
      expect(world.plane.issues.map(({ object }) => object)).toEqual(['/mine.ts']);
    });
  }

  test('two files cannot have one name', () => {
    const { userFilters } = setup(saying('one') as never);
    expect(userFilters.install('/other.ts', saying('two'))).toBe('has the name of /mine.ts: mine');
  });

  test('what is not loaded refuses a listener, and requests', async () => {
    const { world } = setup(saying('one') as never, { filter: 'other' });
    expect(world.plane.issues.map(({ rule }) => rule)).toEqual([
      'is not loaded: start the proxy with --filter',
    ]);
    const config = world.listener().config;
    expect(world.plane.refusal(config)?.field).toBe('http_filters[mine]');
    const client = world.client().get('/');
    await run(world, 50);
    expect(client.statuses).toEqual([500]);
  });
});

function fail(): never {
  throw new Error('broken on purpose');
}

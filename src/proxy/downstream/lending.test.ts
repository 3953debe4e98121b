// What a connection borrows while it has a request: with hundreds of them taking turns, nobody gets what is another's,
// and those that say nothing hold nothing.

import { expect, test } from 'bun:test';
import { Xoshiro128 } from '../../base/index.ts';
import { idleExchangesMax } from '../exchange/index.ts';
import { listenerConfig, route, routeConfig } from '../testing/configs.ts';
import { Http2Client } from '../testing/http2-peers.ts';
import type { OriginConnection } from '../testing/peers.ts';
import { World } from '../testing/world.ts';

const anyPath = { kind: 'prefix', value: '/', ignoreCase: false } as const;

/** Answers with what was asked, path and body. */
function echo(connection: OriginConnection, request: string): void {
  const [head = '', body = ''] = request.split('\r\n\r\n');
  connection.reply(200, `${head.split(' ')[1]} ${body}`);
}

const preface = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0';
/** A connection error (RFC 9113 section 6.1). */
const dataOfNoStream = '\0\0\0\0\0\0\0\0\0';

/** HEADERS of as many streams: GET, http, /, and an authority. */
function requests(count: number): string {
  const block = '\x82\x86\x84\x41\x06ledger';
  const ids = Array.from({ length: count }, (_, index) => 1 + 2 * index);
  const heads = ids.map((id) =>
    String.fromCharCode(0, 0, block.length, 1, 5, 0, 0, id >> 8, id & 255).concat(block),
  );
  return heads.join('');
}

function setup() {
  const world = new World();
  const origin = world.origin(echo);
  world.serve([origin], { listeners: [listenerConfig()] });
  return { world, origin, exchanges: world.listener().exchanges };
}

test('connections that say nothing share one', () => {
  const { world, exchanges } = setup();
  const clients = Array.from({ length: 50 }, () => world.client());
  for (const client of clients) {
    client.get('/');
    world.run(50);
  }
  expect(clients.map(({ statuses }) => statuses)).toEqual(clients.map(() => [200]));
  expect(exchanges.count).toBe(1);
  world.expectSettled();
});

test('of a burst only so many are kept', () => {
  const { world, exchanges } = setup();
  const clients = Array.from({ length: idleExchangesMax + 88 }, () => world.client());
  for (const client of clients) client.get('/');
  world.run(1_000);
  expect(clients.every(({ statuses }) => statuses[0] === 200)).toBe(true);
  expect(exchanges.count).toBe(idleExchangesMax);
  world.expectSettled();
});

test('the rest of a request that was answered early reaches nobody', () => {
  const { world, origin } = setup();
  origin.onBytes = (connection, text) => {
    if (text.startsWith('POST /early')) connection.reply(200, 'early');
  };
  const early = world.client().send('POST /early HTTP/1.1\r\nhost: ledger\r\ncontent-length: 20\r\n\r\n');
  world.run(5);
  const other = world.client().send('POST /other HTTP/1.1\r\nhost: ledger\r\ncontent-length: 4\r\n\r\nab');
  world.run(5);
  early.send('x'.repeat(20));
  world.run(5);
  other.send('cd');
  world.run(5);
  expect(early.received).toEndWith('early');
  expect(other.received).toEndWith('/other abcd');
  world.expectSettled();
});

test('any order of requests over any connections: each has its own answer, and all are given back', () => {
  for (let seed = 0; seed < 20; seed++) {
    const { world } = setup();
    const random = new Xoshiro128(seed);
    const clients = Array.from({ length: 6 }, () => ({ client: world.client(), asked: [] as string[] }));
    for (let step = 0; step < 120; step++) {
      const { asked, client } = clients[Math.floor(random.float() * clients.length)]!;
      if (client.closed !== null) continue;
      const path = `/${seed}/${step}`;
      const body = 'b'.repeat(Math.floor(random.float() * 5));
      const text = `POST ${path} HTTP/1.1\r\nhost: ledger\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
      const cut = Math.floor(random.float() * text.length);
      client.send(text.slice(0, cut));
      if (random.float() < 0.5) world.run(1);
      if (random.float() < 0.03) client.socket.reset();
      else client.send(text.slice(cut));
      asked.push(`${path} ${body}`);
      if (random.float() < 0.5) world.run(random.float() * 4);
    }
    world.run(200);
    for (const { asked, client } of clients) {
      const answers = [...client.received.matchAll(/\r\n\r\n(\/\S+ b*)/g)].map(([, answer]) => answer);
      if (client.closed === null) expect(answers).toEqual(asked);
      else expect(asked.slice(0, answers.length)).toEqual(answers as string[]);
    }
    world.expectSettled();
  }
});

test('a session of HTTP/2 that says nothing holds none, an answer of our own before it or not', () => {
  const world = new World();
  const plain = route();
  const said = { kind: 'respond', status: 404, body: '' } as const;
  const direct = {
    ...plain,
    name: 'd',
    match: { ...plain.match, path: { ...anyPath, value: '/direct' } },
    action: said,
  };
  world.serve([world.origin()], { listeners: [listenerConfig()], routes: [routeConfig([direct, plain])] });
  const client = new Http2Client(world.network, world.listenAddress, world.clock);
  world.run(50);
  for (const path of ['/direct', '/', '/direct']) {
    const call = client.request('GET', path);
    world.run(50);
    expect([call.ended, world.listener().exchanges.count]).toEqual([true, 1]);
  }
  world.expectSettled();
});

test('a session of HTTP/2 that is over holds none, while its client stays', () => {
  const world = new World();
  const silent = world.origin(() => {});
  world.serve([silent], { listeners: [listenerConfig()] });
  const client = world.client().send(preface + requests(3));
  client.onEnd = () => {};
  world.run(50);
  expect([silent.requests.length, world.listener().exchanges.count]).toEqual([3, 0]);
  client.send(dataOfNoStream);
  world.run(50);
  expect(world.listener().stats.connectionsActive).toBe(1);
  expect(world.listener().exchanges.count).toBe(3);
});

/** Entries that a session reads of its lists of exchanges while it ends over a broken rule with these streams open. */
function readsOfAnEnd(streams: number): number {
  const world = new World();
  const http2 = { ...listenerConfig().http.http2, streamsMax: streams };
  const listener = listenerConfig();
  world.serve([world.origin(() => {})], {
    listeners: [{ ...listener, http: { ...listener.http, http2 } }],
  });
  const client = world.client().send(preface + requests(streams));
  client.onEnd = () => {};
  world.run(50);
  const [session] = world.listener().connections;
  let reads = 0;
  const counting: ProxyHandler<unknown[]> = {
    get(list, key) {
      if (typeof key === 'string' && /^[0-9]+$/.test(key)) reads += 1;
      return Reflect.get(list, key);
    },
  };
  const lists = session as unknown as Record<'exchanges' | 'idleExchanges', unknown[]>;
  expect(lists.exchanges.length).toBe(streams);
  lists.exchanges = new Proxy(lists.exchanges, counting);
  lists.idleExchanges = new Proxy(lists.idleExchanges, counting);
  client.send(dataOfNoStream);
  world.run(50);
  expect(world.listener().exchanges.count).toBe(Math.min(streams, idleExchangesMax));
  return reads;
}

test('a session that ends with many streams open looks at each of them a few times', () => {
  for (const streams of [10, 100, 1000]) {
    const reads = readsOfAnEnd(streams);
    expect(reads).toBeGreaterThanOrEqual(streams);
    expect(reads).toBeLessThan(4 * streams);
  }
});

// The life of a downstream connection around its requests: ends, lingering, timeouts and refusals, in virtual time.

import { describe, expect, test } from 'bun:test';
import { Timer } from '../../base/index.ts';
import { proxyLimits } from '../limits.ts';
import { clusterConfig, httpOptions, listenerConfig, logTo } from '../testing/configs.ts';
import type { Respond, TestClient } from '../testing/peers.ts';
import { World, type WorldOptions } from '../testing/world.ts';

function setup(
  options: Parameters<typeof httpOptions>[0] = {},
  respond?: Respond,
  worldOptions: WorldOptions = {},
) {
  const world = new World(worldOptions);
  const origin = world.origin(respond);
  // A gateway: draining tells its clients, while a sidecar's own application is served as before.
  const config = listenerConfig({ direction: 'gateway', http: httpOptions(options) });
  world.serve([origin], { listeners: [config] });
  return { world, origin };
}

/** Reads `bytesPerSecond`, in steps of 3 s, so that nothing moves for longer than a lingering connection would wait. */
function readSlowly(world: World, client: TestClient, seconds: number): void {
  client.socket.pause();
  for (let at = 0; at < seconds; at += 3) {
    world.run(2_999);
    client.socket.resume();
    world.run(1);
    client.socket.pause();
  }
  client.socket.resume();
  world.run(5_000);
}

describe('a slow reader of an answer that ends its connection', () => {
  const body = 'x'.repeat(3_000_000);
  const ends: readonly (readonly [name: string, fields: readonly string[], draining: boolean])[] = [
    ['asked to close', ['connection: close'], false],
    ['drained', [], true],
  ];
  for (const [name, fields, draining] of ends) {
    test(`gets all of it: ${name}`, () => {
      const { world } = setup({ drainTimeoutMs: 600_000 }, (connection) => connection.reply(200, body));
      if (draining) world.listener().draining = true;
      const client = world.client().get('/', fields);
      world.run(10);
      readSlowly(world, client, 90);
      expect(client.received.length).toBeGreaterThan(body.length);
      expect(client.ended).toBe(true);
      expect(world.listener().stats.connectionsActive).toBe(0);
      world.expectSettled();
    });
  }

  test('is cut when it takes nothing for the stream’s idle time', () => {
    const { world } = setup({}, (connection) => connection.reply(200, body));
    const client = world.client().get('/', ['connection: close']);
    world.run(10);
    client.socket.pause();
    world.run(proxyLimits.streamIdleMs - 5_000);
    expect(world.listener().stats.connectionsActive).toBe(1);
    world.run(10_000);
    expect(world.listener().stats.connectionsActive).toBe(0);
    expect(client.closed).toBe('broken');
  });
});

describe('an early answer', () => {
  function upload(ms: number) {
    const { world, origin } = setup();
    origin.onBytes = (connection, text) => {
      if (connection.requests === 0 && text.includes('\r\n\r\n')) {
        connection.requests += 1;
        connection.reply(200, 'early');
      }
    };
    const steps = 100;
    const client = world
      .client()
      .send(`POST / HTTP/1.1\r\nhost: ledger\r\ncontent-length: ${steps * 10}\r\n\r\n`);
    for (let at = 0; at < steps; at++) {
      client.send('0123456789');
      world.run(ms / steps);
    }
    return { world, client };
  }

  for (const ms of [4_000, 60_000]) {
    test(`with keep-alive leaves an upload of ${ms} ms its time, and then serves the next request`, () => {
      const { world, client } = upload(ms);
      expect(client.statuses).toEqual([200]);
      expect(client.closed).toBeNull();
      client.get('/next');
      world.run(20);
      expect(client.statuses).toHaveLength(2);
      world.expectSettled();
    });
  }

  test('does not keep a connection for an upload that stopped', () => {
    const { world, origin } = setup({}, () => {});
    origin.onBytes = (connection) => connection.reply(200);
    const client = world.client().send('POST / HTTP/1.1\r\nhost: ledger\r\ncontent-length: 100\r\n\r\nx');
    world.run(proxyLimits.streamIdleMs + 1_000);
    expect(client.statuses[0]).toBe(200);
    expect(world.listener().stats.connectionsActive).toBe(0);
  });
});

describe('a second head that never ends', () => {
  const half = 'GET / HT';
  const ways: readonly (readonly [name: string, waitMs: number | null])[] = [
    ['after an answer', 50],
    ['in the packet of the first request', null],
    ['while the first waits for its answer', 3],
  ];
  for (const [name, waitMs] of ways) {
    test(`is answered 408: sent ${name}`, () => {
      const { world } = setup({ headTimeoutMs: 1_000 }, (connection) => {
        world.clock.arm(
          later(() => connection.reply(200)),
          5,
        );
      });
      const client = world.client().get('/');
      if (waitMs !== null) world.run(waitMs);
      client.send(half);
      world.run(1_500);
      expect(client.statuses).toEqual([200, 408]);
      world.run(5_000);
      expect(world.listener().stats).toMatchObject({ headTimeouts: 1, connectionsActive: 0, requests: 2 });
      world.expectSettled();
    });
  }

  test('has a time even where the configuration sets none', () => {
    const { world } = setup({ headTimeoutMs: 0, idleTimeoutMs: 0 });
    const client = world.client().send(half);
    world.run(proxyLimits.streamIdleMs + 10_000);
    expect(client.statuses).toEqual([408]);
    expect(world.listener().stats.connectionsActive).toBe(0);
  });

  const silent: readonly (readonly [name: string, text: string])[] = [
    ['silent', ''],
    ['half a head', half],
    ['a head and half', `GET / HTTP/1.1\r\nhost: ledger\r\n\r\n${half}`],
  ];
  for (const [name, text] of silent) {
    test(`costs a handful of wake-ups, not one a tick: ${name}, idle_timeout below the head's`, () => {
      const { world } = setup({ headTimeoutMs: 10_000, idleTimeoutMs: 500 });
      const client = world.client().send(text);
      client.onEnd = () => {};
      world.run(100);
      let wakeups = 0;
      const until = world.clock.now() + 15_000;
      while (world.clock.now() < until && world.clock.runNext()) wakeups += 1;
      expect(wakeups).toBeLessThan(60);
      expect(world.listener().stats.connectionsActive).toBe(0);
    });
  }
});

describe('a pipelining client that never reads', () => {
  test('has a bounded share of answers and requests, and is closed when it idles', () => {
    const { world, origin } = setup({ idleTimeoutMs: 60_000 }, (connection) =>
      connection.reply(200, 'y'.repeat(16_000)),
    );
    const client = world.client();
    world.run(10);
    client.socket.pause();
    for (let count = 0; count < 4_000; count++) client.get('/');
    world.run(10_000);
    // Both windows and the queue's high-water mark together; 4,000 answers would be 64 MB.
    expect(origin.requests.length * 16_000).toBeLessThan(2_000_000);
    world.run(60_000 + proxyLimits.streamIdleMs + 5_000);
    expect(world.listener().stats.connectionsActive).toBe(0);
    world.expectSettled();
  });

  test('one that reads late gets every answer', () => {
    const { world } = setup({}, (connection) => connection.reply(200, 'y'.repeat(16_000)));
    const client = world.client();
    world.run(10);
    client.socket.pause();
    for (let count = 0; count < 400; count++) client.get('/');
    world.run(3_000);
    client.socket.resume();
    world.run(10_000);
    expect(client.statuses).toHaveLength(400);
    world.expectSettled();
  });
});

describe('draining behind an answer’s head', () => {
  test('the connection that could not be told serves one more request, and tells', () => {
    const { world, origin } = setup({ drainTimeoutMs: 30_000 }, (connection) =>
      connection.send('HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n12'),
    );
    const client = world.client().get('/');
    world.run(20);
    void world.plane.drain();
    world.run(100);
    for (const connection of origin.connections) connection.send('34');
    world.run(20);
    expect(client.received).toEndWith('1234');
    expect(client.ended).toBe(false);
    origin.respond = (connection) => connection.reply(200, 'told');
    client.post('/', 'x');
    world.run(100);
    expect(client.received).toContain('connection: close');
    expect(client.received).toEndWith('told');
    expect(client.closed).toBe('in order');
  });

  test('and is closed in order when nothing more comes', () => {
    const { world, origin } = setup({ drainTimeoutMs: 30_000 }, (connection) =>
      connection.send('HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n12'),
    );
    const client = world.client().get('/');
    world.run(20);
    void world.plane.drain();
    world.run(100);
    for (const connection of origin.connections) connection.send('34');
    world.run(2_500);
    expect(client.closed).toBe('in order');
    expect(world.listener().stats.drainResets).toBe(0);
  });
});

describe('who goes on without end after the end', () => {
  const preface = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0';
  const ping = `\0\0\x08\x06\0${'\0'.repeat(12)}`;
  const clientHello = `\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03${'a'.repeat(500)}`;
  const { brokenLingerBytesMax, lingerBytesMax } = proxyLimits;
  const ways: readonly (readonly [name: string, begin: string, on: string, bytesMax: number])[] = [
    ['HTTP/2, a flood of PING', preface + ping.repeat(100), ping, brokenLingerBytesMax],
    ['no HTTP at all', clientHello, 'x'.repeat(1_000), lingerBytesMax],
  ];
  for (const [name, begin, on, bytesMax] of ways) {
    test(`is not read any more, and is let go when others would be: ${name}`, () => {
      const { world } = setup();
      const client = world.client().send(begin);
      // It does not end its own half.
      let told = false;
      client.onEnd = () => {
        told = true;
      };
      world.run(10);
      expect(told).toBe(true);
      const rounds = Math.ceil((4 * lingerBytesMax) / on.length);
      client.send(on.repeat(rounds));
      world.run(500);
      const taken = rounds * on.length - client.socket.queuedBytes;
      expect(taken).toBeGreaterThan(bytesMax);
      // What lies between the two is not read either.
      expect(taken).toBeLessThan(bytesMax + lingerBytesMax / 2);
      expect(world.listener().stats.connectionsActive).toBe(1);
      world.run(proxyLimits.lingerMs + 2 * proxyLimits.lingerCheckMs);
      expect(world.listener().stats.connectionsActive).toBe(0);
      world.expectSettled();
    });
  }
});

describe('refused before it was a request', () => {
  const cases: readonly (readonly [name: string, raw: string, status: number, path: string | null])[] = [
    [
      'conflicting framing',
      'POST /f HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n',
      400,
      '/f',
    ],
    ['a bad Host', 'GET /h HTTP/1.1\r\nhost: a b\r\n\r\n', 400, null],
    ['no Host', 'GET /n HTTP/1.1\r\n\r\n', 400, '/n'],
    ['a long target', `GET /${'a'.repeat(70_000)} HTTP/1.1\r\nhost: a\r\n\r\n`, 414, null],
    ['a long head', `GET / HTTP/1.1\r\nhost: a\r\nx: ${'a'.repeat(70_000)}\r\n\r\n`, 431, null],
    ['an unknown coding', 'POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: gzip\r\n\r\n', 501, null],
    ['a long method', `${'A'.repeat(40)} / HTTP/1.1\r\nhost: a\r\n\r\n`, 501, null],
    ['a head that does not end', 'GET / HTTP/1.1\r\nhost', 408, null],
    [
      'a body that breaks its framing',
      'POST /b HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n',
      400,
      '/b',
    ],
  ];
  for (const [name, raw, status, path] of cases) {
    test(`${name}: ${status}, logged with address and reason, counted, no limit's name shown`, async () => {
      const lines: string[] = [];
      const createLogSink = () => ({
        write(bytes: Uint8Array, handler: { onWritten(error: Error | null): void }) {
          lines.push(...new TextDecoder().decode(bytes).trim().split('\n'));
          handler.onWritten(null);
        },
        reopen() {},
        close() {},
      });
      const { world } = setup({ headTimeoutMs: 1_000, ...logTo('log') }, () => {}, {
        createLogSink,
      });
      const client = world.client().send(raw);
      world.run(3_000);
      expect(client.statuses).toEqual([status]);
      expect(client.received).not.toMatch(/(Bytes|Count)Max/);
      const { stats } = world.listener();
      expect(stats.responses[4]! + stats.responses[5]!).toBe(1);
      world.expectSettled();
      await world.plane.stop();
      const entries = lines.map((line) => JSON.parse(line));
      expect(entries).toHaveLength(1);
      // Who was slow broke no rule.
      const flags = status === 408 ? '-' : 'DPE';
      expect(entries[0]).toMatchObject({ response_code: status, response_flags: flags });
      expect(entries[0].downstream_remote_address).toStartWith('127.0.0.1:');
      expect(entries[0].response_code_details.length).toBeGreaterThan(5);
      if (path !== null) expect(entries[0].path).toBe(path);
    });
  }
});

describe('limits that an author set', () => {
  test('max_request_headers_kb holds for the target too', () => {
    const { world, origin } = setup({ headBytesMax: 96 * 1024 });
    const path = `/${'a'.repeat(80 * 1024)}`;
    const client = world.client().get(path);
    world.run(20);
    expect(client.statuses).toEqual([200]);
    expect(origin.requests[0]!.startsWith(`GET ${path} `)).toBe(true);
    world.expectSettled();
  });

  const heads: readonly (readonly [
    name: string,
    kilobytes: number,
    count: number,
    sent: string,
    status: number,
  ])[] = [
    ['a response head of 90 KiB under 96', 96, 100, `x: ${'y'.repeat(90 * 1024)}\r\n`, 200],
    ['a response head of 90 KiB under 64', 64, 100, `x: ${'y'.repeat(90 * 1024)}\r\n`, 502],
    ['150 response fields under 200', 64, 200, 'x: y\r\n'.repeat(150), 200],
    ['150 response fields under 100', 64, 100, 'x: y\r\n'.repeat(150), 502],
  ];
  for (const [name, kilobytes, headerCountMax, fields, status] of heads) {
    test(`${name}: ${status}`, () => {
      const world = new World();
      const origin = world.origin((connection) =>
        connection.send(`HTTP/1.1 200 OK\r\n${fields}content-length: 0\r\n\r\n`),
      );
      world.serve([origin], {
        clusters: [clusterConfig({ headBytesMax: kilobytes * 1024, headerCountMax })],
      });
      const client = world.client().get('/');
      world.run(20);
      expect(client.statuses).toEqual([status]);
      world.expectSettled();
    });
  }

  test('max_requests_per_connection: the last answer tells, and the connection ends', () => {
    const { world } = setup({ requestsPerConnectionMax: 2 });
    const client = world.client().get('/');
    world.run(20);
    expect(client.received).not.toContain('connection: close');
    client.get('/');
    world.run(20);
    expect(client.statuses).toEqual([200, 200]);
    expect(client.received).toContain('connection: close');
    expect(client.ended).toBe(true);
    world.run(5_000);
    world.expectSettled();
  });
});

function later(act: () => void) {
  return new Timer({ onTimer: act }, 0);
}

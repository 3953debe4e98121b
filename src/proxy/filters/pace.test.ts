// Bodies that filters pace, over the real data path in virtual time: how much has come by when, who waits meanwhile,
// and what is left when somebody goes.

import { describe, expect, test } from 'bun:test';
import { compileText } from '../../observe/index.ts';
import type { BandwidthLimitConfig, FaultConfig, FilterConfig } from '../config/filter-types.ts';
import { httpOptions, listenerConfig } from '../testing/configs.ts';
import { World } from '../testing/world.ts';

const kibibyte = 1024;
const body = '#'.repeat(100 * kibibyte);

const fault: FaultConfig = {
  kind: 'fault',
  delay: null,
  abort: null,
  cluster: '',
  headers: [],
  nodes: [],
  activeMax: Number.POSITIVE_INFINITY,
  responseRate: { kibibytes: 100, intervalMs: 50, share: 1 },
};
const limit: BandwidthLimitConfig = {
  kind: 'bandwidth-limit',
  statPrefix: 'slow',
  request: false,
  response: true,
  // Half of the body at once, as the bucket is full at first; the rest takes a second.
  rate: { bytesPerSecond: 50 * kibibyte, intervalMs: 50 },
  place: 'here',
  inVirtualHost: false,
};

function setup(...configs: readonly FilterConfig[]) {
  const world = new World();
  const origin = world.origin((connection) => connection.reply(200, body));
  const filters = configs.map((config, index) => ({ name: `f${index}`, disabled: false, config }));
  world.serve([origin], { listeners: [listenerConfig({ http: httpOptions({ filters }) })] });
  const counts = () =>
    Object.fromEntries(
      world
        .listener()
        .filters.filters.flatMap((filter) => [...filter.samples()])
        .map(({ name, value }) => [name.replace(/^.*(http_fault|bandwidth_limit)_/, ''), value]),
    );
  return { world, origin, counts };
}

const sinkTo = (lines: string[]) => ({
  write(bytes: Uint8Array, handler: { onWritten(error: Error | null): void }) {
    lines.push(...new TextDecoder().decode(bytes).trim().split('\n'));
    handler.onWritten(null);
  },
  reopen() {},
  close() {},
});

const got = (client: { readonly received: string }) => (client.received.match(/#/g) ?? []).length;

describe('an answer', () => {
  test('comes at the rate, and the next on its connection too', () => {
    const { world, counts } = setup(fault);
    const client = world.client().get('/');
    for (const [ms, kibibytes] of [
      [40, 5],
      [460, 50],
      [250, 75],
    ] as const) {
      world.run(ms);
      expect(Math.abs(got(client) / kibibyte - kibibytes)).toBeLessThan(6);
    }
    expect(counts()).toMatchObject({ response_rl_injected: 1, active_faults: 1 });
    world.run(250);
    expect(got(client)).toBe(body.length);
    expect(counts()).toMatchObject({ active_faults: 0 });
    client.take();
    client.get('/');
    world.run(500);
    expect(Math.abs(got(client) / kibibyte - 50)).toBeLessThan(6);
    world.run(600);
    expect(got(client)).toBe(body.length);
    world.expectSettled();
  });

  test('has its own head and trailers when its endpoint’s connection has gone on to others', async () => {
    const lines: string[] = [];
    const world = new World({ createLogSink: () => sinkTo(lines) });
    const origin = world.origin((connection, request) => {
      const path = request.split(' ')[1];
      const size = path === '/slow' ? 30 * kibibyte : 1;
      const head = `HTTP/1.1 200 OK\r\nx-path: ${path}\r\ntransfer-encoding: chunked\r\ntrailer: x-after\r\n\r\n`;
      connection.send(`${head}${size.toString(16)}\r\n${'#'.repeat(size)}\r\n0\r\nx-after: ${path}\r\n\r\n`);
    });
    const rate = { kibibytes: 20, intervalMs: 50, share: 1 };
    const filters = [{ name: 'f', disabled: false, config: { ...fault, responseRate: rate } }];
    const format = compileText('%RESP(x-path)% %TRAILER(x-after)%', '-');
    if (!format.ok) throw new Error(format.error);
    const accessLogs = [{ kind: 'file', path: 'log', format: format.value, filter: null }] as const;
    const config = listenerConfig({ http: httpOptions({ filters, accessLogs }) });
    world.serve([origin], { listeners: [config] });
    const slow = world.client().get('/slow', ['te: trailers']);
    world.run(200);
    for (let at = 0; at < 5; at++) {
      world.client().get(`/quick${at}`, ['te: trailers', 'x-envoy-fault-throughput-response-percentage: 0']);
      world.run(20);
    }
    world.run(3_000);
    expect(origin.accepted).toBe(1);
    expect(slow.received).toEndWith('0\r\nx-after: /slow\r\n\r\n');
    world.expectSettled();
    await world.plane.stop();
    expect(lines).toContain('/slow /slow');
  });

  test('goes by what the caller asks, up to the share that is configured', () => {
    const { world } = setup({ ...fault, responseRate: { kibibytes: null, intervalMs: 50, share: 1 } });
    const header = 'x-envoy-fault-throughput-response';
    const slow = world.client().get('/', [`${header}: 10`]);
    const spared = world.client().get('/', [`${header}: 10`, `${header}-percentage: 0`]);
    const silent = world.client().get('/');
    world.run(1_000);
    expect(Math.abs(got(slow) / kibibyte - 10)).toBeLessThan(1);
    expect([got(spared), got(silent)]).toEqual([body.length, body.length]);
  });

  test('of many shares one bandwidth; each has a fault’s rate for itself', () => {
    for (const [config, each] of [
      [limit, 25],
      [fault, 100],
    ] as const) {
      const { world } = setup(config);
      const clients = Array.from({ length: 4 }, () => world.client().get('/'));
      world.run(1_000);
      const all = clients.reduce((total, client) => total + got(client), 0);
      expect(Math.abs(all / kibibyte / 4 - each)).toBeLessThan(3);
    }
  });

  test('passes two limits: the lower one holds', () => {
    const { world } = setup(fault, { ...limit, rate: { bytesPerSecond: 20 * kibibyte, intervalMs: 50 } });
    const client = world.client().get('/');
    world.run(1_000);
    expect(Math.abs(got(client) / kibibyte - 40)).toBeLessThan(3);
  });

  test('makes its endpoint wait: little of it is held', () => {
    const { world, origin } = setup(fault);
    origin.respond = (connection) => connection.reply(200, '#'.repeat(10_000_000));
    world.client().get('/');
    world.run(300);
    const [connection] = world.listener().connections;
    expect(connection!.heldBytes).toBeLessThan(300 * kibibyte);
    expect(connection!.heldBytes).toBeGreaterThan(0);
  });

  test('whose client leaves is over', () => {
    const { world, counts } = setup(limit);
    const client = world.client().get('/');
    world.run(300);
    expect(counts()).toMatchObject({ response_pending: 1 });
    client.socket.reset();
    world.run(100);
    expect(counts()).toMatchObject({ response_pending: 0 });
    world.expectSettled();
  });

  test('whose endpoint breaks off is cut', () => {
    const { world, origin } = setup(fault);
    origin.respond = (connection) => {
      connection.send(`HTTP/1.1 200 Text\r\ncontent-length: ${2 * body.length}\r\n\r\n${body}`);
    };
    const client = world.client().get('/');
    world.run(200);
    origin.close();
    world.run(1_200);
    expect(client.closed).toBe('broken');
    world.expectSettled();
  });

  test('in chunks ends with its trailers, after its last byte', () => {
    const { world, origin } = setup(fault);
    origin.respond = (connection) => {
      const size = body.length.toString(16);
      connection.send(
        `HTTP/1.1 200 Text\r\ntransfer-encoding: chunked\r\n\r\n${size}\r\n${body}\r\n0\r\nx-end: 1\r\n\r\n`,
      );
    };
    const client = world.client().get('/', ['te: trailers']);
    world.run(700);
    expect(client.received).not.toContain('x-end');
    world.run(400);
    expect(client.received).toEndWith('0\r\nx-end: 1\r\n\r\n');
    world.expectSettled();
  });

  test('of no length passes at once, and counts as one that may be paced', () => {
    const { world, origin, counts } = setup(limit);
    origin.respond = (connection) => connection.reply(204);
    const client = world.client().get('/');
    world.run(20);
    expect(client.statuses).toEqual([204]);
    expect(counts()).toMatchObject({
      response_enabled: 1,
      response_pending: 0,
      response_allowed_total_size: 0,
    });
  });
});

describe('a request', () => {
  const upward = { ...limit, request: true, response: false };

  function upload() {
    const { world, origin, counts } = setup(upward);
    let seen = '';
    origin.onBytes = (_connection, text) => {
      seen = text;
    };
    origin.respond = (connection) => connection.reply(200, 'fine');
    const client = world.client().post('/', body);
    return { world, origin, client, counts, seen: () => got({ received: seen }) };
  }

  test('refused by who is given it leaves the next one, which waits behind it, whole', () => {
    const small = { ...upward, rate: { bytesPerSecond: 2 * kibibyte, intervalMs: 50 } };
    const { world, origin } = setup(small, { kind: 'buffer', bytesMax: 4 * kibibyte });
    const six = 6 * kibibyte;
    const head = (path: string) =>
      `POST ${path} HTTP/1.1\r\nhost: ledger\r\ntransfer-encoding: chunked\r\n\r\n`;
    const long = `${head('/long')}${six.toString(16)}\r\n${'#'.repeat(six)}\r\n0\r\n\r\n`;
    const client = world.client().send(`${long}${head('/next')}2\r\nab\r\n`);
    world.run(3_000);
    client.send('2\r\ncd\r\n0\r\n\r\n');
    world.run(3_000);
    expect(client.statuses).toEqual([413, 200]);
    expect(origin.requests).toHaveLength(1);
    expect(origin.requests[0]).toEndWith('\r\n\r\nabcd');
    world.expectSettled();
  });

  test('comes at the rate, and is answered when it is there', () => {
    const { world, client, counts, seen } = upload();
    world.run(500);
    expect(Math.abs(seen() / kibibyte - 75)).toBeLessThan(4);
    expect(counts()).toMatchObject({ request_enabled: 1, request_pending: 1 });
    expect(client.statuses).toEqual([]);
    world.run(600);
    expect(client.statuses).toEqual([200]);
    expect(counts()).toMatchObject({
      request_pending: 0,
      request_incoming_total_size: body.length,
      request_allowed_total_size: body.length,
    });
    expect(counts()['request_enforced']).toBeGreaterThan(10);
    // The connection is good for another one.
    client.get('/');
    world.run(20);
    expect(client.statuses).toEqual([200, 200]);
    world.expectSettled();
  });

  test('that is answered before all of it went on leaves its connection in order', () => {
    const { world, origin, client, counts } = upload();
    let answered = false;
    origin.onBytes = (connection, text) => {
      if (!answered && text.length > 20 * kibibyte) connection.reply(403, 'no', ['connection: close']);
      answered ||= text.length > 20 * kibibyte;
    };
    world.run(400);
    expect(client.statuses).toEqual([403]);
    expect(counts()).toMatchObject({ request_pending: 0 });
    world.run(5_000);
    world.expectSettled();
  });

  test('whose client leaves is over', () => {
    const { world, client, counts } = upload();
    world.run(200);
    client.socket.reset();
    world.run(1_500);
    expect(counts()).toMatchObject({ request_pending: 0 });
    world.expectSettled();
  });
});

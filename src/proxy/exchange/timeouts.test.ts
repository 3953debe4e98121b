import { describe, expect, test } from 'bun:test';
import { proxyLimits } from '../limits.ts';
import {
  clusterConfig,
  httpOptions,
  listenerConfig,
  route,
  routeConfig,
  testRetry,
} from '../testing/configs.ts';
import { answer200, type Respond } from '../testing/peers.ts';
import { World } from '../testing/world.ts';

const silent: Respond = () => {};

interface Times {
  readonly requestMs?: number;
  readonly attemptMs?: number;
  readonly idleMs?: number;
  readonly callMs?: number;
  readonly callAttemptMs?: number;
}

function setup(times: Times, respond: readonly Respond[] = [silent], retry = false) {
  const world = new World();
  const origins = respond.map((each) => world.origin(each));
  const timeouts = {
    ...times,
    requestMs: times.requestMs ?? null,
    attemptMs: times.attemptMs ?? null,
    idleMs: times.idleMs ?? null,
  };
  world.serve(origins, {
    routes: [routeConfig([route({ timeouts })])],
    clusters: [clusterConfig({ retry: retry ? testRetry : null })],
  });
  return { world, origins, stats: world.cluster().stats };
}

describe('calls of gRPC', () => {
  const head = (type: string, more = '') =>
    `POST /s/m HTTP/1.1\r\nhost: a\r\ncontent-type: ${type}\r\n${more}content-length: 0\r\n\r\n`;
  const times = { requestMs: 1_000, attemptMs: 500, callMs: 0, callAttemptMs: 0 };

  test.each([
    ['application/grpc', 'outlast what nobody asked for', []],
    ['application/grpc-web', 'on HTTP/1 are requests', [504]],
    ['text/plain', 'are no others', [504]],
  ] as const)('%s: %s', (type, _, statuses) => {
    const { world } = setup(times);
    const client = world.client().send(head(type));
    world.run(20_000);
    expect(client.statuses).toEqual([...statuses]);
  });

  test('their own word holds', () => {
    const { world } = setup(times);
    const client = world.client().send(head('application/grpc', 'grpc-timeout: 3S\r\n'));
    world.run(2_900);
    expect(client.statuses).toEqual([]);
    world.run(200);
    expect(client.statuses).toEqual([200]);
    expect(client.take()).toContain('grpc-status: 4');
  });
});

describe('request', () => {
  test('no answer in time is 504, and counts against the endpoint', () => {
    const { world, origins, stats } = setup({ requestMs: 1_000 });
    const client = world.client().get('/');
    world.run(995);
    expect(client.statuses).toEqual([]);
    world.run(20);
    expect(client.statuses).toEqual([504]);
    expect(stats.requestTimeouts).toBe(1);
    expect(world.cluster().endpoints[0]!.attemptsFailed).toBe(1);
    expect(origins[0]!.connections.size).toBe(0);
    world.expectSettled();
  });

  test('it covers the retries', () => {
    const { world, stats } = setup(
      { requestMs: 1_000, attemptMs: 400 },
      [silent, silent, silent, silent],
      true,
    );
    const client = world.client().get('/');
    world.run(1_010);
    expect(client.statuses).toEqual([504]);
    expect(stats.attempts).toBeGreaterThan(1);
    world.expectSettled();
  });

  test('it starts when the request is complete: a slow upload is not cut', () => {
    const { world } = setup({ requestMs: 1_000 }, [answer200]);
    const client = world.client().send('POST / HTTP/1.1\r\nhost: ledger\r\ncontent-length: 3\r\n\r\n');
    for (const byte of 'abc') {
      world.run(900);
      client.send(byte);
    }
    world.run(20);
    expect(client.statuses).toEqual([200]);
    world.expectSettled();
  });

  test('an answer that has begun is cut off, and the client can see it', () => {
    const { world, stats } = setup({ requestMs: 1_000 }, [
      (connection) => connection.send('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\npart'),
    ]);
    const client = world.client().get('/');
    world.run(1_020);
    expect(client.statuses).toEqual([200]);
    expect(client.closed).toBe('broken');
    expect(stats.truncated).toBe(1);
    world.expectSettled();
  });

  test('a deadline of an earlier request does not hit a later one', () => {
    const { world, origins } = setup({ requestMs: 1_000 }, [answer200]);
    const client = world.client().get('/');
    world.run(900);
    origins[0]!.respond = silent;
    client.get('/');
    world.run(500);
    expect(client.statuses).toEqual([200]);
    world.run(520);
    expect(client.statuses).toEqual([200, 504]);
    world.expectSettled();
  });
});

describe('attempt', () => {
  test('an attempt that takes too long is made again elsewhere', () => {
    const { world, stats } = setup({ attemptMs: 100 }, [silent, answer200], true);
    for (let round = 0; round < 2; round++) {
      const client = world.client().get('/');
      world.run(1_000);
      expect(client.statuses).toEqual([200]);
    }
    expect(stats.attemptTimeouts).toBe(1);
    expect(stats.retriesByReason.get('attempt-timeout')).toBe(1);
    world.expectSettled();
  });

  test('without a retry it is 504', () => {
    const { world } = setup({ attemptMs: 100 });
    const client = world.client().get('/');
    world.run(200);
    expect(client.statuses).toEqual([504]);
    world.expectSettled();
  });

  test('an answer that has begun may take its time', () => {
    const { world, origins } = setup({ attemptMs: 100 }, [
      (connection) => connection.send('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\na'),
    ]);
    const client = world.client().get('/');
    world.run(5_000);
    for (const connection of origins[0]!.connections) connection.send('b');
    world.run(20);
    expect(client.received).toEndWith('ab');
    world.expectSettled();
  });
});

describe('idle', () => {
  test('a stream on which nothing moves ends', () => {
    const { world } = setup({ idleMs: 1_000 }, [
      (connection) => connection.send('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\npart'),
    ]);
    const client = world.client().get('/');
    world.run(1_020);
    expect(client.closed).toBe('broken');
    expect(world.listener().stats.requestIdleTimeouts).toBe(1);
    world.expectSettled();
  });

  test('every byte starts it anew', () => {
    const { world, origins } = setup({ idleMs: 1_000 }, [
      (connection) => connection.send('HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n'),
    ]);
    const client = world.client().get('/');
    for (let round = 0; round < 5; round++) {
      world.run(900);
      for (const connection of origins[0]!.connections) connection.send('x');
    }
    world.run(20);
    expect(client.received).toEndWith('xxxxx');
    world.expectSettled();
  });

  test('a client that stops in its request is told 408', () => {
    const { world } = setup({ idleMs: 1_000 }, [silent]);
    const client = world.client().send('POST / HTTP/1.1\r\nhost: ledger\r\ncontent-length: 9\r\n\r\npart');
    world.run(1_050);
    expect(client.statuses).toEqual([408]);
    expect(world.cluster().endpoints[0]!.attemptsFailed).toBe(0);
    world.expectSettled();
  });
});

describe('the client’s connection', () => {
  function withHttp(options: Parameters<typeof httpOptions>[0]) {
    const world = new World();
    const origin = world.origin();
    world.serve([origin], { listeners: [listenerConfig({ http: httpOptions(options) })] });
    return world;
  }

  test('a head that is not complete in time is answered 408 and closed', () => {
    const world = withHttp({ headTimeoutMs: 1_000 });
    const client = world.client().send('GET / HT');
    world.run(900);
    client.send('TP/1.1\r\n');
    world.run(200);
    expect(client.statuses).toEqual([408]);
    client.send('host: ledger\r\n\r\n');
    world.run(3_000);
    expect(client.closed).not.toBeNull();
    expect(world.listener().stats).toMatchObject({ requests: 1, headTimeouts: 1, connectionsActive: 0 });
    world.expectSettled();
  });

  test('one without a request is closed, one with requests is not', () => {
    const world = withHttp({ idleTimeoutMs: 1_000 });
    const idle = world.client();
    const busy = world.client();
    for (let round = 0; round < 5; round++) {
      busy.get('/');
      world.run(700);
    }
    expect(idle.closed).toBe('in order');
    expect(busy.statuses).toHaveLength(5);
    expect(busy.closed).toBeNull();
    world.run(1_100);
    expect(busy.closed).toBe('in order');
    expect(world.listener().stats).toMatchObject({ idleTimeouts: 2, connectionsActive: 0 });
  });

  test('one that we ended is let go when the client does not end it too', () => {
    const world = withHttp({});
    const client = world.client();
    client.onEnd = () => {};
    client.get('/', ['connection: close']);
    world.run(1_900);
    expect(client.statuses).toEqual([200]);
    expect(client.closed).toBeNull();
    world.run(1_100);
    expect(world.listener().stats.connectionsActive).toBe(0);
    // What it still sends is refused.
    client.get('/');
    world.run(10);
    expect(client.closed).toBe('broken');
  });

  test('a request that is not complete in time is answered 408', () => {
    const world = withHttp({ requestTimeoutMs: 1_000 });
    const client = world.client().send('POST / HTTP/1.1\r\nhost: ledger\r\ncontent-length: 9\r\n\r\n');
    for (let round = 0; round < 4; round++) {
      world.run(260);
      client.send('x');
    }
    world.run(20);
    expect(client.statuses).toEqual([408]);
    world.run(5_000);
    world.expectSettled();
  });

  const foreign: readonly (readonly [name: string, text: string, answer: string])[] = [
    ['TLS', '\x16\x03\x01\x00\x05hello', '\x15\x03\x01\x00\x02\x02\x46'],
    ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', '\x00\x00\x00\x04\x00'],
  ];
  for (const [name, text, answer] of foreign) {
    test(`${name} is refused in its own protocol`, () => {
      const world = withHttp({ protocol: 'http1' });
      const client = world.client().send(text);
      world.run(3_000);
      expect(client.received).toStartWith(answer);
      expect(client.closed).not.toBeNull();
      expect(world.listener().stats.foreignProtocol).toBe(1);
    });
  }
});

describe('a client that ended its side', () => {
  function askAndEnd(respond: Respond) {
    const { world, origins, stats } = setup({ requestMs: 60_000 }, [respond]);
    const client = world.client().get('/');
    world.run(10);
    client.socket.end();
    return { world, origins, stats, client };
  }

  test('is answered while it may still be there', () => {
    let answer: () => void = () => {};
    const { world, client } = askAndEnd((connection) => {
      answer = () => answer200(connection);
    });
    world.run(proxyLimits.halfClosedMs - 500);
    answer();
    world.run(100);
    expect(client.statuses).toEqual([200]);
    world.run(proxyLimits.lingerMs + 100);
    world.expectSettled();
  });

  test('counts as gone when no answer came: the attempt is cancelled, the endpoint not blamed', () => {
    const { world, origins, stats, client } = askAndEnd(silent);
    world.run(proxyLimits.halfClosedMs + 100);
    expect([client.statuses, stats.cancelled]).toEqual([[], 1]);
    expect(world.cluster().endpoints[0]!.attemptsFailed).toBe(0);
    expect(origins[0]!.connections.size).toBe(0);
    world.expectSettled();
  });
});

describe('a stream as a whole', () => {
  const lasting = (parts: {
    readonly maxMs?: number;
    readonly listenerMs?: number;
    readonly idleMs?: number;
  }) => {
    const world = new World();
    const origin = world.origin(silent);
    const { idleMs, listenerMs = 0, maxMs } = parts;
    const duration = maxMs === undefined ? {} : { duration: { maxMs, grpcMaxMs: null, grpcOffsetMs: 0 } };
    const retry = idleMs === undefined ? null : { ...testRetry, attempts: 1, attemptIdleMs: idleMs };
    world.serve([origin], {
      listeners: [listenerConfig({ http: httpOptions({ streamDurationMs: listenerMs }) })],
      routes: [routeConfig([route({ ...duration, retry })])],
    });
    return { world, origin, stats: world.listener().stats };
  };

  for (const [name, parts, endsMs] of [
    ['the listener’s time', { listenerMs: 500 }, 500],
    ['the route’s time wins', { listenerMs: 500, maxMs: 900 }, 900],
    ['the route switches it off', { listenerMs: 500, maxMs: 0 }, 0],
  ] as const) {
    test(name, () => {
      const { world, stats } = lasting(parts);
      const client = world.client().get('/');
      world.run(endsMs === 0 ? 3_000 : endsMs - 5);
      expect(client.statuses).toEqual([]);
      world.run(30);
      expect(client.statuses).toEqual(endsMs === 0 ? [] : [504]);
      expect(stats.requestsTooLong).toBe(endsMs === 0 ? 0 : 1);
      // Nobody was slow: the endpoint is not blamed.
      expect(world.cluster().endpoints[0]?.attemptsFailed).toBe(0);
    });
  }

  test('a client that still sends is told 408, one that reads is cut off', () => {
    const { world, origin } = lasting({ maxMs: 500 });
    const sending = world.client().send('POST / HTTP/1.1\r\nhost: ledger\r\ncontent-length: 9\r\n\r\npart');
    origin.respond = (connection) => connection.send('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\npart');
    const reading = world.client().get('/');
    world.run(600);
    expect(sending.statuses).toEqual([408]);
    expect([reading.statuses, reading.closed]).toEqual([[200], 'broken']);
    world.run(3_000);
    world.expectSettled();
  });

  test('an attempt on which nothing moves is tried elsewhere; within its answer it is cut off', () => {
    const { world, origin } = lasting({ idleMs: 300 });
    origin.respond = (connection) => {
      if (origin.requests.length > 1) connection.send('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\npart');
    };
    const client = world.client().get('/');
    world.run(350);
    expect(origin.requests.length).toBe(2);
    world.run(200);
    expect([client.statuses, client.closed]).toEqual([[200], null]);
    world.run(400);
    expect(client.closed).toBe('broken');
    expect(world.cluster().stats.attemptIdleTimeouts).toBe(2);
    world.expectSettled();
  });
});

describe('a request that a filter holds', () => {
  const holding = (idleMs: number) => {
    const filters = [
      { name: 'buffer', disabled: false, config: { kind: 'buffer' as const, bytesMax: 1_000 } },
    ];
    const world = new World();
    const timeouts = { requestMs: null, attemptMs: null, idleMs };
    world.serve([world.origin()], {
      listeners: [listenerConfig({ http: httpOptions({ filters, requestTimeoutMs: 1_000 }) })],
      routes: [routeConfig([route({ timeouts })])],
    });
    const client = world.client().send('POST / HTTP/1.1\r\nhost: ledger\r\ncontent-length: 4\r\n\r\n');
    return { world, client };
  };

  test('is to be complete in time', () => {
    const { world, client } = holding(0);
    for (let round = 0; round < 3; round++) {
      world.run(330);
      client.send('x');
    }
    expect(client.statuses).toEqual([]);
    world.run(20);
    expect(client.statuses).toEqual([408]);
    expect(world.listener().stats.requestTimeouts).toBe(1);
    world.expectSettled();
  });

  test('may not be idle', () => {
    const { world, client } = holding(300);
    world.run(290);
    expect(client.statuses).toEqual([]);
    world.run(20);
    expect(client.statuses).toEqual([408]);
    expect(world.listener().stats.requestIdleTimeouts).toBe(1);
    world.expectSettled();
  });

  test('may be slow', () => {
    const { world, client } = holding(300);
    for (let round = 0; round < 4; round++) {
      world.run(200);
      client.send('x');
    }
    world.run(20);
    expect(client.statuses).toEqual([200]);
    world.run(5_000);
    world.expectSettled();
  });
});

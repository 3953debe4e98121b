import { describe, expect, test } from 'bun:test';
import { http2Event } from '../../wire/http2/index.ts';
import { createResponseHead } from '../../wire/index.ts';
import type { ClusterConfig, HttpOptions } from '../config/types.ts';
import {
  clusterConfig,
  endpointConfig,
  http2Settings,
  httpOptions,
  ip,
  listenerConfig,
  logTo,
  route,
  routeConfig,
  testRetry,
} from '../testing/configs.ts';
import type { HttpAsked } from '../testing/http-ends.ts';
import { Http2Client, Http2Origin } from '../testing/http2-peers.ts';
import { World } from '../testing/world.ts';

const grpc = [['content-type', 'application/grpc']] as const;

interface Served {
  readonly world: World;
  readonly origin: Http2Origin;
  readonly client: Http2Client;
  /** Lines of the access log. */
  log(): readonly Record<string, unknown>[];
}

interface Options {
  readonly cluster?: Partial<ClusterConfig>;
  readonly http?: Partial<HttpOptions>;
  /** Of the one route. */
  readonly route?: Parameters<typeof route>[0];
}

function serve({ cluster, http, route: options }: Options = {}): Served {
  let text = '';
  const world = new World({
    createLogSink: () => ({
      write(bytes, handler) {
        text += Buffer.from(bytes).toString();
        handler.onWritten(null);
      },
      reopen() {},
      close() {},
    }),
  });
  const origin = new Http2Origin(world.network, ip(9100), world.clock);
  world.apply({
    listeners: [listenerConfig({ http: httpOptions({ ...logTo('stdout'), ...http }) })],
    ...(options === undefined ? {} : { routes: [routeConfig([route(options)])] }),
    clusters: [clusterConfig({ http2: http2Settings, ...cluster })],
    endpoints: { ledger: [endpointConfig(origin.port)] },
  });
  const client = new Http2Client(world.network, world.listenAddress, world.clock);
  world.run(10);
  const log = () =>
    text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  return { world, origin, client, log };
}

/** Begins an answer and leaves it there. */
function begin(asked: HttpAsked, fields: readonly (readonly [string, string])[]): void {
  asked.stream.sendResponse(createResponseHead(200, fields), false);
  asked.send('half of it');
}

test('a gRPC answer that is cut short ends with a status', () => {
  const { world, origin, client } = serve();
  origin.respond = (asked) => begin(asked, grpc);
  const call = client.request('POST', '/bank.Ledger/Get', grpc, 'x');
  world.run(10);
  for (const { socket } of origin.connections) socket.reset();
  world.run(10);
  expect(call.body).toBe('half of it');
  expect(call.error).toBeNull();
  expect(call.trailers?.getName('grpc-status')).toBe('14');
  expect(world.cluster().stats.truncated).toBe(1);
  expect(world.listener().stats.responses[5]).toBe(1);
  expect(world.cluster().endpoints[0]?.attemptsFailed).toBe(1);
  world.expectSettled();
});

const limited = { grpcTimes: { maxMs: 0, offsetMs: 0 } };
test.each([
  ['before an answer', null, {}],
  ['within it', grpc, {}],
  ['before an answer, by max_grpc_timeout', null, limited],
  ['within it, by max_grpc_timeout', grpc, limited],
] as const)(
  'an endpoint that gives up a call just before its time is over, %s: it is over',
  (_, fields, options) => {
    const { world, origin, client } = serve({ route: options });
    origin.respond = (asked) => fields && begin(asked, fields);
    const patient = [...grpc, ['grpc-timeout', '100m']] as const;
    const [early, late] = [98.5, 50].map((afterMs) => {
      const call = client.request('POST', '/bank.Ledger/Get', patient, 'x');
      world.run(afterMs);
      for (const { socket } of origin.connections) socket.reset();
      world.run(200);
      return call;
    });
    const statusOf = (call: typeof early) =>
      (call?.trailers ?? call?.head)?.getName('grpc-status') ?? call?.error;
    expect([statusOf(early), statusOf(late)]).toEqual(['4', '14']);
    expect(world.cluster().stats.requestTimeouts).toBe(1);
    expect(world.cluster().endpoints[0]?.attemptsFailed).toBe(2);
    world.expectSettled();
  },
);

test('bodies that were sent in part are sent again as they were', () => {
  const { world, origin, client } = serve({ cluster: { retry: testRetry } });
  const asked: HttpAsked[] = [];
  origin.respond = (request) => {
    // The connection's first window is less than both.
    if (asked.push(request) === 1) request.connection.socket.reset();
    else request.reply(200, request.body);
  };
  const bodies = [0, 7].map((from) =>
    Array.from({ length: 50_000 }, (_, at) => String.fromCharCode((from + at) % 251)).join(''),
  );
  const idempotent = [['idempotency-key', '1']] as const;
  const calls = bodies.map((body) => client.request('POST', '/', idempotent, body));
  world.run(2_000);
  expect(asked.length).toBeGreaterThan(bodies.length);
  expect(calls.map(({ body }, index) => body === bodies[index])).toEqual([true, true]);
  expect(world.cluster().stats.retrySuccess).toBe(2);
  world.expectSettled();
});

test('another answer that is cut short is reset', () => {
  const { world, origin, client } = serve();
  origin.respond = (asked) => begin(asked, [['content-type', 'text/plain']]);
  const call = client.request('GET', '/');
  world.run(10);
  for (const { socket } of origin.connections) socket.reset();
  world.run(10);
  expect(call.ended).toBe(false);
  expect(call.error?.code).toBe('peer-reset');
  world.expectSettled();
});

test('a gRPC answer without a status counts as failed', () => {
  const { world, origin, client } = serve();
  origin.respond = (asked) => asked.reply(200, 'message', grpc);
  const call = client.request('POST', '/bank.Ledger/Get', grpc, 'x');
  world.run(10);
  expect(call.ended).toBe(true);
  expect(world.listener().stats.responses[5]).toBe(1);
  expect(world.cluster().endpoints[0]?.attemptsFailed).toBe(1);
  world.expectSettled();
});

const unavailable = [['grpc-status', '14']] as const;

test.each([
  ['in trailers', (asked: HttpAsked) => asked.reply(200, 'message', grpc, unavailable)],
  ['in a head that is all', (asked: HttpAsked) => asked.reply(200, '', [...grpc, ...unavailable])],
] as const)('an endpoint whose gRPC answers fail %s is ejected', (_, respond) => {
  const outlier = {
    consecutiveFailures: 3,
    successRate: null,
    intervalMs: 10_000,
    baseEjectionMs: 60_000,
    maxEjectionMs: 60_000,
    maxEjectedPercent: 100,
  };
  const { world, origin, client } = serve({ cluster: { outlier } });
  const other = new Http2Origin(world.network, ip(9101), world.clock);
  const endpoints = [endpointConfig(origin.port), endpointConfig(other.port)];
  world.apply({
    listeners: [listenerConfig({})],
    clusters: [clusterConfig({ http2: http2Settings, outlier })],
    endpoints: { ledger: endpoints },
  });
  origin.respond = respond;
  other.respond = (asked) => asked.reply(200, 'message', grpc, [['grpc-status', '0']]);
  for (let call = 0; call < 20; call++) {
    client.request('POST', '/bank.Ledger/Get', grpc, 'x');
    world.run(10);
  }
  const [failing, fine] = world.cluster().endpoints;
  expect([failing!.attemptsFailed, failing!.ejectedUntilMs > world.clock.now()]).toEqual([3, true]);
  expect([fine!.attemptsFailed, fine!.attemptsSucceeded]).toEqual([0, 17]);
  expect(world.cluster().stats.ejections).toBe(1);
  world.expectSettled();
});

test('a head that is refused is counted and logged', () => {
  const { world, client, log } = serve();
  const wrong = client.request('GET', '/', [
    ['content-type', 'a'],
    ['content-length', '5'],
  ]);
  const long = client.request('GET', '/', [['x-long', 'a'.repeat(62_000)]]);
  world.run(2000);
  expect(wrong.error?.code).toBe('peer-reset');
  expect(long.status).toBe(431);
  const { stats } = world.listener();
  expect(stats.requests).toBe(2);
  expect(stats.protocolErrors).toBe(2);
  expect(stats.responses[4]).toBe(1);
  expect(
    log().map((line) => [line['response_code'], line['response_flags'], line['response_code_details']]),
  ).toEqual([
    [0, 'DPE', 'a_body_differs_from_its_Content-Length'],
    [431, 'DPE', 'a_head_is_above_headerListBytesMax_or_headerCountMax'],
  ]);
  world.expectSettled();
});

describe('GOAWAY of an endpoint loses no request', () => {
  test('those that it did not look at go elsewhere, those that run end', () => {
    const { world, origin, client } = serve();
    origin.respond = () => {};
    const first = client.request('POST', '/', [], 'body');
    world.run(10);
    const running = origin.asked[0]!;
    running.connection.codec.drain();
    // Asked again: what the client sends before it has heard is above the last stream.
    running.connection.codec.drain();
    origin.respond = (asked) => asked.reply(200, 'elsewhere');
    const second = client.request('POST', '/', [], 'body');
    world.run(10);
    running.reply(200, 'late');
    world.run(10);
    expect([first.body, second.body]).toEqual(['late', 'elsewhere']);
    expect(origin.accepted).toBe(2);
    world.expectSettled();
  });
});

describe('a server that ends one connection after another', () => {
  /** Looks at one request of each connection; the others come after its last word. */
  function endEach(origin: Http2Origin): void {
    origin.onHead = (asked) => {
      if (origin.asked.filter(({ connection }) => connection === asked.connection).length > 1) return;
      asked.connection.codec.drain();
      asked.connection.codec.drain();
    };
    origin.respond = (asked) => asked.reply(200, 'fine');
  }

  test('loses none, whatever their method, and nobody counts as sick', () => {
    const { world, origin, client } = serve();
    endEach(origin);
    const calls = Array.from({ length: 5 }, () => client.request('POST', '/', [], 'body'));
    world.run(500);
    expect(calls.map(({ body }) => body)).toEqual(Array.from({ length: 5 }, () => 'fine'));
    expect(world.cluster().endpoints[0]).toMatchObject({ attemptsSucceeded: 5, attemptsFailed: 0 });
    world.expectSettled();
  });

  test('those that want a fresh connection share it', () => {
    const { world, origin, client } = serve();
    origin.respond = (asked) => asked.reply(200, 'fine');
    client.request('GET', '/');
    world.run(10);
    origin.respond = () => {};
    const calls = Array.from({ length: 20 }, () => client.request('GET', '/'));
    world.run(10);
    origin.respond = (asked) => asked.reply(200, 'again');
    for (const { socket } of origin.connections) socket.reset();
    world.run(100);
    expect(calls.map(({ body }) => body)).toEqual(Array.from({ length: 20 }, () => 'again'));
    expect(origin.accepted).toBe(2);
    world.expectSettled();
  });
});

describe('the age of connections', () => {
  test('upstream: an old one takes no more requests, and what runs ends', () => {
    const { world, origin, client } = serve({ cluster: { connectionAgeMsMax: 10_000 } });
    origin.respond = () => {};
    const slow = client.request('GET', '/slow');
    world.run(10_100);
    origin.respond = (asked) => asked.reply(200, 'new');
    const next = client.request('GET', '/');
    world.run(10);
    expect(next.body).toBe('new');
    origin.asked[0]!.reply(200, 'slow');
    world.run(10);
    expect(slow.body).toBe('slow');
    expect(origin.accepted).toBe(2);
    world.run(5000);
    expect(origin.connections.size).toBe(1);
    world.expectSettled();
  });

  test('downstream: a client hears of it, what runs ends, none begins', () => {
    const { world, origin, client } = serve({ http: { connectionAgeMsMax: 10_000 } });
    origin.respond = () => {};
    const slow = client.request('GET', '/slow');
    world.run(8900);
    expect(client.retired).toBe(false);
    world.run(1200);
    expect(client.retired).toBe(true);
    origin.asked[0]!.reply(200, 'slow');
    world.run(2000);
    expect([slow.body, client.closed]).toEqual(['slow', true]);
    expect(world.listener().stats.maxDurations).toBe(1);
    world.expectSettled();
  });

  test('downstream over HTTP/1: the next answer says so', () => {
    const { world, origin } = serve({ http: { connectionAgeMsMax: 10_000 } });
    origin.respond = (asked) => asked.reply(200, 'fine');
    const client = world.client();
    client.get('/');
    world.run(100);
    expect(client.take()).not.toContain('connection: close');
    world.run(10_000);
    expect(client.closed).toBe('in order');
    world.expectSettled();
  });

  test('connections that were made together do not end together', () => {
    const { world } = serve({ http: { connectionAgeMsMax: 100_000 } });
    const clients = Array.from({ length: 20 }, () => world.client());
    world.run(95_000);
    const closed = clients.filter((client) => client.ended).length;
    expect(closed).toBeGreaterThan(4);
    expect(closed).toBeLessThan(16);
    world.run(5100);
    expect(clients.every((client) => client.ended)).toBe(true);
  });
});

test('each request goes on in the version it came in', () => {
  const { world, origin, client } = serve({ cluster: { downstreamProtocol: { http1Tls: null } } });
  const plain = world.origin((connection) => connection.reply(200, 'HTTP/1'));
  client.request('GET', '/');
  world.run(10);
  expect(origin.asked.length).toBe(1);
  world.apply({
    clusters: [clusterConfig({ http2: http2Settings, downstreamProtocol: { http1Tls: null } })],
    endpoints: { ledger: [endpointConfig(plain.port)] },
  });
  const old = world.client().get('/');
  world.run(10);
  expect(old.received).toContain('HTTP/1');
  expect(plain.requests[0]).toStartWith('GET / HTTP/1.1');
  expect(world.cluster().endpoints[0]?.connections).toBe(1);
  world.expectSettled();
});

describe('connection_keepalive', () => {
  const http2 = { ...http2Settings, keepaliveMs: 1000, keepaliveTimeoutMs: 500 };

  test('an endpoint that answers nothing any more fails what it has, and its connection ends', () => {
    const { world, origin, client } = serve({ cluster: { http2 } });
    origin.respond = () => {};
    const call = client.request('GET', '/');
    world.run(60_000);
    // It answers PINGs: a request may take its time.
    expect([call.ended, origin.accepted]).toEqual([false, 1]);
    for (const { socket } of origin.connections) socket.pause();
    world.run(2500);
    expect(call.status).toBe(503);
    expect(world.cluster().stats.http2Faults[http2Event.keepaliveTimeouts]).toBe(1);
    world.run(10_000);
    world.expectSettled();
  });

  test('a client that answers nothing any more loses its connection, one that answers keeps it', () => {
    const { world, client } = serve({ http: { http2 } });
    const other = new Http2Client(world.network, world.listenAddress, world.clock);
    world.run(60_000);
    client.socket.pause();
    world.run(5000);
    client.socket.resume();
    world.run(10);
    expect([client.closed, other.closed]).toEqual([true, false]);
    world.expectSettled();
  });
});

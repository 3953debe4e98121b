import { describe, expect, test } from 'bun:test';
import type { LogSink } from '../../observe/index.ts';
import type { RouteAction } from '../../policy/index.ts';
import { forwardTo, httpOptions, listenerConfig, logTo, route, routeConfig } from '../testing/configs.ts';
import { World } from '../testing/world.ts';

function worldWithOrigin() {
  const world = new World();
  const origin = world.origin();
  world.serve([origin]);
  return { world, origin };
}

describe('forwarding', () => {
  test('a request reaches the origin and its answer the client', () => {
    const { world, origin } = worldWithOrigin();
    const client = world.client().get('/accounts/1?full=yes', ['x-custom: kept']);
    world.run(20);
    expect(origin.requests).toHaveLength(1);
    const request = origin.requests[0]!;
    expect(request).toStartWith('GET /accounts/1?full=yes HTTP/1.1\r\nhost: ledger\r\nx-custom: kept\r\n');
    expect(request).toMatch(/x-request-id: [0-9a-f-]{36}\r\n/);
    expect(request).toContain('x-forwarded-proto: http\r\n');
    expect(request).toContain('x-envoy-attempt-count: 1\r\n');
    expect(client.received).toStartWith('HTTP/1.1 200 ');
    expect(client.received).toMatch(/x-envoy-upstream-service-time: \d+\r\n/);
    expect(client.received).toMatch(/\r\ndate: \w{3}, \d\d \w{3} \d{4} [\d:]{8} GMT\r\n/);
    expect(client.received).toEndWith('\r\n\r\nfine');
    world.expectSettled();
  });

  test('connections are kept on both sides', () => {
    const { world, origin } = worldWithOrigin();
    const client = world.client();
    for (let round = 0; round < 5; round++) {
      client.get('/');
      world.run(20);
    }
    expect(client.statuses).toEqual([200, 200, 200, 200, 200]);
    expect(origin.accepted).toBe(1);
    expect(world.cluster().stats.connectionsTotal).toBe(1);
    world.expectSettled();
  });

  test('pipelined requests are answered in order', () => {
    const { world, origin } = worldWithOrigin();
    origin.respond = (connection, request) => connection.reply(200, /GET (\S+)/.exec(request)![1]!);
    const client = world.client().get('/a').get('/b').get('/c');
    world.run(50);
    expect(client.received.match(/\/[abc]/g)).toEqual(['/a', '/b', '/c']);
    world.expectSettled();
  });

  const bodies: readonly (readonly [name: string, send: string, expected: string])[] = [
    ['content-length', 'content-length: 5\r\n\r\nhello', 'content-length: 5'],
    ['chunked', 'transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n', 'transfer-encoding: chunked'],
  ];
  for (const [name, send, expected] of bodies) {
    test(`a ${name} request body arrives`, () => {
      const { world, origin } = worldWithOrigin();
      const client = world.client().send(`POST / HTTP/1.1\r\nhost: ledger\r\n${send}`);
      world.run(20);
      expect(origin.requests[0]).toContain(expected);
      expect(origin.requests[0]).toContain('hello');
      expect(client.statuses).toEqual([200]);
      world.expectSettled();
    });
  }

  test('a body that comes before the connection is up waits for it', () => {
    const { world, origin } = worldWithOrigin();
    const body = 'x'.repeat(300_000);
    world.client().post('/', body);
    world.run(100);
    expect(origin.requests[0]).toEndWith(body);
    world.expectSettled();
  });

  test('trailers pass in both directions', () => {
    const { world, origin } = worldWithOrigin();
    origin.respond = (connection) =>
      connection.send(
        'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nx-sum: 2\r\n\r\n',
      );
    const head = 'POST / HTTP/1.1\r\nhost: ledger\r\ntransfer-encoding: chunked\r\n\r\n';
    const client = world.client().send(`${head}1\r\na\r\n0\r\nx-sum: 1\r\n\r\n`);
    world.run(20);
    expect(origin.requests[0]).toEndWith('0\r\nx-sum: 1\r\n\r\n');
    expect(client.received).toEndWith('0\r\nx-sum: 2\r\n\r\n');
    world.expectSettled();
  });

  test('HEAD has a length and no body', () => {
    const { world, origin } = worldWithOrigin();
    origin.respond = (connection) => connection.send('HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n');
    const client = world.client().send('HEAD / HTTP/1.1\r\nhost: ledger\r\n\r\n');
    world.run(20);
    expect(client.received).toContain('content-length: 4\r\n');
    expect(client.received).toEndWith('\r\n\r\n');
    client.take();
    client.send('HEAD / HTTP/1.1\r\nhost: ledger\r\n\r\n');
    world.run(20);
    expect(client.statuses).toEqual([200]);
    world.expectSettled();
  });

  const asks = 'POST / HTTP/1.1\r\nhost: ledger\r\ncontent-length: 2\r\nexpect: 100-continue\r\n\r\n';
  const origins: readonly (readonly [name: string, answers: boolean])[] = [
    ['ignores it', false],
    ['answers it too', true],
  ];
  for (const [name, answers] of origins) {
    test(`an expectation is answered once, by us, and not passed on: the origin ${name}`, () => {
      const { world, origin } = worldWithOrigin();
      origin.onBytes = (connection, text) => {
        if (answers && text.endsWith('\r\n\r\n') && connection.requests === 0)
          connection.send('HTTP/1.1 100 Continue\r\n\r\n');
      };
      const client = world.client().send(asks);
      world.run(20);
      expect(client.take()).toBe('HTTP/1.1 100 Continue\r\n\r\n');
      client.send('hi');
      world.run(20);
      expect(client.statuses).toEqual([200]);
      expect(origin.requests[0]).not.toContain('expect');
      client.get('/');
      world.run(20);
      expect(client.statuses).toEqual([200, 200]);
      world.expectSettled();
    });
  }

  test('what is refused is refused without its body having been asked for', () => {
    const { world } = worldWithOrigin();
    world.serve([], { version: '2', clusters: [], routes: [routeConfig([])] });
    const client = world.client().send(asks);
    world.run(20);
    expect(client.statuses).toEqual([404]);
    expect(client.received).toContain('connection: close');
  });

  test('other informational answers pass', () => {
    const { world, origin } = worldWithOrigin();
    origin.respond = (connection) => {
      connection.send('HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n');
      connection.reply(200);
    };
    const client = world.client().get('/');
    world.run(20);
    expect(client.statuses).toEqual([103, 200]);
    world.expectSettled();
  });

  test('an answer until the end of the connection arrives whole', () => {
    const { world, origin } = worldWithOrigin();
    origin.respond = (connection) => {
      connection.send('HTTP/1.1 200 OK\r\n\r\nall there is');
      connection.socket.end();
    };
    const client = world.client().get('/');
    world.run(20);
    expect(client.received).toContain('all there is');
    expect(client.received).toEndWith('0\r\n\r\n');
    world.expectSettled();
  });
});

describe('own answers', () => {
  test('no route is 404, flag NR', () => {
    const world = new World();
    world.apply({ routes: [routeConfig([])] });
    const client = world.client().get('/');
    world.run(20);
    expect(client.statuses).toEqual([404]);
    expect(world.listener().stats.noRoute).toBe(1);
    world.expectSettled();
  });

  test('an unknown cluster is 503, counted', () => {
    const world = new World();
    world.apply({ routes: [routeConfig([route({ action: forwardTo(['nowhere', 1]) })])] });
    const client = world.client().get('/');
    world.run(20);
    expect(client.statuses).toEqual([503]);
    expect(world.listener().stats.noCluster).toBe(1);
    world.expectSettled();
  });

  test('or what the route says for it', () => {
    const world = new World();
    const action = { ...forwardTo(['unresolved', 1]), notFoundStatus: 500 } as RouteAction;
    world.apply({ routes: [routeConfig([route({ action })])] });
    const client = world.client().get('/');
    world.run(20);
    expect(client.statuses).toEqual([500]);
    world.expectSettled();
  });

  const faulty: readonly (readonly [
    name: string,
    action: RouteAction,
    virtualHost: string,
    service: string,
  ])[] = [
    [
      'a rule that cannot be done',
      { kind: 'respond', status: 500, body: '' },
      'bank/ledger:80',
      'bank/ledger',
    ],
    ['a backend that is not there', forwardTo(['nowhere', 1]), 'bank/ledger:80', 'bank/ledger'],
    ['a host that is no Service', { kind: 'respond', status: 500, body: '' }, 'unknown', ''],
    ['a host with a port that is no Service', forwardTo(['nowhere', 1]), 'example.com:80', ''],
  ];
  for (const [name, action, virtualHost, service] of faulty) {
    test(`what a fault answered counts for the Service that was asked: ${name}`, () => {
      const world = new World();
      const routes = [route({ action })];
      world.apply({
        routes: [{ name: 'routes', virtualHosts: [{ name: virtualHost, domains: ['*'], routes }] }],
      });
      world.client().get('/');
      world.run(20);
      const { series } = world.listener().traffic;
      expect(series.map((each) => [each.service, each.durations[5]?.count])).toEqual([[service, 1]]);
    });
  }

  test('what a fault answered behind a gateway counts for the Service that its route names', () => {
    const world = new World();
    const action = { kind: 'respond', status: 500, body: '' } as const;
    const routes = [{ ...route({ action }), service: 'bank/web' }];
    world.apply({ routes: [{ name: 'routes', virtualHosts: [{ name: 'edge', domains: ['*'], routes }] }] });
    world.client().get('/');
    world.run(20);
    expect(world.listener().traffic.series.map(({ service }) => service)).toEqual(['bank/web']);
  });

  test('a cluster without endpoints is 503, counted', () => {
    const world = new World();
    world.serve([]);
    const client = world.client().get('/').get('/');
    world.run(20);
    expect(client.statuses).toEqual([503, 503]);
    expect(world.cluster().stats.noEndpoint).toBe(2);
    world.expectSettled();
  });

  test('a direct answer, and the same to HEAD without its body', () => {
    const world = new World();
    const action = { kind: 'respond', status: 418, body: 'teapot' } as const;
    world.apply({ routes: [routeConfig([route({ action })])] });
    const client = world.client().get('/');
    world.run(20);
    expect(client.take()).toEndWith('content-length: 6\r\n\r\nteapot');
    client.send('HEAD / HTTP/1.1\r\nhost: ledger\r\n\r\n');
    world.run(20);
    expect(client.received).toEndWith('content-length: 6\r\n\r\n');
    world.expectSettled();
  });

  test('a redirect names its location', () => {
    const world = new World();
    const action = {
      kind: 'redirect',
      status: 302,
      scheme: 'https',
      authority: 'bank.example',
      port: 8443,
      path: { kind: 'full', value: '/new' },
    } as const;
    world.apply({ routes: [routeConfig([route({ action })])] });
    const client = world.client().get('/old?a=1');
    world.run(20);
    expect(client.received).toContain('location: https://bank.example:8443/new?a=1\r\n');
    expect(client.statuses).toEqual([302]);
    world.expectSettled();
  });
});

describe('edits', () => {
  test('headers, path and authority', () => {
    const world = new World();
    const origin = world.origin((connection) => connection.reply(200, '', ['x-internal: secret']));
    const action = {
      kind: 'forward',
      clusters: [
        {
          cluster: 'ledger',
          weight: 1,
          requestEdits: [{ kind: 'set', name: 'x-set', value: 'cluster' }],
          responseEdits: null,
        },
      ],
      rewriteAuthority: 'ledger.bank.svc',
      rewritePath: { kind: 'prefix', value: '/v2' },
    } as const;
    const edited = route({
      match: { path: { kind: 'prefix', value: '/v1', ignoreCase: false }, headers: [], query: [] },
      action,
      requestEdits: [
        { kind: 'remove', name: 'x-remove', value: '' },
        { kind: 'add', name: 'x-add', value: 'a' },
      ],
      responseEdits: [
        { kind: 'remove', name: 'x-internal', value: '' },
        { kind: 'set', name: 'x-by', value: 'weft' },
      ],
    });
    world.serve([origin], { routes: [routeConfig([edited])] });
    const client = world.client().get('/v1/accounts?x=1', ['x-remove: 1', 'x-set: client']);
    world.run(20);
    const request = origin.requests[0]!;
    expect(request).toStartWith('GET /v2/accounts?x=1 HTTP/1.1\r\nhost: ledger.bank.svc\r\n');
    expect(request).toContain('x-add: a\r\n');
    expect(request).toContain('x-set: cluster\r\n');
    expect(request).not.toContain('x-set: client');
    expect(request).not.toContain('x-remove');
    expect(client.received).toContain('x-by: weft\r\n');
    expect(client.received).not.toContain('x-internal');
    world.expectSettled();
  });

  test('useRemoteAddress appends the client and overrules its scheme', () => {
    const world = new World();
    const origin = world.origin();
    world.serve([origin], { listeners: [listenerConfig({ http: httpOptions({ useRemoteAddress: true }) })] });
    world.client().get('/', ['x-forwarded-for: 203.0.113.9', 'x-forwarded-proto: https']);
    world.run(20);
    expect(origin.requests[0]).toContain('x-forwarded-for: 203.0.113.9,127.0.0.1\r\n');
    expect(origin.requests[0]).toContain('x-forwarded-proto: http\r\n');
    expect(origin.requests[0]).not.toContain('https');
  });

  test('at an edge, nobody outside says what only Envoys may', () => {
    const world = new World();
    const origin = world.origin();
    world.serve([origin], { listeners: [listenerConfig({ http: httpOptions({ useRemoteAddress: true }) })] });
    world.client().get('/', ['X-Envoy-Internal: true', 'x-envoy-max-retries: 9', 'x-envoy-other: 1']);
    world.run(20);
    expect(origin.requests[0]).not.toMatch(/x-envoy-(internal|max-retries)/i);
    expect(origin.requests[0]).toContain('x-envoy-other: 1\r\n');
  });

  test('an upstream’s date is kept', () => {
    const date = 'date: Mon, 01 Jan 2024 00:00:00 GMT';
    const world = new World();
    world.serve([world.origin((connection) => connection.reply(200, '', [date]))]);
    const client = world.client().get('/');
    world.run(20);
    expect(client.received.match(/date: .*/g)).toEqual([date]);
  });

  test('the log has the path that the client asked for', () => {
    const lines: string[] = [];
    const createLogSink = (): LogSink => ({
      write: (bytes, handler) => {
        lines.push(new TextDecoder().decode(bytes));
        handler.onWritten(null);
      },
      reopen() {},
      close() {},
    });
    const world = new World({ createLogSink });
    const action = {
      ...forwardTo(['ledger', 1]),
      rewritePath: { kind: 'full', value: '/new' },
    } as RouteAction;
    world.serve([world.origin()], {
      listeners: [listenerConfig({ http: httpOptions(logTo('log')) })],
      routes: [routeConfig([route({ action })])],
    });
    world.client().get('/old?q');
    world.run(2000);
    expect(lines.join('')).toContain('"path":"/old?q"');
  });

  test('a server name replaces the upstream’s', () => {
    const world = new World();
    const origin = world.origin((connection) => connection.reply(200, '', ['server: nginx']));
    world.serve([origin], { listeners: [listenerConfig({ http: httpOptions({ serverName: 'envoy' }) })] });
    const client = world.client().get('/');
    world.run(20);
    expect(client.received).toContain('server: envoy\r\n');
    expect(client.received).not.toContain('nginx');
  });
});

describe('unhappy ends', () => {
  test('a client that leaves cancels the attempt and blames nobody', () => {
    const { world, origin } = worldWithOrigin();
    origin.respond = () => {};
    const client = world.client().get('/');
    world.run(20);
    expect(world.cluster().stats.active).toBe(1);
    client.socket.reset();
    world.run(20);
    expect(origin.connections.size).toBe(0);
    expect(world.cluster().stats.cancelled).toBe(1);
    expect(world.cluster().endpoints[0]!.attemptsFailed).toBe(0);
    expect(world.listener().stats.responses[0]).toBe(1);
    world.expectSettled();
  });

  test('an answer cut off in its body is cut off for the client too', () => {
    const { world, origin } = worldWithOrigin();
    origin.respond = (connection) => {
      connection.send('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\npart');
      connection.socket.end();
    };
    const client = world.client().get('/');
    world.run(50);
    expect(client.statuses).toEqual([200]);
    expect(client.closed).toBe('broken');
    expect(world.cluster().stats.truncated).toBe(1);
    world.expectSettled();
  });

  const faults: readonly (readonly [name: string, text: string, status: number])[] = [
    ['garbage', 'nonsense\r\n\r\n', 502],
    ['an end before any byte', '', 503],
    ['an end within the head', 'HTTP/1.1 200 OK\r\ncontent-', 503],
    ['an overlong head', `HTTP/1.1 200 OK\r\nx: ${'y'.repeat(70_000)}\r\n\r\n`, 502],
  ];
  for (const [name, text, status] of faults) {
    test(`an origin that sends ${name} is answered ${status}`, () => {
      const { world, origin } = worldWithOrigin();
      origin.respond = (connection) => {
        connection.send(text);
        connection.socket.end();
      };
      const client = world.client().post('/', 'x');
      world.run(50);
      expect(client.statuses).toEqual([status]);
      expect(world.cluster().endpoints[0]!.attemptsFailed).toBe(1);
      world.expectSettled();
    });
  }

  test('an early answer does not wait for the request, whose rest is dropped', () => {
    const { world, origin } = worldWithOrigin();
    origin.onBytes = (connection) => {
      if (connection.requests === 0) connection.reply(413, 'too much');
      connection.requests += 1;
    };
    const client = world
      .client()
      .send('POST / HTTP/1.1\r\nhost: ledger\r\ncontent-length: 2000000\r\n\r\nstart');
    world.run(20);
    expect(client.statuses).toEqual([413]);
    world.run(5_000);
    expect(client.closed).not.toBeNull();
    expect(world.listener().connections.size).toBe(0);
    world.expectSettled();
  });

  test('a request that breaks the protocol in its body is answered by the codec and cancels upstream', () => {
    const { world, origin } = worldWithOrigin();
    const client = world
      .client()
      .send('POST / HTTP/1.1\r\nhost: ledger\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n');
    world.run(50);
    expect(client.statuses).toEqual([400]);
    expect(origin.requests).toHaveLength(0);
    world.expectSettled();
  });
});

// What becomes of a request while it is checked, in virtual time: clients that leave, authorizers that are silent, too
// talkative or too many. Whatever happens, the books of both clusters balance.

import { describe, expect, test } from 'bun:test';
import type { ExtAuthzConfig, HttpAuthzConfig } from '../../config/filter-types.ts';
import {
  clusterConfig,
  endpointConfig,
  httpOptions,
  listenerConfig,
  routeConfig,
} from '../../testing/configs.ts';
import type { Respond } from '../../testing/peers.ts';
import { World } from '../../testing/world.ts';

const service: HttpAuthzConfig = {
  kind: 'http',
  cluster: 'authz',
  authority: 'authz.example',
  timeoutMs: 200,
  pathPrefix: '',
  headersToAdd: null,
  upstreamSet: [],
  upstreamAppended: [],
  clientOnSuccess: [],
  noted: [],
  clientOnDenial: null,
};

const config: ExtAuthzConfig = {
  kind: 'ext-authz',
  service,
  allowedHeaders: null,
  disallowedHeaders: [],
  body: null,
  failureAllowed: false,
  failureHeader: false,
  errorStatus: 403,
  clearsRouteCache: false,
  enabledShare: 1,
  enabledBy: null,
  deniesUnchecked: false,
  validates: false,
  mutationRules: null,
  takesNotes: true,
  statPrefix: '',
  chargesCluster: true,
};

function setup(respond: Respond, options: Partial<ExtAuthzConfig> = {}, requestsMax = 1024) {
  const world = new World();
  const origin = world.origin();
  const authz = world.origin(respond);
  const filters = [{ name: 'authz', disabled: false, config: { ...config, ...options } }];
  const limits = { ...clusterConfig().limits, requests: requestsMax };
  world.apply({
    listeners: [listenerConfig({ http: httpOptions({ filters }) })],
    routes: [routeConfig()],
    clusters: [
      clusterConfig(),
      clusterConfig({ name: 'authz', statName: 'authz', service: 'authz', limits }),
    ],
    endpoints: { ledger: [endpointConfig(origin.port)], authz: [endpointConfig(authz.port)] },
  });
  return { world, origin, authz };
}

const allow: Respond = (connection) => connection.reply(200);
const silent: Respond = () => {};

describe('a request that is checked', () => {
  test('goes on, its body too, when it is allowed', () => {
    const { world, origin, authz } = setup(allow);
    const client = world.client().post('/a', 'x'.repeat(300_000));
    world.run(100);
    expect(client.statuses).toEqual([200]);
    expect(authz.requests[0]).toStartWith('POST /a HTTP/1.1');
    expect(authz.requests[0]).toContain('content-length: 0');
    expect(origin.requests[0]).toEndWith('x'.repeat(1000));
    world.expectSettled();
  });

  test('is refused when nobody answers in time', () => {
    const { world, origin, authz } = setup(silent);
    const client = world.client().get('/');
    world.run(150);
    expect(client.statuses).toEqual([]);
    world.run(100);
    expect(client.statuses).toEqual([403]);
    expect([origin.accepted, authz.requests.length]).toEqual([0, 1]);
    world.expectSettled();
  });

  test('leaves nothing behind when its client leaves', () => {
    const { world, origin } = setup(silent);
    const client = world.client().get('/');
    world.run(50);
    client.socket.reset();
    world.run(500);
    expect(origin.accepted).toBe(0);
    world.expectSettled();
  });

  test('is refused when the authorizer says more than is read', () => {
    const { world } = setup((connection) => connection.reply(403, 'x'.repeat(1024 * 1024 + 1)));
    const client = world.client().get('/');
    world.run(150);
    expect(client.statuses).toEqual([403]);
    expect(client.received).not.toContain('xxx');
    world.expectSettled();
  });

  test('is refused when the authorizer breaks off', () => {
    const { world } = setup((connection) => {
      connection.send('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc');
      connection.socket.reset();
    });
    const client = world.client().get('/');
    world.run(100);
    expect(client.statuses).toEqual([403]);
    world.expectSettled();
  });

  test('is refused beyond the limit of checks, at once', () => {
    const { world } = setup(silent, {}, 1);
    const first = world.client().get('/');
    world.run(20);
    const second = world.client().get('/');
    world.run(20);
    expect([first.statuses, second.statuses]).toEqual([[], [403]]);
    world.run(500);
    world.expectSettled();
  });

  test('is let pass where failure is allowed', () => {
    const { world, origin } = setup(silent, { failureAllowed: true, failureHeader: true });
    const client = world.client().get('/');
    world.run(300);
    expect(client.statuses).toEqual([200]);
    expect(origin.requests[0]).toContain('x-envoy-auth-failure-mode-allowed: true');
    world.expectSettled();
  });

  test('waits for its body up to the bound, and is refused above it', () => {
    const { world, authz } = setup(allow, { body: { bytesMax: 10, partial: false } });
    const small = world.client().post('/', '1234567890');
    const large = world.client().post('/', '12345678901');
    world.run(100);
    expect([small.statuses, large.statuses]).toEqual([[200], [413]]);
    expect(authz.requests).toHaveLength(1);
    expect(authz.requests[0]).toEndWith('\r\n\r\n1234567890');
    world.expectSettled();
  });

  test('one after the other on a connection, each is checked', () => {
    const { world, origin, authz } = setup((connection, request) =>
      connection.reply(request.startsWith('GET /no') ? 401 : 200),
    );
    const client = world.client();
    for (const path of ['/yes', '/no', '/yes']) {
      client.get(path);
      world.run(50);
    }
    expect(client.statuses).toEqual([200, 401, 200]);
    expect([origin.requests.length, authz.requests.length]).toEqual([2, 3]);
    world.expectSettled();
  });
});

test.each(['CONNECT ledger:80 HTTP/1.1', 'OPTIONS * HTTP/1.1'])('%s can be asked about', (line) => {
  const { world, authz } = setup(allow);
  const client = world.client();
  client.send(`${line}\r\nhost: ledger:80\r\n\r\n`);
  world.run(500);
  expect(client.received).toStartWith('HTTP/1.1 ');
  expect(authz.connections.size).toBe(1);
});

import { describe, expect, test } from 'bun:test';
import type { MirrorPolicy, Route } from '../../policy/index.ts';
import { clusterConfig, endpointConfig, forwardTo, ip, route, routeConfig } from '../testing/configs.ts';
import { Origin, type Respond } from '../testing/peers.ts';
import { World } from '../testing/world.ts';
import { mirrorAuthority } from './mirror.ts';

const policy: MirrorPolicy = {
  cluster: 'copies',
  clusterHeader: '',
  share: 1,
  suffixed: true,
};

interface Setup {
  readonly policies?: readonly Partial<MirrorPolicy>[];
  readonly respond?: Respond;
  readonly route?: Partial<Route>;
  readonly requests?: number;
  readonly closed?: boolean;
}

function createWorld({
  policies = [{}],
  respond,
  route: more = {},
  requests = 1024,
  closed = false,
}: Setup = {}) {
  const world = new World();
  const origin = world.origin();
  const mirror = new Origin(world.network, ip(9500), respond);
  const mirrors = policies.map((each) => ({ ...policy, ...each }));
  const action = { ...forwardTo(['ledger', 1]), mirrors } as Route['action'];
  world.serve([origin], {
    routes: [routeConfig([route({ action, ...more })])],
    clusters: [
      clusterConfig(),
      clusterConfig({ name: 'copies', limits: { connections: 1024, pending: 1024, requests } }),
    ],
    endpoints: { copies: [endpointConfig(9500)] },
  });
  if (closed) mirror.close();
  return { world, origin, mirror, stats: world.cluster('copies').stats };
}

describe('a copy', () => {
  test('is what the endpoint got, for another host', () => {
    const { world, origin, mirror, stats } = createWorld();
    const client = world.client().post('/a?b', 'hello', ['x-own: 1']);
    world.run(50);
    expect(client.statuses).toEqual([200]);
    expect(mirror.requests.length).toBe(1);
    expect(mirror.requests[0]).toStartWith('POST /a?b HTTP/1.1\r\nhost: ledger-shadow\r\n');
    expect(mirror.requests[0]).toContain('x-own: 1\r\n');
    expect(mirror.requests[0]).toContain('content-length: 5\r\n');
    expect(mirror.requests[0]).toEndWith('\r\n\r\nhello');
    expect(origin.requests[0]).toContain('host: ledger\r\n');
    expect(stats).toMatchObject({ mirrored: 1, requests: 1, active: 0 });
    world.expectSettled();
  });

  for (const [name, respond] of [
    ['answers 500', (connection) => connection.reply(500, 'no')],
    ['resets', (connection) => connection.socket.reset()],
    ['answers more than anybody reads', (connection) => connection.reply(200, 'x'.repeat(300_000))],
    ['never answers', () => {}],
  ] as readonly (readonly [string, Respond])[]) {
    test(`of a mirror that ${name} is nobody's affair`, () => {
      const { world } = createWorld({ respond });
      const client = world.client().get('/').get('/').get('/');
      world.run(100);
      expect(client.statuses).toEqual([200, 200, 200]);
      world.run(20_000);
      world.expectSettled();
    });
  }

  test('of a mirror that is not there, or that is full, is left out', () => {
    const gone = createWorld({ closed: true });
    const full = createWorld({ requests: 1, respond: () => {} });
    for (const { world } of [gone, full]) {
      const client = world.client().get('/').get('/');
      world.run(2_000);
      expect(client.statuses).toEqual([200, 200]);
    }
    expect(full.stats).toMatchObject({ mirrored: 1, mirrorsDropped: 1, requestOverflow: 1 });
    full.world.run(20_000);
    gone.world.expectSettled();
    full.world.expectSettled();
  });

  test('goes to the cluster that a header names; what names none is counted', () => {
    const { world, mirror } = createWorld({ policies: [{ cluster: '', clusterHeader: 'x-to' }] });
    const client = world.client().get('/', ['x-to: copies']).get('/', ['x-to: nobody']).get('/');
    world.run(100);
    expect(client.statuses).toEqual([200, 200, 200]);
    expect(mirror.requests.length).toBe(1);
    expect(world.listener().stats.mirrorsLost).toBe(2);
  });

  test('is made of a share of the requests', () => {
    const { world, mirror } = createWorld({ policies: [{ share: 0.25 }, { share: 0 }] });
    const client = world.client();
    for (let index = 0; index < 400; index++) client.get('/');
    world.run(20_000);
    expect(client.statuses.length).toBe(400);
    expect(mirror.requests.length).toBeGreaterThan(70);
    expect(mirror.requests.length).toBeLessThan(130);
  });

  test('of a long body is left out, and keeps nothing', () => {
    const { world, origin, mirror, stats } = createWorld({ route: { bufferBytesMax: 1000 } });
    const client = world.client().post('/', 'x'.repeat(1001)).post('/', 'x'.repeat(1000));
    world.run(200);
    expect(client.statuses).toEqual([200, 200]);
    expect([origin.requests.length, mirror.requests.length]).toEqual([2, 1]);
    expect(stats).toMatchObject({ mirrored: 1, mirrorsDropped: 1 });
    world.expectSettled();
  });

  test('of a request that is never complete does not leave', () => {
    const { world, mirror, stats } = createWorld();
    const client = world.client().send('POST / HTTP/1.1\r\nhost: ledger\r\ncontent-length: 9\r\n\r\npart');
    world.run(100);
    client.socket.reset();
    world.run(100);
    expect([mirror.requests.length, stats.mirrorsDropped]).toEqual([0, 1]);
    world.expectSettled();
  });

  test('a mirror that reads slowly holds up nobody', () => {
    const { world, mirror } = createWorld({ route: { bufferBytesMax: 8 * 1024 * 1024 } });
    mirror.onBytes = (connection) => connection.socket.pause();
    const client = world.client().post('/', 'x'.repeat(4 * 1024 * 1024));
    world.run(1_000);
    expect(client.statuses).toEqual([200]);
    world.run(20_000);
    world.expectSettled();
  });
});

test.each([
  ['a', {}, 'a-shadow'],
  ['a:80', {}, 'a-shadow:80'],
  ['[::1]', {}, '[::1]-shadow'],
  ['[::1]:80', {}, '[::1]-shadow:80'],
  ['a:80', { suffixed: false }, 'a:80'],
] as const)('%s becomes %j %s', (authority, more, expected) => {
  expect(mirrorAuthority(authority, { ...policy, ...more })).toBe(expected);
});

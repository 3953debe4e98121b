// Keys that come from elsewhere, in virtual time: fetched once for all who wait, kept for their time, and what becomes
// of requests while they cannot be had.

import { describe, expect, test } from 'bun:test';
import { createHmac } from 'node:crypto';
import type { FetchRetry, JwtAuthnConfig, JwtProviderConfig } from '../../config/filter-types.ts';
import {
  clusterConfig,
  endpointConfig,
  httpOptions,
  listenerConfig,
  route,
  routeConfig,
} from '../../testing/configs.ts';
import type { Respond } from '../../testing/peers.ts';
import { World } from '../../testing/world.ts';

const secret = Buffer.from('a secret of some bytes');
const jwks = JSON.stringify({ keys: [{ kty: 'oct', kid: 'k', k: secret.toString('base64url') }] });
const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');

function token(claims: object): string {
  const data = `${encode({ alg: 'HS256', kid: 'k' })}.${encode({ iss: 'issuer', ...claims })}`;
  return `${data}.${createHmac('sha256', secret).update(data).digest('base64url')}`;
}

const bearer = (claims: object = {}) => [`authorization: Bearer ${token(claims)}`];

function setup(
  respond: Respond,
  options: Partial<JwtProviderConfig> = {},
  ahead = false,
  retry: { retry?: FetchRetry } = {},
) {
  const provider: JwtProviderConfig = {
    name: 'p',
    issuer: 'issuer',
    audiences: [],
    subjects: null,
    requiresExpiration: false,
    lifetimeSecondsMax: 0,
    keys: {
      kind: 'remote',
      cluster: 'keys',
      uri: 'http://keys.example/jwks',
      timeoutMs: 500,
      cacheMs: 10_000,
      ahead,
      failedRefetchMs: 1_000,
      ...retry,
    },
    forwards: false,
    fromHeaders: [{ name: 'authorization', prefix: 'Bearer ' }],
    fromParams: [],
    fromCookies: [],
    payloadHeader: '',
    padsPayload: false,
    payloadNote: '',
    headerNote: '',
    clockSkewSeconds: 60,
    cacheSize: 2,
    claimHeaders: [],
    clearsRouteCache: false,
    ...options,
  };
  const config: JwtAuthnConfig = {
    kind: 'jwt-authn',
    providers: [provider],
    rules: [
      {
        route: route({ name: '0', action: { kind: 'respond', status: 200, body: '' } }),
        requirement: { kind: 'provider', provider: 'p', audiences: null },
      },
    ],
    named: {},
    bypassesPreflight: false,
    stripsFailure: false,
  };
  const world = new World();
  const origin = world.origin();
  const keys = world.origin(respond);
  world.apply({
    listeners: [
      listenerConfig({ http: httpOptions({ filters: [{ name: 'jwt', disabled: false, config }] }) }),
    ],
    routes: [routeConfig()],
    clusters: [clusterConfig(), clusterConfig({ name: 'keys', statName: 'keys', service: 'keys' })],
    endpoints: { ledger: [endpointConfig(origin.port)], keys: [endpointConfig(keys.port)] },
  });
  return { world, origin, keys };
}

const answer: Respond = (connection) => connection.reply(200, jwks);

describe('keys', () => {
  test('are fetched once for all who wait, and kept for their time', () => {
    const { world, keys } = setup(answer);
    const clients = [1, 2, 3].map(() => world.client().get('/', bearer()));
    world.run(100);
    expect(clients.map(({ statuses }) => statuses)).toEqual([[200], [200], [200]]);
    expect(keys.requests).toHaveLength(1);
    world.run(9_000);
    world.client().get('/', bearer());
    world.run(50);
    expect(keys.requests).toHaveLength(1);
    world.run(2_000);
    const late = world.client().get('/', bearer());
    world.run(50);
    expect([keys.requests.length, late.statuses]).toEqual([2, [200]]);
    world.expectSettled();
  });

  test('that are over are used on while new ones come, where that is asked for', () => {
    const { world, keys } = setup(answer, {}, true);
    world.client().get('/', bearer());
    world.run(100);
    keys.respond = () => {};
    world.run(11_000);
    const client = world.client().get('/', bearer());
    world.run(50);
    expect([client.statuses, keys.requests.length]).toEqual([[200], 2]);
  });

  const failures: readonly (readonly [string, Respond])[] = [
    ['nobody answers', () => {}],
    ['the answer is an error', (connection) => connection.reply(500)],
    ['the answer is no set of keys', (connection) => connection.reply(200, 'hello')],
    ['the set is empty', (connection) => connection.reply(200, '{"keys":[]}')],
  ];
  for (const [name, respond] of failures) {
    test(`cannot be had (${name}): the request is refused, the next one asks again`, () => {
      const { world, origin, keys } = setup(respond);
      const client = world.client().get('/', bearer());
      world.run(700);
      expect(client.statuses).toEqual([401]);
      expect(client.received).toEndWith('Jwks remote fetch is failed');
      keys.respond = answer;
      const next = world.client().get('/', bearer());
      world.run(100);
      expect([next.statuses, origin.requests.length]).toEqual([[200], 1]);
      world.expectSettled();
    });
  }

  const retry = { retry: { times: 2, backoff: { baseMs: 100, maxMs: 200 } } };

  test('are asked for again, and who waits waits on', () => {
    let left = 2;
    const { world, keys } = setup(
      (connection) => (left-- > 0 ? connection.reply(503) : connection.reply(200, jwks)),
      {},
      false,
      retry,
    );
    const client = world.client().get('/', bearer());
    world.run(400);
    expect([client.statuses, keys.requests.length]).toEqual([[200], 3]);
    world.expectSettled();
  });

  test('are asked for so often and no more, and not where the answer is no failure', () => {
    for (const [status, asked] of [
      [503, 3],
      [404, 1],
    ] as const) {
      const { world, keys } = setup((connection) => connection.reply(status), {}, false, retry);
      const client = world.client().get('/', bearer());
      world.run(400);
      expect([client.statuses, keys.requests.length]).toEqual([[401], asked]);
      world.expectSettled();
    }
  });

  test('are waited for by nobody who left', () => {
    const { world, origin } = setup(() => {});
    const client = world.client().get('/', bearer());
    world.run(50);
    client.socket.reset();
    world.run(1_000);
    expect(origin.accepted).toBe(0);
    world.expectSettled();
  });
});

describe('claims', () => {
  const cases: readonly (readonly [string, Partial<JwtProviderConfig>, object, number])[] = [
    ['no end where one is required', { requiresExpiration: true }, {}, 401],
    ['too long a life', { lifetimeSecondsMax: 60 }, { iat: 0, exp: 4_000_000_000 }, 401],
    ['the subject', { subjects: { kind: 'prefix', value: 'a', ignoreCase: false } }, { sub: 'ada' }, 200],
    ['another subject', { subjects: { kind: 'prefix', value: 'a', ignoreCase: false } }, { sub: 'eve' }, 401],
    ['no subject', { subjects: { kind: 'prefix', value: 'a', ignoreCase: false } }, {}, 401],
  ];
  for (const [name, options, claims, status] of cases) {
    test(name, () => {
      const { world } = setup(answer, options);
      const client = world.client().get('/', bearer(claims));
      world.run(100);
      expect(client.statuses).toEqual([status]);
    });
  }

  test('more tokens than are kept are all good, again and again', () => {
    const { world } = setup(answer);
    const client = world.client();
    for (let turn = 0; turn < 20; turn++) {
      client.get('/', bearer({ turn: turn % 5 }));
      world.run(20);
    }
    expect(client.statuses).toEqual(Array.from({ length: 20 }, () => 200));
  });
});

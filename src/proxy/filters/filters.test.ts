// Each filter of the chain over the real data path, in virtual time: what the client got, what the origin saw, what was
// counted.

import { describe, expect, test } from 'bun:test';
import type { StringMatch } from '../../policy/index.ts';
import type {
  CorsConfig,
  FaultConfig,
  FilterConfig,
  ListenerFilterConfig,
  LocalRateLimitConfig,
  RouteFilterConfig,
} from '../config/filter-types.ts';
import { forwardTo, httpOptions, listenerConfig, route, routeConfig } from '../testing/configs.ts';
import { World } from '../testing/world.ts';

interface Setup {
  readonly disabled?: boolean;
  readonly route?: RouteFilterConfig;
  readonly weight?: RouteFilterConfig;
  readonly noRoute?: boolean;
}

const name = 'it';

function filter(config: FilterConfig, disabled = false): ListenerFilterConfig {
  return { name, disabled, config };
}

function parts(filters: readonly ListenerFilterConfig[], setup: Setup = {}) {
  const forward = forwardTo(['ledger', 1]);
  if (forward.kind !== 'forward') throw new Error('forwardTo forwards');
  const said = setup.weight;
  const action =
    said === undefined
      ? forward
      : {
          ...forward,
          clusters: forward.clusters.map((each) => ({ ...each, filters: new Map([[name, said]]) })),
        };
  const routes =
    setup.noRoute === true
      ? []
      : [
          route({
            action,
            ...(setup.route === undefined ? {} : { filters: new Map([[name, setup.route]]) }),
          }),
        ];
  return {
    listeners: [listenerConfig({ http: httpOptions({ filters }) })],
    routes: [routeConfig(routes)],
  };
}

function setup(config: FilterConfig, options: Setup = {}) {
  const world = new World();
  const origin = world.origin();
  world.serve([origin], parts([filter(config, options.disabled)], options));
  /** By what stands behind the filter's scope in their names. */
  const counts = (): Readonly<Record<string, number>> => {
    const samples = [...world.listener().filters.filters[0]!.samples()];
    const short = (name: string) => name.replace(/^http_(fault|local_rate_limit|cors|csrf)_/, '');
    return Object.fromEntries(samples.map(({ name, value }) => [short(name), value]));
  };
  return { world, origin, counts };
}

const exact = (value: string): StringMatch => ({ kind: 'exact', value, ignoreCase: false });

function fault(options: Partial<FaultConfig>): FaultConfig {
  return {
    kind: 'fault',
    delay: null,
    abort: null,
    cluster: '',
    headers: [],
    nodes: [],
    activeMax: Number.POSITIVE_INFINITY,
    ...options,
  };
}

describe('no filter', () => {
  test('costs no list to walk', () => {
    const world = new World();
    world.serve([world.origin()]);
    expect(world.listener().filterSteps).toBeNull();
  });
});

describe('fault', () => {
  const always = { status: 503, grpcStatus: null, share: 1 };

  test('abort answers instead of the endpoint', () => {
    const { world, origin, counts } = setup(fault({ abort: always }));
    const client = world.client().get('/');
    world.run(20);
    expect(client.statuses).toEqual([503]);
    expect(client.received).toEndWith('fault filter abort');
    expect(origin.requests).toHaveLength(0);
    expect(counts()['aborts_injected']).toBe(1);
    world.expectSettled();
  });

  test('delay holds the request, its body too, for the whole time', () => {
    const { world, origin, counts } = setup(fault({ delay: { fixedMs: 5_000, share: 1 } }));
    const client = world.client().post('/', 'x'.repeat(100_000));
    world.run(4_990);
    expect(origin.requests).toHaveLength(0);
    world.run(50);
    expect(client.statuses).toEqual([200]);
    expect(counts()['delays_injected']).toBe(1);
    world.expectSettled();
  });

  test('a delayed request is then aborted where both are said', () => {
    const { world, origin } = setup(fault({ delay: { fixedMs: 100, share: 1 }, abort: always }));
    const client = world.client().get('/');
    world.run(90);
    expect(client.statuses).toEqual([]);
    world.run(30);
    expect(client.statuses).toEqual([503]);
    expect(origin.requests).toHaveLength(0);
    world.expectSettled();
  });

  test('a client that leaves while delayed gives its place back', () => {
    const { world, origin } = setup(fault({ delay: { fixedMs: 1_000, share: 1 }, activeMax: 1 }));
    const first = world.client().get('/');
    world.run(10);
    first.socket.reset();
    world.run(2_000);
    expect(origin.requests).toHaveLength(0);
    const second = world.client().get('/');
    world.run(500);
    expect(second.statuses).toEqual([]);
    world.run(600);
    expect(second.statuses).toEqual([200]);
    world.expectSettled();
  });

  test('no more than activeMax at once', () => {
    const { world, counts } = setup(fault({ delay: { fixedMs: 1_000, share: 1 }, activeMax: 2 }));
    const clients = [1, 2, 3].map(() => world.client().get('/'));
    world.run(100);
    expect(clients.map((client) => client.statuses.length)).toEqual([0, 0, 1]);
    expect(counts()['faults_overflow']).toBe(1);
    world.run(1_000);
    world.expectSettled();
  });

  test('a share of requests is hit', () => {
    const { world } = setup(fault({ abort: { status: 500, grpcStatus: null, share: 0.25 } }));
    const client = world.client();
    for (let count = 0; count < 400; count++) {
      client.get('/');
      world.run(5);
    }
    const hit = client.statuses.filter((status) => status === 500).length;
    expect(hit).toBeGreaterThan(60);
    expect(hit).toBeLessThan(140);
    world.expectSettled();
  });

  const chosen: readonly (readonly [
    what: string,
    config: Partial<FaultConfig>,
    fields: string[],
    status: number,
  ])[] = [
    ['another cluster', { abort: always, cluster: 'other' }, [], 200],
    ['this cluster', { abort: always, cluster: 'ledger' }, [], 503],
    [
      'a header that is missing',
      { abort: always, headers: [{ name: 'x-user', match: exact('me'), invert: false }] },
      [],
      200,
    ],
    [
      'a header that is there',
      { abort: always, headers: [{ name: 'x-user', match: exact('me'), invert: false }] },
      ['x-user: me'],
      503,
    ],
    [
      'asked by a header',
      { abort: { status: null, grpcStatus: null, share: 1 } },
      ['x-envoy-fault-abort-request: 418'],
      418,
    ],
    ['asked by nobody', { abort: { status: null, grpcStatus: null, share: 1 } }, [], 200],
    [
      'asked for nonsense',
      { abort: { status: null, grpcStatus: null, share: 1 } },
      ['x-envoy-fault-abort-request: 99'],
      200,
    ],
    ['asked, but not allowed', { abort: null }, ['x-envoy-fault-abort-request: 418'], 200],
    [
      'asked for a smaller share',
      { abort: { status: null, grpcStatus: null, share: 1 } },
      ['x-envoy-fault-abort-request: 418', 'x-envoy-fault-abort-request-percentage: 0'],
      200,
    ],
    [
      'asked for more than the configured share',
      { abort: { status: null, grpcStatus: null, share: 0 } },
      ['x-envoy-fault-abort-request: 418', 'x-envoy-fault-abort-request-percentage: 100'],
      200,
    ],
  ];
  for (const [what, config, fields, status] of chosen) {
    test(`${what}: ${status}`, () => {
      const { world } = setup(fault(config));
      const client = world.client().get('/', fields);
      world.run(20);
      expect(client.statuses).toEqual([status]);
      world.expectSettled();
    });
  }

  test('a delay that is asked for by a header', () => {
    const { world } = setup(fault({ delay: { fixedMs: null, share: 1 } }));
    const client = world.client().get('/', ['x-envoy-fault-delay-request: 200']);
    world.run(190);
    expect(client.statuses).toEqual([]);
    world.run(30);
    expect(client.statuses).toEqual([200]);
  });
});

describe('what routes say', () => {
  const off = fault({});
  const abort = (status: number) => fault({ abort: { status, grpcStatus: null, share: 1 } });
  const cases: readonly (readonly [what: string, own: FaultConfig, setup: Setup, status: number])[] = [
    ['nothing', abort(500), {}, 500],
    ['a route', off, { route: abort(501) }, 501],
    ['a weight, which wins over the route', off, { route: abort(501), weight: abort(502) }, 502],
    ['a route switches off', abort(500), { route: { kind: 'disabled' } }, 200],
    ['a filter that is off', abort(500), { disabled: true }, 200],
    ['a filter that is off, and a route that wants it', off, { disabled: true, route: abort(501) }, 501],
    [
      'something of another kind',
      abort(500),
      { route: { kind: 'csrf', enabledShare: 1, shadowShare: 0, additionalOrigins: [] } },
      500,
    ],
    ['no route: the filter runs all the same', abort(500), { noRoute: true }, 500],
    ['no route, and the filter lets through', off, { noRoute: true }, 404],
  ];
  for (const [what, own, options, status] of cases) {
    test(`${what}: ${status}`, () => {
      const { world } = setup(own, options);
      const client = world.client().get('/');
      world.run(20);
      expect(client.statuses).toEqual([status]);
      world.expectSettled();
    });
  }
});

function limitOf(options: Partial<LocalRateLimitConfig> = {}): LocalRateLimitConfig {
  return {
    kind: 'local-rate-limit',
    place: '',
    inVirtualHost: false,
    statPrefix: 'limited',
    bucket: { tokensMax: 2, tokensPerFill: 1, fillIntervalMs: 1_000 },
    descriptors: [],
    stage: 0,
    hostRules: 'override',
    alwaysDefault: true,
    tellsLimits: false,
    grpcStatus: null,
    status: 429,
    enabledShare: 1,
    enforcedShare: 1,
    responseEdits: null,
    notEnforcedEdits: null,
    ...options,
  };
}

describe('local rate limit', () => {
  test('lets the burst through, then what is filled', () => {
    const { world, counts } = setup(
      limitOf({ responseEdits: [{ kind: 'add', name: 'x-limited', value: 'yes' }] }),
    );
    const client = world.client();
    for (let count = 0; count < 3; count++) {
      client.get('/');
      world.run(10);
    }
    expect(client.statuses).toEqual([200, 200, 429]);
    expect(client.received.match(/x-limited: yes/g)).toHaveLength(1);
    expect(client.received).toEndWith('local_rate_limited');
    world.run(1_000);
    client.get('/').get('/');
    world.run(10);
    expect(client.statuses).toEqual([200, 200, 429, 200, 429]);
    expect(counts()).toEqual({ enabled: 5, ok: 3, rate_limited: 2, enforced: 2 });
    world.expectSettled();
  });

  test('not enforced: passed on, marked', () => {
    const { world, origin, counts } = setup(
      limitOf({
        enforcedShare: 0,
        notEnforcedEdits: [{ kind: 'add', name: 'x-over', value: 'limit' }],
      }),
    );
    const client = world.client().get('/').get('/').get('/');
    world.run(50);
    expect(client.statuses).toEqual([200, 200, 200]);
    expect(origin.requests.filter((request) => request.includes('x-over: limit'))).toHaveLength(1);
    expect(counts()).toEqual({ enabled: 3, ok: 2, rate_limited: 1, enforced: 0 });
  });

  test('not enabled: nothing is counted', () => {
    const { world, counts } = setup(limitOf({ enabledShare: 0 }));
    const client = world.client().get('/').get('/').get('/');
    world.run(50);
    expect(client.statuses).toEqual([200, 200, 200]);
    expect(counts()['ok']).toBeUndefined();
  });

  test('an update that changes something else leaves bucket and counters', () => {
    const { world, origin, counts } = setup(limitOf());
    world.client().get('/').get('/');
    world.run(50);
    world.serve([origin], { ...parts([filter(limitOf())]), version: '2' });
    const client = world.client().get('/');
    world.run(50);
    expect(client.statuses).toEqual([429]);
    world.serve([origin], { ...parts([filter(limitOf({ status: 503 }))]), version: '3' });
    client.get('/');
    world.run(50);
    expect(client.statuses).toEqual([429, 200]);
    expect(counts()['ok']).toBe(1);
  });
});

function corsOf(options: Partial<CorsConfig> = {}): CorsConfig {
  return {
    kind: 'cors',
    origins: [exact('https://shop.test')],
    allowMethods: 'GET, PUT',
    allowHeaders: 'x-token',
    exposeHeaders: 'x-total',
    maxAge: '600',
    allowCredentials: true,
    enabledShare: 1,
    shadowShare: 0,
    privateNetwork: false,
    forwardOtherPreflights: true,
    ...options,
  };
}

describe('cors', () => {
  const preflight = ['origin: https://shop.test', 'access-control-request-method: PUT'];
  const stranger = ['origin: https://evil.test', 'access-control-request-method: PUT'];

  test('a preflight is answered', () => {
    const { world, origin } = setup(corsOf());
    const client = world.client().request('OPTIONS', '/', preflight);
    world.run(20);
    expect(client.statuses).toEqual([200]);
    for (const field of [
      'access-control-allow-origin: https://shop.test',
      'access-control-allow-credentials: true',
      'access-control-allow-methods: GET, PUT',
      'access-control-allow-headers: x-token',
      'access-control-max-age: 600',
    ])
      expect(client.received).toContain(`${field}\r\n`);
    expect(origin.requests).toHaveLength(0);
  });

  test('stars are answered with what was asked, and with nothing where nothing was', () => {
    const { world } = setup(corsOf({ allowMethods: '*', allowHeaders: '*' }));
    const client = world.client().request('OPTIONS', '/', preflight);
    world.run(20);
    expect(client.received).toContain('access-control-allow-methods: PUT\r\n');
    expect(client.received).not.toContain('access-control-allow-headers');
  });

  test('a request is served, and its answer opened', () => {
    const { world } = setup(corsOf());
    const client = world.client().get('/', ['origin: https://shop.test']);
    world.run(20);
    expect(client.received).toContain('access-control-allow-origin: https://shop.test\r\n');
    expect(client.received).toContain('access-control-expose-headers: x-total\r\n');
    expect(client.received).not.toContain('allow-methods');
  });

  test('another origin gets its answer closed, and its preflight passed on', () => {
    const { world, origin, counts } = setup(corsOf());
    const client = world.client().get('/', ['origin: https://evil.test']).request('OPTIONS', '/', stranger);
    world.run(20);
    expect(client.statuses).toEqual([200, 200]);
    expect(client.received).not.toContain('access-control');
    expect(origin.requests).toHaveLength(2);
    expect(counts()).toEqual({ origin_valid: 0, origin_invalid: 2 });
  });

  test('or answered, where it is not to be passed on', () => {
    const { world, origin } = setup(corsOf({ forwardOtherPreflights: false }));
    const client = world.client().request('OPTIONS', '/', stranger);
    world.run(20);
    expect(client.statuses).toEqual([200]);
    expect(client.received).not.toContain('access-control');
    expect(origin.requests).toHaveLength(0);
  });
});

describe('csrf', () => {
  const cases: readonly (readonly [what: string, method: string, fields: string[], status: number])[] = [
    ['reading from anywhere', 'GET', ['origin: https://evil.test'], 200],
    ['writing from the same host', 'POST', ['origin: http://ledger'], 200],
    ['writing from the same host, by its referer', 'PUT', ['referer: http://ledger/page?x'], 200],
    ['writing from a named host', 'DELETE', ['origin: https://shop.test:8443'], 200],
    ['writing from another', 'PATCH', ['origin: https://evil.test'], 403],
    ['writing from nowhere', 'POST', [], 403],
    ['writing from null', 'POST', ['origin: null'], 403],
  ];
  for (const [what, method, fields, status] of cases) {
    test(`${what}: ${status}`, () => {
      const { world } = setup({
        kind: 'csrf',
        enabledShare: 1,
        shadowShare: 0,
        additionalOrigins: [exact('shop.test:8443')],
      });
      const client = world.client().request(method, '/', fields);
      world.run(20);
      expect(client.statuses).toEqual([status]);
      world.expectSettled();
    });
  }
});

test('health check: answered here, 503 while health is made to fail', () => {
  const headers = [{ name: ':path', match: exact('/healthz'), invert: false }];
  const { world, origin } = setup({
    kind: 'health-check',
    passThrough: false,
    cacheMs: 0,
    minHealthy: [],
    headers,
  });
  const client = world.client().get('/healthz');
  world.run(20);
  world.plane.failHealth(true);
  const second = world.client().get('/healthz');
  world.run(20);
  expect([...client.statuses, ...second.statuses]).toEqual([200, 503]);
  expect(origin.requests).toHaveLength(0);
  world.plane.failHealth(false);
  world.client().get('/other');
  world.run(20);
  expect(origin.requests).toHaveLength(1);
});

test('header mutation: its own edits, then the route’s, on both ways and on our own answers', () => {
  const edits = (value: string) => ({
    kind: 'header-mutation' as const,
    request: [{ kind: 'add' as const, name: 'x-seen', value }],
    response: [{ kind: 'add' as const, name: 'x-told', value }],
  });
  const { world, origin } = setup(edits('own'), { route: edits('route') });
  const client = world.client().get('/');
  world.run(20);
  expect(origin.requests[0]).toContain('x-seen: own\r\nx-seen: route\r\n');
  expect(client.received).toContain('x-told: own\r\nx-told: route\r\n');
  const alone = setup(edits('own'), { noRoute: true });
  const lost = alone.world.client().get('/');
  alone.world.run(20);
  expect(lost.statuses).toEqual([404]);
  expect(lost.received).toContain('x-told: own\r\n');
});

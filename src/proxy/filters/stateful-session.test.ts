// Which endpoint a session gets, over the real data path in virtual time: by its health, its strictness and the
// attempt.

import { describe, expect, test } from 'bun:test';
import type { RetryPolicy } from '../../policy/index.ts';
import type { StatefulSessionConfig } from '../config/filter-types.ts';
import type { ClusterConfig, EndpointConfig, HostStatus } from '../config/types.ts';
import {
  clusterConfig,
  endpointConfig,
  httpOptions,
  listenerConfig,
  route,
  routeConfig,
} from '../testing/configs.ts';
import { World } from '../testing/world.ts';

interface Setup {
  readonly said?: Partial<StatefulSessionConfig>;
  readonly cluster?: Partial<ClusterConfig>;
  /** Of the second of two endpoints, which the session wants. */
  readonly second?: Partial<EndpointConfig>;
  readonly retries?: boolean;
}

function setup({ said = {}, cluster = {}, second = {}, retries = false }: Setup = {}) {
  const world = new World();
  const origins = ['first', 'second'].map((name) =>
    world.origin((connection) => connection.reply(retries && name === 'second' ? 503 : 200, name)),
  );
  const config: StatefulSessionConfig = {
    kind: 'stateful-session',
    place: { kind: 'header', name: 'x-session' },
    strict: false,
    missingStatus: 503,
    statPrefix: 's',
    ...said,
  };
  const filters = [{ name: 'it', disabled: false, config }];
  const retry: RetryPolicy = {
    on: ['ServerError'],
    statusCodes: [],
    methods: null,
    idempotencyHeader: null,
    attempts: 1,
    backoff: { baseMs: 1, maxMs: 1 },
  };
  world.serve(origins, {
    listeners: [listenerConfig({ http: httpOptions({ filters }) })],
    routes: [routeConfig([route(retries ? { retry } : {})])],
    clusters: [clusterConfig(cluster)],
    endpoints: {
      ledger: origins.map(({ port }, index) => endpointConfig(port, index === 1 ? second : {})),
    },
  });
  const wanted = `10.0.0.1:${origins[1]!.port}`;
  return { world, wanted: wanted.replace('10.0.0.1', hostOf(world)), origins };
}

/** Where the origins of a world listen. */
function hostOf(world: World): string {
  const { address } = world.origins[0]!.listener;
  return address.kind === 'ip' ? address.host : '';
}

function ask(world: World, session: string, times = 4): readonly string[] {
  return Array.from({ length: times }, () => {
    const client = world.client().get('/', [`x-session: ${Buffer.from(session).toString('base64')}`]);
    world.run(50);
    const { received } = client;
    return `${client.statuses[0]} ${received.slice(received.indexOf('\r\n\r\n') + 4)}`;
  });
}

test('a session has its endpoint', () => {
  const { world, wanted } = setup();
  expect(ask(world, wanted)).toEqual(Array(4).fill('200 second'));
  world.expectSettled();
});

test('what it asks for and is not there is any, or none where no other will do', () => {
  expect(new Set(ask(setup().world, '10.9.9.9:1'))).toEqual(new Set(['200 first', '200 second']));
  const strict = setup({ said: { strict: true } });
  expect(new Set(ask(strict.world, '10.9.9.9:1'))).toEqual(new Set(['503 no healthy upstream']));
  const named = setup({ said: { strict: true, missingStatus: 404 } });
  expect(new Set(ask(named.world, '10.9.9.9:1'))).toEqual(new Set(['404 no healthy upstream']));
});

describe('the health in which it may be had', () => {
  const rows: readonly (readonly [HostStatus, readonly HostStatus[] | null, boolean])[] = [
    ['UNKNOWN', null, true],
    ['HEALTHY', null, true],
    ['DEGRADED', null, true],
    ['UNHEALTHY', null, false],
    ['DRAINING', null, false],
    ['TIMEOUT', null, false],
    ['DRAINING', ['HEALTHY', 'DRAINING'], true],
    ['UNKNOWN', ['HEALTHY'], false],
    ['UNHEALTHY', ['UNHEALTHY'], true],
    ['HEALTHY', [], false],
  ];
  for (const [status, statuses, expected] of rows) {
    test(`${status} of ${statuses?.join() ?? 'the default'}`, () => {
      const usable = status === 'UNKNOWN' || status === 'HEALTHY' || status === 'DEGRADED';
      const { world, wanted } = setup({
        said: { strict: true },
        second: { status, healthy: usable, degraded: status === 'DEGRADED' },
        cluster: statuses === null ? {} : { wantedStatuses: statuses },
      });
      expect(ask(world, wanted, 1)).toEqual([expected ? '200 second' : '503 no healthy upstream']);
    });
  }
});

test('only the first attempt is bound', () => {
  for (const strict of [false, true]) {
    const { world, wanted, origins } = setup({ retries: true, said: { strict } });
    expect(ask(world, wanted, 1)).toEqual(['200 first']);
    expect(origins[1]!.requests).toHaveLength(1);
  }
});

test('one that is ejected is no more what it was', () => {
  const { world, wanted } = setup();
  const endpoint = world.cluster().endpoints[1]!;
  endpoint.ejectedUntilMs = world.clock.now() + 1_000_000;
  expect(new Set(ask(world, wanted))).toContain('200 first');
});

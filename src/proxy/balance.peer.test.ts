// Who is chosen, by the same bootstrap in an Envoy and in our proxy: shares among priorities, localities and zones
// over a thousand requests, within what chance allows.

import { afterAll, beforeAll, expect, test } from 'bun:test';
import { type Envoy, socketAddress, startEnvoy } from '../testing/envoy.ts';
import { describeWith, freePort } from '../testing/programs.ts';
import { bootstrapSnapshot } from './testing/configs.ts';
import type { Origin } from './testing/peers.ts';
import { RealWorld } from './testing/real.ts';

/** One locality of a cluster: how many endpoints, and what is said of them. */
interface Place {
  readonly zone: string;
  readonly priority?: number;
  readonly weight?: number;
  /** Of its endpoints, from the first on; the others are healthy. */
  readonly health?: readonly string[];
  readonly endpoints: number;
}

interface Case {
  readonly name: string;
  readonly cluster: object;
  readonly policy?: object;
  readonly places: readonly Place[];
}

const unhealthy = (count: number): readonly string[] => Array.from({ length: count }, () => 'UNHEALTHY');
const degraded = (count: number): readonly string[] => Array.from({ length: count }, () => 'DEGRADED');
const weighted = { common_lb_config: { locality_weighted_lb_config: {} } };
const zoneAware = (fields: object = {}): object => ({ common_lb_config: { zone_aware_lb_config: fields } });

const cases: readonly Case[] = [
  {
    name: 'spill',
    cluster: {},
    places: [
      { zone: 'p0', endpoints: 4, health: unhealthy(2) },
      { zone: 'p1', priority: 1, endpoints: 2 },
    ],
  },
  {
    name: 'overprovisioning',
    cluster: {},
    policy: { overprovisioning_factor: 100 },
    places: [
      { zone: 'p0', endpoints: 4, health: unhealthy(1) },
      { zone: 'p1', priority: 1, endpoints: 2 },
    ],
  },
  {
    name: 'degraded',
    cluster: {},
    places: [{ zone: 'a', endpoints: 4, health: [...degraded(2), ...unhealthy(1)] }],
  },
  {
    name: 'degraded-two',
    cluster: {},
    places: [
      { zone: 'p0', endpoints: 4, health: [...degraded(1), ...unhealthy(2)] },
      { zone: 'p1', priority: 1, endpoints: 4, health: [...degraded(2), ...unhealthy(2)] },
    ],
  },
  {
    name: 'panic',
    cluster: {},
    places: [{ zone: 'a', endpoints: 5, health: unhealthy(3) }],
  },
  {
    name: 'no-panic',
    cluster: { common_lb_config: { healthy_panic_threshold: { value: 0 } } },
    places: [{ zone: 'a', endpoints: 3, health: unhealthy(3) }],
  },
  {
    name: 'panic-two',
    cluster: {},
    places: [
      { zone: 'p0', endpoints: 4, health: unhealthy(3) },
      { zone: 'p1', priority: 1, endpoints: 2, health: unhealthy(2) },
    ],
  },
  {
    name: 'weighted',
    cluster: weighted,
    places: [
      { zone: 'a', endpoints: 1, weight: 1 },
      { zone: 'b', endpoints: 3, weight: 3 },
      { zone: 'c', endpoints: 4, weight: 2, health: unhealthy(2) },
      { zone: 'd', endpoints: 1 },
    ],
  },
  {
    name: 'weighted-health',
    cluster: {},
    policy: { weighted_priority_health: true },
    places: [
      { zone: 'p0', endpoints: 2, health: unhealthy(1) },
      { zone: 'p1', priority: 1, endpoints: 1 },
    ],
  },
  {
    name: 'zones-direct',
    cluster: zoneAware(),
    places: [
      { zone: 'here', endpoints: 3 },
      { zone: 'there', endpoints: 3 },
    ],
  },
  {
    name: 'zones-residual',
    cluster: zoneAware({ min_cluster_size: 3 }),
    places: [
      { zone: 'here', endpoints: 1 },
      { zone: 'there', endpoints: 3 },
      { zone: 'beyond', endpoints: 2 },
    ],
  },
  {
    name: 'zones-small',
    cluster: zoneAware(),
    places: [
      { zone: 'here', endpoints: 1 },
      { zone: 'there', endpoints: 3 },
    ],
  },
  {
    name: 'zones-half',
    cluster: zoneAware({ routing_enabled: { value: 50 } }),
    places: [
      { zone: 'here', endpoints: 3 },
      { zone: 'there', endpoints: 3 },
    ],
  },
  {
    name: 'zones-panic',
    cluster: zoneAware({ fail_traffic_on_panic: true }),
    places: [{ zone: 'here', endpoints: 5, health: unhealthy(4) }],
  },
];

const callers: readonly Place[] = [
  { zone: 'here', endpoints: 2 },
  { zone: 'there', endpoints: 2 },
];

function assignment(
  name: string,
  places: readonly Place[],
  ports: Map<string, number[]>,
  policy?: object,
): object {
  return {
    cluster_name: name,
    ...(policy === undefined ? {} : { policy }),
    endpoints: places.map(({ zone, priority = 0, weight, health = [], endpoints }) => ({
      locality: { region: 'r', zone },
      priority,
      ...(weight === undefined ? {} : { load_balancing_weight: weight }),
      lb_endpoints: Array.from({ length: endpoints }, (_, index) => ({
        endpoint: { address: socketAddress(ports.get(zone)![index]!) },
        health_status: health[index] ?? 'HEALTHY',
      })),
    })),
  };
}

function bootstrap(port: number, ports: Map<string, number[]>): object {
  const clusters = cases.map(({ name, cluster, places, policy }) => ({
    name,
    type: 'STATIC',
    ...cluster,
    load_assignment: assignment(name, places, ports, policy),
  }));
  return {
    node: { id: 'n', cluster: 'callers', locality: { region: 'r', zone: 'here' } },
    cluster_manager: { local_cluster_name: 'callers' },
    static_resources: {
      clusters: [
        { name: 'callers', type: 'STATIC', load_assignment: assignment('callers', callers, ports) },
        ...clusters,
      ],
      listeners: [
        {
          name: 'edge',
          address: socketAddress(port),
          filter_chains: [{ filters: [{ name: 'hcm', typed_config: manager() }] }],
        },
      ],
    },
  };
}

function manager(): object {
  const router = 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router';
  const routes = cases.map(({ name }) => ({
    match: { path_separated_prefix: `/${name}` },
    route: { cluster: name },
  }));
  return {
    '@type':
      'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
    stat_prefix: 'edge',
    http_filters: [{ name: 'router', typed_config: { '@type': router } }],
    route_config: { name: 'r', virtual_hosts: [{ name: 'v', domains: ['*'], routes }] },
  };
}

describeWith(['envoy'], 'who is chosen', () => {
  const world = new RealWorld({ cluster: 'callers', locality: 'r/here/' });
  const [envoyPort, ownPort] = [freePort(), freePort()];
  const placeOf = new Map<number, string>();
  let envoy: Envoy;

  beforeAll(async () => {
    const zones = new Set(cases.flatMap(({ places }) => places.map(({ zone }) => zone)));
    const ports = new Map<string, number[]>();
    for (const zone of zones) {
      const origins: Origin[] = Array.from({ length: 5 }, (_, index) =>
        world.origin((connection) => {
          connection.reply(200, `${zone}/${index}`);
        }),
      );
      for (const { port } of origins) placeOf.set(port, zone);
      ports.set(
        zone,
        origins.map(({ port }) => port),
      );
    }
    envoy = await startEnvoy(bootstrap(envoyPort, ports));
    world.plane.apply(bootstrapSnapshot(bootstrap(ownPort, ports)));
  }, 60_000);

  afterAll(async () => {
    await world.stop();
    await envoy?.stop();
  });

  const asked = 1_000;

  /** Shares of what answered: `zone/index`, or the status where it was not 200. */
  async function ask(port: number, name: string): Promise<Map<string, number>> {
    const shares = new Map<string, number>();
    for (let left = asked; left > 0; left -= 20) {
      const answers = Array.from({ length: 20 }, async () => {
        const answer = await fetch(`http://127.0.0.1:${port}/${name}`);
        const text = await answer.text();
        return answer.status === 200 ? text : `${answer.status} ${text}`;
      });
      for (const key of await Promise.all(answers)) shares.set(key, (shares.get(key) ?? 0) + 1 / asked);
    }
    return shares;
  }

  for (const { name } of cases) {
    test(name, async () => {
      const [ours, theirs] = [await ask(ownPort, name), await ask(envoyPort, name)];
      expect([...ours.keys()].sort()).toEqual([...theirs.keys()].sort());
      // Four standard deviations of the difference of two shares, at their widest.
      for (const [key, share] of theirs) expect(Math.abs(ours.get(key)! - share)).toBeLessThan(0.09);
    }, 60_000);
  }
});

// Clusters made by chance from balancers, priorities, localities, weights, health, subsets and limits, each asked the
// same requests through a real Envoy and through Weft: who answers, and how often. Where a hash decides, each request
// has the same answer on both sides; where chance or turns do, endpoints have the same share of them. `WEFT_SEED` plays
// others.

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import fc from 'fast-check';
import { socketAddress } from '../testing/envoy.ts';
import { describeWith } from '../testing/programs.ts';
import { type Side, type Sides, sides, startSides } from './testing/side-by-side.ts';

setDefaultTimeout(120_000);

const casesCount = Number(process.env['WEFT_CASES'] ?? 80);
const seed = Number(process.env['WEFT_SEED'] ?? 20_261_127);
const asksCount = 120;
const serversCount = 8;
/** Of shares; four times what chance makes of so many requests on each side. */
const tolerance = 0.25;

const optional = <T>(fields: Record<string, fc.Arbitrary<T>>) => fc.record(fields, { requiredKeys: [] });
const oneOf = <const T>(...values: readonly T[]) => fc.constantFrom(...values);

interface Locality {
  readonly priority: number;
  readonly weight: number;
  readonly endpoints: readonly { readonly health: string; readonly weight: number; readonly stage: string }[];
}

const health = oneOf('HEALTHY', 'HEALTHY', 'HEALTHY', 'UNKNOWN', 'DEGRADED', 'UNHEALTHY', 'DRAINING');
const locality: fc.Arbitrary<Locality> = fc.record({
  priority: oneOf(0, 0, 1),
  weight: oneOf(1, 1, 3),
  endpoints: fc.array(fc.record({ health, weight: oneOf(1, 1, 1, 3), stage: oneOf('a', 'b') }), {
    minLength: 1,
    maxLength: 3,
  }),
});
const subsets = fc.record({
  fallback_policy: oneOf('NO_FALLBACK', 'ANY_ENDPOINT', 'DEFAULT_SUBSET'),
  default_subset: fc.constant({ stage: 'a' }),
  subset_selectors: fc.constant([{ keys: ['stage'] }]),
  locality_weight_aware: fc.boolean(),
  panic_mode_any: fc.boolean(),
});
const made = fc.record({
  lb_policy: oneOf('ROUND_ROBIN', 'RANDOM', 'LEAST_REQUEST', 'RING_HASH', 'MAGLEV'),
  localities: fc.array(locality, { minLength: 1, maxLength: 2 }),
  panic: oneOf(0, 30, 50, 100),
  byLocality: fc.boolean(),
  policy: optional<unknown>({
    overprovisioning_factor: oneOf(100, 140, 200),
    weighted_priority_health: fc.boolean(),
  }),
  subsets: fc.option(subsets, { nil: null, freq: 3 }),
  wanted: oneOf(null, 'a', 'b', 'c'),
  more: optional<unknown>({
    circuit_breakers: oneOf({ thresholds: [{ max_requests: 0 }] }, { thresholds: [{ max_requests: 9 }] }),
    outlier_detection: oneOf({ consecutive_5xx: 3 }, { consecutive_gateway_failure: 1 }),
  }),
});
type Made = typeof made extends fc.Arbitrary<infer T> ? T : never;

const hashes = (one: Made) => one.lb_policy === 'RING_HASH' || one.lb_policy === 'MAGLEV';

/** Priorities have no gaps. */
function prioritiesOf({ localities }: Made): readonly number[] {
  const all = localities.map(({ priority }) => priority);
  return all.includes(0) ? all : all.map(() => 0);
}

function createCluster(one: Made, name: string, ports: readonly number[]): object {
  const priorities = prioritiesOf(one);
  let next = 0;
  const endpoints = one.localities.map(({ weight, endpoints: members }, at) => ({
    locality: { zone: `z${at}` },
    load_balancing_weight: weight,
    priority: priorities[at],
    lb_endpoints: members.map((member) => ({
      endpoint: { address: socketAddress(ports[next++ % serversCount] ?? 0) },
      // Envoy's tables of hashes leave the degraded ones out, and answer 503 where there are no others; these do not.
      health_status: hashes(one) && member.health === 'DEGRADED' ? 'HEALTHY' : member.health,
      load_balancing_weight: member.weight,
      metadata: { filter_metadata: { 'envoy.lb': { stage: member.stage } } },
    })),
  }));
  return {
    name,
    type: 'STATIC',
    connect_timeout: '1s',
    lb_policy: one.lb_policy,
    common_lb_config: {
      healthy_panic_threshold: { value: one.panic },
      ...(one.byLocality ? { locality_weighted_lb_config: {} } : {}),
    },
    load_assignment: { cluster_name: name, endpoints, policy: one.policy },
    ...(one.subsets === null
      ? {}
      : {
          lb_subset_config: {
            ...one.subsets,
            // Envoy asks for it.
            locality_weight_aware: one.byLocality && one.subsets.locality_weight_aware,
          },
        }),
    ...one.more,
  };
}

function createRoute(one: Made, name: string): object {
  const match = one.wanted === null ? {} : { filter_metadata: { 'envoy.lb': { stage: one.wanted } } };
  return {
    match: { prefix: `/${name}/` },
    route: {
      cluster: name,
      hash_policy: [{ header: { header_name: 'x-key' } }],
      ...(one.wanted === null ? {} : { metadata_match: match }),
    },
  };
}

function sharesOf(answers: readonly string[]): ReadonlyMap<string, number> {
  const shares = new Map<string, number>();
  for (const answer of answers) shares.set(answer, (shares.get(answer) ?? 0) + 1 / answers.length);
  return shares;
}

/** What differs by more than chance makes of it. */
function differenceOf(envoy: readonly string[], weft: readonly string[], exactly: boolean): string {
  if (exactly) {
    const at = envoy.findIndex((answer, index) => weft[index] !== answer);
    return at < 0 ? '' : `request ${at}: ${envoy[at]} and ${weft[at]}`;
  }
  const [theirs, ours] = [sharesOf(envoy), sharesOf(weft)];
  for (const name of new Set([...theirs.keys(), ...ours.keys()])) {
    const [their = 0, our = 0] = [theirs.get(name), ours.get(name)];
    if (Math.abs(their - our) > tolerance) return `${name}: ${their.toFixed(2)} and ${our.toFixed(2)}`;
  }
  return '';
}

describeWith(['envoy'], 'clusters made by chance', () => {
  const cases = fc.sample(made, { numRuns: casesCount, seed });
  const servers = Array.from({ length: serversCount }, (_, index) =>
    Bun.serve({ hostname: '127.0.0.1', port: 0, fetch: () => new Response(`server ${index}`) }),
  );
  let beside: Sides;
  beforeAll(async () => {
    const ports = servers.map(({ port }) => port ?? 0);
    const routes = cases.map((one, at) => createRoute(one, `c${at}`));
    const manager = { route_config: { virtual_hosts: [{ name: 'all', domains: ['*'], routes }] } };
    beside = await startSides(
      { in: manager },
      cases.map((one, at) => createCluster(one, `c${at}`, ports)),
    );
  }, 60_000);
  afterAll(async () => {
    await beside.stop();
    for (const server of servers) await server.stop(true);
  });

  async function ask(side: Side, index: number): Promise<readonly string[]> {
    const answers: string[] = [];
    for (let key = 0; key < asksCount; key++) {
      const headers = { 'x-key': `key ${key}` };
      const answer = await fetch(`http://127.0.0.1:${beside.port(side, 'in')}/c${index}/`, { headers });
      const text = await answer.text();
      answers.push(answer.status === 200 ? text : `${answer.status}`);
    }
    return answers;
  }

  test(`${casesCount} of them, seed ${seed}`, async () => {
    const differing: object[] = [];
    for (const [index, one] of cases.entries()) {
      const told = await Promise.all(sides.map((side) => ask(side, index)));
      const difference = differenceOf(told[0] ?? [], told[1] ?? [], hashes(one));
      if (difference !== '') differing.push({ index, difference, one });
    }
    expect(differing.slice(0, 3)).toEqual([]);
  });
});

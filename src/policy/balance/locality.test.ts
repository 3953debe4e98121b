import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { Xoshiro128 } from '../../base/index.ts';
import { BalanceCounts } from './balance-counts.ts';
import { describeLocalCluster, drawZone, type LocalityConfig, planZones } from './locality.ts';
import { at, SimulatedEndpoint } from './play-traffic.ts';
import { PriorityBalancer } from './priority-balancer.ts';
import { createSelectionRules, type SelectionRules, selectCandidates } from './select-candidates.ts';
import type { BalanceConfig } from './types.ts';

/** Endpoints of places: `['a', 3, 2]` is three in a, of which two are healthy. */
function place(
  ...places: readonly (readonly [locality: string, total: number, healthy?: number, weight?: number])[]
): SimulatedEndpoint[] {
  return places.flatMap(([locality, total, healthy = total, weight = -1]) =>
    Array.from({ length: total }, (_, index) => {
      const endpoint = new SimulatedEndpoint(`${locality}${index}`, 10);
      endpoint.locality = locality;
      endpoint.localityWeight = weight;
      endpoint.healthy = index < healthy;
      return endpoint;
    }),
  );
}

function shares(
  endpoints: readonly SimulatedEndpoint[],
  rules: Partial<SelectionRules>,
  config: BalanceConfig = { kind: 'round-robin' },
): Readonly<Record<string, number>> {
  const random = new Xoshiro128(1);
  const whole = createSelectionRules(rules);
  const balancer = new PriorityBalancer<SimulatedEndpoint>(config, random, whole.counts);
  balancer.update(selectCandidates([endpoints], whole, 0));
  const counts: Record<string, number> = {};
  for (let turn = 0; turn < 20_000; turn++) {
    const hash = { high: random.uint32(), low: random.uint32() };
    const { locality } = balancer.pick({ nowMs: 0, tried: [], hash })!;
    counts[locality] = (counts[locality] ?? 0) + 1 / 20_000;
  }
  return counts;
}

describe('locality weights', () => {
  const weighted: Partial<SelectionRules> = { locality: { kind: 'weighted' } };

  const cases: readonly [
    name: string,
    endpoints: SimulatedEndpoint[],
    expected: Readonly<Record<string, number>>,
  ][] = [
    ['by weight, whatever their number', place(['x', 10, 10, 1], ['y', 2, 2, 3]), { x: 0.25, y: 0.75 }],
    // Envoy's documentation: 1 : 2 with half of y healthy is 1 : 2 x 0.7.
    ['health lowers a weight', place(['x', 10, 10, 1], ['y', 10, 5, 2]), { x: 1 / 2.4, y: 1.4 / 2.4 }],
    ['a little is forgiven', place(['x', 10, 10, 1], ['y', 10, 8, 1]), { x: 0.5, y: 0.5 }],
    ['one without a weight gets nothing', place(['x', 2, 2, 1], ['y', 2]), { x: 1 }],
    ['one of which nothing is well gets nothing', place(['x', 4, 4, 1], ['y', 2, 0, 9]), { x: 1 }],
    ['without any weight all are alike', place(['x', 1], ['y', 3]), { x: 0.25, y: 0.75 }],
  ];
  for (const [name, endpoints, expected] of cases) {
    for (const config of [
      { kind: 'round-robin' },
      { kind: 'least-request', choices: 2 },
      { kind: 'random' },
      { kind: 'maglev', size: 65_537 },
      { kind: 'ring-hash', sizeMin: 20_000, sizeMax: 100_000 },
    ] as const) {
      test(`${name}: ${config.kind}`, () => {
        const found = shares(endpoints, weighted, config);
        expect(Object.keys(found).sort()).toEqual(Object.keys(expected).sort());
        for (const [locality, share] of Object.entries(expected))
          expect(Math.abs(found[locality]! - share)).toBeLessThan(config.kind === 'ring-hash' ? 0.06 : 0.02);
      });
    }
  }

  test('none of the weighted is left: nobody is picked', () => {
    const selection = selectCandidates(
      [place(['x', 2, 0, 1], ['y', 2])],
      createSelectionRules({ ...weighted, panicPercent: 0 }),
      0,
    );
    const balancer = new PriorityBalancer<SimulatedEndpoint>({ kind: 'round-robin' }, new Xoshiro128(1));
    balancer.update(selection);
    expect(balancer.pick(at(0))).toBeNull();
  });

  test('a retry leaves a locality whose endpoints were tried', () => {
    const all = place(['x', 1, 1, 100], ['y', 1, 1, 1]);
    const balancer = new PriorityBalancer<SimulatedEndpoint>({ kind: 'round-robin' }, new Xoshiro128(1));
    balancer.update(selectCandidates([all], createSelectionRules(weighted), 0));
    for (let turn = 0; turn < 20; turn++) expect(balancer.pick(at(0, [all[0]!]))).toBe(all[1]!);
  });
});

const zoneAware: Extract<LocalityConfig, { kind: 'zone-aware' }> = {
  kind: 'zone-aware',
  routingPercent: 100,
  endpointsMin: 6,
  failOnPanic: false,
  forceDirect: false,
};

describe('zone-aware routing', () => {
  interface Case {
    readonly name: string;
    readonly callers: SimulatedEndpoint[];
    readonly endpoints: SimulatedEndpoint[];
    readonly config?: Partial<typeof zoneAware>;
    readonly expected: Readonly<Record<string, number>>;
    readonly counts?: Partial<BalanceCounts>;
  }
  const cases: readonly Case[] = [
    {
      name: 'all stay where the own zone has its share',
      callers: place(['a', 5], ['b', 5]),
      endpoints: place(['a', 5], ['b', 5]),
      expected: { a: 1 },
      counts: { zonesDirect: 20_000 },
    },
    {
      // The example of Envoy's source: callers 40, 40, 20 %, endpoints 25, 50, 25 %.
      name: 'what the own zone cannot carry goes where there is room',
      callers: place(['a', 4], ['b', 4], ['c', 2]),
      endpoints: place(['a', 5], ['b', 10], ['c', 5]),
      expected: { a: 0.625, b: 0.25, c: 0.125 },
    },
    {
      name: 'nobody in the own zone',
      callers: place(['a', 2], ['b', 2]),
      endpoints: place(['b', 6], ['c', 6]),
      // b has none to spare: half of the callers, half of the endpoints.
      expected: { c: 1 },
    },
    {
      name: 'too few endpoints',
      callers: place(['a', 5], ['b', 5]),
      endpoints: place(['a', 2], ['b', 3]),
      expected: { a: 0.4, b: 0.6 },
      counts: { zonesTooSmall: 1 },
    },
    {
      name: 'callers in one zone only',
      callers: place(['a', 5]),
      endpoints: place(['a', 3], ['b', 9]),
      expected: { a: 0.25, b: 0.75 },
    },
    {
      name: 'the own zone has no caller that is known',
      callers: place(['b', 5], ['c', 5]),
      endpoints: place(['a', 3], ['b', 9]),
      expected: { a: 0.25, b: 0.75 },
      counts: { localNotOk: 1 },
    },
    {
      name: 'half of the requests are routed so',
      callers: place(['a', 5], ['b', 5]),
      endpoints: place(['a', 5], ['b', 5]),
      config: { routingPercent: 50 },
      expected: { a: 0.75, b: 0.25 },
    },
    {
      name: 'forced',
      callers: place(['a', 9], ['b', 1]),
      endpoints: place(['a', 1], ['b', 9]),
      config: { forceDirect: true },
      expected: { a: 1 },
    },
    {
      name: 'callers in panic',
      callers: place(['a', 5, 1], ['b', 5, 1]),
      endpoints: place(['a', 5], ['b', 5]),
      expected: { a: 0.5, b: 0.5 },
      counts: { localNotOk: 1 },
    },
  ];
  for (const { name, callers, endpoints, config, expected, counts } of cases) {
    test(name, () => {
      const counted = new BalanceCounts();
      const local = describeLocalCluster(callers, 'a', 0);
      const locality = { ...zoneAware, ...config };
      const found = shares(endpoints, { locality, local, counts: counted });
      expect(Object.keys(found).sort()).toEqual(Object.keys(expected).sort());
      for (const [zone, share] of Object.entries(expected))
        expect(Math.abs(found[zone]! - share)).toBeLessThan(0.02);
      expect(counted).toMatchObject(counts ?? {});
    });
  }

  test('in panic nothing is picked where that was asked for', () => {
    const rules = createSelectionRules({ locality: { ...zoneAware, failOnPanic: true } });
    expect(selectCandidates([place(['a', 10, 2])], rules, 0).candidates).toEqual([]);
  });

  test('a fleet of callers sends every endpoint its share', () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 2, maxLength: 4 });
    fc.assert(
      fc.property(sizes, sizes, fc.integer(), (callerSizes, endpointSizes, seed) => {
        const zones = Math.min(callerSizes.length, endpointSizes.length);
        const names = ['a', 'b', 'c', 'd'].slice(0, zones);
        const callers = place(...names.map((name, index) => [name, callerSizes[index]!] as const));
        const endpoints = place(...names.map((name, index) => [name, endpointSizes[index]!] as const));
        if (endpoints.length < 6) return;
        const random = new Xoshiro128(seed);
        const counts = new BalanceCounts();
        const got = new Map<string, number>();
        for (const caller of callers) {
          const local = describeLocalCluster(callers, caller.locality, 0);
          const plan = planZones(endpoints, endpoints, zoneAware, local, counts)!;
          for (let turn = 0; turn < 400; turn++) {
            const [first] = plan.localities[drawZone(plan, random, counts)]!;
            got.set(first!.locality, (got.get(first!.locality) ?? 0) + 1 / (400 * callers.length));
          }
        }
        for (const [index, name] of names.entries())
          expect(Math.abs((got.get(name) ?? 0) - endpointSizes[index]! / endpoints.length)).toBeLessThan(
            0.08,
          );
      }),
      { numRuns: 50, seed: 1 },
    );
  });
});

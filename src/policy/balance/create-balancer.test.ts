import { describe, expect, test } from 'bun:test';
import { Xoshiro128 } from '../../base/index.ts';
import { runBalancerSuite } from './balancer-suite.ts';
import { createBalancer } from './create-balancer.ts';
import { at, playTraffic, SimulatedEndpoint } from './play-traffic.ts';
import type { BalanceConfig } from './types.ts';

const configs: readonly [config: BalanceConfig, weightsAreShares: boolean][] = [
  [{ kind: 'latency-aware', decayMs: 10_000, defaultRttMs: 30 }, false],
  [{ kind: 'least-request', choices: 2 }, false],
  [{ kind: 'round-robin' }, true],
  [
    {
      kind: 'load-weighted',
      blackoutMs: 0,
      expirationMs: 0,
      updateMs: 100,
      errorPenalty: 0,
      metricNames: [],
    },
    true,
  ],
  [{ kind: 'random' }, true],
  [{ kind: 'ring-hash', sizeMin: 1024, sizeMax: 8_388_608 }, false],
  [{ kind: 'maglev', size: 1_009 }, false],
  [{ kind: 'least-request', choices: 2, scansAll: true }, false],
  [{ kind: 'least-request', choices: 2, bias: 0 }, true],
  [{ kind: 'least-request', choices: 2, bias: 1.5 }, false],
  [{ kind: 'maglev', size: 1_009, loadPercentMax: 150 }, false],
];

for (const [config, weightsAreShares] of configs) {
  const name = Object.entries(config).map(([key, value]) => (key === 'kind' ? value : `${key} ${value}`));
  runBalancerSuite(name.join(', '), (random) => createBalancer<SimulatedEndpoint>(config, random), {
    weightsAreShares,
  });
}

test('round-robin: a weight is spread over the round', () => {
  const balancer = createBalancer<SimulatedEndpoint>({ kind: 'round-robin' }, new Xoshiro128(5));
  const [heavy, light] = [new SimulatedEndpoint('h', 10, 3), new SimulatedEndpoint('l', 10, 1)];
  balancer.update([heavy, light]);
  const keys = Array.from({ length: 400 }, () => balancer.pick(at(0))!.key).join('');
  expect(keys.split('l').length - 1).toBe(100);
  // Between two light turns there are always exactly three heavy ones.
  expect(keys.slice(keys.indexOf('l') + 1, keys.lastIndexOf('l'))).not.toMatch(/hhhh|ll/);
});

test('round-robin: equal weights take strict turns', () => {
  const balancer = createBalancer<SimulatedEndpoint>({ kind: 'round-robin' }, new Xoshiro128(5));
  const all = ['a', 'b', 'c', 'd', 'e'].map((key) => new SimulatedEndpoint(key, 10));
  balancer.update(all);
  const round = Array.from({ length: 5 }, () => balancer.pick(at(0))!.key).join('');
  expect([...round].sort().join('')).toBe('abcde');
  for (let turn = 0; turn < 100; turn++) expect(balancer.pick(at(0))!.key).toBe(round[turn % 5]!);
});

test('least-request: two choices keep the longest queue far below that of random', () => {
  const longest = (config: BalanceConfig): number => {
    const random = new Xoshiro128(11);
    const balancer = createBalancer<SimulatedEndpoint>(config, random);
    const all = Array.from({ length: 20 }, (_, index) => new SimulatedEndpoint(String(index), 500));
    balancer.update(all);
    let high = 0;
    playTraffic({
      balancer,
      random,
      ratePerSecond: 200,
      fromMs: 0,
      requests: 3000,
      arrivals: 'poisson',
      onArrival: () => {
        high = Math.max(high, ...all.map((endpoint) => endpoint.active));
      },
    });
    return high;
  };
  expect(longest({ kind: 'least-request', choices: 2 })).toBeLessThan(0.7 * longest({ kind: 'random' }));
});

describe('least-request, Envoy’s options', () => {
  const create = (said: object, weights: readonly number[]) => {
    const config: BalanceConfig = { kind: 'least-request', choices: 2, ...said };
    const balancer = createBalancer<SimulatedEndpoint>(config, new Xoshiro128(3));
    const all = weights.map((weight, index) => new SimulatedEndpoint(`${index}`, 10, weight));
    balancer.update(all);
    return { all, pick: () => balancer.pick(at(0))! };
  };

  test('a full scan finds the one with the fewest, and chooses evenly among those', () => {
    const { all, pick } = create({ scansAll: true }, Array(50).fill(1));
    for (const endpoint of all) endpoint.active = 5;
    all[17]!.active = 1;
    for (let turn = 0; turn < 20; turn++) expect(pick()).toBe(all[17]!);
    for (const index of [3, 4]) all[index]!.active = 1;
    const counts = new Map<string, number>();
    for (let turn = 0; turn < 3_000; turn++) {
      const { key } = pick();
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    expect([...counts.keys()].sort()).toEqual(['17', '3', '4']);
    for (const count of counts.values()) expect(Math.abs(count - 1_000)).toBeLessThan(120);
  });

  const rows: readonly (readonly [bias: number, expected: number])[] = [
    // Shares of weights 3 and 1, the first with 3 in flight: 3 / 4^bias to 1.
    [0, 3 / 4],
    [1, 0.75 / 1.75],
    [0.5, 1.5 / 2.5],
    [2, 0.1875 / 1.1875],
  ];
  for (const [bias, expected] of rows) {
    test(`bias ${bias}`, () => {
      const { all, pick } = create({ bias }, [3, 1]);
      all[0]!.active = 3;
      const picked = Array.from({ length: 4_000 }, pick).filter((endpoint) => endpoint === all[0]!);
      expect(picked.length / 4_000).toBeCloseTo(expected, 2);
    });
  }
});

import { expect, test } from 'bun:test';
import { Xoshiro128 } from '../../base/index.ts';
import { runBalancerSuite } from './balancer-suite.ts';
import { createBalancer } from './create-balancer.ts';
import { at, playTraffic, SimulatedEndpoint } from './play-traffic.ts';
import type { BalanceConfig } from './types.ts';

const configs: readonly [config: BalanceConfig, weightsAreShares: boolean][] = [
  [{ kind: 'latency-aware', decayMs: 10_000, defaultRttMs: 30 }, false],
  [{ kind: 'least-request', choices: 2 }, false],
  [{ kind: 'round-robin' }, true],
  [{ kind: 'random' }, true],
  [{ kind: 'ring-hash', sizeMin: 1024, sizeMax: 8_388_608 }, false],
  [{ kind: 'maglev', size: 1_009 }, false],
];

for (const [config, weightsAreShares] of configs) {
  runBalancerSuite(config.kind, (random) => createBalancer<SimulatedEndpoint>(config, random), {
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

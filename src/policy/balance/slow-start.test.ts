import { describe, expect, test } from 'bun:test';
import { Xoshiro128 } from '../../base/index.ts';
import { createBalancer } from './create-balancer.ts';
import { at, SimulatedEndpoint } from './play-traffic.ts';
import { slowStartFactor } from './slow-start.ts';
import type { BalanceConfig, SlowStartConfig } from './types.ts';

const slowStart: SlowStartConfig = { windowMs: 60_000, aggression: 1, minPercent: 10 };

describe('slowStartFactor', () => {
  const cases: readonly [config: Partial<SlowStartConfig>, afterMs: number, factor: number][] = [
    [{}, 0, 0.1],
    [{}, 3_000, 0.1],
    [{}, 30_000, 0.5],
    [{}, 60_000, 1],
    [{}, 600_000, 1],
    [{ aggression: 2 }, 15_000, 0.5],
    [{ aggression: 0.5 }, 30_000, 0.25],
    [{ minPercent: 50 }, 15_000, 0.5],
    [{ minPercent: 0 }, 600, 0.01],
    // Never nothing: its turn would never come.
    [{ minPercent: 0 }, 0, 1e-4],
  ];
  for (const [config, afterMs, factor] of cases) {
    test(`${JSON.stringify(config)} after ${afterMs} ms: ${factor}`, () => {
      const endpoint = new SimulatedEndpoint('a', 10);
      endpoint.warmFromMs = 1_000;
      expect(slowStartFactor(endpoint, { ...slowStart, ...config }, 1_000 + afterMs)).toBeCloseTo(factor, 6);
    });
  }

  test('who is long in service has its whole share', () => {
    expect(slowStartFactor(new SimulatedEndpoint('a', 10), slowStart, 0)).toBe(1);
  });
});

const configs: readonly BalanceConfig[] = [
  { kind: 'round-robin', slowStart },
  { kind: 'least-request', choices: 2, slowStart },
  { kind: 'latency-aware', decayMs: 10_000, defaultRttMs: 30, slowStart },
];

for (const config of configs) {
  describe(config.kind, () => {
    function shareOfNewcomer(nowMs: number): number {
      const balancer = createBalancer<SimulatedEndpoint>(config, new Xoshiro128(3));
      const all = ['a', 'b', 'c', 'd'].map((key) => new SimulatedEndpoint(key, 10));
      all[0]!.warmFromMs = 0;
      for (const endpoint of all) endpoint.costMs = 10;
      balancer.update(all);
      let count = 0;
      for (let turn = 0; turn < 20_000; turn++) if (balancer.pick(at(nowMs)) === all[0]) count += 1;
      return count / 20_000;
    }

    // Weights 0.1, 0.5 and 1 beside three ones.
    for (const [nowMs, share] of [
      [0, 0.1 / 3.1],
      [30_000, 0.5 / 3.5],
      [60_000, 0.25],
    ] as const) {
      test(`after ${nowMs} ms`, () => {
        expect(Math.abs(shareOfNewcomer(nowMs) - share)).toBeLessThan(0.015);
      });
    }

    test('all are new: all are alike', () => {
      const balancer = createBalancer<SimulatedEndpoint>(config, new Xoshiro128(3));
      const all = ['a', 'b', 'c'].map((key) => new SimulatedEndpoint(key, 10));
      for (const endpoint of all) {
        endpoint.warmFromMs = 0;
        endpoint.costMs = 10;
      }
      balancer.update(all);
      const counts = new Map(all.map((endpoint) => [endpoint, 0]));
      for (let turn = 0; turn < 6_000; turn++) {
        const picked = balancer.pick(at(10))!;
        counts.set(picked, counts.get(picked)! + 1);
      }
      for (const count of counts.values()) expect(Math.abs(count - 2_000)).toBeLessThan(200);
    });
  });
}

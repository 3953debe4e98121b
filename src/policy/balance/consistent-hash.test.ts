// What consistent hashing is for: a key keeps its endpoint while others come and go.

import { describe, expect, test } from 'bun:test';
import { Xoshiro128 } from '../../base/index.ts';
import { createBalancer } from './create-balancer.ts';
import { SimulatedEndpoint } from './play-traffic.ts';
import type { BalanceConfig } from './types.ts';
import { xxHash64 } from './xx-hash-64.ts';

const configs: readonly BalanceConfig[] = [
  { kind: 'ring-hash', sizeMin: 4096, sizeMax: 8_388_608 },
  { kind: 'maglev', size: 65_537 },
];
const keys = Array.from({ length: 2000 }, (_, index) => xxHash64(`key-${index}`));

for (const config of configs) {
  describe(config.kind, () => {
    const endpoints = Array.from(
      { length: 10 },
      (_, index) => new SimulatedEndpoint(`10.0.0.${index}:80`, 10, 1),
    );
    const balancer = createBalancer<SimulatedEndpoint>(config, new Xoshiro128(1));
    const pickAll = (list: readonly SimulatedEndpoint[], tried: readonly SimulatedEndpoint[] = []) => {
      balancer.update(list);
      return keys.map((hash) => balancer.pick({ nowMs: 0, tried, hash })!.key);
    };

    test('a key has one endpoint, and every endpoint its share of the keys', () => {
      const picked = pickAll(endpoints);
      expect(pickAll(endpoints)).toEqual(picked);
      expect(pickAll(endpoints.toReversed())).toEqual(picked);
      for (const { key } of endpoints) {
        const share = picked.filter((one) => one === key).length / keys.length;
        expect(Math.abs(share - 0.1)).toBeLessThan(0.03);
      }
    });

    test('one that leaves moves its own keys and few others', () => {
      const before = pickAll(endpoints);
      const after = pickAll(endpoints.slice(1));
      const moved = before.filter((key, index) => key !== endpoints[0]!.key && key !== after[index]);
      expect(moved.length / keys.length).toBeLessThan(0.15);
    });

    test('what was tried is passed over, and the key’s second choice is stable', () => {
      const first = pickAll(endpoints);
      const second = pickAll(endpoints, [endpoints[3]!]);
      expect(second).not.toContain(endpoints[3]!.key);
      expect(pickAll(endpoints, [endpoints[3]!])).toEqual(second);
      first.forEach((key, index) => {
        if (key !== endpoints[3]!.key && config.kind === 'ring-hash') expect(second[index]).toBe(key);
      });
    });
  });
}

test('a ring has at least its least size and at most its most', () => {
  const balancer = createBalancer<SimulatedEndpoint>(
    { kind: 'ring-hash', sizeMin: 1, sizeMax: 3 },
    new Xoshiro128(1),
  );
  balancer.update(Array.from({ length: 10 }, (_, index) => new SimulatedEndpoint(`${index}`, 10, 1)));
  const picked = new Set(keys.map((hash) => balancer.pick({ nowMs: 0, tried: [], hash })!.key));
  expect(picked.size).toBeLessThanOrEqual(3);
});

import { describe, expect, test } from 'bun:test';
import { Xoshiro128 } from '../../base/index.ts';
import { createBalancer } from './create-balancer.ts';
import { MersenneTwister } from './mersenne-twister.ts';
import { SimulatedEndpoint } from './play-traffic.ts';
import type { BalanceConfig } from './types.ts';
import { xxHash64 } from './xx-hash-64.ts';

const hash = xxHash64('key');

const ring: BalanceConfig = { kind: 'ring-hash', sizeMin: 1024, sizeMax: 8_388_608, loadPercentMax: 125 };
for (const config of [ring, { kind: 'maglev', size: 65_537, loadPercentMax: 125 }] as const) {
  describe(`${config.kind} with a bound`, () => {
    const setup = (weights: readonly number[] = Array(10).fill(1)) => {
      const all = weights.map((weight, index) => new SimulatedEndpoint(`10.0.0.${index}:80`, 10, weight));
      const balancer = createBalancer<SimulatedEndpoint>(config, new Xoshiro128(1));
      balancer.update(all);
      const pick = (tried: readonly SimulatedEndpoint[] = []) => balancer.pick({ nowMs: 0, tried, hash })!;
      return { all, pick, owner: pick() };
    };

    test('a key that would flood its endpoint goes on, in an order of its own', () => {
      const { all, owner, pick } = setup();
      // ((active + 1) x 125 + 99) / 100 slots in all, a tenth of them each, and never none.
      const had = new Set<SimulatedEndpoint>();
      for (let request = 0; request < 400; request++) {
        const picked = pick();
        had.add(picked);
        picked.active += 1;
      }
      expect(had.size).toBeGreaterThan(7);
      const slots = Math.ceil((400 * 1.25) / 10);
      for (const { active } of all) expect(active).toBeLessThanOrEqual(slots + 1);
      expect(owner.active).toBeGreaterThan(400 / 10);
    });

    test('the same key passes on to the same', () => {
      const { owner, pick, all } = setup();
      owner.active = 100;
      const next = pick();
      expect(next).not.toBe(owner);
      expect(pick()).toBe(next);
      next.active = 100;
      expect([owner, next]).not.toContain(pick());
      expect(all).toContain(pick());
    });

    test('where all others were tried, it has the key all the same', () => {
      const { all, owner, pick } = setup([1, 1, 1]);
      owner.active = 100;
      expect(pick(all.filter((endpoint) => endpoint !== owner))).toBe(owner);
    });

    test('a heavier one may carry more', () => {
      const { all, pick } = setup([8, 1, 1]);
      for (let request = 0; request < 100; request++) pick().active += 1;
      expect(all[0]!.active).toBeGreaterThan(60);
    });
  });
}

test('the generator is C++’s', () => {
  // std::mt19937's own test: the ten thousandth of its default seed, [rand.predef].
  const generator = new MersenneTwister(5489);
  let value = 0;
  for (let turn = 0; turn < 10_000; turn++) value = generator.uint32();
  expect(value).toBe(4_123_659_995);
});

test('endpoints stand in a table by what their labels or names say', () => {
  const pick = (said: Partial<BalanceConfig>, keys: readonly string[], fields: object) => {
    const config = { kind: 'maglev', size: 1_009, ...said } as BalanceConfig;
    const balancer = createBalancer<SimulatedEndpoint>(config, new Xoshiro128(1));
    const all = keys.map((key, index) =>
      Object.assign(new SimulatedEndpoint(key, 10), { hostname: `h${index}` }, fields),
    );
    balancer.update(all);
    return Array.from({ length: 50 }, (_, key) =>
      all.indexOf(balancer.pick({ nowMs: 0, tried: [], hash: xxHash64(`${key}`) })!),
    );
  };
  const [here, there] = [
    ['a:1', 'b:1', 'c:1'],
    ['x:1', 'y:1', 'z:1'],
  ];
  expect(pick({}, here!, {})).not.toEqual(pick({}, there!, {}));
  expect(pick({ byHostname: true }, here!, {})).toEqual(pick({ byHostname: true }, there!, {}));
  const byLabel = (keys: readonly string[]) => pick({}, keys, { labels: { hash_key: 'one' } });
  expect(byLabel(here!)).toEqual(byLabel(there!));
});

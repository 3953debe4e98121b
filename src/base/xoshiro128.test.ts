import { describe, expect, test } from 'bun:test';
import { Xoshiro128 } from './xoshiro128.ts';

describe('Xoshiro128', () => {
  // From the authors' C program with the state 1, 2, 3, 4.
  test('gives the published sequence', () => {
    const random = new Xoshiro128([1, 2, 3, 4]);
    const drawn = Array.from({ length: 6 }, () => random.uint32());
    expect(drawn).toEqual([11520, 0, 5927040, 70819200, 2031721883, 1637235492]);
  });

  test('same seed, same sequence; another seed, another', () => {
    const draw = (seed: number | bigint) => {
      const random = new Xoshiro128(seed);
      return Array.from({ length: 8 }, () => random.uint32()).join();
    };
    expect(draw(1)).toBe(draw(1n));
    expect(new Set([0, 1, 2, 3, 2 ** 32, 2n ** 63n].map(draw)).size).toBe(6);
  });

  test('below is in bounds and even', () => {
    const random = new Xoshiro128(4);
    const counts = new Array<number>(6).fill(0);
    for (let draw = 0; draw < 60_000; draw++) counts[random.below(6)]!++;
    // Chi-square with 5 degrees of freedom: 20.5 is passed once in a thousand seeds, and this seed is fixed.
    const chi = counts.reduce((sum, count) => sum + (count - 10_000) ** 2 / 10_000, 0);
    expect(chi).toBeLessThan(20.5);
    for (let draw = 0; draw < 100; draw++) expect(random.below(2 ** 31)).toBeLessThan(2 ** 31);
    expect(random.below(1)).toBe(0);
    expect(() => random.below(0)).toThrow('bound');
  });

  test('float fills [0, 1)', () => {
    const random = new Xoshiro128(4);
    let sum = 0;
    for (let draw = 0; draw < 10_000; draw++) {
      const value = random.float();
      expect(value >= 0 && value < 1).toBe(true);
      sum += value;
    }
    expect(sum / 10_000).toBeCloseTo(0.5, 1);
  });
});

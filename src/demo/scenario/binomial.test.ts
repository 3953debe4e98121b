import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { binomialBound } from './binomial.ts';

/** Probability of k to l successes, by multiplying out: slow, and independent of the code under test. */
function probabilityBetween(n: number, p: number, k: number, l: number): number {
  let row = [1];
  for (let draw = 0; draw < n; draw++) {
    const next = new Array<number>(row.length + 1).fill(0);
    for (const [hits, chance] of row.entries()) {
      next[hits]! += chance * (1 - p);
      next[hits + 1]! += chance * p;
    }
    row = next;
  }
  return row.slice(k, l + 1).reduce((sum, chance) => sum + chance, 0);
}

describe('binomialBound', () => {
  test.each([
    { n: 100, p: 0, low: 0, high: 0 },
    { n: 100, p: 1, low: 100, high: 100 },
    { n: 0, p: 0.5, low: 0, high: 0 },
  ])('n=$n p=$p', ({ n, p, low, high }) => {
    expect(binomialBound(n, p, 0.999)).toEqual({ low, high });
  });

  test('holds at least the confidence, and no narrower interval of its kind does', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 150 }),
        fc.double({ min: 0.02, max: 0.98, noNaN: true }),
        (n, p) => {
          const { low, high } = binomialBound(n, p, 0.999);
          expect(probabilityBetween(n, p, low, high)).toBeGreaterThanOrEqual(0.999 - 1e-9);
          expect(probabilityBetween(n, p, 0, low)).toBeGreaterThan(0.0005 - 1e-9);
          expect(probabilityBetween(n, p, high, n)).toBeGreaterThan(0.0005 - 1e-9);
        },
      ),
      { seed: 4, numRuns: 60 },
    );
  });

  test('is close to the normal interval where that is good', () => {
    const { low, high } = binomialBound(10_000, 0.2, 0.999);
    expect(Math.abs(low - (2000 - 3.29 * 40))).toBeLessThan(4);
    expect(Math.abs(high - (2000 + 3.29 * 40))).toBeLessThan(4);
  });
});

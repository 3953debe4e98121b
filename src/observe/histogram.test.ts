import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { Histogram, latencyBoundsSeconds } from './histogram.ts';

describe('Histogram', () => {
  test('a value on a bound belongs to it, one above the last to none', () => {
    const histogram = new Histogram([1, 2, 4]);
    for (const value of [0, 1, 1.5, 2, 4, 4.1]) histogram.record(value);
    expect([...histogram.counts]).toEqual([2, 2, 1, 1]);
    expect(histogram.count).toBe(6);
    expect(histogram.sum).toBeCloseTo(12.6);
  });

  test('what is no duration counts as zero', () => {
    const histogram = new Histogram([1]);
    for (const value of [Number.NaN, -5]) histogram.record(value);
    expect([...histogram.counts]).toEqual([2, 0]);
    expect(histogram.sum).toBe(0);
  });

  test('an empty one has quantile 0', () => {
    expect(new Histogram(latencyBoundsSeconds).quantile(0.99)).toBe(0);
  });

  test('bounds must ascend', () => {
    expect(() => new Histogram([1, 1])).toThrow('ascend');
  });

  test('each value lands in the first bucket that holds it (property)', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 500, noNaN: true }), (value) => {
        const histogram = new Histogram(latencyBoundsSeconds);
        histogram.record(value);
        const expected = latencyBoundsSeconds.findIndex((bound) => value <= bound);
        return histogram.counts[expected < 0 ? latencyBoundsSeconds.length : expected] === 1;
      }),
      { numRuns: 500, seed: 1 },
    );
  });

  test('a quantile is at most a factor of two from the exact one between 100 us and 1 s (property)', () => {
    const values = fc.array(fc.double({ min: 0.0001, max: 1, noNaN: true }), {
      minLength: 1,
      maxLength: 200,
    });
    fc.assert(
      fc.property(values, fc.double({ min: 0.01, max: 1, noNaN: true }), (list, q) => {
        const histogram = new Histogram(latencyBoundsSeconds);
        for (const value of list) histogram.record(value);
        const exact = list.toSorted((a, b) => a - b)[Math.ceil(q * list.length) - 1]!;
        const estimate = histogram.quantile(q);
        expect(estimate).toBeLessThanOrEqual(exact * 2.0001);
        expect(estimate).toBeGreaterThanOrEqual(exact / 2.0001 - 0.0001);
      }),
      { numRuns: 200, seed: 2 },
    );
  });

  test('merging adds, resetting empties', () => {
    const left = new Histogram([1, 2]);
    const right = new Histogram([1, 2]);
    left.record(0.5);
    right.record(1.5);
    right.record(9);
    left.merge(right);
    expect([...left.counts]).toEqual([1, 1, 1]);
    left.reset();
    expect([left.count, left.sum, ...left.counts]).toEqual([0, 0, 0, 0, 0]);
  });
});

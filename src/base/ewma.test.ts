import { describe, expect, test } from 'bun:test';
import { DecayingSum, decayFactor, Ewma } from './ewma.ts';

describe('decay', () => {
  test('a time constant leaves 1/e, no time leaves all', () => {
    expect(decayFactor(10, 10)).toBeCloseTo(1 / Math.E, 12);
    expect([decayFactor(0, 10), decayFactor(-5, 10)]).toEqual([1, 1]);
  });

  test('an average does not depend on how often it is told the same', () => {
    const seldom = new Ewma(1000);
    const often = new Ewma(1000);
    for (const mean of [seldom, often]) mean.observe(100, 0);
    for (let now = 1; now <= 500; now++) often.observe(10, now);
    seldom.observe(10, 500);
    expect(often.value).toBeCloseTo(seldom.value, 9);
  });

  test('the first observation replaces the initial value', () => {
    const mean = new Ewma(1000, 30);
    expect(mean.value).toBe(30);
    mean.observe(5, 0);
    expect(mean.value).toBe(5);
  });

  test('a sum fades and settles at rate times constant', () => {
    const sum = new DecayingSum(100);
    for (let now = 0; now < 2000; now++) sum.add(1, now);
    expect(sum.read(2000)).toBeGreaterThan(98);
    expect(sum.read(2000)).toBeLessThan(101);
    expect(sum.read(2100) / sum.read(2000)).toBeCloseTo(1 / Math.E, 9);
  });
});

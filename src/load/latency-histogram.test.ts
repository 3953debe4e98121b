import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { LatencyHistogram } from './latency-histogram.ts';

test('quantiles are those of the sorted list, to three digits', () => {
  const latencies = fc.array(fc.double({ min: 0.001, max: 100_000, noNaN: true }), {
    minLength: 1,
    maxLength: 300,
  });
  fc.assert(
    fc.property(latencies, (values) => {
      const histogram = new LatencyHistogram();
      for (const value of values) histogram.record(value);
      const sorted = values.toSorted((left, right) => left - right);
      const summary = histogram.summarise()!;
      for (const [share, found] of [
        [0.5, summary.p50],
        [0.9, summary.p90],
        [0.99, summary.p99],
        [0.999, summary.p999],
      ] as const) {
        const exact = sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]!;
        expect(Math.abs(found - exact)).toBeLessThanOrEqual(exact * 0.001 + 0.001);
      }
      expect(Math.abs(summary.max - sorted.at(-1)!)).toBeLessThanOrEqual(0.001);
    }),
    { numRuns: 100, seed: 1 },
  );
});

test('what was not measured is not there, also after a reset', () => {
  const histogram = new LatencyHistogram();
  expect(histogram.summarise()).toBeNull();
  histogram.record(5);
  histogram.reset();
  expect(histogram.summarise()).toBeNull();
});

test('what is out of range counts at its edge', () => {
  const histogram = new LatencyHistogram();
  histogram.record(-1);
  histogram.record(1e12);
  expect(histogram.count).toBe(2);
  expect(histogram.summarise()?.max).toBe(3_600_000);
});

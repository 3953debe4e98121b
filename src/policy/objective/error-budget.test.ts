import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { budgetsLeft, ErrorBudget } from './error-budget.ts';
import { type ObjectiveConfig, ObjectiveCounts } from './types.ts';

const config: ObjectiveConfig = {
  availability: 99,
  latency: { percentile: 90, thresholdMs: 100 },
  windowMs: 120_000,
};

const cases: readonly (readonly [
  good: number,
  slow: number,
  failed: number,
  left: readonly [number, number],
])[] = [
  [0, 0, 0, [1, 1]],
  [1_000, 0, 0, [1, 1]],
  [995, 0, 5, [0.5, 1]],
  [990, 0, 10, [0, 1]],
  [970, 0, 30, [-2, 1]],
  [950, 50, 0, [1, 0.5]],
  // Who failed is not slow as well.
  [85, 10, 5, [-4, 1 - 10 / 9.5]],
];
for (const [good, slow, failed, left] of cases) {
  test(`${good} good, ${slow} slow, ${failed} failed`, () => {
    const counts = new ObjectiveCounts();
    const budget = new ErrorBudget(config, counts);
    for (let turn = 0; turn < good; turn++) budget.record(false, 100, 5);
    for (let turn = 0; turn < slow; turn++) budget.record(false, 101, 5);
    for (let turn = 0; turn < failed; turn++) budget.record(true, 5_000, 5);
    const { availability, latency } = budgetsLeft(config, counts);
    expect(availability).toBeCloseTo(left[0], 9);
    expect(latency).toBeCloseTo(left[1], 9);
    expect(counts).toMatchObject({ requests: good + slow + failed, failures: failed, slow });
  });
}

test('what is promised of availability alone', () => {
  expect(budgetsLeft({ ...config, latency: null }, new ObjectiveCounts()).latency).toBeNull();
});

test('a failure leaves with its window, also when nothing follows', () => {
  const counts = new ObjectiveCounts();
  const budget = new ErrorBudget(config, counts);
  budget.record(true, 1, 500);
  budget.record(false, 1, 60_000);
  expect(budgetsLeft(config, counts).availability).toBeCloseTo(-49, 9);
  budget.advance(120_000);
  expect(budgetsLeft(config, counts).availability).toBe(1);
  expect(counts.windowRequests).toBe(1);
  budget.advance(10_000_000);
  expect(counts).toMatchObject({ requests: 2, failures: 1, windowRequests: 0, windowFailures: 0 });
});

test('the window holds what was recorded within it, to a slot', () => {
  const steps = fc.array(fc.tuple(fc.nat(20_000), fc.boolean()), { maxLength: 200 });
  fc.assert(
    fc.property(steps, (list) => {
      const counts = new ObjectiveCounts();
      const budget = new ErrorBudget(config, counts);
      const recorded: { atMs: number; failed: boolean }[] = [];
      let nowMs = 0;
      for (const [gapMs, failed] of list) {
        nowMs += gapMs;
        budget.record(failed, 1, nowMs);
        recorded.push({ atMs: nowMs, failed });
        const slot = Math.floor(nowMs / 1_000);
        const within = recorded.filter(({ atMs }) => Math.floor(atMs / 1_000) > slot - 120);
        expect(counts.windowRequests).toBe(within.length);
        expect(counts.windowFailures).toBe(within.filter((one) => one.failed).length);
      }
    }),
    { numRuns: 100, seed: 1 },
  );
});

import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { RetryBudget } from './retry-budget.ts';
import type { RetryBudgetConfig } from './types.ts';

/** The defaults of XBackendTrafficPolicy. */
const standard: RetryBudgetConfig = {
  kind: 'window',
  percent: 20,
  intervalMs: 10_000,
  minRetries: { count: 10, intervalMs: 1000 },
};
const shareOnly: RetryBudgetConfig = { ...standard, minRetries: { count: 0, intervalMs: 1000 } };

function take(budget: RetryBudget, nowMs: number, wanted: number): number {
  let granted = 0;
  for (let index = 0; index < wanted; index++) if (budget.tryRetry(nowMs)) granted += 1;
  return granted;
}

describe('the share', () => {
  test('is a percentage of the requests of the interval', () => {
    const budget = new RetryBudget(shareOnly);
    for (let index = 0; index < 100; index++) budget.onRequest(index * 10);
    expect(budget.remaining(1000)).toBe(20);
    expect(take(budget, 1000, 50)).toBe(20);
    expect(budget.remaining(1000)).toBe(0);
  });

  test('passes with the requests', () => {
    const budget = new RetryBudget(shareOnly);
    for (let index = 0; index < 100; index++) budget.onRequest(0);
    expect(budget.remaining(9999)).toBe(20);
    expect(budget.remaining(10_500)).toBe(0);
  });

  test('spent retries come back when they leave the interval', () => {
    const budget = new RetryBudget(shareOnly);
    const fill = (nowMs: number): void => {
      for (let index = 0; index < 50; index++) budget.onRequest(nowMs);
    };
    fill(0);
    expect(take(budget, 0, 50)).toBe(10);
    fill(9000);
    expect(take(budget, 9000, 50)).toBe(10);
    fill(11_000);
    expect(take(budget, 11_000, 50)).toBe(10);
  });

  test('of 0 with a floor of 0 allows none', () => {
    const budget = new RetryBudget({ ...shareOnly, percent: 0 });
    for (let index = 0; index < 1000; index++) budget.onRequest(index);
    expect(take(budget, 1000, 10)).toBe(0);
  });
});

describe('the floor', () => {
  test('allows some retries without any requests, then again in its next interval', () => {
    const budget = new RetryBudget(standard);
    expect(take(budget, 0, 50)).toBe(10);
    expect(take(budget, 500, 50)).toBe(0);
    expect(take(budget, 1100, 50)).toBe(10);
  });

  test('does not add to a larger share', () => {
    const budget = new RetryBudget(standard);
    for (let index = 0; index < 1000; index++) budget.onRequest(0);
    expect(take(budget, 0, 1000)).toBe(200);
  });
});

test('a clock that jumps far ahead leaves nothing behind', () => {
  const budget = new RetryBudget(shareOnly);
  for (let index = 0; index < 100; index++) budget.onRequest(1e12);
  expect(budget.remaining(1e12)).toBe(20);
  expect(budget.remaining(1e12 + 1e9)).toBe(0);
});

describe('properties', () => {
  const steps = fc.array(fc.record({ waitMs: fc.nat(800), requests: fc.nat(30), wanted: fc.nat(30) }), {
    maxLength: 200,
  });
  const config = fc.record({
    kind: fc.constant('window' as const),
    percent: fc.nat(100),
    intervalMs: fc.integer({ min: 1000, max: 20_000 }),
    minRetries: fc.record({ count: fc.nat(20), intervalMs: fc.integer({ min: 1000, max: 5000 }) }),
  });

  test('retries never exceed the share of all requests plus the floor for the time that passed', () => {
    fc.assert(
      fc.property(config, steps, (chosen, played) => {
        const budget = new RetryBudget(chosen);
        let nowMs = 0;
        let requests = 0;
        let retries = 0;
        for (const { waitMs, requests: more, wanted } of played) {
          nowMs += waitMs;
          for (let index = 0; index < more; index++) budget.onRequest(nowMs);
          requests += more;
          retries += take(budget, nowMs, wanted);
          const { count, intervalMs } = chosen.minRetries;
          const floor = count * (1 + nowMs / intervalMs);
          expect(retries).toBeLessThanOrEqual((chosen.percent * requests) / 100 + floor);
        }
      }),
      { numRuns: 500, seed: 1 },
    );
  });

  test('in every window of one interval, too', () => {
    fc.assert(
      fc.property(config, steps, (chosen, played) => {
        const budget = new RetryBudget(chosen);
        const sent: number[] = [];
        const granted: number[] = [];
        let nowMs = 0;
        for (const { waitMs, requests, wanted } of played) {
          nowMs += waitMs;
          for (let index = 0; index < requests; index++) {
            budget.onRequest(nowMs);
            sent.push(nowMs);
          }
          for (let index = take(budget, nowMs, wanted); index > 0; index--) granted.push(nowMs);
          const { count, intervalMs } = chosen.minRetries;
          // A bucket is a twentieth of the interval: requests may count that much longer.
          const inWindow = sent.filter((atMs) => atMs > nowMs - chosen.intervalMs * 1.05).length;
          const taken = granted.filter((atMs) => atMs > nowMs - chosen.intervalMs).length;
          const floor = count * (2 + chosen.intervalMs / intervalMs);
          // Those granted earlier in the window were granted for requests that may have left it since: one window
          // before.
          const before = sent.filter((atMs) => atMs > nowMs - 2.05 * chosen.intervalMs).length - inWindow;
          expect(taken).toBeLessThanOrEqual((chosen.percent * (inWindow + before)) / 100 + floor);
        }
      }),
      { numRuns: 200, seed: 2 },
    );
  });

  test('remaining says what can be taken', () => {
    fc.assert(
      fc.property(config, steps, (chosen, played) => {
        const budget = new RetryBudget(chosen);
        let nowMs = 0;
        for (const { waitMs, requests, wanted } of played) {
          nowMs += waitMs;
          for (let index = 0; index < requests; index++) budget.onRequest(nowMs);
          const remaining = budget.remaining(nowMs);
          expect(take(budget, nowMs, wanted)).toBeLessThanOrEqual(remaining);
        }
      }),
      { numRuns: 200, seed: 3 },
    );
  });
});

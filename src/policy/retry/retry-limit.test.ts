import { describe, expect, test } from 'bun:test';
import { createRetryLimit } from './retry-limit.ts';

describe('max_retries', () => {
  test('bounds what runs at once, not what runs in all', () => {
    const limit = createRetryLimit({ kind: 'concurrency', max: 3 });
    for (let round = 0; round < 40; round++) {
      expect(limit.tryRetry(0, 1)).toBe(true);
      limit.onDone();
    }
    for (let index = 0; index < 3; index++) expect(limit.tryRetry(0, 100)).toBe(true);
    expect(limit.tryRetry(0, 100)).toBe(false);
    limit.onDone();
    expect(limit.remaining(0, 100)).toBe(1);
    expect(limit.tryRetry(0, 100)).toBe(true);
  });
});

describe('retry_budget', () => {
  test('is a share of what runs, and always the minimum', () => {
    const limit = createRetryLimit({ kind: 'share', percent: 20, minConcurrency: 3 });
    expect([0, 10, 20, 100].map((active) => limit.remaining(0, active))).toEqual([3, 3, 4, 20]);
    for (let index = 0; index < 4; index++) expect(limit.tryRetry(0, 20)).toBe(true);
    expect(limit.tryRetry(0, 20)).toBe(false);
    expect(limit.tryRetry(0, 25)).toBe(true);
  });
});

test('a retry that is given back twice is a bug', () => {
  const limit = createRetryLimit({ kind: 'concurrency', max: 1 });
  limit.tryRetry(0, 1);
  limit.onDone();
  expect(() => limit.onDone()).toThrow('once');
});

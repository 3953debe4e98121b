import { describe, expect, test } from 'bun:test';
import {
  checkAmplification,
  checkAnswers,
  checkExecutions,
  checkRetryBudget,
  checkSuccess,
  type RetrySample,
} from './checkers.ts';
import { RequestBook, type RequestRecord } from './request-book.ts';
import { Troubles } from './troubles.ts';

function record(change: Partial<RequestRecord>): RequestRecord {
  const opened = new RequestBook().open('GET', change.repeatable ?? true, 100);
  return Object.assign(opened, { answers: 1, status: 200, endMs: 110, executions: 1 }, change);
}

describe('answers', () => {
  const cases: readonly (readonly [string, Partial<RequestRecord>, string | null])[] = [
    ['a good answer', {}, null],
    ['an error is an answer', { status: 503, executions: 0 }, null],
    ['none at all', { answers: 0, status: 0, endMs: -1 }, 'was lost'],
    ['a broken connection instead', { answers: 0, status: 0, broken: 1 }, 'got no answer'],
    ['two', { answers: 2 }, 'answered 2 times'],
    ['half of one', { broken: 1 }, 'cut off'],
  ];
  for (const [name, change, expected] of cases) {
    test(name, () => {
      const found = checkAnswers([record(change)]).join();
      if (expected === null) expect(found).toBe('');
      else expect(found).toContain(expected);
    });
  }
});

test('executions: what may not be repeated ran once, and success means that it ran', () => {
  expect(checkExecutions([record({}), record({ executions: 3 })])).toEqual([]);
  expect(checkExecutions([record({ repeatable: false, executions: 2 })]).join()).toContain('ran 2 times');
  expect(checkExecutions([record({ executions: 0 })]).join()).toContain('never ran');
});

test('success: failures are excused while nobody could have answered', () => {
  const failed = record({ status: 503 });
  expect(checkSuccess([failed], { fromMs: 0, untilMs: 50 }).length).toBe(1);
  expect(checkSuccess([failed], { fromMs: 105, untilMs: 500 })).toEqual([]);
  expect(checkSuccess([record({ status: 503, repeatable: false })], { fromMs: 0, untilMs: 0 })).toEqual([]);
});

test('success: nor while the network failed the caller at every replica, and at each of them', () => {
  const failed = record({ status: 503 });
  const never = { fromMs: Infinity, untilMs: Infinity };
  const troubles = new Troubles('10.0.0.1', ['10.0.0.2', '10.0.0.3', '10.0.0.4']);
  const ip = (host: string, port: number) => ({ kind: 'ip', host, port }) as const;
  const found = () => checkSuccess([failed], never, troubles).length;
  troubles.onSegment('reset', ip('10.0.0.1', 40_000), ip('10.0.0.2', 15_006), 104);
  troubles.onSegment('refuse', ip('10.0.0.3', 15_006), ip('10.0.0.1', 40_001), 105);
  // Somebody else's, an orderly end, before it and after it.
  troubles.onSegment('reset', ip('10.0.0.9', 40_000), ip('10.0.0.4', 15_006), 105);
  troubles.onSegment('fin', ip('10.0.0.4', 15_006), ip('10.0.0.1', 40_002), 105);
  troubles.note('10.0.0.4', 0, 99);
  troubles.note('10.0.0.4', 500, 600);
  expect(found()).toBe(1);
  troubles.note('10.0.0.4', 0, 2000);
  expect(found()).toBe(0);
});

describe('retry budget', () => {
  const bound = { percent: 20, intervalMs: 10_000, minRetriesPerSecond: 10 };
  /** 100 requests a second, and this many retries a second from 20 s to 25 s. */
  const samples = (retriesPerSecond: number): RetrySample[] =>
    Array.from({ length: 80 }, (_, half) => ({
      atMs: half * 500,
      requests: half * 50,
      retries: Math.min(Math.max(half - 40, 0), 10) * (retriesPerSecond / 2),
    }));

  test('within it', () => {
    expect(checkRetryBudget(samples(60), bound)).toEqual([]);
  });

  test('above it', () => {
    expect(checkRetryBudget(samples(200), bound).join()).toContain('retries in the 10000 ms before');
  });
});

test('amplification: each service by itself, over what callers sent', () => {
  const bound = { percent: 20, intervalMs: 10_000, minRetriesPerSecond: 1 };
  const samples = (perRequest: number) =>
    Array.from({ length: 60 }, (_, half) => ({
      atMs: half * 500,
      requests: half * 50,
      received: new Map([
        ['front', half * 50],
        ['ledger', half * 50 * perRequest],
      ]),
    }));
  expect(checkAmplification(samples(1.2), bound)).toEqual([]);
  expect(checkAmplification(samples(1.73), bound).join()).toMatch(
    /^ledger: [\d.]+ retries in the 10000 ms before/,
  );
});

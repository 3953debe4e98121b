import { describe, expect, test } from 'bun:test';
import { Xoshiro128 } from '../../base/index.ts';
import { RetryFacts } from './decide-retry.ts';
import { judgeRetry, RetryVerdict } from './judge-retry.ts';
import type { RetryLimit } from './types.ts';

const none: RetryLimit = {
  onRequest() {},
  tryRetry: () => false,
  onDone() {},
  remaining: () => 0,
} as unknown as RetryLimit;

function judge(facts: Partial<RetryFacts>) {
  const all = Object.assign(new RetryFacts(), { failure: 'reset', unsent: true, limit: none, ...facts });
  return judgeRetry(null, all, new Xoshiro128(1n), new RetryVerdict());
}

describe('a request that its HTTP/2 server did not look at', () => {
  test('goes on at once, whatever its method, and asks no budget', () => {
    const verdict = judge({ unprocessed: true, method: 'POST' });
    expect([verdict.decision, verdict.delayMs, verdict.freshConnection]).toEqual(['retry', 0, false]);
  });

  for (const [name, facts, decision] of [
    ['not for ever', { requeues: 10 }, 'exhausted'],
    ['not without its body', { bodyReplayable: false }, 'body-gone'],
    ['not when its time is over', { remainingMs: 0 }, 'no-time'],
  ] as const) {
    test(name, () => expect(judge({ unprocessed: true, method: 'GET', ...facts }).decision).toBe(decision));
  }

  test('another one asks the budget', () => {
    expect(judge({ untried: true, method: 'POST' }).decision).toBe('no-budget');
  });
});

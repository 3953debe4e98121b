import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { Xoshiro128 } from '../../base/index.ts';
import { backoffMs } from './backoff-ms.ts';
import { decideRetry, type RetryDecision, RetryFacts } from './decide-retry.ts';
import { RetryBudget } from './retry-budget.ts';
import type { RetryPolicy } from './types.ts';

const policy: RetryPolicy = {
  on: ['ConnectFailure', 'Reset', 'Unavailable', 'GatewayError', 'StatusCodes'],
  statusCodes: [503, 429],
  methods: ['GET', 'PUT'],
  idempotencyHeader: 'idempotency-key',
  attempts: 2,
  backoff: { baseMs: 25, maxMs: 250 },
};

function factsOf(given: Partial<RetryFacts>): RetryFacts {
  return Object.assign(new RetryFacts(), { method: 'GET', status: 503 }, given);
}

const none = {
  kind: 'window' as const,
  percent: 0,
  intervalMs: 10_000,
  minRetries: { count: 0, intervalMs: 1000 },
};

const rows: readonly (readonly [name: string, facts: Partial<RetryFacts>, expected: RetryDecision])[] = [
  ['a 503 to a GET', {}, 'retry'],
  ['a 503 to a POST', { method: 'POST' }, 'not-retryable'],
  ['a 503 to a POST with its key', { method: 'POST', hasIdempotencyHeader: true }, 'retry'],
  ['a 503 to a POST that says it was never sent', { method: 'POST', unsent: true }, 'retry'],
  [
    'a refused connection of a POST',
    { method: 'POST', status: 0, failure: 'connect', unsent: true },
    'retry',
  ],
  ['a reset of a GET', { status: 0, failure: 'reset' }, 'retry'],
  ['a reset of a POST after it was sent', { method: 'POST', status: 0, failure: 'reset' }, 'not-retryable'],
  ['a 500', { status: 500 }, 'not-retryable'],
  ['a 502', { status: 502 }, 'retry'],
  ['a 504', { status: 504 }, 'retry'],
  ['a 429, by its code', { status: 429 }, 'retry'],
  ['a 200', { status: 200 }, 'not-retryable'],
  ['a 200 of gRPC that is unavailable', { status: 200, grpcStatus: 14 }, 'retry'],
  ['an attempt timeout, not asked for', { status: 0, failure: 'attempt-timeout' }, 'not-retryable'],
  ['the last retry is left', { retries: 1 }, 'retry'],
  ['no retry is left', { retries: 2 }, 'exhausted'],
  ['a body that is gone', { bodyReplayable: false }, 'body-gone'],
  ['time for the backoff alone', { remainingMs: 10, backoffMs: 10 }, 'no-time'],
  ['time for more', { remainingMs: 11, backoffMs: 10 }, 'retry'],
  [
    'a reset of a request that was retried above',
    { failure: 'reset', status: 0, retriedAbove: true },
    'retried-above',
  ],
  ['an unsent one that was retried above', { unsent: true, retriedAbove: true }, 'retry'],
  ['a 503 of what was retried below', { retriedBelow: true }, 'retried-below'],
  ['what a limit below refused', { rateLimited: true }, 'not-retryable'],
  ['what cannot be helped by trying again', { repeatable: false }, 'not-retryable'],
  ['no budget', { limit: new RetryBudget(none) }, 'no-budget'],
];

for (const [name, facts, expected] of rows) {
  test(`${name}: ${expected}`, () => {
    expect(decideRetry(policy, factsOf(facts))).toBe(expected);
  });
}

describe('conditions', () => {
  const of = (on: RetryPolicy['on'], facts: Partial<RetryFacts>): RetryDecision =>
    decideRetry({ ...policy, on }, factsOf(facts));

  test('ServerError covers 5xx and attempts without an answer', () => {
    for (const status of [500, 503, 599]) expect(of(['ServerError'], { status })).toBe('retry');
    for (const status of [200, 404, 600]) expect(of(['ServerError'], { status })).toBe('not-retryable');
    for (const failure of ['connect', 'reset', 'attempt-timeout'] as const)
      expect(of(['ServerError'], { status: 0, failure })).toBe('retry');
  });

  test('each of the others holds for its own case alone', () => {
    expect(of(['Conflict'], { status: 409 })).toBe('retry');
    expect(of(['Conflict'], { status: 503 })).toBe('not-retryable');
    expect(of(['AttemptTimeout'], { status: 0, failure: 'attempt-timeout' })).toBe('retry');
    expect(of(['AttemptTimeout'], { status: 0, failure: 'reset' })).toBe('not-retryable');
    expect(of(['ConnectFailure'], { status: 0, failure: 'connect' })).toBe('retry');
    expect(of(['ConnectFailure'], { status: 503 })).toBe('not-retryable');
    expect(of([], { status: 503 })).toBe('not-retryable');
  });
});

test('statuses of gRPC are worth an attempt where the policy names them', () => {
  const grpc = { ...policy, on: [], grpcStatuses: [1, 8] };
  for (const [grpcStatus, expected] of [
    [1, 'retry'],
    [8, 'retry'],
    [0, 'not-retryable'],
    [14, 'not-retryable'],
    [-1, 'not-retryable'],
  ] as const)
    expect(decideRetry(grpc, factsOf({ status: 200, grpcStatus }))).toBe(expected);
});

test('methods null means every method', () => {
  expect(decideRetry({ ...policy, methods: null }, factsOf({ method: 'PATCH' }))).toBe('retry');
});

test('without a policy, or with no attempts, nothing is repeated', () => {
  expect(decideRetry(null, factsOf({}))).toBe('not-retryable');
  expect(decideRetry({ ...policy, attempts: 0 }, factsOf({ unsent: true }))).toBe('not-retryable');
});

test('the budget is spent by a retry alone', () => {
  const budget = new RetryBudget({ ...none, minRetries: { count: 5, intervalMs: 1000 } });
  for (const [, facts] of rows) {
    const given = factsOf({ ...facts, limit: budget });
    const before = budget.remaining(0);
    const expected = decideRetry(policy, given) === 'retry' ? before - 1 : before;
    expect(budget.remaining(0)).toBe(expected);
  }
});

test('what may have been sent is repeated only when that is harmless', () => {
  const facts = fc.record({
    failure: fc.constantFrom(
      'connect' as const,
      'reset' as const,
      'attempt-timeout' as const,
      'status' as const,
    ),
    status: fc.constantFrom(0, 200, 409, 500, 502, 503, 504),
    grpcStatus: fc.constantFrom(-1, 0, 13, 14),
    unsent: fc.boolean(),
    method: fc.constantFrom('GET', 'POST', 'PATCH', 'PUT'),
    hasIdempotencyHeader: fc.boolean(),
    retries: fc.nat(3),
    bodyReplayable: fc.boolean(),
  });
  fc.assert(
    fc.property(facts, (given) => {
      const decision = decideRetry(
        { ...policy, on: ['ServerError', 'Conflict', 'ConnectFailure'] },
        factsOf(given),
      );
      if (decision !== 'retry') return;
      expect(given.unsent || given.hasIdempotencyHeader || ['GET', 'PUT'].includes(given.method)).toBe(true);
      expect(given.bodyReplayable).toBe(true);
      expect(given.retries).toBeLessThan(policy.attempts);
    }),
    { numRuns: 1000, seed: 1 },
  );
});

describe('backoff', () => {
  test('is uniform below its bound, which doubles up to the maximum', () => {
    const random = new Xoshiro128(1);
    for (const [retry, bound] of [
      [1, 25],
      [2, 75],
      [3, 175],
      [4, 250],
      [16, 250],
      [5000, 250],
    ] as const) {
      const drawn = Array.from({ length: 2000 }, () => backoffMs(policy, retry, random));
      expect(Math.max(...drawn)).toBeLessThan(bound);
      expect(Math.min(...drawn)).toBeGreaterThanOrEqual(0);
      const mean = drawn.reduce((total, value) => total + value, 0) / drawn.length;
      expect(Math.abs(mean / bound - 0.5)).toBeLessThan(0.03);
    }
  });
});

describe('Envoy’s rules about heads', () => {
  const rule = { matches: () => true };
  const cases: readonly (readonly [string, Partial<RetryPolicy>, Partial<RetryFacts>, RetryDecision])[] = [
    ['an answer’s header', { on: ['Headers'] }, { status: 200, responseMatches: true }, 'retry'],
    ['none of its headers', { on: ['Headers'] }, { status: 200 }, 'not-retryable'],
    ['a limit below, asked for', { on: ['RateLimited'] }, { rateLimited: true, status: 429 }, 'retry'],
    ['a request that the rule holds for', { methods: [], requestRule: rule }, {}, 'retry'],
    ['another', { methods: [], requestRule: rule }, { requestMatches: false }, 'not-retryable'],
    [
      'another that never left',
      { methods: [], requestRule: rule },
      { requestMatches: false, unsent: true },
      'retry',
    ],
  ];
  for (const [name, more, facts, expected] of cases) {
    test(name, () => {
      expect(decideRetry({ ...policy, ...more }, factsOf(facts))).toBe(expected);
    });
  }
});

import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { Xoshiro128 } from '../../base/index.ts';
import { HealthJudge, nextCheckMs } from './health-judge.ts';
import { holdsBlocks } from './payload-match.ts';
import type { CheckResult, HealthTiming, HealthTransition } from './types.ts';

const timing: HealthTiming = {
  timeoutMs: 1_000,
  intervalMs: 5_000,
  initialJitterMs: 0,
  jitterMs: 0,
  jitterPercent: 0,
  noTrafficMs: 60_000,
  noTrafficHealthyMs: 30_000,
  unhealthyMs: 7_000,
  unhealthyEdgeMs: 500,
  healthyEdgeMs: 600,
  unhealthyThreshold: 3,
  healthyThreshold: 2,
};

const letters: Readonly<Record<string, CheckResult>> = {
  p: 'passed',
  d: 'degraded',
  f: 'failed',
  x: 'refused',
  r: 'retriable',
  n: 'network',
  t: 'timeout',
};

describe('HealthJudge', () => {
  // Results, and after each: H healthy, D degraded, U unhealthy; small while the next results decide.
  const cases: readonly (readonly [name: string, results: string, states: string])[] = [
    ['the first result decides alone', 'p', 'H'],
    ['a first failure too', 'n', 'U'],
    ['an answer that says no needs no second one', 'pf', 'HU'],
    ['three accidents in a row', 'pnrt', 'HhhU'],
    ['a pass between them starts over', 'pnnpnn', 'HhhHhh'],
    ['two passes bring it back', 'pfpp', 'HUuH'],
    ['a failure between them starts over', 'pfpnpp', 'HUuUuH'],
    ['never well, then well', 'nnpp', 'UUuH'],
    ['degraded and back', 'pdp', 'HDH'],
    ['degraded at first', 'd', 'D'],
  ];
  for (const [name, results, states] of cases) {
    test(`${name}: ${results}`, () => {
      const judge = new HealthJudge();
      expect(judge.healthy).toBe(false);
      const seen = [...results].map((letter) => {
        const transition = judge.onResult(letters[letter]!, timing);
        const state = judge.healthy ? (judge.degraded ? 'D' : 'H') : 'U';
        return transition === 'pending' ? state.toLowerCase() : state;
      });
      expect(seen.join('')).toBe(states);
    });
  }

  test('what an answer says of itself is believed at once', () => {
    const judge = new HealthJudge();
    judge.onResult('passed', timing);
    expect(judge.onImmediateFailure()).toBe('changed');
    expect(judge.healthy).toBe(false);
    expect(judge.onImmediateFailure()).toBe('unchanged');
    expect(judge.excluded).toBe(true);
    judge.onResult('passed', timing);
    expect(judge.excluded).toBe(false);
  });

  test('a change is told when, and only when, health changed', () => {
    const results = fc.array(fc.constantFrom(...Object.values(letters)), { maxLength: 40 });
    fc.assert(
      fc.property(results, (list) => {
        const judge = new HealthJudge();
        let before = `${judge.healthy} ${judge.degraded}`;
        for (const [index, result] of list.entries()) {
          const transition = judge.onResult(result, timing);
          const after = `${judge.healthy} ${judge.degraded}`;
          if (index > 0) expect(transition === 'changed').toBe(before !== after);
          before = after;
        }
      }),
      { numRuns: 300, seed: 1 },
    );
  });
});

describe('nextCheckMs', () => {
  const cases: readonly (readonly [boolean, HealthTransition, boolean, number])[] = [
    [true, 'unchanged', true, 5_000],
    [true, 'changed', true, 5_000],
    [true, 'pending', true, 600],
    [false, 'unchanged', true, 7_000],
    [false, 'changed', true, 7_000],
    [false, 'pending', true, 500],
    [true, 'pending', false, 30_000],
    [false, 'pending', false, 60_000],
  ];
  for (const [passed, transition, used, expected] of cases) {
    test(`${passed ? 'passed' : 'failed'}, ${transition}, ${used ? 'used' : 'never used'}: ${expected}`, () => {
      expect(nextCheckMs(passed, transition, used, timing, new Xoshiro128(1))).toBe(expected);
    });
  }

  test('jitter adds up to a span and up to a share', () => {
    const random = new Xoshiro128(1);
    const jittered = { ...timing, jitterMs: 1_000, jitterPercent: 20 };
    const delays = Array.from({ length: 2_000 }, () =>
      nextCheckMs(true, 'unchanged', true, jittered, random),
    );
    expect(Math.min(...delays)).toBeGreaterThanOrEqual(5_000);
    expect(Math.max(...delays)).toBeLessThan(7_000);
    expect(Math.max(...delays)).toBeGreaterThan(6_800);
  });
});

describe('holdsBlocks', () => {
  const cases: readonly (readonly [string, readonly string[], boolean])[] = [
    ['', [], true],
    ['abc', ['b'], true],
    ['abc', ['a', 'c'], true],
    ['abc', ['c', 'a'], false],
    ['aba', ['ab', 'a'], true],
    ['aba', ['ab', 'ba'], false],
    ['\u0001\u0000\u00ff', ['\u0000\u00ff'], true],
    ['ab', ['abc'], false],
  ];
  for (const [answer, blocks, expected] of cases) {
    test(`${JSON.stringify(answer)} ${JSON.stringify(blocks)}`, () => {
      expect(holdsBlocks(answer, blocks)).toBe(expected);
    });
  }
});

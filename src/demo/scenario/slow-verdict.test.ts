import { expect, test } from 'bun:test';
import type { CallerReport } from './callers.ts';
import { describeVerdict, judgeCallers } from './slow-verdict.ts';

const report = (caller: string, p99Ms: number, picks = 0): CallerReport => ({
  caller,
  requests: 300,
  picks,
  slow: picks,
  p50Ms: 12,
  p99Ms,
});

test('judgeCallers compares each caller with its own baseline, and leaves out who was not measured three times', () => {
  const baseline = [report('web-0', 30), report('feed-0', 25), report('new-0', 20)];
  const verdicts = judgeCallers(
    baseline,
    [report('web-0', 59.9, 2), report('feed-0', 50, 9)],
    [report('feed-0', 240, 100), report('web-0', 240, 101)],
  );
  expect(verdicts.map(({ caller }) => caller)).toEqual(['web-0', 'feed-0']);
  expect(verdicts.map(({ latencyAware }) => latencyAware.underTwiceBaseline)).toEqual([true, false]);
  expect(verdicts.map(({ roundRobin }) => roundRobin.underTwiceBaseline)).toEqual([false, false]);
  expect(verdicts[0]?.latencyAware).toEqual({
    requests: 300,
    picks: 2,
    slow: 2,
    p99Ms: 59.9,
    underTwiceBaseline: true,
  });
});

test('describeVerdict prints both, with the picks', () => {
  const [verdict] = judgeCallers(
    [report('web-0', 30)],
    [report('web-0', 45, 2)],
    [report('web-0', 240, 101)],
  );
  expect(verdict && describeVerdict(verdict).trim()).toBe(
    'web-0        baseline p99 30 ms; latency-aware p99 45 ms (2 slow picks of 300, under twice); ' +
      'round robin p99 240 ms (101 slow picks of 300, over twice)',
  );
});

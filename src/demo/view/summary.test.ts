import { expect, test } from 'bun:test';
import { describeSummary } from './summary.ts';

const money = { expected: 500, found: 500, doubled: 0, lost: 0, agreed: 40, wrongBalances: 0 };
const plain = {
  seconds: 95,
  total: { requests: 1900, failed: 0 },
  failures: [],
  generatorRestarts: 0,
  retries: 7,
  money,
};

test('all well', () => {
  expect(describeSummary(plain)).toEqual([
    '1900 requests in 1 min 35 s, 0 failed, 7 retries',
    '40 transfers acknowledged, 40 found exactly once, 0 doubled, 0 lost; £5.00 in all accounts, as it must be',
  ]);
});

test('what went wrong is said', () => {
  const failure = { phase: 'start', kind: 'home', afterMs: 12, reason: '503 no' } as const;
  const lines = describeSummary({
    ...plain,
    total: { requests: 10, failed: 5 },
    failures: Array(5).fill(failure),
    generatorRestarts: 1,
    money: { ...money, found: 400, lost: 1 },
  }).join('\n');
  for (const words of ['5 failed', '1 lost', '£4.00 in all accounts, must be £5.00', 'restarted 1×'])
    expect(lines).toContain(words);
  expect(lines.split('failed: home after 12 ms: 503 no').length - 1).toBe(3);
});

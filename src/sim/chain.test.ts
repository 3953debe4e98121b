import { describe, expect, setDefaultTimeout, test } from 'bun:test';
import { effortTimeoutMs, runs } from '../testing/effort.ts';
import { type ChainOptions, formatViolations, playChain } from './index.ts';

// Ninety seconds of nine proxies are real work, about a second each on an idle core.
setDefaultTimeout(effortTimeoutMs);

describe('a chain of three services, the last of them in trouble', () => {
  for (let seed = 1; seed < 1 + runs(2); seed++) {
    test(`is asked one budget more and not three, seed ${seed}`, async () => {
      const report = await playChain({ seed });
      expect(formatViolations(report)).toBe('');
      expect(report.amplification.get('ledger')).toBeLessThan(1.25);
      // It hurt: otherwise the checkers had nothing to see.
      expect(report.failed.repeatable).toBeGreaterThan(100);
      expect(report.retries).toBeGreaterThan(50);
    });
  }

  const canaries: readonly { name: string; broken: Partial<ChainOptions> }[] = [
    { name: 'where proxies do not mark what they repeat', broken: { unmarked: true } },
    { name: 'where applications do not say whom they act for', broken: { forgetful: true } },
    {
      name: 'without a retry budget',
      broken: { policy: { retryBudget: { budget: { percent: 100 }, minRetryRate: { count: 1000 } } } },
    },
  ];
  for (const { name, broken } of canaries) {
    test(`multiplies ${name}`, async () => {
      const report = await playChain({ seed: 3, ...broken });
      expect(formatViolations(report)).toMatch(/ledger: \d+ retries in the 10000 ms before/);
      expect(formatViolations(report)).toStartWith('seed 3:');
    });
  }
});

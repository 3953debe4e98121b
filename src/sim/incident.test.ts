import { describe, expect, setDefaultTimeout, test } from 'bun:test';
import { effortTimeoutMs, runs } from '../testing/effort.ts';
import { healthPath } from './application.ts';
import { formatViolations, type IncidentOptions, type IncidentReport, playIncident } from './index.ts';

// Runs are real work, about half a second each on an idle core.
setDefaultTimeout(effortTimeoutMs);

async function playFine(options: IncidentOptions): Promise<IncidentReport> {
  const report = await playIncident(options).catch((bug: unknown) => {
    throw new Error(`seed ${options.seed}: ${String(bug)}`, { cause: bug });
  });
  expect(formatViolations(report)).toBe('');
  return report;
}

const seedsOfThreeFaults = [3, 6, 14];

describe('an incident of the whole mesh in virtual time', () => {
  test('breaks no promise, and the same seed is the same run', async () => {
    const [first, again, other] = [
      await playFine({ seed: 1 }),
      await playFine({ seed: 1 }),
      await playFine({ seed: 2 }),
    ];
    expect(again).toEqual(first);
    expect(other.trace).not.toBe(first.trace);
    // The incident hurt: otherwise the checkers had nothing to see.
    expect(first.requests).toBeGreaterThan(1000);
    expect(first.retries).toBeGreaterThan(20);
    expect(first.failed.repeatable).toBeGreaterThan(50);
  });

  for (const speech of ['http2', 'grpc'] as const) {
    test(`breaks no promise over ${speech}, and the same seed is the same run`, async () => {
      const [first, again, other] = [
        await playFine({ seed: 1, speech }),
        await playFine({ seed: 1, speech }),
        await playFine({ seed: 2, speech }),
      ];
      expect(again).toEqual(first);
      expect(other.trace).not.toBe(first.trace);
      expect(first.requests).toBeGreaterThan(1000);
      expect(first.retries).toBeGreaterThan(20);
      expect(first.failed.repeatable).toBeGreaterThan(50);
    });
  }

  const bad = { lossShare: 0.01, resetShare: 0.003, splitShare: 0.3 };
  // On 3, 6 and 14 one request of thousands met a fault of the network at every one of its three attempts.
  for (const seed of [...seedsOfThreeFaults, ...Array.from({ length: runs(5) }, (_, index) => 20 + index)]) {
    for (const speech of ['http1', 'http2', 'grpc'] as const) {
      test(`breaks no promise on a bad network either, over ${speech}, seed ${seed}`, async () => {
        await playFine({ seed, speech, conditions: bad });
      });
    }
  }

  test('nor where every endpoint is checked, and answers checks while it fails requests', async () => {
    const healthCheck = { http: { path: healthPath }, interval: '1s', timeout: '500ms' };
    const report = await playFine({ seed: 1, policy: { healthCheck } });
    expect(report.requests).toBeGreaterThan(1000);
    // A check each second to three replicas for all of it leaves its trace.
    expect(report.events).toBeGreaterThan((await playFine({ seed: 1 })).events + 100);
  });

  const canaries: readonly { name: string; broken: Partial<IncidentOptions>; caught: RegExp }[] = [
    {
      name: 'without a retry budget',
      broken: { policy: { retryBudget: { budget: { percent: 100 }, minRetryRate: { count: 1000 } } } },
      caught: /\d+ retries in the 10000 ms before/,
    },
    {
      name: 'with retries of what may not be repeated',
      broken: { policy: { retry: { methods: ['GET', 'POST'], idempotencyHeader: 'idempotency-key' } } },
      caught: /not repeatable, ran 3 times/,
    },
    {
      name: 'without retries',
      broken: { policy: { retry: { attempts: 0 } } },
      caught: /repeatable, failed with 503 while others could have served it/,
    },
    {
      name: 'without retries, on a bad network',
      broken: { policy: { retry: { attempts: 0 } }, conditions: bad },
      caught: /repeatable, failed with 503 while others could have served it/,
    },
    {
      name: 'with one attempt too few, on a bad network',
      broken: { speech: 'http2', policy: { retry: { attempts: 1 } }, conditions: bad },
      caught: /repeatable, failed with 50[34] while others could have served it/,
    },
    {
      name: 'without retries of gRPC',
      broken: { speech: 'grpc', policy: { retry: { attempts: 0 } } },
      caught: /repeatable, failed with 514 while others could have served it/,
    },
    {
      name: 'with a proxy that hears no more of the control plane',
      broken: { deafProxy: true },
      caught: /shop-0: holds \w+ of outbound, not \w+/,
    },
  ];
  for (const { name, broken, caught } of canaries) {
    test(`is caught ${name}`, async () => {
      const report = await playIncident({ seed: 3, ...broken });
      expect(formatViolations(report)).toMatch(caught);
      expect(formatViolations(report)).toStartWith('seed 3:');
    });
  }
});

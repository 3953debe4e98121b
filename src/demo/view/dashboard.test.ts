import { describe, expect, test } from 'bun:test';
import type { DemoStatus } from '../control/status.ts';
import { pounds, renderDashboard } from './dashboard.ts';
import { renderLogLine } from './log-line.ts';

const status: DemoStatus = {
  replicas: [
    { name: 'ledger-0', service: 'ledger', state: 'ready', restarts: 0 },
    { name: 'ledger-1', service: 'ledger', state: 'slow', restarts: 2 },
    { name: 'web-0', service: 'web', state: 'ready', restarts: 0 },
  ],
  policy: 'off',
  splitPercent: 20,
  money: { expected: 500, found: 499 },
  clients: { state: 'running', restarts: 0 },
  load: { requests: 50, failed: 1, p50Ms: 40.5, p99Ms: 90.25, inFlight: 3 },
  requests: 1000,
  failed: 7,
  retries: 12,
  addresses: { edge: 'http://127.0.0.1:8080', console: 'http://127.0.0.1:15014/', metrics: 'http://m' },
  usage: [
    {
      kind: 'proxy',
      processes: 25,
      cpuPercent: 31.2,
      cpuPercentMean: 30,
      memoryBytes: 512e6,
      measure: 'pss',
    },
  ],
};

function text(of: DemoStatus, columns = 100): string[] {
  return renderDashboard(of, columns, 'bin/weft').map((line) => Bun.stripANSI(line));
}

describe('renderDashboard', () => {
  test.each([
    'edge http://127.0.0.1:8080   console http://127.0.0.1:15014/',
    'from another terminal: bin/weft demo kill',
    '50 answers/s   98.0 % good   p50 40.5 ms   p99 90.25 ms   1000 in all, 7 failed',
    '£4.99 in all accounts, must be £5.00',
    'policies off   retries 12   split 20 % to pricing-v2',
    '25 processes   31 % of a core   512 MB PSS',
    'ledger         ●○  slow',
    'web            ●',
  ])('shows: %s', (wanted) => {
    expect(text(status).some((line) => line.includes(wanted))).toBe(true);
  });

  test('before anything was measured', () => {
    const clients = { state: 'starting', restarts: 0 } as const;
    const lines = text({ ...status, clients, load: null, money: null, usage: [] }).join('\n');
    expect(lines).toContain('waiting for the first second');
    expect(lines).toContain('not counted yet');
  });

  test.each([
    {
      name: 'nothing answers',
      change: { load: { requests: 0, failed: 0, p50Ms: null, p99Ms: null, inFlight: 40 } },
      words: 'no answer in the last second, 40 waited for',
    },
    {
      name: 'the generator is silent',
      change: { load: null, clients: { state: 'silent', restarts: 0 } },
      words: 'the load generator says nothing',
    },
    {
      name: 'the generator ended',
      change: { load: null, clients: { state: 'restarting', restarts: 1 } },
      words: 'the load generator ended; it is started again',
    },
  ] as const)('no data is no data: $name', ({ change, words }) => {
    const line = text({ ...status, ...change }).find((one) => one.startsWith('clients'));
    expect(line).toContain(words);
    expect(line).not.toMatch(/good|p50|0 ms/);
    expect(renderLogLine({ ...status, ...change })).toMatch(/p50Ms=\? p99Ms=\?/);
  });

  test('a restart of the generator is said', () => {
    const lines = text({ ...status, clients: { state: 'running', restarts: 2 } }).join('\n');
    expect(lines).toContain('generator restarted 2×');
  });

  test('puts as many services in a row as fit', () => {
    const rows = (columns: number) => text(status, columns).filter((line) => line.includes('●')).length;
    expect([rows(30), rows(80)]).toEqual([2, 1]);
  });
});

test('renderLogLine says the same in one line', () => {
  expect(renderLogLine(status)).toBe(
    'clients=running generatorRestarts=0 answers/s=50 failed=1 p50Ms=40.5 p99Ms=90.25 failedInAll=7 retries=12 ready=2/3 policies=off money=£4.99 expected=£5.00',
  );
});

test.each([
  [0, '£0.00'],
  [123_456_789, '£1,234,567.89'],
])('pounds(%i) is %s', (pennies, wanted) => {
  expect(pounds(pennies)).toBe(wanted);
});

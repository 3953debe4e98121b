import { expect, test } from 'bun:test';
import { formatReport } from './format-report.ts';
import type { LoadReport } from './types.ts';

const quick = { mean: 1.5, p50: 1, p90: 2, p99: 3, p999: 4, max: 5 };
const punctual = { mean: 0.02, p50: 0.01, p90: 0.05, p99: 0.1, p999: 0.2, max: 0.3 };
const report: LoadReport = {
  version: 1,
  ratePerSecond: 100,
  arrivals: 'constant',
  connections: 4,
  streams: 0,
  elapsedMs: 10_000,
  interrupted: false,
  due: 1000,
  sent: 1000,
  waited: 0,
  succeeded: 1000,
  failed: 0,
  unfinished: 0,
  failures: {},
  grpcStatuses: {},
  messagesReceived: 0,
  statusClasses: { '2xx': 1000 },
  statuses: { 200: 1000 },
  throughputPerSecond: 100,
  bytesReceived: 1_234_567,
  latencyMs: quick,
  serviceMs: quick,
  latenessMs: punctual,
};

test('a fine run has no failures and no warnings', () => {
  const text = formatReport(report);
  expect(text).toContain('1000 requests in 10.0 s: 1000 succeeded, 0 failed');
  expect(text).toContain('1.2 MB');
  expect(text).not.toMatch(/failures|interrupted|warning|unfinished|exhausted/);
});

test('failures, an interrupt and a late generator are said', () => {
  const text = formatReport({
    ...report,
    succeeded: 980,
    failed: 15,
    unfinished: 5,
    failures: { timeout: 10, status: 5 },
    interrupted: true,
    latenessMs: { ...punctual, p99: 20 },
  });
  expect(text).toContain('15 failed, 5 unfinished');
  expect(text).toContain('timeout: 10  status: 5');
  expect(text).toContain('interrupted');
  expect(text).toContain('warning: the generator itself was late');
});

test('what was not measured is not printed', () => {
  const text = formatReport({
    ...report,
    succeeded: 0,
    failed: 1000,
    failures: { 'connect-refused': 1000 },
    statuses: {},
    statusClasses: {},
    throughputPerSecond: 0,
    bytesReceived: 0,
    latencyMs: null,
    serviceMs: null,
  });
  expect(text).toContain('no latency: no request succeeded');
  expect(text).toContain('connect-refused: 1000');
  expect(text).not.toMatch(/0\.000|p99/);
});

test.each([
  [16, {}, 'connections exhausted: for 7 requests all 16 connections were busy'],
  [1, {}, 'the connection was busy'],
  [16, { overflow: 3 }, 'too many waited (overflow)'],
])('%i exhausted connections are named', (connections, failures, words) => {
  expect(formatReport({ ...report, connections, failures, waited: 7 })).toContain(words);
});

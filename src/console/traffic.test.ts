import { describe, expect, test } from 'bun:test';
import { Histogram, PrometheusWriter } from '../observe/index.ts';
import { summarize } from './golden.ts';
import { parsePrometheus } from './prometheus.ts';
import { addTraffic, createTraffic, quantile, readTraffic, subtractTraffic } from './traffic.ts';

/** Metrics of a proxy that called `service` with these latencies in seconds. */
function scrape(
  service: string,
  latencies: readonly number[],
  failures: number,
  direction = 'outbound',
): string {
  const writer = new PrometheusWriter();
  const [good, bad] = [new Histogram([0.01, 0.1, 1]), new Histogram([0.01, 0.1, 1])];
  for (const [index, latency] of latencies.entries()) (index < failures ? bad : good).record(latency);
  writer.family('weft_request_duration_seconds', 'histogram', 'd');
  writer.histogram({ direction, service, route: 'r', peer: '', code: '2xx' }, good);
  writer.histogram({ direction, service, route: 'r', peer: '', code: '5xx' }, bad);
  writer.family('weft_retries_total', 'counter', 'r').sample({ service, reason: 'reset' }, 3);
  return writer.toString();
}

describe('reading our own metrics', () => {
  test('what the writer writes is read back, escapes included', () => {
    const writer = new PrometheusWriter();
    const labels = { a: 'x"y\\z\nw', b: '{,}' };
    writer.family('weft_x', 'gauge', 'x').sample(labels, 1.5);
    expect(parsePrometheus(writer.toString(), 'weft_x')).toEqual([{ name: 'weft_x', labels, value: 1.5 }]);
  });

  test('lines that do not fit are skipped', () => {
    expect(parsePrometheus('weft_x{a="b" 1\nweft_x one two\n# weft_x 3\n', 'weft_x')).toEqual([]);
  });

  test('requests, failures and retries by service, the inbound side left out', () => {
    const text = scrape('bank/ledger', [0.005, 0.05, 0.5, 0.5], 1);
    const ledger = readTraffic(text).get('bank/ledger');
    expect([ledger?.requests, ledger?.failures, ledger?.retries]).toEqual([4, 1, 3]);
    const inbound = readTraffic(scrape('bank/ledger', [0.005], 0, 'inbound')).get('bank/ledger');
    expect(inbound?.requests).toBe(0);
  });
});

describe('intervals', () => {
  const before = readTraffic(scrape('s', [0.005], 0)).get('s');
  const after = readTraffic(scrape('s', [0.005, 0.05, 0.05], 0)).get('s') ?? createTraffic();

  test('two readings make an interval', () => {
    const between = subtractTraffic(after, before);
    expect(between.requests).toBe(2);
    expect(quantile(between, 0.5)).toBeGreaterThan(0.01);
  });

  test('a restarted proxy counts from zero', () => {
    expect(subtractTraffic(before ?? createTraffic(), after).requests).toBe(1);
  });

  test('callers add up', () => {
    const total = createTraffic();
    addTraffic(total, after);
    addTraffic(total, after);
    expect([total.requests, total.buckets.get(0.1)]).toEqual([6, 6]);
  });
});

describe('golden signals', () => {
  test('an idle service has no share and no latency', () => {
    expect(summarize(createTraffic(), 2)).toEqual({
      requestsPerSecond: 0,
      successShare: null,
      p50Ms: null,
      p99Ms: null,
      retriesPerSecond: 0,
    });
  });

  test('a quantile lies in the bucket of its rank', () => {
    const traffic = readTraffic(scrape('s', [0.005, 0.005, 0.05, 0.5], 0)).get('s') ?? createTraffic();
    const golden = summarize(traffic, 2);
    expect(golden.requestsPerSecond).toBe(2);
    expect(golden.p50Ms).toBeLessThanOrEqual(10);
    expect(golden.p99Ms).toBeGreaterThan(100);
  });

  test('beyond the last bound it is that bound', () => {
    const traffic = readTraffic(scrape('s', [50], 0)).get('s') ?? createTraffic();
    expect(quantile(traffic, 0.99)).toBe(1);
  });
});

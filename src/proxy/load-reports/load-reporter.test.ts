import { expect, test } from 'bun:test';
import { MeshError, silentLog, VirtualClock, Xoshiro128 } from '../../base/index.ts';
import { type AdsStreamHandler, WireReader, WireWriter } from '../../xds/index.ts';
import type { ProxyView } from '../stats/index.ts';
import { loadReportLimits } from './limits.ts';
import { LoadReporter } from './load-reporter.ts';
import { parseAskedLoads } from './load-stats.ts';

const node = {
  id: 'n',
  cluster: 'c',
  metadata: {},
  locality: { region: '', zone: '', subZone: '' },
  userAgent: 'weft/1',
  clientFeatures: [],
};

interface Metrics {
  counts: Map<string, number>;
  totals: Map<string, number>;
}

interface Endpoint {
  key: string;
  locality: string;
  priority: number;
  active: number;
  picks: number;
  attemptsSucceeded: number;
  attemptsFailed: number;
  loadMetrics: Metrics | null;
  address: { kind: 'ip'; host: string; port: number };
}

function endpoint(key: string, priority = 0): Endpoint {
  return {
    ...{ key, locality: 'r/z/s', priority, active: 0, picks: 0, attemptsSucceeded: 0, attemptsFailed: 0 },
    loadMetrics: null,
    address: { kind: 'ip', host: '10.0.0.1', port: 80 },
  };
}

function clusterOf(name: string, endpoints: Endpoint[]) {
  return {
    name,
    config: { discovery: 'eds', edsName: `eds-${name}` },
    stats: { requestOverflow: 0, pendingOverflow: 0, dropped: 0 },
    dropCategory: 'shed',
    endpoints,
  };
}

function start(threads = false) {
  const clock = new VirtualClock();
  const clusters = new Map([['a', clusterOf('a', [endpoint('e1'), endpoint('e2', 1)])]]);
  const sent: Uint8Array[] = [];
  const handlers: AdsStreamHandler[] = [];
  const closes: (MeshError | null)[] = [];
  let writable = true;
  const transport = {
    open(_variant: string, handler: AdsStreamHandler) {
      handlers.push(handler);
      return {
        send: ([piece]: readonly Uint8Array[]) => {
          if (piece !== undefined) sent.push(piece);
          return writable;
        },
        close: (error: MeshError | null) => void closes.push(error),
      };
    },
    close() {},
  };
  let collected = 0;
  const reporter = new LoadReporter({
    clock,
    random: new Xoshiro128(1),
    log: silentLog,
    node,
    transport,
    view: () => ({ clusters }) as unknown as ProxyView,
    collect: threads ? async () => void collected++ : null,
  });
  reporter.start();
  return {
    ...{ clock, clusters, sent, handlers, closes, reporter },
    collected: () => collected,
    setWritable: (value: boolean) => (writable = value),
    answer: (message: Uint8Array) => handlers.at(-1)?.onMessage(message),
  };
}

function asking(clusters: readonly string[] | '*', ms = 1_000): Uint8Array {
  const writer = new WireWriter();
  if (clusters === '*') writer.bool(4, true);
  else for (const cluster of clusters) writer.element(1, cluster);
  const duration = new WireWriter();
  duration.uint(1, Math.floor(ms / 1_000));
  duration.uint(2, (ms % 1_000) * 1_000_000);
  writer.bytes(2, duration.finish());
  return writer.finish();
}

/** Fields of each ClusterStats: names and numbers, localities as their numbers by field. */
function statsOf(message: Uint8Array | undefined): unknown[] {
  const reader = new WireReader(message ?? new Uint8Array(0));
  const found: unknown[] = [];
  while (reader.next()) {
    if (reader.field !== 2) {
      reader.skip();
      continue;
    }
    const stats = reader.nested();
    const one: Record<string, unknown> = { localities: [] };
    while (stats.next()) {
      if (stats.field === 1) one['name'] = stats.string();
      else if (stats.field === 2) (one['localities'] as unknown[]).push(numbersOf(stats.nested()));
      else if (stats.field === 3) one['dropped'] = stats.varint();
      else if (stats.field === 4) one['interval'] = numbersOf(stats.nested());
      else if (stats.field === 6) one['service'] = stats.string();
      else stats.skip();
    }
    found.push(one);
  }
  return found;
}

function numbersOf(reader: WireReader): Record<number, number> {
  const numbers: Record<number, number> = {};
  while (reader.next()) {
    if (reader.type === 0) numbers[reader.field] = reader.varint();
    else reader.skip();
  }
  return numbers;
}

test('what the server asked for is told when its time has come, since the last time', () => {
  const { clock, clusters, sent, answer } = start();
  const [one, two] = clusters.get('a')!.endpoints;
  Object.assign(one!, { picks: 9, attemptsSucceeded: 9 });
  expect([sent.length, statsOf(sent[0])]).toEqual([1, []]);
  answer(asking(['a', 'nobody'], 1_500));
  Object.assign(one!, { picks: 12, attemptsSucceeded: 10, attemptsFailed: 1, active: 1 });
  Object.assign(two!, { picks: 1, attemptsSucceeded: 1 });
  clusters.get('a')!.stats.pendingOverflow = 2;
  clock.advanceBy(1_499);
  expect(sent.length).toBe(1);
  clock.advanceBy(1);
  const told = { name: 'a', service: 'eds-a', interval: { 1: 1, 2: 500_000_000 } };
  expect(statsOf(sent[1])).toEqual([
    {
      ...told,
      dropped: 2,
      localities: [
        { 2: 1, 3: 1, 4: 1, 8: 3 },
        { 2: 1, 6: 1, 8: 1 },
      ],
    },
  ]);
  clock.advanceBy(1_500);
  expect(statsOf(sent[2])).toEqual([{ ...told, localities: [{ 3: 1 }] }]);
});

/** EndpointLoadMetricStats of each locality, by name. */
function metricsOf(
  message: Uint8Array | undefined,
): Record<string, readonly [count: number, total: number]>[] {
  const found: Record<string, readonly [number, number]>[] = [];
  const within = (reader: WireReader, field: number, then: (inner: WireReader) => void) => {
    while (reader.next()) {
      if (reader.field === field) then(reader.nested());
      else reader.skip();
    }
  };
  within(new WireReader(message ?? new Uint8Array(0)), 2, (stats) =>
    within(stats, 2, (locality) => {
      const metrics: Record<string, readonly [number, number]> = {};
      within(locality, 5, (metric) => {
        let [name, count, total] = ['', 0, 0];
        while (metric.next()) {
          if (metric.field === 1) name = metric.string();
          else if (metric.field === 2) count = metric.varint();
          else if (metric.field === 3) total = metric.double();
          else metric.skip();
        }
        metrics[name] = [count, total];
      });
      found.push(metrics);
    }),
  );
  return found;
}

test('what endpoints reported of themselves is told since the last time, of each locality', () => {
  const { clock, clusters, sent, answer } = start();
  const [one, two] = clusters.get('a')!.endpoints;
  const metrics = (count: number, total: number) => ({
    counts: new Map([['eps', count]]),
    totals: new Map([['eps', total]]),
  });
  one!.loadMetrics = metrics(2, 3);
  one!.picks = 2;
  answer(asking(['a']));
  // The same objects go on growing.
  one!.loadMetrics.counts.set('eps', 5);
  one!.loadMetrics.totals.set('eps', 4.5);
  Object.assign(two!, { priority: 0, picks: 1, loadMetrics: metrics(1, -0.5) });
  clock.advanceBy(1_000);
  expect(metricsOf(sent[1])).toEqual([{ eps: [4, 1] }]);
  one!.picks = 3;
  clock.advanceBy(1_000);
  expect(metricsOf(sent[2])).toEqual([{}]);
  // It left and came again.
  one!.loadMetrics = metrics(1, 7);
  clock.advanceBy(1_000);
  expect(metricsOf(sent[3])).toEqual([{ eps: [1, 7] }]);
});

test('of all clusters, those too that came since; what left and came again counts from zero', () => {
  const { clock, clusters, sent, answer } = start();
  const [one] = clusters.get('a')!.endpoints;
  Object.assign(one!, { picks: 9 });
  answer(asking('*'));
  clusters.set('b', clusterOf('b', [endpoint('e')]));
  clusters.set('a', clusterOf('a', [{ ...endpoint('e1'), picks: 2 }]));
  clock.advanceBy(1_000);
  expect(statsOf(sent[1])).toMatchObject([{ name: 'a', localities: [{ 8: 2 }] }]);
  clusters.get('b')!.endpoints[0]!.picks = 1;
  clusters.delete('a');
  clock.advanceBy(1_000);
  expect(statsOf(sent[2])).toMatchObject([{ name: 'b', localities: [{ 8: 1 }] }]);
});

test('a server that does not read is told later', () => {
  const world = start();
  world.answer(asking(['a']));
  world.setWritable(false);
  const [one] = world.clusters.get('a')!.endpoints;
  world.clock.advanceBy(1_000);
  one!.picks = 5;
  world.clock.advanceBy(3_000);
  expect(world.sent.length).toBe(2);
  world.handlers[0]!.onWritable();
  world.clock.advanceBy(1_000);
  expect(statsOf(world.sent[2])).toMatchObject([{ localities: [{ 8: 5 }] }]);
});

test('a stream that ended is opened again, and begins with what happened meanwhile', () => {
  const { clock, clusters, sent, handlers, answer, reporter } = start();
  answer(asking(['a']));
  handlers[0]!.onClose(new MeshError('peer-reset', 'upstream', 'yes', 'gone'));
  clusters.get('a')!.endpoints[0]!.picks = 3;
  clock.advanceBy(loadReportLimits.reconnectBaseMs);
  expect(handlers.length).toBe(2);
  expect(statsOf(sent[1])).toMatchObject([{ name: 'a', localities: [{ 8: 3 }] }]);
  clock.advanceBy(1_000);
  expect(sent.length).toBe(3);
  reporter.stop();
  clock.advanceBy(60_000);
  expect([sent.length, handlers.length]).toEqual([3, 2]);
});

test('of several threads the figures are brought up to now before', async () => {
  const { clock, sent, answer, collected } = start(true);
  await Promise.resolve();
  expect([sent.length, collected()]).toEqual([1, 1]);
  answer(asking(['a']));
  await Promise.resolve();
  clock.advanceBy(1_000);
  await Promise.resolve();
  expect([sent.length, collected()]).toEqual([2, 3]);
});

test('an answer that cannot be read, or lists too much, ends the stream', () => {
  const { answer, closes, clock, handlers } = start();
  answer(Uint8Array.of(0xff));
  expect(closes[0]?.message).toContain('the LoadStatsResponse ends inside a number');
  clock.advanceBy(loadReportLimits.reconnectBaseMs);
  expect(handlers.length).toBe(2);
  answer(asking(Array.from({ length: loadReportLimits.clustersMax + 1 }, (_, index) => `c${index}`)));
  expect(closes[1]?.message).toContain(`lists more than ${loadReportLimits.clustersMax} clusters`);
});

test('how often is bounded', () => {
  const { intervalMsMin, intervalMsMax } = loadReportLimits;
  expect(parseAskedLoads(asking('*', 1)).intervalMs).toBe(intervalMsMin);
  expect(parseAskedLoads(asking('*', 2 * intervalMsMax)).intervalMs).toBe(intervalMsMax);
});

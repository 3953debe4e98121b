import { expect, test } from 'bun:test';
import { ClusterStats, type EndpointView, type LoadMetricsView, type ProxyView } from '../stats/index.ts';
import { collectCounts } from './collect.ts';
import { mergeViews } from './merged-view.ts';

function metrics(...rows: readonly (readonly [name: string, count: number, total: number])[]) {
  return {
    counts: new Map(rows.map(([name, count]) => [name, count])),
    totals: new Map(rows.map(([name, , total]) => [name, total])),
  };
}

/** Of one thread: an endpoint, and what it reported to it. */
function viewOf(loadMetrics: LoadMetricsView | null, picks = 1): ProxyView {
  const endpoint = {
    ...{ key: 'e', active: 0, picks, attemptsSucceeded: picks, attemptsFailed: 0, connectFailures: 0 },
    ...{ connections: 0, idleConnections: 0, costMs: 1, errorShare: 0, unreachable: false, loadMetrics },
  };
  const cluster = { name: 'a', stats: new ClusterStats(), endpoints: [endpoint], settleBudget() {} };
  const view = { clusters: new Map([['a', cluster]]), listeners: new Map(), requests: 0 };
  return view as unknown as ProxyView;
}

/** As the first thread shows it, after the others' counts have come as copies. */
function merged(own: LoadMetricsView | null, ...others: readonly (LoadMetricsView | null)[]): EndpointView {
  const counts = others.flatMap((other) => [
    ...collectCounts(viewOf(other), 0, { accessLogDropped: 0, stalls: undefined, stallMaxMs: 0 }),
  ]);
  return mergeViews(viewOf(own), structuredClone(counts), []).clusters.get('a')!.endpoints[0]!;
}

test('what endpoints reported to the threads adds up', () => {
  const own = metrics(['eps', 2, 0.5], ['only here', 1, 7]);
  const endpoint = merged(own, metrics(['eps', 3, 1.5], ['only there', 1, -1]), null);
  expect(endpoint.picks).toBe(3);
  expect(endpoint.loadMetrics).toEqual(metrics(['eps', 5, 2], ['only here', 1, 7], ['only there', 1, -1]));
  // Who counts goes on counting in its own.
  expect(own).toEqual(metrics(['eps', 2, 0.5], ['only here', 1, 7]));
});

test('to another thread alone, or to none', () => {
  expect(merged(null, metrics(['eps', 3, 1.5])).loadMetrics).toEqual(metrics(['eps', 3, 1.5]));
  expect(merged(null, null).loadMetrics).toBeNull();
});

// What happened in each cluster that a server wants to hear of, since it was last told: the counters of endpoints grow
// for ever, and what was told is kept beside them. Endpoints that have gone since are not told, as in Envoy.

import type { Address } from '../../net/index.ts';
import type { ClusterView, EndpointView, LoadMetricsView, ProxyView } from '../stats/index.ts';

export interface LoadSums {
  succeeded: number;
  failed: number;
  /** Requests in flight now. */
  inProgress: number;
  /** Attempts begun. */
  issued: number;
  /** What endpoints reported of themselves, by the name that it is asked for by. */
  readonly metrics: Map<string, MetricSum>;
}

export interface MetricSum {
  /** Reports that had it. */
  readonly count: number;
  readonly total: number;
}

export interface EndpointReport extends Readonly<LoadSums> {
  readonly address: Address;
}

/** Endpoints of one locality and priority. */
export interface LocalityReport extends LoadSums {
  /** `region/zone/sub-zone`. */
  readonly locality: string;
  readonly priority: number;
  /** None where they are not asked for. */
  readonly endpoints: EndpointReport[];
}

export interface ClusterReport {
  readonly cluster: string;
  /** Of EDS, where it says another; else empty. */
  readonly service: string;
  readonly intervalMs: number;
  /** Requests refused by a limit of the cluster, or dropped by its endpoints' policy. */
  readonly dropped: number;
  /** The latter alone, and the category that the policy names. */
  readonly dropOverload: number;
  readonly dropCategory: string;
  readonly localities: readonly LocalityReport[];
}

/** What was told of an endpoint. */
type Told = Pick<EndpointView, 'attemptsSucceeded' | 'attemptsFailed' | 'picks' | 'loadMetrics'>;

interface Tracked {
  sinceMs: number;
  dropped: number;
  dropOverload: number;
  /** By priority and key, of endpoints that were ever used. */
  endpoints: ReadonlyMap<string, Told>;
}

const nothing: Told = { attemptsSucceeded: 0, attemptsFailed: 0, picks: 0, loadMetrics: null };

export class TrackedLoads {
  private readonly clusters = new Map<string, Tracked>();

  /** From now on these are told; what happened in new ones before is not. */
  track(asked: readonly string[] | '*', view: ProxyView, nowMs: number): void {
    const wanted = new Set<string>();
    for (const cluster of findClusters(asked, view)) {
      wanted.add(cluster.name);
      if (!this.clusters.has(cluster.name)) this.clusters.set(cluster.name, settle(cluster, nowMs));
    }
    for (const name of this.clusters.keys()) if (!wanted.has(name)) this.clusters.delete(name);
  }

  /** Since the last one; from here on it counts as told. */
  report(view: ProxyView, withEndpoints: boolean, nowMs: number): readonly ClusterReport[] {
    const reports: ClusterReport[] = [];
    for (const [name, tracked] of this.clusters) {
      const cluster = view.clusters.get(name);
      if (cluster === undefined) continue;
      reports.push(reportCluster(cluster, tracked, withEndpoints, nowMs));
      this.clusters.set(name, settle(cluster, nowMs));
    }
    return reports;
  }
}

function findClusters(asked: readonly string[] | '*', { clusters }: ProxyView): Iterable<ClusterView> {
  if (asked === '*') return clusters.values();
  return asked.map((name) => clusters.get(name)).filter((cluster) => cluster !== undefined);
}

function settle({ stats, endpoints }: ClusterView, nowMs: number): Tracked {
  const used = endpoints.filter(({ picks }) => picks > 0);
  return {
    sinceMs: nowMs,
    dropped: droppedOf(stats),
    dropOverload: stats.dropped,
    endpoints: new Map(
      used.map((endpoint) => {
        const { attemptsSucceeded, attemptsFailed, picks, loadMetrics } = endpoint;
        const told = { attemptsSucceeded, attemptsFailed, picks, loadMetrics: copyMetrics(loadMetrics) };
        return [keyOf(endpoint), told];
      }),
    ),
  };
}

function reportCluster(
  { name, config, stats, endpoints, dropCategory }: ClusterView,
  tracked: Tracked,
  withEndpoints: boolean,
  nowMs: number,
): ClusterReport {
  const localities = new Map<string, LocalityReport>();
  for (const endpoint of endpoints) {
    const sums = since(endpoint, tracked.endpoints.get(keyOf(endpoint)) ?? nothing);
    if (sums.succeeded + sums.failed + sums.inProgress + sums.issued + sums.metrics.size === 0) continue;
    const { locality, priority } = endpoint;
    const key = `${priority} ${locality}`;
    const known = localities.get(key) ?? { ...noSums(), locality, priority, endpoints: [] };
    localities.set(key, known);
    add(known, sums);
    if (withEndpoints) known.endpoints.push({ ...sums, address: endpoint.address });
  }
  return {
    cluster: name,
    service: config.discovery === 'eds' && config.edsName !== name ? config.edsName : '',
    intervalMs: nowMs - tracked.sinceMs,
    dropped: grown(droppedOf(stats), tracked.dropped),
    dropOverload: grown(stats.dropped, tracked.dropOverload),
    dropCategory,
    localities: [...localities.values()],
  };
}

function droppedOf({ requestOverflow, pendingOverflow, dropped }: ClusterView['stats']): number {
  return requestOverflow + pendingOverflow + dropped;
}

function keyOf({ priority, key }: EndpointView): string {
  return `${priority} ${key}`;
}

function since(endpoint: EndpointView, told: Told): LoadSums {
  return {
    succeeded: grown(endpoint.attemptsSucceeded, told.attemptsSucceeded),
    failed: grown(endpoint.attemptsFailed, told.attemptsFailed),
    inProgress: endpoint.active,
    issued: grown(endpoint.picks, told.picks),
    metrics: metricsSince(endpoint.loadMetrics, told.loadMetrics),
  };
}

function copyMetrics(metrics: LoadMetricsView | null): LoadMetricsView | null {
  return metrics === null ? null : { counts: new Map(metrics.counts), totals: new Map(metrics.totals) };
}

function metricsSince(now: LoadMetricsView | null, told: LoadMetricsView | null): Map<string, MetricSum> {
  const sums = new Map<string, MetricSum>();
  if (now === null) return sums;
  for (const [name, count] of now.counts) {
    const before = told?.counts.get(name) ?? 0;
    if (count === before) continue;
    const total = now.totals.get(name) ?? 0;
    // What left and came again counts from zero.
    sums.set(
      name,
      count < before
        ? { count, total }
        : { count: count - before, total: total - (told?.totals.get(name) ?? 0) },
    );
  }
  return sums;
}

/** What left and came again counts from zero. */
function grown(now: number, before: number): number {
  return now < before ? now : now - before;
}

function noSums(): LoadSums {
  return { succeeded: 0, failed: 0, inProgress: 0, issued: 0, metrics: new Map() };
}

function add(sum: LoadSums, { succeeded, failed, inProgress, issued, metrics }: LoadSums): void {
  sum.succeeded += succeeded;
  sum.failed += failed;
  sum.inProgress += inProgress;
  sum.issued += issued;
  for (const [name, { count, total }] of metrics) {
    const known = sum.metrics.get(name);
    sum.metrics.set(name, { count: count + (known?.count ?? 0), total: total + (known?.total ?? 0) });
  }
}

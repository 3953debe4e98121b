// The proxy as one, out of what its threads counted: the first thread's live objects, with the figures of the others
// added as they were when somebody last asked. What was never used in another thread is the live object itself.

import type { Issue } from '../../base/index.ts';
import { Histogram, latencyBoundsSeconds } from '../../observe/index.ts';
import {
  ClusterStats,
  type ClusterView,
  type EndpointView,
  ListenerStats,
  type ListenerView,
  type LoadMetricsView,
  type ProxyView,
  Tallies,
  TrafficStats,
} from '../stats/index.ts';
import { type ClusterCounts, type ListenerCounts, summedFields, type ThreadCounts } from './collect.ts';
import { addCounts, countsOf } from './counts.ts';

/** `own` is the first thread's; `counts` one a further thread; `issues` those of all. */
export function mergeViews(
  own: ProxyView,
  counts: readonly ThreadCounts[],
  issues: readonly Issue[],
): ProxyView {
  const clusters = new Map<string, ClusterView>();
  for (const cluster of own.clusters.values()) clusters.set(cluster.name, cluster);
  for (const [name, others] of groupByName(counts.map((thread) => thread.clusters))) {
    const cluster = clusters.get(name);
    if (cluster !== undefined) clusters.set(name, mergeCluster(cluster, others));
  }
  const listeners = new Map(own.listeners);
  for (const [name, others] of groupByName(counts.map((thread) => thread.listeners))) {
    const listener = own.listeners.get(name);
    if (listener !== undefined) listeners.set(name, mergeListener(listener, others));
  }
  const requests = counts.reduce((sum, thread) => sum + thread.requests, own.requests);
  return overlay(own, { clusters, listeners, requests, issues });
}

function groupByName<T extends { readonly name: string }>(
  lists: readonly (readonly T[])[],
): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of lists.flat()) {
    const group = groups.get(item.name);
    if (group === undefined) groups.set(item.name, [item]);
    else group.push(item);
  }
  return groups;
}

function mergeCluster(own: ClusterView, others: readonly ClusterCounts[]): ClusterView {
  const stats = new ClusterStats();
  addCounts(stats, countsOf(own.stats));
  for (const other of others) addCounts(stats, other.stats);
  const counted = Map.groupBy(
    others.flatMap((other) => other.endpoints),
    ({ key }) => key,
  );
  const endpoints = own.endpoints.map((endpoint) => {
    const found = counted.get(endpoint.key);
    return found === undefined ? endpoint : mergeEndpoint(endpoint, found);
  });
  return overlay(own, { stats, endpoints });
}

/** Latency and errors are measured by each thread for itself: shown is their mean by attempts. */
function mergeEndpoint(own: EndpointView, others: ClusterCounts['endpoints']): EndpointView {
  const sums = Object.fromEntries(
    summedFields.map((field) => [field, others.reduce((sum, other) => sum + other.sums[field], own[field])]),
  );
  const measured = [own, ...others.map(({ costMs, errorShare, sums }) => ({ costMs, errorShare, ...sums }))];
  const known = measured.filter(({ costMs, picks }) => costMs >= 0 && picks > 0);
  const picks = known.reduce((sum, one) => sum + one.picks, 0);
  const mean = (value: 'costMs' | 'errorShare') =>
    picks === 0 ? own[value] : known.reduce((sum, one) => sum + one[value] * one.picks, 0) / picks;
  const unreachable = own.unreachable || others.some((other) => other.unreachable);
  const loadMetrics = mergeMetrics([own, ...others].flatMap((one) => one.loadMetrics ?? []));
  return overlay(own, {
    ...sums,
    unreachable,
    loadMetrics,
    costMs: mean('costMs'),
    errorShare: mean('errorShare'),
  });
}

function mergeMetrics(all: readonly LoadMetricsView[]): LoadMetricsView | null {
  if (all.length === 0) return null;
  const sum = { counts: new Map<string, number>(), totals: new Map<string, number>() };
  for (const { counts, totals } of all) addCounts(sum, { counts, totals });
  return sum;
}

function mergeListener(own: ListenerView, others: readonly ListenerCounts[]): ListenerView {
  const stats = new ListenerStats();
  addCounts(stats, countsOf(own.stats));
  const tallies = new Tallies();
  for (const tally of own.tallies.all)
    addCounts(tallies.find(tally.kind, tally.virtualHost, tally.name), countsOf(tally));
  const traffic = new TrafficStats(own.traffic.direction);
  for (const { service, route, peer, durations } of own.traffic.series) {
    const series = traffic.find(route, service, peer);
    for (const [at, histogram] of durations.entries()) addDuration(series.durations, at, countsOf(histogram));
  }
  for (const other of others) {
    addCounts(stats, other.stats);
    for (const { kind, virtualHost, name, counts } of other.tallies)
      addCounts(tallies.find(kind, virtualHost, name), counts);
    for (const { service, route, peer, durations } of other.series) {
      const series = traffic.find(route, service, peer);
      for (const [at, counts] of durations.entries()) addDuration(series.durations, at, counts);
    }
  }
  const filters = own.filters.filters.map((filter, at) => {
    const samples = others.flatMap((other) => other.filters[at] ?? []);
    return { name: filter.name, samples: () => [...filter.samples(), ...samples] };
  });
  return overlay(own, { stats, tallies, traffic, filters: { filters } });
}

function addDuration(durations: (Histogram | null)[], at: number, counts: ReturnType<typeof countsOf>): void {
  if (counts === undefined) return;
  durations[at] ??= new Histogram(latencyBoundsSeconds);
  addCounts(durations[at], counts);
}

/** `own` with some members replaced; the rest goes on living. */
function overlay<T extends object>(own: T, members: Partial<T>): T {
  return new Proxy(own, {
    get(target, name) {
      if (Object.hasOwn(members, name)) return members[name as keyof T];
      const value: unknown = Reflect.get(target, name);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

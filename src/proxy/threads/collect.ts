// What a thread has counted, for the first thread to add up when somebody asks: clusters and listeners that were used,
// in slices, so that no request waits while a large proxy is read.

import type {
  ClusterView,
  EndpointView,
  FilterSample,
  ListenerView,
  LoadMetricsView,
  ProxyView,
  Tally,
} from '../stats/index.ts';
import { type Counts, countsOf } from './counts.ts';

/** Clusters in one slice. */
const sliceClusters = 50;

export interface EndpointCounts {
  readonly key: string;
  /** By the names of EndpointView. */
  readonly sums: Readonly<Record<(typeof summedFields)[number], number>>;
  readonly costMs: number;
  readonly errorShare: number;
  /** Each thread finds out for itself. */
  readonly unreachable: boolean;
  /** Undefined: it reported nothing here that is asked for. */
  readonly loadMetrics: LoadMetricsView | undefined;
}

/** Fields of an endpoint that add up; its health and ejection are the same in all threads. */
export const summedFields = [
  'active',
  'picks',
  'attemptsSucceeded',
  'attemptsFailed',
  'connectFailures',
  'connections',
  'idleConnections',
] as const satisfies readonly (keyof EndpointView)[];

export interface ClusterCounts {
  readonly name: string;
  readonly stats: Counts | undefined;
  readonly endpoints: readonly EndpointCounts[];
}

export interface SeriesCounts {
  readonly service: string;
  readonly route: string;
  readonly peer: string;
  readonly durations: readonly (Counts | undefined)[];
}

/** By the members of Tally. */
export interface TallyCounts {
  readonly kind: Tally['kind'];
  readonly virtualHost: string;
  readonly name: string;
  readonly counts: Counts | undefined;
}

export interface ListenerCounts {
  readonly name: string;
  readonly stats: Counts | undefined;
  readonly series: readonly SeriesCounts[];
  readonly tallies: readonly TallyCounts[];
  /** By filter: what whoever writes metrics adds up. */
  readonly filters: readonly (readonly FilterSample[])[];
}

export interface ThreadCounts {
  readonly clusters: readonly ClusterCounts[];
  readonly listeners: readonly ListenerCounts[];
  readonly requests: number;
  readonly accessLogDropped: number;
  readonly stalls: Counts | undefined;
  readonly stallMaxMs: number;
}

export const noCounts: ThreadCounts = {
  clusters: [],
  listeners: [],
  requests: 0,
  accessLogDropped: 0,
  stalls: undefined,
  stallMaxMs: 0,
};

/** The first slice has all but clusters. */
export function* collectCounts(
  view: ProxyView,
  nowMs: number,
  own: Pick<ThreadCounts, 'accessLogDropped' | 'stalls' | 'stallMaxMs'>,
): Generator<ThreadCounts, void> {
  const listeners = [...view.listeners.values()].map(listenerCounts);
  yield { ...noCounts, ...own, requests: view.requests, listeners };
  let slice: ClusterCounts[] = [];
  for (const cluster of view.clusters.values()) {
    cluster.settleBudget(nowMs);
    const counts = clusterCounts(cluster);
    if (counts !== null) slice.push(counts);
    if (slice.length < sliceClusters) continue;
    yield { ...noCounts, clusters: slice };
    slice = [];
  }
  if (slice.length > 0) yield { ...noCounts, clusters: slice };
}

/** Null: nothing ever happened in it here. */
function clusterCounts({ name, stats, endpoints }: ClusterView): ClusterCounts | null {
  const counted = countsOf(stats);
  const used = endpoints.filter(({ picks, connectFailures }) => picks > 0 || connectFailures > 0);
  if (counted === undefined && used.length === 0) return null;
  return { name, stats: counted, endpoints: used.map(endpointCounts) };
}

function endpointCounts(endpoint: EndpointView): EndpointCounts {
  const sums = Object.fromEntries(summedFields.map((field) => [field, endpoint[field]]));
  const { key, costMs, errorShare, unreachable, loadMetrics } = endpoint;
  return {
    key,
    costMs,
    errorShare,
    unreachable,
    sums: sums as EndpointCounts['sums'],
    loadMetrics: loadMetrics === null ? undefined : { ...loadMetrics },
  };
}

function listenerCounts({ name, stats, tallies, traffic, filters }: ListenerView): ListenerCounts {
  const series = traffic.series.map(({ service, route, peer, durations }) => ({
    service,
    route,
    peer,
    durations: durations.map(countsOf),
  }));
  return {
    name,
    stats: countsOf(stats),
    series,
    tallies: [...tallies.all].map((tally) => ({
      kind: tally.kind,
      virtualHost: tally.virtualHost,
      name: tally.name,
      counts: countsOf(tally),
    })),
    filters: filters.filters.map((filter) => [...filter.samples()]),
  };
}

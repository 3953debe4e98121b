// The data path as others may see it: admin pages, metrics and `why` read these, live, and change nothing. The runtime
// classes fit by structure, so a view costs no copy.

import type { Issue } from '../../base/index.ts';
import type { Address } from '../../net/index.ts';
import type { Histogram } from '../../observe/index.ts';
import type { DownstreamTlsConfig, UpstreamTlsConfig } from '../config/tls-types.ts';
import type { ClusterConfig, ListenerConfig } from '../config/types.ts';
import type { ClusterStats } from './cluster-stats.ts';
import type { ListenerStats } from './listener-stats.ts';
import type { Tallies } from './tallies.ts';
import type { TrafficStats } from './traffic-stats.ts';

export interface CheckedHealth {
  readonly healthy: boolean;
  readonly degraded: boolean;
  /** No check has ended yet. */
  readonly pending: boolean;
  readonly timedOut: boolean;
  readonly excluded: boolean;
}

export interface EndpointView {
  /** `host:port`. */
  readonly key: string;
  readonly address: Address;
  readonly name: string;
  readonly zone: string;
  readonly proxied: boolean;
  readonly priority: number;
  readonly weight: number;
  readonly healthy: boolean;
  /** It may be used for what the healthy ones cannot carry. */
  readonly degraded: boolean;
  /** It does not count towards the share that must be healthy. */
  readonly excluded: boolean;
  /** `region/zone/sub-zone`. */
  readonly locality: string;
  /** What the configuration says of its health, and what active checks found; null: it is not checked. */
  readonly configured: { readonly healthy: boolean; readonly degraded: boolean };
  readonly health: CheckedHealth | null;
  /** It left the configuration and stays while its checks pass. */
  readonly leaving: boolean;
  /** Requests in flight. */
  readonly active: number;
  /** Peak EWMA of latency in ms; -1 before the first answer. */
  readonly costMs: number;
  readonly errorShare: number;
  /** Clock time until which it gets nothing, or -1. */
  readonly ejectedUntilMs: number;
  readonly ejections: number;
  /** Connections to it do not come to be: it is dialled in the background until one does. */
  readonly unreachable: boolean;
  readonly consecutiveFailures: number;
  readonly picks: number;
  /**
   * Attempts that ended well, and those that did not (5xx, reset, timeout, no connection), since the endpoint appeared.
   */
  readonly attemptsSucceeded: number;
  readonly attemptsFailed: number;
  readonly connectFailures: number;
  /** Sums of what it reported of its load, by name; null: it did not, or the configuration does not ask. */
  readonly loadMetrics: LoadMetricsView | null;
  /** What counts instead of `weight` in a cluster whose balancer goes by those reports. */
  readonly loadWeight: number;
  /** Open connections, connecting ones included; and those of them without a request. */
  readonly connections: number;
  readonly idleConnections: number;
}

/** Reports that had a figure, and the sum of what they said. */
export interface LoadMetricsView {
  readonly counts: ReadonlyMap<string, number>;
  readonly totals: ReadonlyMap<string, number>;
}

export interface LaneView {
  readonly breaker: {
    readonly limits: { readonly connections: number; readonly pending: number; readonly requests: number };
    readonly connections: number;
    readonly pending: number;
    readonly requests: number;
  };
  /** Retries that would be granted now; -1: nothing limits them. */
  retriesLeft(nowMs: number): number;
}

export interface ClusterView {
  readonly name: string;
  readonly config: ClusterConfig;
  readonly stats: ClusterStats;
  readonly endpoints: readonly EndpointView[];
  /** Endpoints the balancer may choose from now; all of them in panic. */
  readonly candidateCount: number;
  readonly panicking: boolean;
  /** What its endpoints' policy calls the requests that it has dropped; empty: none. */
  readonly dropCategory: string;
  /** Clock.wall() when the endpoint set was received; 0: none yet. */
  readonly endpointsReceivedAtMs: number;
  /** What requests of default and of high priority hold of their limits; null: none of high priority has come. */
  readonly lane: LaneView;
  readonly high: LaneView | null;
  /** Lets go of its objective's counts what has left the window. */
  settleBudget(nowMs: number): void;
  /** Retries the budget would grant now; -1 without a budget. */
  retryBudgetRemaining(nowMs: number): number;
}

/** One figure of a filter, under the name that Envoy exports it by. */
export interface FilterSample {
  /** Behind `envoy_`; one of ours begins with `weft_`. */
  readonly name: string;
  readonly value: number;
  /** Beside the prefix of the listener's connection manager, which names that start with `http_` are given. */
  readonly labels?: Readonly<Record<string, string>>;
  readonly type?: 'gauge';
  /** Instead of the value; in seconds, exported in milliseconds. */
  readonly histogram?: Histogram;
}

export interface ListenerView {
  readonly name: string;
  readonly config: ListenerConfig;
  /** The bound address, or null while binding fails. */
  readonly address: Address | null;
  /** All of them. */
  readonly addresses: readonly Address[];
  readonly stats: ListenerStats;
  readonly traffic: TrafficStats;
  readonly tallies: Tallies;
  readonly draining: boolean;
  /** Its network filters; null: none. */
  readonly network: { samples(): Iterable<FilterSample> } | null;
  /** Its chain of HTTP filters, with what each did. */
  readonly filters: {
    readonly filters: readonly { readonly name: string; samples(): Iterable<FilterSample> }[];
  };
}

/** Certificates of one TLS context. */
export interface CertificateView {
  /** The context that they are for. */
  readonly config: DownstreamTlsConfig | UpstreamTlsConfig;
  readonly certificateChain: string | null;
  readonly trustedCa: string | null;
  /** Of the files that they were read from; '' for none. */
  readonly paths: { readonly certificateChain: string; readonly trustedCa: string };
}

export interface ClustersView {
  readonly size: number;
  get(name: string): ClusterView | undefined;
  values(): Iterable<ClusterView>;
}

export interface ProxyView {
  readonly version: string;
  readonly draining: boolean;
  readonly clusters: ClustersView;
  readonly listeners: ReadonlyMap<string, ListenerView>;
  /** Those that have left the configuration and still have connections. */
  readonly drainingListeners: number;
  /**
   * What of the applied configuration could not be put into force: addresses that cannot be bound, routes that do not
   * compile.
   */
  readonly issues: readonly Issue[];
  /** PEM texts in use, without keys. */
  certificates(): readonly CertificateView[];
  /** Requests begun since the start, on all listeners. */
  readonly requests: number;
}

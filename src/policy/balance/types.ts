// Load balancing: pure decisions over endpoint states that belong to the cluster and survive configuration changes.

import type { LoadWeightsConfig, ReportedWeight } from './load-report.ts';
import type { SparedPriorities } from './previous-priorities.ts';
import type { Labels } from './subset/types.ts';

export type BalanceConfig =
  | {
      /** The cheapest of three random ones by peak EWMA of latency, with an error penalty. */
      readonly kind: 'latency-aware';
      /** Time constant of forgetting; default 10,000. */
      readonly decayMs: number;
      /** Assumed latency where none was measured; default 30 (Finagle's). */
      readonly defaultRttMs: number;
      readonly slowStart?: SlowStartConfig;
    }
  | {
      readonly kind: 'least-request';
      readonly choices: number;
      /** All are compared instead of a few. */
      readonly scansAll?: true;
      /**
       * Unequal weights are turns, each divided by this power of the attempts in flight (Envoy's way); absent: they
       * count in the choice of a few.
       */
      readonly bias?: number;
      readonly slowStart?: SlowStartConfig;
    }
  | { readonly kind: 'round-robin'; readonly slowStart?: SlowStartConfig }
  /** Turns, by the weights that endpoints' reports of their load come to. */
  | ({ readonly kind: 'load-weighted'; readonly slowStart?: SlowStartConfig } & LoadWeightsConfig)
  | { readonly kind: 'random' }
  /** Places on the ring; 1 to 8,388,608, the least not above the most. */
  | ({ readonly kind: 'ring-hash'; readonly sizeMin: number; readonly sizeMax: number } & HashingConfig)
  /** `size`: a prime up to 5,000,011. */
  | ({ readonly kind: 'maglev'; readonly size: number } & HashingConfig);

/** Of tables that keys are looked up in. */
export interface HashingConfig {
  /** Endpoints stand in it by their host names; absent: by their addresses. */
  readonly byHostname?: true;
  /** Of its share that an endpoint carries at most, in percent; absent: any. */
  readonly loadPercentMax?: number;
}

/**
 * What an endpoint that has just come gets: a share that grows from `minPercent` of its own to all of it (Envoy's
 * SlowStartConfig).
 */
export interface SlowStartConfig {
  readonly windowMs: number;
  /** 1: the share grows evenly; more: faster at first. */
  readonly aggression: number;
  readonly minPercent: number;
}

/**
 * How an attempt ended, for cost and ejection. `failure`: 5xx; `gateway`: 502, 503, 504, a reset, a
 * timeout; `local`: no connection came to be; `unreached`: it ended
 * before the endpoint could have a part in it (our own limits, a client that left the queue), and says nothing about
 * it.
 */
export type Outcome = 'success' | 'failure' | 'gateway' | 'local' | 'unreached';

/**
 * One endpoint as policy sees it; the proxy's Endpoint extends it with its pool. Mutable: balancers and outlier
 * detection keep their state here, so that it lives as long as the endpoint, not as long as a configuration.
 */
export class EndpointLoad {
  /** Stable identity: the address. */
  readonly key: string;
  /** '': it has none. */
  hostname = '';
  /** 1 to 2^32-1, from configuration. */
  weight: number;
  /** What it reported of its load; null: nothing, or nobody goes by it. */
  reported: ReportedWeight | null = null;
  /** What counts instead of `weight` where that is gone by. */
  loadWeight = 1;
  /** Attempts in flight. */
  active = 0;
  /** Peak EWMA of latency in ms, as of `costAtMs`; -1 before the first answer. */
  costMs = -1;
  costAtMs = 0;
  /** Share of recent attempts that failed, 0 to 1, as of `costAtMs`, decaying with the same constant. */
  errorShare = 0;
  /**
   * Clock time since which it owes an answer: the start of the first attempt in flight or its latest answer, whichever
   * came later; -1 with none in flight. An answer that is overdue counts before it comes.
   */
  waitingSinceMs = -1;
  /** Configuration and health checking say it can be used. */
  healthy = true;
  /** It can be used, but only for what the healthy ones cannot carry. */
  degraded = false;
  /**
   * It does not count among those of which a share must be healthy: nobody knows of it yet, or it asked for that
   * itself.
   */
  excluded = false;
  /** Of one place: `region/zone/sub-zone`. */
  locality = '';
  /** Of its locality among those of its priority; -1: none was given. */
  localityWeight = -1;
  /** What subsets are made by; null: nothing is said. */
  labels: Labels | null = null;
  /** Clock time since which it is in service, for slow start; -1: long enough. */
  warmFromMs = -1;
  /** Outlier detection: clock time until which it gets nothing, or -1. */
  ejectedUntilMs = -1;
  /** Ejections that the next one's length counts from; falls by one each quiet sweep. */
  ejections = 0;
  consecutiveFailures = 0;
  consecutiveGatewayFailures = 0;
  consecutiveLocalFailures = 0;
  /** Connections to it do not come to be: it gets nothing while any other can be had. */
  unreachable = false;
  /** Connections that did not come to be, since the last one that did. */
  failedConnects = 0;
  /** Attempts that ended since the last sweep of outlier detection. */
  successes = 0;
  failures = 0;
  /** Of them, connections that came to nothing, where those count apart. */
  localFailures = 0;
  /** Attempts given to it since it was created. */
  picks = 0;

  constructor(key: string, weight: number) {
    this.key = key;
    this.weight = weight;
  }
}

/** 64 bits in two halves: numbers, because a BigInt for each request would cost more than the choice. */
export interface Hash64 {
  readonly high: number;
  readonly low: number;
}

/** What a choice depends on beside the endpoints. */
export interface PickRequest<E> {
  readonly nowMs: number;
  /** Endpoints that this request has been sent to. */
  readonly tried: readonly E[];
  /** Of what the route's hash policies look at; null: nothing, and balancers that go by it choose at random. */
  readonly hash: Hash64 | null;
  /** Of a retry: the priorities that it should not meet again. Absent or null: any may be. */
  readonly spared?: SparedPriorities | null;
}

export interface Balancer<E extends EndpointLoad> {
  /**
   * Replaces the candidates: one priority level, without the ejected and unhealthy. Objects that stay keep their
   * state. `weights`: instead of the endpoints' own, where the balancer goes by shares of a table.
   */
  update(candidates: readonly E[], weights?: readonly number[]): void;
  /** Chooses one, or null when there is none. Those tried are passed over while any other is left. */
  pick(request: PickRequest<E>): E | null;
  /**
   * An attempt begins. Every call is followed by exactly one `onFinish`, whatever became of the candidates meanwhile.
   */
  onStart(endpoint: E, nowMs: number): void;
  /** `rttMs`: from sending to the response head (or to the failure). */
  onFinish(endpoint: E, nowMs: number, rttMs: number, outcome: Outcome): void;
}

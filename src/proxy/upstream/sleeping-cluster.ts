// A cluster that nobody has called: what the admin interface shows of it is made when somebody looks, and is what a
// cluster would say that was woken now.

import type { Address } from '../../net/index.ts';
import { EndpointLoad, localCounters, selectCandidates, selectionDefaults } from '../../policy/index.ts';
import type { ClusterConfig, EndpointAssignment, EndpointConfig } from '../config/types.ts';
import type { ProxyContext } from '../context.ts';
import { ClusterStats, type ClusterView, type EndpointView, type LaneView } from '../stats/index.ts';
import { keyOf } from './endpoint.ts';
import { groupByPriority, withoutDoubles } from './endpoint-sets.ts';
import { selectionRules } from './selection-rules.ts';

/** Of all of them. Nobody counts in it. */
const nothing = new ClusterStats();

export class SleepingCluster implements ClusterView {
  readonly config: ClusterConfig;
  readonly assigned: EndpointAssignment | null;
  private readonly context: ProxyContext;

  constructor(context: ProxyContext, config: ClusterConfig, assigned: EndpointAssignment | null) {
    this.context = context;
    this.config = config;
    this.assigned = assigned;
  }

  get name(): string {
    return this.config.name;
  }

  get stats(): ClusterStats {
    return nothing;
  }

  get endpoints(): readonly SleepingEndpoint[] {
    return withoutDoubles(this.assigned?.endpoints ?? []).map((config) => new SleepingEndpoint(config));
  }

  get endpointsReceivedAtMs(): number {
    return this.assigned?.receivedAtMs ?? 0;
  }

  get candidateCount(): number {
    return this.select().levels.reduce(
      (count, level) => count + (level.loadPercent > 0 ? level.candidates.length : 0),
      0,
    );
  }

  get dropCategory(): string {
    return this.assigned?.dropCategory ?? '';
  }

  get panicking(): boolean {
    return this.select().panic;
  }

  get lane(): LaneView {
    const { name, limits, retryLimit } = this.config;
    const retries = retryLimit === null ? null : localCounters.createRetryLimit(name, retryLimit);
    return {
      breaker: { limits, connections: 0, pending: 0, requests: 0 },
      retriesLeft: (nowMs) => (retries === null ? -1 : retries.remaining(nowMs, 0)),
    };
  }

  get high(): null {
    return null;
  }

  settleBudget(): void {}

  retryBudgetRemaining(nowMs: number): number {
    return this.lane.retriesLeft(nowMs);
  }

  private select() {
    const { context, config, assigned } = this;
    const rules = selectionRules(context, config, assigned ?? selectionDefaults, new ClusterStats().balance);
    return selectCandidates(groupByPriority(this.endpoints), rules, context.clock.now());
  }
}

class SleepingEndpoint extends EndpointLoad implements EndpointView {
  readonly address: Address;
  readonly name: string;
  readonly zone: string;
  readonly proxied: boolean;
  readonly priority: number;
  readonly configured: { readonly healthy: boolean; readonly degraded: boolean };
  readonly health = null;
  readonly leaving = false;
  readonly attemptsSucceeded = 0;
  readonly attemptsFailed = 0;
  readonly connectFailures = 0;
  readonly loadMetrics = null;
  readonly connections = 0;
  readonly idleConnections = 0;

  constructor(config: EndpointConfig) {
    super(keyOf(config), config.weight);
    this.address = config.address;
    this.name = config.name;
    this.zone = config.zone;
    this.proxied = config.proxied;
    this.priority = config.priority;
    this.locality = config.locality;
    this.localityWeight = config.localityWeight;
    this.healthy = config.healthy;
    this.degraded = config.degraded;
    this.excluded = config.status === 'DRAINING';
    this.configured = { healthy: config.healthy, degraded: config.degraded };
  }
}

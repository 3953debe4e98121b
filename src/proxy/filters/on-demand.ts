// envoy.filters.http.on_demand: a request of an authority that its table has no virtual host for waits until the
// control plane has said whether there is one, and one whose cluster is not there until that has come, each within a
// bound. What is not there after that the router answers: 404, or as the route says of a cluster that it does not find.

import type { ListenerFilterConfig } from '../config/filter-types.ts';
import {
  adsSource,
  type Demand,
  type DemandOutcome,
  type DemandWait,
  type DemandWaiter,
  demandLimits,
  hostNameIn,
  isClusterName,
} from '../config/index.ts';
import {
  type Authorizer,
  clusterNamed,
  type Denial,
  type RequestState,
  rematch,
  type Waiter,
} from '../exchange/index.ts';
import { type FilterSample, responseFlags } from '../stats/index.ts';
import { configFor, countSamples, denial, type HttpFilter } from './filter.ts';

type Outcome = DemandOutcome | 'full';

const hostDenials: Readonly<Partial<Record<Outcome, Denial>>> = {
  late: denial(503, 'the virtual host has not come', 'vhds_timeout', responseFlags.noRoute),
  refused: denial(503, 'the virtual host is refused by the proxy', 'vhds_refused', responseFlags.noRoute),
  full: denial(503, 'too many requests wait for virtual hosts', 'vhds_overflow', responseFlags.noRoute),
};

const clustersFull = denial(
  503,
  'too many requests wait for clusters',
  'odcds_overflow',
  responseFlags.noCluster,
);

export class OnDemandFilter implements HttpFilter, Authorizer {
  readonly name: string;
  readonly authorizer = this;
  readonly answerer = null;
  private readonly hostCounts = newCounts();
  private readonly clusterCounts = newCounts();
  private readonly filter: ListenerFilterConfig;
  private readonly position: number;

  constructor(filter: ListenerFilterConfig, position: number) {
    this.name = filter.name;
    this.filter = filter;
    this.position = position;
  }

  *samples(): Iterable<FilterSample> {
    yield* countSamples('on_demand', this.hostCounts);
    yield* countSamples('on_demand_clusters', this.clusterCounts);
  }

  authorize(request: RequestState): 'allow' | 'wait' | Denial {
    const held = request.slots[this.position];
    if (held instanceof Waiting) {
      if (held.outcome === null) return 'wait';
      request.slots[this.position] = null;
      return held.of === 'host' ? this.onHost(request, held.outcome) : this.onCluster(held.outcome);
    }
    if (request.route === null) return this.findHost(request);
    const { hosts } = request.context.demands;
    if (!hosts.idle) hosts.use(request.virtualHost);
    return this.findCluster(request);
  }

  private findHost(request: RequestState): 'allow' | 'wait' | Denial {
    const { head, listener } = request;
    const { routes } = listener;
    if (!routes.grows || configFor(request, this.filter, 'on-demand') === null) return 'allow';
    if (routes.knows(head.authority)) return 'allow';
    const name = hostNameIn(routes.name, routes.domainOf(head.authority));
    if (name === null) return this.onHost(request, 'absent');
    const waiting = new Waiting(request, request.context.demands.hosts, 'host');
    const outcome = waiting.begin({ name, source: adsSource }, demandLimits.waitMs);
    if (outcome !== null) return this.onHost(request, outcome);
    this.hostCounts.waited += 1;
    return this.hold(request, waiting);
  }

  private onHost(request: RequestState, outcome: Outcome): 'allow' | 'wait' | Denial {
    count(this.hostCounts, outcome);
    if (outcome === 'came') rematch(request);
    return hostDenials[outcome] ?? (request.route === null ? 'allow' : this.findCluster(request));
  }

  private findCluster(request: RequestState): 'allow' | 'wait' | Denial {
    const { context, weighted } = request;
    // A route without one answers by itself.
    if (weighted === null) return 'allow';
    const name = clusterNamed(request, weighted);
    const { clusters } = context.demands;
    if (request.route?.action.kind === 'forward' && request.route.action.mirrors !== undefined)
      this.wantMirrors(request, request.route.action.mirrors);
    if (context.clusters.has(name)) {
      if (!clusters.idle) clusters.use(name);
      return 'allow';
    }
    const config = configFor(request, this.filter, 'on-demand');
    if (config === null || config.clusters === null || !isClusterName(name)) return 'allow';
    const { source, timeoutMs } = config.clusters;
    const waiting = new Waiting(request, clusters, 'cluster');
    const outcome = waiting.begin({ name, source }, timeoutMs);
    if (outcome !== null) return this.onCluster(outcome);
    this.clusterCounts.waited += 1;
    return this.hold(request, waiting);
  }

  /** A copy that has no cluster yet is not made, and waits for nothing; the next ones find it. */
  private wantMirrors(request: RequestState, mirrors: readonly { readonly cluster: string }[]): void {
    const { clusters, demands } = request.context;
    for (const { cluster: name } of mirrors) {
      if (clusters.has(name)) demands.clusters.use(name);
      else {
        const from = configFor(request, this.filter, 'on-demand')?.clusters ?? null;
        if (from !== null && isClusterName(name)) demands.clusters.wantAll([{ name, source: from.source }]);
      }
    }
  }

  /** The router says what it says of any cluster that is not there. */
  private onCluster(outcome: Outcome): 'allow' | Denial {
    count(this.clusterCounts, outcome);
    return outcome === 'full' ? clustersFull : 'allow';
  }

  private hold(request: RequestState, waiting: Waiting): 'wait' {
    request.slots[this.position] = waiting;
    request.waiter = waiting;
    return 'wait';
  }
}

function newCounts() {
  return { waited: 0, came: 0, absent: 0, refused: 0, timeout: 0, overflow: 0 };
}

function count(counts: ReturnType<typeof newCounts>, outcome: Outcome): void {
  counts[outcome === 'late' ? 'timeout' : outcome === 'full' ? 'overflow' : outcome] += 1;
}

class Waiting implements DemandWaiter, Waiter {
  readonly of: 'host' | 'cluster';
  outcome: DemandOutcome | null = null;
  private wait: DemandWait | null = null;
  private readonly request: RequestState;
  private readonly demand: Demand;

  constructor(request: RequestState, demand: Demand, of: 'host' | 'cluster') {
    this.request = request;
    this.demand = demand;
    this.of = of;
  }

  /** null: it waits. */
  begin(wanted: Parameters<Demand['ask']>[0], waitMs: number): Outcome | null {
    const { remote } = this.request.owner;
    const answer = this.demand.ask(wanted, this, waitMs, remote.kind === 'ip' ? remote.host : '');
    if (typeof answer === 'string') return answer;
    this.wait = answer;
    return null;
  }

  onDemand(outcome: DemandOutcome): void {
    const { request } = this;
    this.outcome = outcome;
    request.waiter = null;
    request.machine.proceed();
  }

  onAbandoned(): void {
    if (this.wait !== null) this.demand.leave(this.wait);
  }
}

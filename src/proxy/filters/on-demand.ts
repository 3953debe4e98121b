// envoy.filters.http.on_demand: a request of an authority that its table has no virtual host for waits until the
// control plane has said whether there is one, within a bound that Envoy does not have.

import type { ListenerFilterConfig } from '../config/filter-types.ts';
import type { HostDemand, HostOutcome, HostWait, HostWaiter } from '../config/index.ts';
import { type Authorizer, type Denial, type RequestState, rematch, type Waiter } from '../exchange/index.ts';
import { type FilterSample, responseFlags } from '../stats/index.ts';
import { configFor, countSamples, denial, type HttpFilter } from './filter.ts';

const denials: Readonly<Partial<Record<HostOutcome | 'full', Denial>>> = {
  late: denial(503, 'the virtual host has not come', 'vhds_timeout', responseFlags.noRoute),
  refused: denial(503, 'the virtual host is refused by the proxy', 'vhds_refused', responseFlags.noRoute),
  full: denial(503, 'too many requests wait for virtual hosts', 'vhds_overflow', responseFlags.noRoute),
};

export class OnDemandFilter implements HttpFilter, Authorizer {
  readonly name: string;
  readonly authorizer = this;
  readonly answerer = null;
  private readonly counts = { waited: 0, came: 0, absent: 0, refused: 0, timeout: 0, overflow: 0 };
  private readonly filter: ListenerFilterConfig;
  private readonly position: number;

  constructor(filter: ListenerFilterConfig, position: number) {
    this.name = filter.name;
    this.filter = filter;
    this.position = position;
  }

  samples(): Iterable<FilterSample> {
    return countSamples('on_demand', this.counts);
  }

  authorize(request: RequestState): 'allow' | 'wait' | Denial {
    const { hosts } = request.context;
    const held = request.slots[this.position];
    if (held instanceof Waiting) return this.goOn(request, held.outcome);
    if (request.route !== null) {
      if (!hosts.idle) hosts.use(request.virtualHost);
      return 'allow';
    }
    const { routes } = request.listener;
    if (!routes.grows || configFor(request, this.filter, 'on-demand') === null) return 'allow';
    if (routes.knows(request.head.authority)) return 'allow';
    const waiting = new Waiting(request, hosts);
    const answer = hosts.ask(routes.name, routes.domainOf(request.head.authority), waiting);
    if (typeof answer === 'string') return this.goOn(request, answer);
    this.counts.waited += 1;
    waiting.wait = answer;
    request.slots[this.position] = waiting;
    request.waiter = waiting;
    return 'wait';
  }

  private goOn(request: RequestState, outcome: HostOutcome | 'full' | null): 'allow' | 'wait' | Denial {
    if (outcome === null) return 'wait';
    this.counts[outcome === 'late' ? 'timeout' : outcome === 'full' ? 'overflow' : outcome] += 1;
    if (outcome === 'came') rematch(request);
    return denials[outcome] ?? 'allow';
  }
}

class Waiting implements HostWaiter, Waiter {
  outcome: HostOutcome | null = null;
  wait: HostWait | null = null;
  private readonly request: RequestState;
  private readonly hosts: HostDemand;

  constructor(request: RequestState, hosts: HostDemand) {
    this.request = request;
    this.hosts = hosts;
  }

  onHost(outcome: HostOutcome): void {
    const { request } = this;
    this.outcome = outcome;
    request.waiter = null;
    request.machine.proceed();
  }

  onAbandoned(): void {
    if (this.wait !== null) this.hosts.leave(this.wait);
  }
}

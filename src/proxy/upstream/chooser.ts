// How a cluster chooses among its endpoints: by its balancer, which most do; within subsets; where the request, or a
// list that a filter made for it, names them; or where its client was going.

import type { Address } from '../../net/index.ts';
import {
  PriorityBalancer,
  type Selection,
  type SelectionRules,
  SubsetBalancer,
  type SubsetRequest,
  selectCandidates,
} from '../../policy/index.ts';
import type { ClusterConfig } from '../config/types.ts';
import type { ProxyContext } from '../context.ts';
import type { ClusterStats } from '../stats/index.ts';
import type { Endpoint } from './endpoint.ts';
import { groupByPriority } from './endpoint-sets.ts';
import { sameValue } from './lane.ts';
import type { OriginalDestinations } from './original-destinations.ts';
import { type HostNotes, noteChosen, pickNamed } from './override-hosts.ts';
import { mayBeWanted, type WantedHost } from './wanted-host.ts';

/** A request or a connection, as clusters choose an endpoint for it. */
export interface EndpointRequest extends SubsetRequest<Endpoint> {
  /** Where it was going: as this field of its head says, or its connection; null where neither is known. */
  destination(header: string | null): Address | null;
  /** For a policy that goes by names of hosts; null: nothing is said. */
  notes(): HostNotes | null;
}

/** The cluster, as its chooser sees it. */
export interface ChooserOwner {
  readonly context: ProxyContext;
  readonly config: ClusterConfig;
  readonly stats: ClusterStats;
  readonly destinations: OriginalDestinations | null;
  findAddress(address: string): Endpoint | undefined;
}

export class Chooser {
  /** Keeps the books of every endpoint, also of those that it did not choose. */
  balancer: PriorityBalancer<Endpoint>;
  private subsets: SubsetBalancer<Endpoint> | null;
  /** The balancer alone chooses: the common case, which costs this one look. */
  private plain = true;
  private readonly owner: ChooserOwner;

  constructor(owner: ChooserOwner) {
    this.owner = owner;
    this.balancer = this.createBalancer();
    this.subsets = this.createSubsets();
    this.plain = this.isPlain();
  }

  update(before: ClusterConfig): void {
    const { config } = this.owner;
    if (!sameValue([before.balance, before.subsets], [config.balance, config.subsets])) {
      this.balancer = this.createBalancer();
      this.subsets?.dispose();
      this.subsets = this.createSubsets();
    }
    this.plain = this.isPlain();
  }

  /** Who may be chosen, after a change of `endpoints` or of their health. */
  select(endpoints: readonly Endpoint[], rules: SelectionRules, nowMs: number): Selection<Endpoint> {
    const priorities = groupByPriority(endpoints);
    const selection = selectCandidates(priorities, rules, nowMs);
    // Who goes where its clients were going never asks the balancer, and has endpoints by the thousand.
    if (this.owner.destinations !== null) return selection;
    if (this.subsets === null) this.balancer.update(selection);
    else this.subsets.update(endpoints, priorities, rules);
    return selection;
  }

  pick(request: EndpointRequest): Endpoint | null {
    return this.plain ? this.balancer.pick(request) : this.pickOtherwise(request);
  }

  /** The endpoint that a request asks for by its address, if it may; else any other, unless none will do. */
  pickWanted(request: EndpointRequest, wanted: WantedHost): Endpoint | null {
    const { config } = this.owner;
    const named = this.owner.findAddress(wanted.address);
    if (named !== undefined && mayBeWanted(named, config.wantedStatuses, request.nowMs)) return named;
    return wanted.strict ? null : this.pick(request);
  }

  dispose(): void {
    this.subsets?.dispose();
  }

  private pickOtherwise(request: EndpointRequest): Endpoint | null {
    const { config, destinations } = this.owner;
    if (destinations !== null) return destinations.pick(request.destination(destinations.config.header));
    const { overrideHosts } = config;
    const notes = overrideHosts === undefined ? null : request.notes();
    if (overrideHosts === undefined || notes === null) return this.balance(request);
    const named = pickNamed(overrideHosts, notes, (address) => this.owner.findAddress(address));
    const endpoint = named ?? this.balance(request);
    if (endpoint !== null) noteChosen(overrideHosts, notes, endpoint);
    return endpoint;
  }

  private balance(request: EndpointRequest): Endpoint | null {
    return this.subsets === null ? this.balancer.pick(request) : this.subsets.pick(request);
  }

  private isPlain(): boolean {
    const { config, destinations } = this.owner;
    return destinations === null && this.subsets === null && config.overrideHosts === undefined;
  }

  private createBalancer(): PriorityBalancer<Endpoint> {
    const { config, context, stats } = this.owner;
    return new PriorityBalancer(config.balance, context.random, stats.balance);
  }

  private createSubsets(): SubsetBalancer<Endpoint> | null {
    const { config, context, stats } = this.owner;
    const { balance, subsets } = config;
    if (subsets === undefined) return null;
    return new SubsetBalancer<Endpoint>(subsets, balance, context.random, stats.balance);
  }
}

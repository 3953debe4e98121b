// One subset: endpoints that are balanced among themselves as a cluster of their own would be. Its balancer is made at
// its first request, and brought up to date at the first one after a change: a subset that nobody asks for costs its
// list of members.

import type { Random } from '../../../base/index.ts';
import type { BalanceCounts } from '../balance-counts.ts';
import { localityDefault } from '../locality.ts';
import { PriorityBalancer } from '../priority-balancer.ts';
import { type SelectionRules, selectCandidates } from '../select-candidates.ts';
import type { BalanceConfig, EndpointLoad, PickRequest } from '../types.ts';
import type { SubsetConfig } from './types.ts';

/** What the subsets of a cluster have in common. */
export interface SubsetFrame {
  readonly balance: BalanceConfig;
  readonly config: SubsetConfig;
  readonly random: Random;
  readonly counts: BalanceCounts;
  /** As of the last change. */
  rules: SelectionRules;
  /** Endpoints of each locality in the whole cluster, by priority; null: locality weights hold as they are. */
  sizes: readonly ReadonlyMap<string, number>[] | null;
}

export class Subset<E extends EndpointLoad> {
  private readonly frame: SubsetFrame;
  private readonly singleHost: boolean;
  private balancer: PriorityBalancer<E> | null = null;
  private priorities: readonly (readonly E[])[] = [];
  private stale = true;

  constructor(frame: SubsetFrame, singleHost: boolean) {
    this.frame = frame;
    this.singleHost = singleHost;
  }

  /** Its members by priority. */
  replace(priorities: readonly (readonly E[])[]): void {
    this.priorities = priorities;
    this.stale = true;
  }

  /** The health of some endpoint changed. */
  touch(): void {
    this.stale = true;
  }

  pick(request: PickRequest<E>): E | null {
    if (this.singleHost) return this.priorities.find(({ length }) => length > 0)?.[0] ?? null;
    const { balance, counts, random } = this.frame;
    this.balancer ??= new PriorityBalancer<E>(balance, random, counts);
    if (this.stale) {
      this.stale = false;
      this.balancer.update(selectCandidates(this.priorities, this.rules(), request.nowMs));
    }
    return this.balancer.pick(request);
  }

  /** Localities have no weights within a subset unless that is said. */
  private rules(): SelectionRules {
    const { config, rules, sizes } = this.frame;
    if (rules.locality.kind !== 'weighted') return rules;
    if (!config.weighsLocalities) return { ...rules, locality: localityDefault, local: null };
    return sizes === null ? rules : { ...rules, sizes };
  }
}

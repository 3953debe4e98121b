// Balancing over subsets, by Envoy's rules (arch_overview/upstream/load_balancing/subsets): a request goes to the
// subset of just the names and values that it says. Where there is none, to the fallback of the selector with its
// names, else to that of the cluster.

import type { Random } from '../../../base/index.ts';
import type { BalanceCounts } from '../balance-counts.ts';
import { createSelectionRules, type SelectionRules } from '../select-candidates.ts';
import type { BalanceConfig, EndpointLoad, PickRequest } from '../types.ts';
import { type Criteria, filterCriteria } from './criteria.ts';
import { groupMembers, hasLabels } from './group-members.ts';
import { Subset, type SubsetFrame } from './subset.ts';
import type { SubsetConfig, SubsetSelector } from './types.ts';

export interface SubsetRequest<E extends EndpointLoad> extends PickRequest<E> {
  /** null: nothing is said. */
  criteria(): Criteria | null;
}

/** Where requests with some criteria go. */
interface Course<E extends EndpointLoad> {
  /** matched: a subset of theirs; selector: what their selector says instead; cluster: what the cluster says. */
  readonly by: 'matched' | 'selector' | 'cluster';
  readonly subset: Subset<E> | null;
}

export class SubsetBalancer<E extends EndpointLoad> {
  private readonly frame: SubsetFrame;
  private readonly any: Subset<E>;
  private readonly default: Subset<E>;
  private readonly subsets = new Map<string, Subset<E>>();
  private readonly selectors: ReadonlyMap<string, SubsetSelector>;
  /** Found once for the criteria of a route. */
  private courses = new WeakMap<Criteria, Course<E>>();
  /** As they were grouped. */
  private endpoints: readonly E[] | null = null;

  constructor(config: SubsetConfig, balance: BalanceConfig, random: Random, counts: BalanceCounts) {
    const rules = createSelectionRules({ counts });
    this.frame = { balance, config, random, counts, rules, sizes: null };
    this.any = new Subset<E>(this.frame, false);
    this.default = new Subset<E>(this.frame, false);
    this.selectors = new Map(config.selectors.map((selector) => [selector.keys.join('\0'), selector]));
  }

  /** `endpoints`: the same array where neither they nor what is said of them changed, but their health. */
  update(endpoints: readonly E[], priorities: readonly (readonly E[])[], rules: SelectionRules): void {
    this.frame.rules = rules;
    if (this.endpoints === endpoints) {
      this.any.touch();
      this.default.touch();
      for (const subset of this.subsets.values()) subset.touch();
      return;
    }
    this.endpoints = endpoints;
    this.courses = new WeakMap();
    const { config } = this.frame;
    const scaled = config.weighsLocalities && config.scalesLocalities;
    this.frame.sizes = scaled ? priorities.map(countLocalities) : null;
    this.any.replace(priorities);
    this.default.replace(
      priorities.map((members) =>
        members.filter(({ labels }) => hasLabels(labels, config.defaultSubset, config.listAsAny)),
      ),
    );
    this.regroup(priorities);
  }

  pick(request: SubsetRequest<E>): E | null {
    const criteria = request.criteria();
    if (criteria === null || criteria.variants === null || !this.frame.config.fallbackList)
      return this.pickBy(criteria, request);
    for (const variant of criteria.variants) {
      const picked = this.pickBy(variant, request);
      if (picked !== null) return picked;
    }
    return null;
  }

  /** Its subsets are no more. */
  dispose(): void {
    const { counts } = this.frame;
    counts.subsetsActive -= this.subsets.size;
    counts.subsetsRemoved += this.subsets.size;
    this.subsets.clear();
  }

  private pickBy(criteria: Criteria | null, request: PickRequest<E>): E | null {
    const { config, counts } = this.frame;
    const { by, subset } = criteria === null ? this.ofCluster() : this.courseOf(criteria);
    if (by === 'matched') counts.subsetsSelected += 1;
    const picked = subset === null ? null : subset.pick(request);
    if (by !== 'cluster' || subset === null) return picked;
    if (picked !== null) {
      counts.subsetsFallback += 1;
      return picked;
    }
    const rescued = config.panicAny ? this.any.pick(request) : null;
    if (rescued !== null) counts.subsetsFallbackPanic += 1;
    return rescued;
  }

  private courseOf(criteria: Criteria): Course<E> {
    let course = this.courses.get(criteria);
    if (course === undefined) {
      course = this.find(criteria);
      this.courses.set(criteria, course);
    }
    return course;
  }

  /** Ends, because a selector's fallback keys are fewer than its own. */
  private find(said: Criteria): Course<E> {
    const criteria = this.frame.config.redundantKeys ? this.withoutRedundant(said) : said;
    const matched = criteria.entries.length === 0 ? undefined : this.subsets.get(criteria.key);
    if (matched !== undefined) return { by: 'matched', subset: matched };
    const selector = this.selectors.get(criteria.entries.map(({ name }) => name).join('\0'));
    switch (selector?.fallback) {
      case 'none':
        return { by: 'selector', subset: null };
      case 'any':
        return { by: 'selector', subset: this.any };
      case 'default':
        return { by: 'selector', subset: this.default };
      case 'keys':
        return this.find(filterCriteria(criteria, selector.fallbackKeys));
      default:
        return this.ofCluster();
    }
  }

  private withoutRedundant(said: Criteria): Criteria {
    for (const { keys } of this.frame.config.selectors) {
      const kept = filterCriteria(said, keys);
      if (kept.entries.length === keys.length) return kept;
    }
    return said;
  }

  private ofCluster(): Course<E> {
    const { fallback } = this.frame.config;
    return {
      by: 'cluster',
      subset: fallback === 'none' ? null : fallback === 'any' ? this.any : this.default,
    };
  }

  /** Subsets that stay keep their balancers. */
  private regroup(priorities: readonly (readonly E[])[]): void {
    const { config, counts } = this.frame;
    const { groups, duplicates, refused } = groupMembers(priorities, config);
    counts.subsetDuplicates = duplicates;
    counts.subsetsRefused += refused;
    for (const key of this.subsets.keys()) {
      if (groups.has(key)) continue;
      this.subsets.delete(key);
      counts.subsetsActive -= 1;
      counts.subsetsRemoved += 1;
    }
    for (const [key, group] of groups) {
      let subset = this.subsets.get(key);
      if (subset === undefined) {
        subset = new Subset<E>(this.frame, group.selector.singleHost);
        this.subsets.set(key, subset);
        counts.subsetsActive += 1;
        counts.subsetsCreated += 1;
      }
      subset.replace(group.priorities);
    }
  }
}

function countLocalities(members: readonly EndpointLoad[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { locality } of members) counts.set(locality, (counts.get(locality) ?? 0) + 1);
  return counts;
}

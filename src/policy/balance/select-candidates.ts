// Which endpoints may be picked at all, and how requests are shared among priorities: Envoy's rules
// (arch_overview/upstream/ load_balancing/priority, degraded and panic_threshold). A priority carries its healthy
// share times the overprovisioning factor; what it cannot carry spills to the next, and what no healthy endpoint can
// carry goes to degraded ones, in the same order. When all together cannot carry everything, a priority below the
// panic threshold uses all its endpoints: sending to the sick beats crushing the few that are well. Endpoints out of
// reach are left aside, in panic too, and panic is judged among the others: while any other may be used, all that
// sending there brings is a wait. They still count among those that a priority's share is of.

import { BalanceCounts } from './balance-counts.ts';
import {
  type LocalCluster,
  type LocalityConfig,
  type LocalityShare,
  localityDefault,
  planZones,
  shareByLocality,
  type ZonePlan,
} from './locality.ts';
import { type Carries, shareByHealth } from './share-by-health.ts';
import type { EndpointLoad } from './types.ts';
import { isUsable } from './usable.ts';

export interface SelectionRules {
  /** 0 to 100, 0 switches panic off. */
  readonly panicPercent: number;
  /** What an endpoint can carry beyond its share. Default 140 (Envoy's). */
  readonly overprovisioningPercent: number;
  /** Health is counted in weights instead of endpoints. */
  readonly weightedHealth: boolean;
  readonly locality: LocalityConfig;
  /** Where this proxy's own workload runs; null: not known, and no request is kept in its zone. */
  readonly local: LocalCluster | null;
  /**
   * Endpoints of each locality, by priority, of which those given are a part: locality weights are scaled to that part.
   * null: they are all.
   */
  readonly sizes: readonly ReadonlyMap<string, number>[] | null;
  readonly counts: BalanceCounts;
}

export const selectionDefaults: Omit<SelectionRules, 'counts'> = {
  panicPercent: 50,
  overprovisioningPercent: 140,
  weightedHealth: false,
  locality: localityDefault,
  local: null,
  sizes: null,
};

export function createSelectionRules(rules: Partial<SelectionRules>): SelectionRules {
  return { ...selectionDefaults, counts: new BalanceCounts(), ...rules };
}

export interface SelectedLevel<E> {
  readonly priority: number;
  /** Usable endpoints, or all of the priority in panic. */
  readonly candidates: readonly E[];
  /** Those of its priority that are well enough, or those that are degraded. */
  readonly availability: 'healthy' | 'degraded';
  /** Share of the requests, 0 to 100. */
  readonly loadPercent: number;
  readonly panic: boolean;
  /** Among localities by weight; null: among all alike. */
  readonly localities: readonly LocalityShare<E>[] | null;
  readonly zones: ZonePlan<E> | null;
}

export interface Selection<E> {
  /**
   * The healthy level of each priority, then what there is of degraded ones; the shares sum to 100 unless there is no
   * endpoint at all.
   */
  readonly levels: readonly SelectedLevel<E>[];
  /**
   * The first level with the largest share: all there is to know where one priority is in use. Never null, maybe empty.
   */
  readonly candidates: readonly E[];
  readonly panic: boolean;
  /** By priority, before it is shared. */
  readonly carries: Carries;
}

/** One priority, sorted by health. */
interface Priority<E> {
  /** Those that are within reach; all, where nobody else can be had. */
  readonly all: readonly E[];
  /** Those that are not, unless excluded. */
  readonly aside: readonly E[];
  readonly healthy: readonly E[];
  readonly degraded: readonly E[];
  readonly excluded: number;
}

/** `priorities[i]`: the endpoints of priority i. For changes, not for each pick. */
export function selectCandidates<E extends EndpointLoad>(
  priorities: readonly (readonly E[])[],
  rules: SelectionRules,
  nowMs: number,
): Selection<E> {
  const other = priorities.some((all) => all.some((one) => !one.unreachable && isUsable(one, nowMs)));
  const sorted = priorities.map((all) => sortByHealth(all, nowMs, other));
  const health = sorted.map((priority) => carries(priority, priority.healthy, rules));
  const degraded = sorted.map((priority) => carries(priority, priority.degraded, rules));
  const available = Math.min(100, sum(health) + sum(degraded));
  const inPanic = sorted.map((priority) => available < 100 && isInPanic(priority, rules.panicPercent));
  const everywhere = sorted.every(({ all }, index) => all.length === 0 || inPanic[index]);
  const shares =
    everywhere && inPanic.includes(true)
      ? { healthy: shareBySize(sorted.map(({ all }) => all.length)), degraded: priorities.map(() => 0) }
      : shareByHealth(health, degraded, available);
  const levels = [
    ...sorted.map((priority, index) =>
      createLevel(
        priority,
        priorities[index]!,
        index,
        'healthy',
        shares.healthy[index]!,
        inPanic[index]!,
        rules,
      ),
    ),
    ...sorted.flatMap((priority, index) =>
      priority.degraded.length === 0
        ? []
        : [
            createLevel(
              priority,
              priorities[index]!,
              index,
              'degraded',
              shares.degraded[index]!,
              inPanic[index]!,
              rules,
            ),
          ],
    ),
  ];
  return {
    levels,
    candidates: largest(levels),
    panic: levels.some((level) => level.panic && level.loadPercent > 0),
    carries: { healthy: health, degraded },
  };
}

/** `sparing`: those out of reach are left aside. */
function sortByHealth<E extends EndpointLoad>(
  members: readonly E[],
  nowMs: number,
  sparing: boolean,
): Priority<E> {
  const spared = sparing && members.some(({ unreachable }) => unreachable);
  const all = spared ? members.filter(({ unreachable }) => !unreachable) : members;
  const aside = spared ? members.filter(({ excluded, unreachable }) => unreachable && !excluded) : [];
  const healthy: E[] = [];
  const degraded: E[] = [];
  let excluded = 0;
  for (const endpoint of all) {
    if (endpoint.excluded) excluded += 1;
    if (isUsable(endpoint, nowMs)) (endpoint.degraded ? degraded : healthy).push(endpoint);
  }
  return { all, aside, healthy, degraded, excluded };
}

/** What `able` of a priority can carry of all requests, in percent. */
function carries<E extends EndpointLoad>(
  { all, aside, excluded }: Priority<E>,
  able: readonly E[],
  { overprovisioningPercent, weightedHealth }: SelectionRules,
): number {
  const total = weightedHealth
    ? sumWeights(all.filter((endpoint) => !endpoint.excluded)) + sumWeights(aside)
    : all.length - excluded + aside.length;
  if (total <= 0) return 0;
  const well = weightedHealth ? sumWeights(able) : able.length;
  return Math.min(100, Math.floor((overprovisioningPercent * well) / total));
}

function isInPanic<E>({ all, healthy, degraded, excluded }: Priority<E>, panicPercent: number): boolean {
  if (all.length === 0) return false;
  const counted = all.length - excluded;
  const well = counted === 0 ? 0 : (100 * (healthy.length + degraded.length)) / counted;
  return well < panicPercent;
}

function createLevel<E extends EndpointLoad>(
  { all, healthy, degraded }: Priority<E>,
  members: readonly E[],
  priority: number,
  availability: SelectedLevel<E>['availability'],
  loadPercent: number,
  panic: boolean,
  rules: SelectionRules,
): SelectedLevel<E> {
  const level = { priority, availability, loadPercent, panic, localities: null, zones: null };
  const { local, locality, overprovisioningPercent } = rules;
  if (panic) {
    const failing = locality.kind === 'zone-aware' && locality.failOnPanic;
    return { ...level, candidates: failing ? [] : all };
  }
  const candidates = availability === 'healthy' ? healthy : degraded;
  if (locality.kind === 'weighted')
    return {
      ...level,
      candidates,
      localities: shareByLocality(
        members,
        candidates,
        overprovisioningPercent,
        rules.sizes?.[priority] ?? null,
      ),
    };
  if (local === null || priority > 0 || availability === 'degraded') return { ...level, candidates };
  const zones = planZones(members, healthy, locality, local, rules.counts);
  if (zones !== null && local.healthyPercent < rules.panicPercent) {
    // So few of the callers are well that their number says nothing of where requests come from.
    rules.counts.localNotOk += 1;
    return { ...level, candidates: locality.failOnPanic ? [] : candidates };
  }
  return { ...level, candidates, zones };
}

/** Everything is in panic: each priority gets what its number of endpoints stands for. */
function shareBySize(sizes: readonly number[]): number[] {
  const total = sum(sizes);
  const shares = sizes.map((size) => Math.floor((100 * size) / total));
  shares[sizes.findIndex((size) => size > 0)]! += 100 - sum(shares);
  return shares;
}

function largest<E>(levels: readonly SelectedLevel<E>[]): readonly E[] {
  let best: SelectedLevel<E> | null = null;
  for (const level of levels) if (best === null || level.loadPercent > best.loadPercent) best = level;
  return best === null ? [] : best.candidates;
}

function sumWeights(endpoints: readonly EndpointLoad[]): number {
  let total = 0;
  for (const { weight } of endpoints) total += weight;
  return total;
}

function sum(values: readonly number[]): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}

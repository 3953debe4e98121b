// Which endpoints may be picked at all, and how requests are shared among priorities: Envoy's rules
// (arch_overview/upstream/ load_balancing/priority and panic_threshold). A priority carries its healthy share times
// 1.4; what it cannot carry spills to the next. When all priorities together cannot carry everything, a priority below
// the panic threshold uses all its endpoints: sending to the sick beats crushing the few that are well.

import type { EndpointLoad } from './types.ts';

/** Envoy's overprovisioning factor, in percent. */
const overprovisioningPercent = 140;

export interface SelectedLevel<E> {
  readonly priority: number;
  /** Usable endpoints, or all of the priority in panic. */
  readonly candidates: readonly E[];
  /** Share of the requests, 0 to 100. */
  readonly loadPercent: number;
  readonly panic: boolean;
}

export interface Selection<E> {
  /** One per priority; the shares sum to 100 unless there is no endpoint at all. */
  readonly levels: readonly SelectedLevel<E>[];
  /**
   * The first level with the largest share: all there is to know where one priority is in use. Never null, maybe empty.
   */
  readonly candidates: readonly E[];
  readonly panic: boolean;
  readonly usable: number;
  readonly total: number;
}

export function isUsable(endpoint: EndpointLoad, nowMs: number): boolean {
  return endpoint.healthy && endpoint.ejectedUntilMs <= nowMs;
}

/**
 * `priorities[i]`: the endpoints of priority i. `panicPercent`: 0 to 100, 0 switches panic off. For changes, not for
 * each pick.
 */
export function selectCandidates<E extends EndpointLoad>(
  priorities: readonly (readonly E[])[],
  panicPercent: number,
  nowMs: number,
): Selection<E> {
  const usable = priorities.map((endpoints) => endpoints.filter((endpoint) => isUsable(endpoint, nowMs)));
  const health = priorities.map((all, index) =>
    all.length === 0
      ? 0
      : Math.min(100, Math.floor((overprovisioningPercent * usable[index]!.length) / all.length)),
  );
  const totalHealth = Math.min(100, sum(health));
  const inPanic = priorities.map(
    (all, index) =>
      totalHealth < 100 && all.length > 0 && (100 * usable[index]!.length) / all.length < panicPercent,
  );
  const everywhere = priorities.every((all, index) => all.length === 0 || inPanic[index]);
  const shares =
    everywhere && inPanic.includes(true)
      ? shareBySize(priorities.map((all) => all.length))
      : shareByHealth(health, totalHealth);
  const levels = priorities.map((all, priority) => ({
    priority,
    candidates: inPanic[priority] ? all : usable[priority]!,
    loadPercent: shares[priority]!,
    panic: inPanic[priority]!,
  }));
  return {
    levels,
    candidates: largest(levels),
    panic: levels.some((level) => level.panic && level.loadPercent > 0),
    usable: sum(usable.map((endpoints) => endpoints.length)),
    total: sum(priorities.map((endpoints) => endpoints.length)),
  };
}

/** Each priority takes what its health carries of what is left; rounding goes to the first that carries anything. */
function shareByHealth(health: readonly number[], totalHealth: number): number[] {
  if (totalHealth === 0) return health.map(() => 0);
  let left = 100;
  const shares = health.map((own) => {
    const share = Math.min(left, Math.floor((own * 100) / totalHealth));
    left -= share;
    return share;
  });
  if (left > 0) shares[health.findIndex((own) => own > 0)]! += left;
  return shares;
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

function sum(values: readonly number[]): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}

// Which priorities a retry goes to when those that it has met are to be spared (Envoy's
// envoy.extensions.retry.priority.previous_priorities.v3): the others share what is left by what they can carry, and
// when none of them can carry anything all are asked as before.

import { type Carries, type Shares, shareByHealth } from './share-by-health.ts';

export interface SparedPriorities {
  /** Of the endpoints that were tried, in their order. */
  readonly tried: readonly number[];
  /** After so many attempts those that they met are spared, again after as many; 1 or more. */
  readonly every: number;
}

/** The shares of each priority; null: as before. */
export function shareSparing(carries: Carries, { every, tried }: SparedPriorities): Shares | null {
  const spared = new Set<number>();
  let since = 0;
  for (const [index, priority] of tried.entries()) {
    since += 1;
    if (since % every !== 0) continue;
    for (const met of tried.slice(index + 1 - since, index + 1)) spared.add(met);
    spared.add(priority);
    if (sumOf(without(carries, spared)) > 0) continue;
    spared.clear();
    since = 0;
  }
  if (spared.size === 0) return null;
  const left = without(carries, spared);
  return shareByHealth(left.healthy, left.degraded, Math.min(100, sumOf(left)));
}

function without({ degraded, healthy }: Carries, spared: ReadonlySet<number>): Carries {
  const keep = (own: number, priority: number): number => (spared.has(priority) ? 0 : own);
  return { healthy: healthy.map(keep), degraded: degraded.map(keep) };
}

function sumOf({ degraded, healthy }: Carries): number {
  return [...healthy, ...degraded].reduce((total, own) => total + own, 0);
}

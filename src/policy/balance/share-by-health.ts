// How requests are shared among priorities by what each of them can carry.

/** What of all requests each priority can carry, in percent. */
export interface Carries {
  readonly healthy: readonly number[];
  readonly degraded: readonly number[];
}

/** Of the requests, by priority; they sum to 100 unless nobody carries anything. */
export interface Shares {
  readonly healthy: number[];
  readonly degraded: number[];
}

/**
 * Each priority takes what its health carries of what is left; rounding goes to the first that carries anything.
 * `available`: what all carry together, 0 to 100.
 */
export function shareByHealth(
  health: readonly number[],
  degraded: readonly number[],
  available: number,
): Shares {
  if (available === 0) return { healthy: health.map(() => 0), degraded: degraded.map(() => 0) };
  let left = 100;
  const take = (own: number): number => {
    const share = Math.min(left, Math.floor((own * 100) / available));
    left -= share;
    return share;
  };
  const shares = { healthy: health.map(take), degraded: degraded.map(take) };
  const first = health.findIndex((own) => own > 0);
  if (first >= 0) shares.healthy[first]! += left;
  else shares.degraded[degraded.findIndex((own) => own > 0)]! += left;
  return shares;
}

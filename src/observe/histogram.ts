// A histogram with fixed bounds: recording is a binary search and an addition into a preallocated array, so it may
// stand on the request path. Bounds are upper and inclusive, as Prometheus counts them.

import { assert } from '../base/index.ts';

/**
 * Bounds for latencies, 100 us to 5 min. They hold all of Envoy's default bounds (0.5 ms, 1 ms, 5 ms, ...), so that
 * dashboards which ask for one carry over, and steps of at most 2 between 100 us and 1 s, so that a quantile is never
 * wrong by more than that.
 */
export const latencyBoundsSeconds: readonly number[] = [
  0.0001, 0.00015, 0.00025, 0.00035, 0.0005, 0.00075, 0.001, 0.0015, 0.0025, 0.0035, 0.005, 0.0075, 0.01,
  0.015, 0.025, 0.035, 0.05, 0.075, 0.1, 0.15, 0.25, 0.35, 0.5, 0.75, 1, 1.5, 2.5, 5, 10, 30, 60, 300,
];

/** One array of bounds for all histograms made from the same list: they are many, and the list is one. */
const sharedBounds = new WeakMap<readonly number[], Float64Array>();

function shareBounds(bounds: readonly number[]): Float64Array {
  let shared = sharedBounds.get(bounds);
  if (shared === undefined) {
    for (let i = 1; i < bounds.length; i++) assert(bounds[i]! > bounds[i - 1]!, 'histogram bounds ascend');
    shared = Float64Array.from(bounds);
    sharedBounds.set(bounds, shared);
  }
  return shared;
}

export class Histogram {
  /** Never written. */
  readonly bounds: Float64Array;
  /** Count of each bucket alone, the last one beyond all bounds. Not cumulative. */
  readonly counts: Float64Array;
  count = 0;
  /** Sum of all values; NaN and negative values count as 0. */
  sum = 0;

  /** @param bounds upper bounds, ascending, in the unit of `record` (seconds by convention). */
  constructor(bounds: readonly number[] | Float64Array) {
    this.bounds = bounds instanceof Float64Array ? bounds : shareBounds(bounds);
    this.counts = new Float64Array(bounds.length + 1);
  }

  record(seconds: number): void {
    const value = Number.isNaN(seconds) ? 0 : Math.max(seconds, 0);
    const bounds = this.bounds;
    let low = 0;
    let high = bounds.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (value <= bounds[middle]!) high = middle;
      else low = middle + 1;
    }
    this.counts[low]! += 1;
    this.count += 1;
    this.sum += value;
  }

  /**
   * The value below which the share `q` (0 to 1) lies, interpolated inside its bucket; beyond the last bound that
   * bound; 0 while empty.
   */
  quantile(q: number): number {
    if (this.count === 0) return 0;
    const rank = Math.min(Math.max(q, 0), 1) * this.count;
    let before = 0;
    for (let i = 0; i < this.bounds.length; i++) {
      const inside = this.counts[i]!;
      if (inside > 0 && before + inside >= rank) {
        const lower = i === 0 ? 0 : this.bounds[i - 1]!;
        return lower + (this.bounds[i]! - lower) * Math.max(0, (rank - before) / inside);
      }
      before += inside;
    }
    return this.bounds[this.bounds.length - 1] ?? 0;
  }

  /** Adds another histogram with the same bounds. */
  merge(other: Histogram): void {
    assert(other.bounds.length === this.bounds.length, 'merged histograms have the same bounds');
    for (let i = 0; i < this.counts.length; i++) this.counts[i]! += other.counts[i]!;
    this.count += other.count;
    this.sum += other.sum;
  }

  reset(): void {
    this.counts.fill(0);
    this.count = 0;
    this.sum = 0;
  }
}

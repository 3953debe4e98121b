// The candidates of a balancer and what all balancers share: their storage, sampling by weight, and passing over
// endpoints that this request has tried. Retries are rare, so that path scans; the first pick does not.

import type { Random } from '../../base/index.ts';
import { slowStartFactor, warmUntilMs } from './slow-start.ts';
import type { EndpointLoad, SlowStartConfig } from './types.ts';

/** Draws after which an endpoint in slow start is taken all the same: all may be. */
const drawsMax = 16;

export class Candidates<E extends EndpointLoad> {
  items: readonly E[] = [];
  /** All weights alike: sampling needs no table. */
  uniform = true;
  /** Running sums of the weights; unused while uniform. */
  private sums = new Float64Array(0);
  private readonly random: Random;
  private readonly slowStart: SlowStartConfig | null;
  /** Until then some of them get less than their share. */
  private warmUntilMs = -1;

  constructor(random: Random, slowStart: SlowStartConfig | null = null) {
    this.random = random;
    this.slowStart = slowStart;
  }

  isWarming(nowMs: number): boolean {
    return nowMs < this.warmUntilMs;
  }

  replace(items: readonly E[]): void {
    this.items = items;
    if (this.slowStart !== null) this.warmUntilMs = warmUntilMs(items, this.slowStart);
    this.uniform = items.every((item) => item.weight === items[0]!.weight);
    if (this.uniform) return;
    this.sums = new Float64Array(items.length);
    let sum = 0;
    for (let index = 0; index < items.length; index++) {
      sum += items[index]!.weight;
      this.sums[index] = sum;
    }
  }

  /**
   * As {@link sample}, each with the share that slow start leaves it: who is drawn is kept with that probability,
   * else drawn anew.
   */
  sampleAt(nowMs: number): number {
    if (nowMs >= this.warmUntilMs) return this.sample();
    for (let draw = 1; ; draw++) {
      const index = this.sample();
      if (draw === drawsMax || this.keeps(this.items[index]!, nowMs)) return index;
    }
  }

  private keeps(item: E, nowMs: number): boolean {
    const factor = slowStartFactor(item, this.slowStart!, nowMs);
    return factor === 1 || this.random.float() < factor;
  }

  /** A random index, each with the probability of its share of the weights. There is at least one candidate. */
  sample(): number {
    const { length } = this.items;
    if (this.uniform) return this.random.below(length);
    const sums = this.sums;
    const target = this.random.float() * sums[length - 1]!;
    let low = 0;
    let high = length - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (sums[middle]! > target) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  /** How many candidates `tried` does not hold. */
  countUntried(tried: readonly E[]): number {
    let count = 0;
    for (let index = 0; index < this.items.length; index++) {
      if (!tried.includes(this.items[index]!)) count += 1;
    }
    return count;
  }

  /** The `rank`-th (from 0) candidate that `tried` does not hold, or null. */
  untriedAt(rank: number, tried: readonly E[]): E | null {
    let left = rank;
    for (let index = 0; index < this.items.length; index++) {
      const item = this.items[index]!;
      if (tried.includes(item)) continue;
      if (left === 0) return item;
      left -= 1;
    }
    return null;
  }

  /** A random one, by weight, that `tried` does not hold; null when it holds all. */
  sampleUntried(tried: readonly E[]): E | null {
    let total = 0;
    for (let index = 0; index < this.items.length; index++) {
      const item = this.items[index]!;
      if (!tried.includes(item)) total += item.weight;
    }
    let target = this.random.float() * total;
    let last: E | null = null;
    for (let index = 0; index < this.items.length; index++) {
      const item = this.items[index]!;
      if (tried.includes(item)) continue;
      last = item;
      target -= item.weight;
      if (target < 0) break;
    }
    return last;
  }
}

// Power of choices on peak EWMA (Mitzenmacher 2001; Finagle): of a few random endpoints the one with the lowest
// expected cost gets the attempt. A few, not all, so that many callers with the same stale picture do not all run to
// the same place. Three, not two: with two, one slow endpoint among three is compared with a single other one in two
// picks of three, and wins whenever that one has a bad moment. Simulated (1 % of the good ones' answers spike, 20/s):
// 0.6 % of the picks are slow with three, 1.2 % with two; thirty callers on shared queues at 80 % load have a p99 of
// 149 ms with three, 182 ms with two. These four figures were taken before `similarFactor` came, with the cheapest
// winning always, and were not taken again.

import type { Random } from '../../base/index.ts';
import { Candidates } from './candidates.ts';
import { estimateMs, recordFinish, recordStart } from './load-meter.ts';
import type { BalanceConfig, Balancer, EndpointLoad, Outcome, PickRequest } from './types.ts';

/**
 * An endpoint whose first answer is awaited is worse than any that has answered, but not infinitely: all may be in that
 * state.
 */
const unknownBusyFactor = 1e9;

/**
 * Costs within this factor count as alike, and the one with fewer attempts in flight wins, else chance. Without it the
 * luckier of two equal endpoints would get nearly everything while calls are rare: its estimate is fresh and low, the
 * other's only fades.
 */
const similarFactor = 2;

export class LatencyAware<E extends EndpointLoad> implements Balancer<E> {
  private readonly random: Random;
  private readonly decayMs: number;
  private readonly defaultRttMs: number;
  private readonly candidates: Candidates<E>;

  constructor(config: Extract<BalanceConfig, { kind: 'latency-aware' }>, random: Random) {
    this.random = random;
    this.decayMs = config.decayMs;
    this.defaultRttMs = config.defaultRttMs;
    this.candidates = new Candidates<E>(random, config.slowStart ?? null);
  }

  update(candidates: readonly E[]): void {
    this.candidates.replace(candidates);
  }

  pick(request: PickRequest<E>): E | null {
    const { nowMs, tried } = request;
    const { items } = this.candidates;
    if (items.length === 0) return null;
    if (tried.length > 0) {
      const left = this.candidates.countUntried(tried);
      if (left > 0) return this.pickUntried(nowMs, tried, left);
    }
    if (items.length === 1) return items[0]!;
    if (this.candidates.isWarming(nowMs)) return this.pickWarming(nowMs);
    const first = this.random.below(items.length);
    const drawn = this.random.below(items.length - 1);
    const second = drawn < first ? drawn : drawn + 1;
    const cheaper = this.cheaper(items[first]!, items[second]!, nowMs);
    if (items.length === 2) return cheaper;
    return this.cheaper(cheaper, items[this.drawThird(first, second)]!, nowMs);
  }

  onStart(endpoint: E, nowMs: number): void {
    recordStart(endpoint, nowMs);
  }

  onFinish(endpoint: E, nowMs: number, rttMs: number, outcome: Outcome): void {
    recordFinish(endpoint, nowMs, rttMs, outcome, this.decayMs);
  }

  /** Expected cost of one more attempt, in ms of latency at the endpoint's load and weight 1. */
  cost(endpoint: E, nowMs: number): number {
    const load = (endpoint.active + 1) / endpoint.weight;
    if (endpoint.costMs >= 0) return load * estimateMs(endpoint, nowMs, this.decayMs, this.defaultRttMs);
    // Nothing is known: one probe is worth its risk at once, a second one only where everybody is unknown.
    if (endpoint.active === 0) return 0;
    const waited = nowMs - endpoint.waitingSinceMs;
    return load * unknownBusyFactor * Math.max(this.defaultRttMs, waited);
  }

  /** Who is in slow start is among the three as rarely as its share is small, and is judged like the others then. */
  private pickWarming(nowMs: number): E {
    const { items } = this.candidates;
    const first = items[this.candidates.sampleAt(nowMs)]!;
    const cheaper = this.cheaper(first, items[this.candidates.sampleAt(nowMs)]!, nowMs);
    return this.cheaper(cheaper, items[this.candidates.sampleAt(nowMs)]!, nowMs);
  }

  private pickUntried(nowMs: number, tried: readonly E[], left: number): E {
    const first = this.random.below(left);
    const one = this.candidates.untriedAt(first, tried)!;
    if (left === 1) return one;
    const second = this.random.below(left - 1);
    return this.cheaper(one, this.candidates.untriedAt(second < first ? second : second + 1, tried)!, nowMs);
  }

  /** An index that is neither of the two. */
  private drawThird(first: number, second: number): number {
    const lower = Math.min(first, second);
    const drawn = this.random.below(this.candidates.items.length - 2);
    const past = drawn < lower ? drawn : drawn + 1;
    return past < Math.max(first, second) ? past : past + 1;
  }

  /** The first wins a tie: it was drawn at random. */
  private cheaper(first: E, second: E, nowMs: number): E {
    const firstCost = this.cost(first, nowMs);
    const secondCost = this.cost(second, nowMs);
    if (secondCost * similarFactor < firstCost) return second;
    if (firstCost * similarFactor < secondCost) return first;
    return (second.active + 1) * first.weight < (first.active + 1) * second.weight ? second : first;
  }
}

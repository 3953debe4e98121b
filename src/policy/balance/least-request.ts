// Fewest attempts in flight among N random choices (Envoy's least_request with N choices; weights count in the draw and
// in the comparison, so shares follow them both when idle and when loaded), or among all (FULL_SCAN). Where Envoy's
// options are asked for and weights differ, its way holds: they are turns, each the smaller the more is in flight.

import type { Random } from '../../base/index.ts';
import { Candidates } from './candidates.ts';
import { defaultDecayMs, recordFinish, recordStart } from './load-meter.ts';
import { slowStartFactor } from './slow-start.ts';
import { Turns } from './turns.ts';
import type { BalanceConfig, Balancer, EndpointLoad, Outcome, PickRequest } from './types.ts';

type LeastConfig = Extract<BalanceConfig, { kind: 'least-request' }>;

export class LeastRequest<E extends EndpointLoad> implements Balancer<E> {
  private readonly config: LeastConfig;
  private readonly choices: number;
  private readonly random: Random;
  private readonly candidates: Candidates<E>;
  /** Of unequal weights, where these are turns. */
  private turns: Turns | null = null;

  constructor(config: LeastConfig, random: Random) {
    this.config = config;
    this.choices = config.choices;
    this.random = random;
    this.candidates = new Candidates<E>(random, config.slowStart ?? null);
  }

  update(candidates: readonly E[]): void {
    this.candidates.replace(candidates);
    const { bias, scansAll = false } = this.config;
    this.turns = (bias === undefined && !scansAll) || this.candidates.uniform ? null : new Turns(this.random);
    this.turns?.update(Float64Array.from(candidates, ({ weight }) => weight));
  }

  pick(request: PickRequest<E>): E | null {
    const { nowMs, tried } = request;
    const { items } = this.candidates;
    if (items.length === 0) return null;
    if (tried.length > 0 && this.candidates.countUntried(tried) > 0) return this.pickUntried(tried);
    if (this.turns !== null) return this.takeTurn(this.turns, nowMs);
    if (this.config.scansAll === true) return this.scan(nowMs);
    let best = items[this.candidates.sampleAt(nowMs)]!;
    for (let choice = 1; choice < this.choices; choice++) {
      const other = items[this.candidates.sampleAt(nowMs)]!;
      if (other.active / other.weight < best.active / best.weight) best = other;
    }
    return best;
  }

  onStart(endpoint: E, nowMs: number): void {
    recordStart(endpoint, nowMs);
  }

  onFinish(endpoint: E, nowMs: number, rttMs: number, outcome: Outcome): void {
    recordFinish(endpoint, nowMs, rttMs, outcome, defaultDecayMs);
  }

  /** weight / (active + 1)^bias. */
  private takeTurn(turns: Turns, nowMs: number): E {
    const item = this.candidates.items[turns.peek()]!;
    const { bias = 1, slowStart } = this.config;
    const crowd = bias === 1 ? item.active + 1 : (item.active + 1) ** bias;
    const factor = slowStart === undefined ? 1 : slowStartFactor(item, slowStart, nowMs);
    turns.take((item.weight / crowd) * factor);
    return item;
  }

  /** All have one weight; of those that have the fewest, a random one. While some warm up, a few are drawn instead. */
  private scan(nowMs: number): E {
    const { items } = this.candidates;
    if (this.candidates.isWarming(nowMs)) return items[this.candidates.sampleAt(nowMs)]!;
    let best = items[0]!;
    let alike = 1;
    for (let index = 1; index < items.length; index++) {
      const other = items[index]!;
      if (other.active > best.active) continue;
      alike = other.active < best.active ? 1 : alike + 1;
      if (alike === 1 || this.random.below(alike) === 0) best = other;
    }
    return best;
  }

  private pickUntried(tried: readonly E[]): E | null {
    let best = this.candidates.sampleUntried(tried)!;
    for (let choice = 1; choice < this.choices; choice++) {
      const other = this.candidates.sampleUntried(tried)!;
      if (other.active / other.weight < best.active / best.weight) best = other;
    }
    return best;
  }
}

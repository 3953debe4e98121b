// Fewest attempts in flight among N random choices (Envoy's least_request with N choices; weights count in the draw and
// in the comparison, so shares follow them both when idle and when loaded).

import type { Random } from '../../base/index.ts';
import { Candidates } from './candidates.ts';
import { defaultDecayMs, recordFinish, recordStart } from './load-meter.ts';
import type { Balancer, EndpointLoad, Outcome, PickRequest, SlowStartConfig } from './types.ts';

export class LeastRequest<E extends EndpointLoad> implements Balancer<E> {
  readonly #choices: number;
  readonly #candidates: Candidates<E>;

  /** `choices`: 2 or more. */
  constructor(choices: number, random: Random, slowStart: SlowStartConfig | null = null) {
    this.#choices = choices;
    this.#candidates = new Candidates<E>(random, slowStart);
  }

  update(candidates: readonly E[]): void {
    this.#candidates.replace(candidates);
  }

  pick(request: PickRequest<E>): E | null {
    const { nowMs, tried } = request;
    const { items } = this.#candidates;
    if (items.length === 0) return null;
    if (tried.length > 0 && this.#candidates.countUntried(tried) > 0) return this.#pickUntried(tried);
    let best = items[this.#candidates.sampleAt(nowMs)]!;
    for (let choice = 1; choice < this.#choices; choice++) {
      const other = items[this.#candidates.sampleAt(nowMs)]!;
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

  #pickUntried(tried: readonly E[]): E | null {
    let best = this.#candidates.sampleUntried(tried)!;
    for (let choice = 1; choice < this.#choices; choice++) {
      const other = this.#candidates.sampleUntried(tried)!;
      if (other.active / other.weight < best.active / best.weight) best = other;
    }
    return best;
  }
}

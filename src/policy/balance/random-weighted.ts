// A random endpoint, each with the probability of its share of the weights.

import type { Random } from '../../base/index.ts';
import { Candidates } from './candidates.ts';
import { defaultDecayMs, recordFinish, recordStart } from './load-meter.ts';
import type { Balancer, EndpointLoad, Outcome, PickRequest } from './types.ts';

export class RandomWeighted<E extends EndpointLoad> implements Balancer<E> {
  private readonly candidates: Candidates<E>;

  constructor(random: Random) {
    this.candidates = new Candidates<E>(random);
  }

  update(candidates: readonly E[]): void {
    this.candidates.replace(candidates);
  }

  pick(request: PickRequest<E>): E | null {
    const { tried } = request;
    const { items } = this.candidates;
    if (items.length === 0) return null;
    if (tried.length > 0) {
      const untried = this.candidates.sampleUntried(tried);
      if (untried !== null) return untried;
    }
    return items[this.candidates.sample()]!;
  }

  onStart(endpoint: E, nowMs: number): void {
    recordStart(endpoint, nowMs);
  }

  onFinish(endpoint: E, nowMs: number, rttMs: number, outcome: Outcome): void {
    recordFinish(endpoint, nowMs, rttMs, outcome, defaultDecayMs);
  }
}

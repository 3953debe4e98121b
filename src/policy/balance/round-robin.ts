// Smooth weighted round robin: turns by weight (turns.ts).

import type { Random } from '../../base/index.ts';
import { defaultDecayMs, recordFinish, recordStart } from './load-meter.ts';
import { slowStartFactor, warmUntilMs } from './slow-start.ts';
import { Turns } from './turns.ts';
import type { Balancer, EndpointLoad, Outcome, PickRequest, SlowStartConfig } from './types.ts';

export class RoundRobin<E extends EndpointLoad> implements Balancer<E> {
  private readonly slowStart: SlowStartConfig | null;
  private readonly turns: Turns;
  private readonly weightOf: (endpoint: EndpointLoad) => number;
  private items: readonly E[] = [];
  /** Until then some of them get less than their share. */
  private warmUntilMs = -1;

  constructor(random: Random, slowStart: SlowStartConfig | null = null, weightOf = configuredWeight) {
    this.slowStart = slowStart;
    this.weightOf = weightOf;
    this.turns = new Turns(random);
  }

  update(candidates: readonly E[]): void {
    this.items = candidates;
    if (this.slowStart !== null) this.warmUntilMs = warmUntilMs(candidates, this.slowStart);
    this.turns.update(Float64Array.from(candidates, this.weightOf));
  }

  pick(request: PickRequest<E>): E | null {
    const { nowMs, tried } = request;
    const { length } = this.items;
    if (length === 0) return null;
    const first = this.turn(nowMs);
    if (tried.length === 0 || !tried.includes(first)) return first;
    // The skipped turns are not given back: who has failed this request loses a turn.
    for (let turns = 1; turns < 2 * length; turns++) {
      const next = this.turn(nowMs);
      if (!tried.includes(next)) return next;
    }
    // Weights so uneven that others never came up: take any that is left.
    for (let index = 0; index < length; index++) {
      if (!tried.includes(this.items[index]!)) return this.items[index]!;
    }
    return first;
  }

  onStart(endpoint: E, nowMs: number): void {
    recordStart(endpoint, nowMs);
  }

  onFinish(endpoint: E, nowMs: number, rttMs: number, outcome: Outcome): void {
    recordFinish(endpoint, nowMs, rttMs, outcome, defaultDecayMs);
  }

  private turn(nowMs: number): E {
    const item = this.items[this.turns.peek()]!;
    const weight = this.weightOf(item);
    const warming = nowMs < this.warmUntilMs;
    this.turns.take(warming ? weight * slowStartFactor(item, this.slowStart!, nowMs) : weight);
    return item;
  }
}

function configuredWeight({ weight }: EndpointLoad): number {
  return weight;
}

/** Of balancing by what endpoints report of their load. */
export function reportedWeight({ loadWeight }: EndpointLoad): number {
  return loadWeight;
}

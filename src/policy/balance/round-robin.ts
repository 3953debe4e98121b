// Smooth weighted round robin: earliest deadline first, where a turn moves an endpoint's deadline by 1/weight, so a
// weight of 3 among ones is spread over the round instead of coming thrice in a row. A binary heap keeps a turn at
// O(log n). Every balancer starts at a random phase, or all callers would begin with the same endpoint.

import type { Random } from '../../base/index.ts';
import { defaultDecayMs, recordFinish, recordStart } from './load-meter.ts';
import type { Balancer, EndpointLoad, Outcome, PickRequest } from './types.ts';

export class RoundRobin<E extends EndpointLoad> implements Balancer<E> {
  readonly #random: Random;
  #items: readonly E[] = [];
  /** Heap of indices into the items, by deadline. */
  #heap = new Int32Array(0);
  #deadlines = new Float64Array(0);

  constructor(random: Random) {
    this.#random = random;
  }

  update(candidates: readonly E[]): void {
    this.#items = candidates;
    this.#heap = new Int32Array(candidates.length);
    this.#deadlines = new Float64Array(candidates.length);
    for (let index = 0; index < candidates.length; index++) {
      this.#heap[index] = index;
      this.#deadlines[index] = this.#random.float() / candidates[index]!.weight;
    }
    for (let at = (candidates.length >> 1) - 1; at >= 0; at--) this.#sink(at);
  }

  pick(request: PickRequest<E>): E | null {
    const { tried } = request;
    const { length } = this.#items;
    if (length === 0) return null;
    const first = this.#turn();
    if (tried.length === 0 || !tried.includes(first)) return first;
    // The skipped turns are not given back: who has failed this request loses a turn.
    for (let turns = 1; turns < 2 * length; turns++) {
      const next = this.#turn();
      if (!tried.includes(next)) return next;
    }
    // Weights so uneven that others never came up: take any that is left.
    for (let index = 0; index < length; index++) {
      if (!tried.includes(this.#items[index]!)) return this.#items[index]!;
    }
    return first;
  }

  onStart(endpoint: E, nowMs: number): void {
    recordStart(endpoint, nowMs);
  }

  onFinish(endpoint: E, nowMs: number, rttMs: number, outcome: Outcome): void {
    recordFinish(endpoint, nowMs, rttMs, outcome, defaultDecayMs);
  }

  #turn(): E {
    const index = this.#heap[0]!;
    const item = this.#items[index]!;
    this.#deadlines[index] = this.#deadlines[index]! + 1 / item.weight;
    // Deadlines lose precision as they grow; starting over long before that costs one uneven round.
    if (this.#deadlines[index]! > 1e9) this.update(this.#items);
    else this.#sink(0);
    return item;
  }

  #sink(from: number): void {
    const heap = this.#heap;
    const deadlines = this.#deadlines;
    const moved = heap[from]!;
    const due = deadlines[moved]!;
    let at = from;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && deadlines[heap[child + 1]!]! < deadlines[heap[child]!]!) child += 1;
      if (deadlines[heap[child]!]! >= due) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = moved;
  }
}

// Whose turn it is, by weights: earliest deadline first, where a turn moves a deadline by 1/weight, so a weight of 3
// among ones is spread over the round instead of coming thrice in a row. A binary heap keeps a turn at O(log n).
// Turns begin at a random phase, or all callers would begin with the same one.

import type { Random } from '../../base/index.ts';

export class Turns {
  /** Heap of indices, by deadline. */
  private heap = new Int32Array(0);
  private deadlines = new Float64Array(0);
  private weights: ArrayLike<number> = [];
  private readonly random: Random;

  constructor(random: Random) {
    this.random = random;
  }

  /** All are above 0. */
  update(weights: ArrayLike<number>): void {
    const { length } = weights;
    this.weights = weights;
    this.heap = new Int32Array(length);
    this.deadlines = new Float64Array(length);
    for (let index = 0; index < length; index++) {
      this.heap[index] = index;
      this.deadlines[index] = this.random.float() / weights[index]!;
    }
    for (let at = (length >> 1) - 1; at >= 0; at--) this.sink(at);
  }

  /** Whose turn it is; there is at least one. {@link take} ends it. */
  peek(): number {
    return this.heap[0]!;
  }

  /** Ends the turn of whoever has it, with the weight that counts now. */
  take(weight: number): void {
    const index = this.heap[0]!;
    this.deadlines[index] = this.deadlines[index]! + 1 / weight;
    // Deadlines lose precision as they grow; starting over long before that costs one uneven round.
    if (this.deadlines[index]! > 1e9) this.update(this.weights);
    else this.sink(0);
  }

  private sink(from: number): void {
    const heap = this.heap;
    const deadlines = this.deadlines;
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

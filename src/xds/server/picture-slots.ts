// How many clients are given their first picture at once. When a thousand come back together, each of some 32 gets all
// it needs and is done, rather than a thousand half-served ones filling the memory; one that does not take what it was
// sent gives its place up soon.

import { picturesAtOnceMax } from '../limits.ts';

/** Takes its turn when one is free. */
export interface SlotTaker {
  onSlot(): void;
}

export class PictureSlots {
  private readonly taken = new Set<SlotTaker>();
  private readonly waiting = new Set<SlotTaker>();

  /** True: it has one. False: it waits, and is told. */
  take(taker: SlotTaker): boolean {
    if (this.taken.has(taker)) return true;
    if (this.taken.size >= picturesAtOnceMax) {
      this.waiting.add(taker);
      return false;
    }
    this.waiting.delete(taker);
    this.taken.add(taker);
    return true;
  }

  release(taker: SlotTaker): void {
    this.waiting.delete(taker);
    if (!this.taken.delete(taker)) return;
    const [next] = this.waiting;
    if (next === undefined) return;
    this.waiting.delete(next);
    this.taken.add(next);
    next.onSlot();
  }
}

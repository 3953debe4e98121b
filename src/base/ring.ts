// A bounded first-in, first-out queue without shifting or allocation once it has grown to its working size.

import { assert } from './errors.ts';

const initialCapacity = 16;

export class Ring<T> {
  /** Entries at most; `push` refuses more. */
  readonly countMax: number;
  private slots: (T | null)[];
  private head = 0;
  private filled = 0;

  /** `countMax` >= 1. Storage starts small and doubles up to it. */
  constructor(countMax: number) {
    assert(countMax >= 1, 'a ring holds something');
    this.countMax = countMax;
    this.slots = new Array<T | null>(initialCapacity).fill(null);
  }

  get count(): number {
    return this.filled;
  }

  /** Appends; false when full, and then nothing changed. */
  push(value: T): boolean {
    if (this.filled === this.countMax) return false;
    if (this.filled === this.slots.length) this.grow();
    this.slots[(this.head + this.filled) & (this.slots.length - 1)] = value;
    this.filled++;
    return true;
  }

  /** Removes and returns the oldest, or null when empty. */
  shift(): T | null {
    if (this.filled === 0) return null;
    const value = this.slots[this.head]!;
    // Cleared, so that the ring keeps nothing alive that its user has taken.
    this.slots[this.head] = null;
    this.head = (this.head + 1) & (this.slots.length - 1);
    this.filled--;
    return value;
  }

  /** The oldest, or null when empty. */
  peek(): T | null {
    return this.filled === 0 ? null : this.slots[this.head]!;
  }

  /** Removes the first entry that is `value`, keeping the order of the others: linear, for cancellations. */
  remove(value: T): boolean {
    const mask = this.slots.length - 1;
    for (let at = 0; at < this.filled; at++) {
      if (this.slots[(this.head + at) & mask] !== value) continue;
      for (let to = at; to < this.filled - 1; to++)
        this.slots[(this.head + to) & mask] = this.slots[(this.head + to + 1) & mask]!;
      this.filled--;
      this.slots[(this.head + this.filled) & mask] = null;
      return true;
    }
    return false;
  }

  private grow(): void {
    const old = this.slots;
    this.slots = new Array<T | null>(old.length * 2).fill(null);
    for (let at = 0; at < this.filled; at++) this.slots[at] = old[(this.head + at) & (old.length - 1)]!;
    this.head = 0;
  }
}

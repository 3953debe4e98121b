// Events of the last while, counted by all threads: the window of retry-budget.ts over shared words. Each bucket is
// one word, which holds the low bits of its number beside its count, so that one compare and exchange both begins a
// bucket and counts in it, and no event is lost when two threads begin the same one. A bucket left from before is
// known by its number; the bits repeat after 8,192 buckets (more than an hour of the default budget), when what such
// a bucket held counts once more, until it is out of the window again.

const bucketCount = 20;
export const windowWords = bucketCount + 1;

const countBits = 18;
/** A bucket counts so far and no further. */
const countMax = 2 ** countBits - 1;
const stampMask = 2 ** 13 - 1;

export class SharedWindow {
  private readonly words: Int32Array;
  private readonly at: number;
  private readonly bucketMs: number;

  constructor(words: Int32Array, at: number, spanMs: number) {
    this.words = words;
    this.at = at;
    this.bucketMs = spanMs / bucketCount;
  }

  /** `by` may be negative, for what was added at the same time. */
  add(nowMs: number, by = 1): void {
    const bucket = Math.floor(nowMs / this.bucketMs);
    const stamp = stampOf(bucket);
    const at = this.at + (bucket % windowWords);
    let word = Atomics.load(this.words, at);
    for (;;) {
      const count = word >>> countBits === stamp ? word & countMax : 0;
      const next = (stamp << countBits) | Math.max(0, Math.min(countMax, count + by));
      const seen = Atomics.compareExchange(this.words, at, word, next);
      if (seen === word) return;
      word = seen;
    }
  }

  read(nowMs: number): number {
    const newest = Math.floor(nowMs / this.bucketMs);
    let total = 0;
    for (let bucket = Math.max(0, newest - bucketCount); bucket <= newest; bucket++) {
      const word = Atomics.load(this.words, this.at + (bucket % windowWords));
      if (word >>> countBits === stampOf(bucket)) total += word & countMax;
    }
    return total;
  }
}

/** Never 0, so that a word nobody wrote is nobody's. */
function stampOf(bucket: number): number {
  return 1 + (bucket % stampMask);
}

// A token bucket from which all threads take. Whoever sees first that a fill is due claims it, and adds its tokens;
// until those are in, others see the bucket as it was, so that what passes is never more than a bucket of one thread
// would let through.

import type { RateLimit, TokenBucketConfig } from '../limit/index.ts';
import type { SharedMemory } from './shared-memory.ts';

/** Fills claimed since the bucket began. */
const fillsAt = 0;
const tokensAt = 1;
/** When it began: a 64-bit number. */
const startAt = 2;
const bucketWords = 4;
/** Of 31 bits. */
const countMax = 2 ** 31 - 1;

export class SharedTokenBucket implements RateLimit {
  /** For who gives it back. */
  readonly at: number;
  private readonly words: Int32Array;
  private readonly config: TokenBucketConfig;
  private readonly startMs: number;

  /** Null: the memory is full. The bucket of that name begins with whoever asks first. */
  static open(
    memory: SharedMemory,
    name: string,
    config: TokenBucketConfig,
    nowMs: number,
  ): SharedTokenBucket | null {
    const at = memory.acquire(name, bucketWords, (fresh) => {
      memory.words[fresh + tokensAt] = Math.min(countMax, config.tokensMax);
      memory.numbers[(fresh + startAt) / 2] = nowMs;
    });
    return at < 0 ? null : new SharedTokenBucket(memory, at, config);
  }

  private constructor(memory: SharedMemory, at: number, config: TokenBucketConfig) {
    this.words = memory.words;
    this.at = at;
    this.config = config;
    this.startMs = memory.numbers[(at + startAt) / 2]!;
  }

  take(nowMs: number): boolean {
    this.fill(nowMs);
    const { words } = this;
    const at = this.at + tokensAt;
    let tokens = Atomics.load(words, at);
    while (tokens > 0) {
      const seen = Atomics.compareExchange(words, at, tokens, tokens - 1);
      if (seen === tokens) return true;
      tokens = seen;
    }
    return false;
  }

  private fill(nowMs: number): void {
    const { words, config } = this;
    // The number of fills may wrap; the difference does not.
    const due = Math.floor((nowMs - this.startMs) / config.fillIntervalMs) | 0;
    const done = Atomics.load(words, this.at + fillsAt);
    const fills = (due - done) | 0;
    if (fills <= 0 || Atomics.compareExchange(words, this.at + fillsAt, done, due) !== done) return;
    const max = Math.min(countMax, config.tokensMax);
    const gained = Math.min(max, fills * config.tokensPerFill);
    const at = this.at + tokensAt;
    let tokens = Atomics.load(words, at);
    for (;;) {
      const seen = Atomics.compareExchange(words, at, tokens, Math.min(max, tokens + gained));
      if (seen === tokens) return;
      tokens = seen;
    }
  }
}

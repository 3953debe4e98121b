// A token bucket from which all threads take. When it was empty is one number that they exchange, so that it is one
// bucket to the last token.

import { FillRate, type RateLimit, type TokenBucketConfig } from '../limit/index.ts';
import type { SharedMemory } from './shared-memory.ts';

/** When it began, and nanoseconds from there to when it was empty: 64-bit numbers. */
const startAt = 0;
const emptyAt = 2;
const bucketWords = 4;

export class SharedTokenBucket implements RateLimit {
  /** For who gives it back. */
  readonly at: number;
  private readonly empty: BigInt64Array;
  private readonly rate: FillRate;
  private readonly startMs: number;

  /** Null: the memory is full. The bucket of that name begins with whoever asks first. */
  static open(
    memory: SharedMemory,
    name: string,
    config: TokenBucketConfig,
    nowMs: number,
  ): SharedTokenBucket | null {
    const at = memory.acquire(name, bucketWords, (fresh) => {
      memory.numbers[(fresh + startAt) / 2] = nowMs;
      emptyOf(memory, fresh)[0] = BigInt(-new FillRate(config).firstNs);
    });
    return at < 0 ? null : new SharedTokenBucket(memory, at, config);
  }

  private constructor(memory: SharedMemory, at: number, config: TokenBucketConfig) {
    this.at = at;
    this.empty = emptyOf(memory, at);
    this.rate = new FillRate(config);
    this.startMs = memory.numbers[(at + startAt) / 2]!;
  }

  take(nowMs: number): boolean {
    return this.takeUpTo(1, nowMs) === 1;
  }

  takeUpTo(count: number, nowMs: number): number {
    const { empty, rate } = this;
    const nowNs = this.nowNs(nowMs);
    let seen = Atomics.load(empty, 0);
    for (;;) {
      const emptyNs = rate.boundedNs(Number(seen), nowNs);
      const taken = Math.min(count, Math.floor((nowNs - emptyNs) / rate.tokenNs));
      if (taken <= 0) return 0;
      const before = Atomics.compareExchange(empty, 0, seen, BigInt(emptyNs + taken * rate.tokenNs));
      if (before === seen) return taken;
      seen = before;
    }
  }

  remaining(nowMs: number): number {
    return Math.floor(this.gatheredNs(nowMs) / this.rate.tokenNs);
  }

  untilNextMs(nowMs: number): number {
    const { tokenNs } = this.rate;
    return (tokenNs - (this.gatheredNs(nowMs) % tokenNs)) / 1e6;
  }

  private gatheredNs(nowMs: number): number {
    const nowNs = this.nowNs(nowMs);
    return nowNs - this.rate.boundedNs(Number(Atomics.load(this.empty, 0)), nowNs);
  }

  private nowNs(nowMs: number): number {
    return Math.round((nowMs - this.startMs) * 1e6);
  }
}

function emptyOf({ words }: SharedMemory, at: number): BigInt64Array {
  return new BigInt64Array(words.buffer, words.byteOffset + (at + emptyAt) * 4, 1);
}

// How many bytes may pass: a token bucket as Envoy's StreamRateLimiter has it. It gathers a second's worth at most. A
// token stands for several bytes where the rate is high, because the bucket counts whole nanoseconds.

import type { RateLimit, TokenBucketConfig } from './token-bucket.ts';

export interface ByteRateConfig {
  readonly bytesPerSecond: number;
  /** How often who waits is served; 20 to 1000. */
  readonly intervalMs: number;
}

/** At more tokens a second than this their time is told too coarsely. */
const tokensPerSecondMax = 100_000;

/**
 * The bucket that a {@link ByteLimit} takes from. What a fresh one holds: what a second brings, or no more than an
 * interval does, so that a short body is paced too.
 */
export function byteBucket(config: ByteRateConfig, fresh: 'full' | 'an interval'): TokenBucketConfig {
  const tokens = Math.max(1, Math.round(config.bytesPerSecond / tokenBytes(config)));
  const little = Math.max(1, Math.round((tokens * config.intervalMs) / 1000));
  const tokensAtFirst = fresh === 'full' ? tokens : little;
  return { tokensMax: tokens, tokensAtFirst, tokensPerFill: tokens, fillIntervalMs: 1000 };
}

function tokenBytes({ bytesPerSecond }: ByteRateConfig): number {
  return Math.ceil(bytesPerSecond / tokensPerSecondMax);
}

/** One stream's part of a bucket, which others may share. */
export class ByteLimit {
  readonly intervalMs: number;
  private readonly bucket: RateLimit;
  private readonly tokenBytes: number;
  /** Bytes of the last token that were not needed yet. */
  private left = 0;

  constructor(config: ByteRateConfig, bucket: RateLimit) {
    this.intervalMs = config.intervalMs;
    this.bucket = bucket;
    this.tokenBytes = tokenBytes(config);
  }

  /** How many of `count` bytes may pass now. */
  take(count: number, nowMs: number): number {
    const wanted = Math.ceil((count - this.left) / this.tokenBytes);
    if (wanted > 0) this.left += this.bucket.takeUpTo(wanted, nowMs) * this.tokenBytes;
    const taken = Math.min(count, this.left);
    this.left -= taken;
    return taken;
  }

  /** Another limit lets fewer pass. */
  giveBack(count: number): void {
    this.left += count;
  }
}

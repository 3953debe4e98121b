// Token bucket: how many requests may pass in a time, with a burst. Filled in whole steps, as Envoy's, so that both say
// no at the same request; the time is passed in.

export interface TokenBucketConfig {
  /** The burst, and what a fresh bucket holds. */
  readonly tokensMax: number;
  readonly tokensPerFill: number;
  readonly fillIntervalMs: number;
}

export interface RateLimit {
  /** Takes one token; false: there is none. */
  take(nowMs: number): boolean;
}

export class TokenBucket implements RateLimit {
  private readonly config: TokenBucketConfig;
  private tokens: number;
  private filledMs: number;

  constructor(config: TokenBucketConfig, nowMs: number) {
    this.config = config;
    this.tokens = config.tokensMax;
    this.filledMs = nowMs;
  }

  take(nowMs: number): boolean {
    const { tokensMax, tokensPerFill, fillIntervalMs } = this.config;
    const fills = Math.floor((nowMs - this.filledMs) / fillIntervalMs);
    if (fills > 0) {
      this.tokens = Math.min(tokensMax, this.tokens + fills * tokensPerFill);
      this.filledMs += fills * fillIntervalMs;
    }
    if (this.tokens < 1) return false;
    this.tokens -= 1;
    return true;
  }
}

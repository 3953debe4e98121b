// Token bucket: how many requests may pass in a time, with a burst. Tokens come one by one over the interval of a fill,
// and a full bucket gathers nothing, as in Envoy (AtomicTokenBucketImpl), so that both say no at the same request; the
// time is passed in.

export interface TokenBucketConfig {
  /** The burst. */
  readonly tokensMax: number;
  /** What a fresh bucket holds; absent: the burst. */
  readonly tokensAtFirst?: number;
  readonly tokensPerFill: number;
  readonly fillIntervalMs: number;
}

export interface RateLimit {
  /** Takes one token; false: there is none. */
  take(nowMs: number): boolean;
  /** Takes as many as there are, `count` at most; how many that were. */
  takeUpTo(count: number, nowMs: number): number;
  /** What is there now. */
  remaining(nowMs: number): number;
  /** Until the next token. */
  untilNextMs(nowMs: number): number;
}

/** A configuration in nanoseconds: whole ones, so that sums of them are exact. */
export class FillRate {
  readonly tokenNs: number;
  /** In which an empty bucket becomes full. */
  readonly fullNs: number;
  /** In which it becomes what a fresh one is. */
  readonly firstNs: number;

  constructor({ fillIntervalMs, tokensAtFirst, tokensMax, tokensPerFill }: TokenBucketConfig) {
    this.tokenNs = Math.max(1, Math.floor((fillIntervalMs * 1e6) / tokensPerFill));
    this.fullNs = tokensMax * this.tokenNs;
    this.firstNs = (tokensAtFirst ?? tokensMax) * this.tokenNs;
  }

  /** When a bucket that was empty at `emptyNs` would have been empty, had it only gathered what it can hold. */
  boundedNs(emptyNs: number, nowNs: number): number {
    return Math.max(emptyNs, nowNs - this.fullNs);
  }
}

/** All that it keeps is when it was, or would have been, empty. */
export class TokenBucket implements RateLimit {
  private readonly rate: FillRate;
  private readonly startMs: number;
  private emptyNs: number;

  constructor(config: TokenBucketConfig, nowMs: number) {
    this.rate = new FillRate(config);
    this.startMs = nowMs;
    this.emptyNs = -this.rate.firstNs;
  }

  take(nowMs: number): boolean {
    const { tokenNs } = this.rate;
    const gatheredNs = this.gatheredNs(nowMs);
    if (gatheredNs < tokenNs) return false;
    this.emptyNs += tokenNs;
    return true;
  }

  takeUpTo(count: number, nowMs: number): number {
    const { tokenNs } = this.rate;
    const taken = Math.min(count, Math.floor(this.gatheredNs(nowMs) / tokenNs));
    this.emptyNs += taken * tokenNs;
    return taken;
  }

  remaining(nowMs: number): number {
    return Math.floor(this.gatheredNs(nowMs) / this.rate.tokenNs);
  }

  untilNextMs(nowMs: number): number {
    const { tokenNs } = this.rate;
    return (tokenNs - (this.gatheredNs(nowMs) % tokenNs)) / 1e6;
  }

  private gatheredNs(nowMs: number): number {
    const nowNs = Math.round((nowMs - this.startMs) * 1e6);
    this.emptyNs = this.rate.boundedNs(this.emptyNs, nowNs);
    return nowNs - this.emptyNs;
  }
}

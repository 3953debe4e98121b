// Where limits, budgets and ejections count. A proxy of one thread counts in plain fields; one of several counts in
// memory that its threads share, behind the same faces. What is created under one name on several threads counts as
// one.

import type { Random } from '../../base/index.ts';
import type { EndpointLoad } from '../balance/index.ts';
import { Breaker, type CircuitBreaker, type LimitsConfig } from '../breaker/index.ts';
import {
  type Gauge,
  LocalGauge,
  type RateLimit,
  TokenBucket,
  type TokenBucketConfig,
} from '../limit/index.ts';
import { type Detector, type OutlierConfig, type OutlierCounts, OutlierDetector } from '../outlier/index.ts';
import { createRetryLimit, type RetryLimit, type RetryLimitConfig } from '../retry/index.ts';
import { breakerWords, SharedBreaker } from './shared-breaker.ts';
import { type CheckBoard, SharedCheck } from './shared-check.ts';
import { SharedGauge } from './shared-gauge.ts';
import type { SharedMemory } from './shared-memory.ts';
import { SharedOutlierDetector } from './shared-outlier-detector.ts';
import { createSharedRetryLimit, retryLimitWords } from './shared-retry-limit.ts';
import { SharedTokenBucket } from './shared-token-bucket.ts';

export interface DetectorOptions {
  /** The cluster's. */
  readonly name: string;
  readonly config: OutlierConfig;
  readonly counts: OutlierCounts;
  readonly random: Random;
  /** Another thread ejected an endpoint or took it back, and {@link Detector.look} has seen to it. */
  readonly onOthers: () => void;
}

export interface Counters {
  createBreaker(name: string, limits: LimitsConfig): CircuitBreaker;
  createRetryLimit(name: string, config: RetryLimitConfig): RetryLimit;
  createRateLimit(name: string, config: TokenBucketConfig, nowMs: number): RateLimit;
  createGauge(name: string): Gauge;
  createDetector<E extends EndpointLoad>(options: DetectorOptions): Detector<E>;
  /** Of one endpoint's active checks; null: this thread makes them for itself. */
  createCheck(cluster: string, endpoint: string): CheckBoard | null;
}

export const localCounters: Counters = {
  createBreaker: (_name, limits) => new Breaker(limits),
  createRetryLimit: (_name, config) => createRetryLimit(config),
  createRateLimit: (_name, config, nowMs) => new TokenBucket(config, nowMs),
  createGauge: () => new LocalGauge(),
  createDetector: <E extends EndpointLoad>({ config, counts, random }: DetectorOptions) =>
    new OutlierDetector<E>(config, counts, random),
  createCheck: () => null,
};

export class SharedCounters implements Counters {
  private readonly memory: SharedMemory;
  private readonly onChange: (cluster: string) => void;
  private readonly onFull: () => void;
  private readonly leads: boolean;
  /** Rate limits live as long as what the configuration says of them, which nobody else looks after. */
  private readonly forgotten: FinalizationRegistry<number>;

  /**
   * `onChange`: the threads' clusters of that name are to look again (ejections, a slot for a connection). `onFull`:
   * what is created counts for this thread alone, because the memory is full. `leads`: this thread does what one has to
   * do for all.
   */
  constructor(memory: SharedMemory, onChange: (cluster: string) => void, onFull: () => void, leads: boolean) {
    this.leads = leads;
    this.memory = memory;
    this.onChange = onChange;
    this.onFull = onFull;
    this.forgotten = new FinalizationRegistry((at) => memory.release(at));
  }

  createBreaker(name: string, limits: LimitsConfig): CircuitBreaker {
    const at = this.memory.acquire(`breaker ${name}`, breakerWords);
    if (at >= 0) return new SharedBreaker(this.memory, at, limits, () => this.onChange(name));
    this.onFull();
    return localCounters.createBreaker(name, limits);
  }

  /** Another configuration is another limit: its windows differ. */
  createRetryLimit(name: string, config: RetryLimitConfig): RetryLimit {
    const at = this.memory.acquire(`retries ${name} ${JSON.stringify(config)}`, retryLimitWords);
    if (at >= 0) return createSharedRetryLimit(this.memory, at, config);
    this.onFull();
    return localCounters.createRetryLimit(name, config);
  }

  createRateLimit(name: string, config: TokenBucketConfig, nowMs: number): RateLimit {
    const key = `rate ${name} ${JSON.stringify(config)}`;
    const bucket = SharedTokenBucket.open(this.memory, key, config, nowMs);
    if (bucket !== null) {
      this.forgotten.register(bucket, bucket.at);
      return bucket;
    }
    this.onFull();
    return localCounters.createRateLimit(name, config, nowMs);
  }

  createGauge(name: string): Gauge {
    const at = this.memory.acquire(`gauge ${name}`, 1);
    if (at >= 0) return new SharedGauge(this.memory.words, at);
    this.onFull();
    return localCounters.createGauge(name);
  }

  createCheck(cluster: string, endpoint: string): CheckBoard | null {
    const onChange = () => this.onChange(cluster);
    const check = SharedCheck.open(this.memory, `check ${cluster} ${endpoint}`, this.leads, onChange);
    if (check === null) this.onFull();
    return check;
  }

  createDetector<E extends EndpointLoad>(options: DetectorOptions): Detector<E> {
    const { name, config, counts, random, onOthers } = options;
    const onOwn = () => this.onChange(name);
    const key = `outlier ${name}`;
    const detector = SharedOutlierDetector.open<E>(this.memory, key, config, counts, random, onOwn, onOthers);
    if (detector !== null) return detector;
    this.onFull();
    return localCounters.createDetector<E>(options);
  }
}

// What requests of one routing priority may take of a cluster: Envoy's circuit_breakers.thresholds, one set for DEFAULT
// and one for HIGH, which share nothing but the endpoints.

import type { CircuitBreaker, LimitsConfig, RetryLimit, RetryLimitConfig } from '../../policy/index.ts';
import type { ProxyContext } from '../context.ts';

export interface LaneConfig {
  readonly limits: LimitsConfig;
  readonly retryLimit: RetryLimitConfig | null;
}

export class Lane {
  readonly breaker: CircuitBreaker;
  retryLimit: RetryLimit | null;
  private readonly context: ProxyContext;
  private readonly name: string;

  /** `name`: of what all threads of the proxy count together. */
  constructor(context: ProxyContext, name: string, config: LaneConfig) {
    this.context = context;
    this.name = name;
    this.breaker = context.counters.createBreaker(name, config.limits);
    this.retryLimit = this.createRetryLimit(config);
  }

  /** Parts whose settings did not change keep their memory. */
  update(before: LaneConfig, config: LaneConfig): void {
    if (!sameValue(before.limits, config.limits)) this.breaker.update(config.limits);
    if (sameValue(before.retryLimit, config.retryLimit)) return;
    this.retryLimit?.dispose();
    this.retryLimit = this.createRetryLimit(config);
  }

  /** Retries that would be granted now; -1: nothing limits them. */
  retriesLeft(nowMs: number): number {
    return this.retryLimit === null ? -1 : this.retryLimit.remaining(nowMs, this.breaker.requests);
  }

  dispose(): void {
    this.breaker.dispose();
    this.retryLimit?.dispose();
  }

  private createRetryLimit({ retryLimit }: LaneConfig): RetryLimit | null {
    return retryLimit === null ? null : this.context.counters.createRetryLimit(this.name, retryLimit);
  }
}

/** Configuration values are plain data; snapshots compile them anew, so identity says nothing. */
export function sameValue(a: unknown, b: unknown): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}

// envoy.filters.http.local_ratelimit: a token bucket of this proxy's own, for a listener or a route.

import { TokenBucket } from '../../policy/index.ts';
import type { ResponseHead } from '../../wire/index.ts';
import type { ListenerFilterConfig, LocalRateLimitConfig } from '../config/filter-types.ts';
import {
  type Answerer,
  type Authorizer,
  applyEdits,
  type Denial,
  type RequestState,
} from '../exchange/index.ts';
import { responseFlags } from '../stats/index.ts';
import { configFor, denial, drawn, type HttpFilter } from './filter.ts';

const details = 'local_rate_limited';

export class LocalRateLimitFilter implements HttpFilter, Authorizer, Answerer {
  readonly name: string;
  readonly authorizer = this;
  readonly answerer = this;
  readonly counts = { ok: 0, limited: 0, enforced: 0 };
  private readonly filter: ListenerFilterConfig;
  /** A route's bucket lives as long as what the route says. */
  private readonly buckets = new WeakMap<LocalRateLimitConfig, TokenBucket>();

  constructor(filter: ListenerFilterConfig) {
    this.name = filter.name;
    this.filter = filter;
  }

  authorize(request: RequestState): 'allow' | Denial {
    const config = configFor(request, this.filter, 'local-rate-limit');
    if (config === null || config.bucket === null || !drawn(config.enabledShare, request)) return 'allow';
    if (this.bucketOf(config, config.bucket, request).take(request.startedMs)) {
      this.counts.ok += 1;
      return 'allow';
    }
    this.counts.limited += 1;
    if (!drawn(config.enforcedShare, request)) {
      if (config.notEnforcedEdits !== null) applyEdits(request.head, config.notEnforcedEdits);
      return 'allow';
    }
    this.counts.enforced += 1;
    return denial(config.status, details, details, responseFlags.rateLimited);
  }

  onAnswer(request: RequestState, head: ResponseHead): void {
    if (request.details !== details) return;
    const config = configFor(request, this.filter, 'local-rate-limit');
    if (config !== null && config.responseEdits !== null) applyEdits(head, config.responseEdits);
  }

  private bucketOf(
    config: LocalRateLimitConfig,
    bucketConfig: NonNullable<LocalRateLimitConfig['bucket']>,
    request: RequestState,
  ): TokenBucket {
    let bucket = this.buckets.get(config);
    if (bucket === undefined) {
      bucket = new TokenBucket(bucketConfig, request.startedMs);
      this.buckets.set(config, bucket);
    }
    return bucket;
  }
}

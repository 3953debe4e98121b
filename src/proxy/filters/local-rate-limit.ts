// envoy.filters.http.local_ratelimit: a token bucket of this proxy's own, for a listener or a route.

import type { RateLimit } from '../../policy/index.ts';
import type { ResponseHead } from '../../wire/index.ts';
import type { ListenerFilterConfig, LocalRateLimitConfig } from '../config/filter-types.ts';
import {
  type Answerer,
  type Authorizer,
  applyEdits,
  type Denial,
  type RequestState,
} from '../exchange/index.ts';
import { type FilterSample, responseFlags } from '../stats/index.ts';
import { configFor, denial, drawn, type HttpFilter } from './filter.ts';

interface Counts {
  enabled: number;
  ok: number;
  rate_limited: number;
  enforced: number;
}

const details = 'local_rate_limited';

export class LocalRateLimitFilter implements HttpFilter, Authorizer, Answerer {
  readonly name: string;
  readonly authorizer = this;
  readonly answerer = this;
  private readonly filter: ListenerFilterConfig;
  private readonly position: number;
  /** A route's bucket lives as long as what the route says. */
  private readonly buckets = new WeakMap<LocalRateLimitConfig, RateLimit>();
  /** By stat prefix: each thing that is said may name its own. */
  private readonly counts = new Map<string, Counts>();

  constructor(filter: ListenerFilterConfig, position: number) {
    this.name = filter.name;
    this.filter = filter;
    this.position = position;
  }

  *samples(): Iterable<FilterSample> {
    for (const [prefix, counts] of this.counts)
      for (const [name, value] of Object.entries(counts))
        yield {
          name: `http_local_rate_limit_${name}`,
          value,
          labels: { envoy_local_http_ratelimit_prefix: prefix },
        };
  }

  authorize(request: RequestState): 'allow' | Denial {
    const config = configFor(request, this.filter, 'local-rate-limit');
    if (config === null || config.bucket === null || !drawn(config.enabledShare, request)) return 'allow';
    const counts = this.countsOf(config);
    counts.enabled += 1;
    if (this.bucketOf(config, config.bucket, request).take(request.context.clock.now())) {
      counts.ok += 1;
      return 'allow';
    }
    counts.rate_limited += 1;
    if (!drawn(config.enforcedShare, request)) {
      if (config.notEnforcedEdits !== null) applyEdits(request.head, config.notEnforcedEdits, request);
      return 'allow';
    }
    counts.enforced += 1;
    return denial(config.status, details, details, responseFlags.rateLimited);
  }

  onAnswer(request: RequestState, head: ResponseHead): null {
    if (request.authorized !== this.position || request.details !== details) return null;
    const config = configFor(request, this.filter, 'local-rate-limit');
    if (config !== null && config.responseEdits !== null) applyEdits(head, config.responseEdits, request);
    return null;
  }

  private countsOf({ statPrefix }: LocalRateLimitConfig): Counts {
    let counts = this.counts.get(statPrefix);
    if (counts === undefined) {
      counts = { enabled: 0, ok: 0, rate_limited: 0, enforced: 0 };
      this.counts.set(statPrefix, counts);
    }
    return counts;
  }

  private bucketOf(
    config: LocalRateLimitConfig,
    bucketConfig: NonNullable<LocalRateLimitConfig['bucket']>,
    request: RequestState,
  ): RateLimit {
    let bucket = this.buckets.get(config);
    if (bucket === undefined) {
      const { context, listener, virtualHost } = request;
      const host = config.inVirtualHost ? virtualHost : '';
      const name = [listener.config.name, this.position, this.name, host, config.place].join('\n');
      bucket = context.counters.createRateLimit(name, bucketConfig, request.startedMs);
      this.buckets.set(config, bucket);
    }
    return bucket;
  }
}

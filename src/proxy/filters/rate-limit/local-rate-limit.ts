// envoy.filters.http.local_ratelimit: token buckets of this proxy's own, for a listener or a route, and for what its
// requests are counted by.

import type { RateLimit, TokenBucketConfig } from '../../../policy/index.ts';
import type { ResponseHead } from '../../../wire/index.ts';
import type { ListenerFilterConfig, LocalRateLimitConfig } from '../../config/filter-types.ts';
import {
  type Answerer,
  type Authorizer,
  applyEdits,
  type Denial,
  type RequestState,
} from '../../exchange/index.ts';
import { type FilterSample, responseFlags } from '../../stats/index.ts';
import { configFor, denial, drawn, type HttpFilter } from '../filter.ts';
import { describeRequest, keyOf } from './descriptors.ts';

interface Counts {
  enabled: number;
  ok: number;
  rate_limited: number;
  enforced: number;
}

/** What one configuration limits by. */
interface Buckets {
  /** null: nothing in general. */
  readonly common: LimitBucket | null;
  /** By the entries of their descriptors. */
  readonly own: ReadonlyMap<string, LimitBucket>;
}

interface LimitBucket {
  readonly config: TokenBucketConfig;
  readonly limit: RateLimit;
}

const details = 'local_rate_limited';

export class LocalRateLimitFilter implements HttpFilter, Authorizer, Answerer {
  readonly name: string;
  readonly authorizer = this;
  readonly answerer = this;
  private readonly filter: ListenerFilterConfig;
  private readonly position: number;
  /** A route's buckets live as long as what the route says. */
  private readonly buckets = new WeakMap<LocalRateLimitConfig, Buckets>();
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
    if (config === null || isEmpty(config) || !drawn(config.enabledShare, request)) return 'allow';
    const counts = this.countsOf(config);
    counts.enabled += 1;
    const buckets = this.bucketsOf(config, request);
    const { allowed, by } = judge(config, buckets, request);
    if (config.tellsLimits) request.slots[this.position] = by;
    if (allowed) {
      counts.ok += 1;
      return 'allow';
    }
    counts.rate_limited += 1;
    if (!drawn(config.enforcedShare, request)) {
      if (config.notEnforcedEdits !== null) applyEdits(request.head, config.notEnforcedEdits, request);
      return 'allow';
    }
    counts.enforced += 1;
    const refusal = denial(config.status, details, details, responseFlags.rateLimited);
    return config.grpcStatus === null ? refusal : { ...refusal, grpcStatus: config.grpcStatus };
  }

  onAnswer(request: RequestState, head: ResponseHead): null {
    const refused = request.authorized === this.position && request.details === details;
    const by = request.slots[this.position];
    if (!refused && by === undefined) return null;
    const config = configFor(request, this.filter, 'local-rate-limit');
    if (config === null) return null;
    if (refused && config.responseEdits !== null) applyEdits(head, config.responseEdits, request);
    if (config.tellsLimits && by) tellLimit(head, by as LimitBucket, request.context.clock.now());
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

  private bucketsOf(config: LocalRateLimitConfig, request: RequestState): Buckets {
    const known = this.buckets.get(config);
    if (known !== undefined) return known;
    const { context, listener, startedMs, virtualHost } = request;
    const host = config.inVirtualHost ? virtualHost : '';
    const place = [listener.config.name, this.position, this.name, host, config.place].join('\n');
    const create = (bucket: TokenBucketConfig, key: string): LimitBucket => ({
      config: bucket,
      limit: context.counters.createRateLimit(key === '' ? place : `${place}\n${key}`, bucket, startedMs),
    });
    const buckets: Buckets = {
      common: config.bucket === null ? null : create(config.bucket, ''),
      own: new Map(
        config.descriptors.map(({ bucket, entries }) => [keyOf(entries), create(bucket, keyOf(entries))]),
      ),
    };
    this.buckets.set(config, buckets);
    return buckets;
  }
}

/** Nothing is limited here. */
function isEmpty({ bucket, descriptors }: LocalRateLimitConfig): boolean {
  return bucket === null && descriptors.length === 0;
}

/** `by`: whose limit the client is told. */
function judge(
  config: LocalRateLimitConfig,
  { common, own }: Buckets,
  request: RequestState,
): { readonly allowed: boolean; readonly by: LimitBucket | null } {
  const nowMs = request.context.clock.now();
  const concerned = own.size === 0 ? none : bucketsFor(own, request, config);
  for (const bucket of concerned) if (!bucket.limit.take(nowMs)) return { allowed: false, by: bucket };
  const [first = null] = concerned;
  if (common === null || (first !== null && !config.alwaysDefault)) return { allowed: true, by: first };
  if (!common.limit.take(nowMs)) return { allowed: false, by: common };
  return { allowed: true, by: first ?? common };
}

const none: readonly LimitBucket[] = [];

/** Those that fill slowest first, as Envoy asks them. */
function bucketsFor(
  own: Buckets['own'],
  request: RequestState,
  { hostRules, rules, stage }: LocalRateLimitConfig,
): readonly LimitBucket[] {
  return describeRequest(request, stage, hostRules, rules)
    .flatMap(({ entries }) => own.get(keyOf(entries)) ?? [])
    .sort((left, right) => rateOf(left) - rateOf(right));
}

function rateOf({ config }: LimitBucket): number {
  return config.tokensPerFill / config.fillIntervalMs;
}

/** draft-ietf-httpapi-ratelimit-headers-03, as Envoy fills it. */
function tellLimit(head: ResponseHead, { config, limit }: LimitBucket, nowMs: number): void {
  head.add('x-ratelimit-limit', `${config.tokensMax}`);
  const remaining = limit.remaining(nowMs);
  head.add('x-ratelimit-remaining', `${remaining}`);
  const resetMs = remaining > 0 ? 0 : limit.untilNextMs(nowMs);
  head.add('x-ratelimit-reset', `${Math.ceil(resetMs / 1000)}`);
}

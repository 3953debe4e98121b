// envoy.filters.http.bandwidth_limit: bodies pass no faster than a rate, which all requests share that it is said to.

import { ByteLimit, byteBucket, type RateLimit } from '../../policy/index.ts';
import type { ResponseHead } from '../../wire/index.ts';
import type { BandwidthLimitConfig, ListenerFilterConfig } from '../config/filter-types.ts';
import {
  type Answerer,
  type Authorizer,
  type PaceLimit,
  paceRequest,
  paceResponse,
  type RequestState,
} from '../exchange/index.ts';
import type { FilterSample } from '../stats/index.ts';
import { configFor, type HttpFilter } from './filter.ts';

/** Of one direction. Sizes are those of the last piece, as Envoy's gauges. */
interface Counts {
  enabled: number;
  enforced: number;
  pending: number;
  incoming_size: number;
  allowed_size: number;
  incoming_total_size: number;
  allowed_total_size: number;
}

type Side = 'request' | 'response';

const gauges: ReadonlySet<string> = new Set(['pending', 'incoming_size', 'allowed_size']);

export class BandwidthLimitFilter implements HttpFilter, Authorizer, Answerer {
  readonly name: string;
  readonly authorizer = this;
  readonly answerer = this;
  private readonly filter: ListenerFilterConfig;
  private readonly position: number;
  /** A route's bucket lives as long as what the route says. */
  private readonly buckets = new WeakMap<BandwidthLimitConfig, RateLimit>();
  /** By stat prefix: each thing that is said names its own. */
  private readonly counts = new Map<string, Readonly<Record<Side, Counts>>>();

  constructor(filter: ListenerFilterConfig, position: number) {
    this.name = filter.name;
    this.filter = filter;
    this.position = position;
  }

  *samples(): Iterable<FilterSample> {
    for (const [prefix, sides] of this.counts)
      for (const [side, counts] of Object.entries(sides))
        for (const [name, value] of Object.entries(counts))
          yield {
            name: `${prefix.replaceAll(/[^a-zA-Z0-9_]/g, '_')}_http_bandwidth_limit_${side}_${name}`,
            value,
            ...(gauges.has(name) ? { type: 'gauge' } : {}),
          };
  }

  authorize(request: RequestState): 'allow' {
    const config = configFor(request, this.filter, 'bandwidth-limit');
    if (config?.request) {
      const counts = this.countsOf(config, 'request');
      counts.enabled += 1;
      paceRequest(request, this.limitOf(config, counts, request));
    }
    return 'allow';
  }

  onAnswer(request: RequestState, _head: ResponseHead, endStream: boolean): null {
    const config = configFor(request, this.filter, 'bandwidth-limit');
    if (config?.response) {
      const counts = this.countsOf(config, 'response');
      counts.enabled += 1;
      if (!endStream) paceResponse(request, this.limitOf(config, counts, request));
    }
    return null;
  }

  private limitOf(config: BandwidthLimitConfig, counts: Counts, request: RequestState): PaceLimit {
    const bytes = new ByteLimit(config.rate, this.bucketOf(config, request));
    return new CountedLimit(bytes, counts, 1000 / config.rate.intervalMs);
  }

  private bucketOf(config: BandwidthLimitConfig, request: RequestState): RateLimit {
    const known = this.buckets.get(config);
    if (known !== undefined) return known;
    const { context, listener, virtualHost } = request;
    const host = config.inVirtualHost ? virtualHost : '';
    const place = ['bandwidth', listener.config.name, this.position, this.name, host, config.place].join(
      '\n',
    );
    const bucket = context.counters.createRateLimit(
      place,
      byteBucket(config.rate, 'full'),
      context.clock.now(),
    );
    this.buckets.set(config, bucket);
    return bucket;
  }

  private countsOf({ statPrefix }: BandwidthLimitConfig, side: Side): Counts {
    let sides = this.counts.get(statPrefix);
    if (sides === undefined) {
      sides = { request: noCounts(), response: noCounts() };
      this.counts.set(statPrefix, sides);
    }
    return sides[side];
  }
}

class CountedLimit implements PaceLimit {
  readonly bytes: ByteLimit;
  private readonly counts: Counts;
  private readonly intervals: number;
  private began = false;

  /** `intervals`: in a second. */
  constructor(bytes: ByteLimit, counts: Counts, intervals: number) {
    this.bytes = bytes;
    this.counts = counts;
    this.intervals = intervals;
  }

  onIncoming(count: number): void {
    if (!this.began) this.counts.pending += 1;
    this.began = true;
    this.counts.incoming_size = count;
    this.counts.incoming_total_size += count;
  }

  onAllowed(count: number, held: boolean): void {
    this.counts.allowed_size = count * this.intervals;
    this.counts.allowed_total_size += count;
    if (held) this.counts.enforced += 1;
  }

  onOver(): void {
    if (this.began) this.counts.pending -= 1;
  }
}

function noCounts(): Counts {
  return {
    enabled: 0,
    enforced: 0,
    pending: 0,
    incoming_size: 0,
    allowed_size: 0,
    incoming_total_size: 0,
    allowed_total_size: 0,
  };
}

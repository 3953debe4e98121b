// Network filters: asked once of a connection, when it (and its TLS) is open and before anything of it is served. The
// first that says no ends it; a listener without them pays one comparison a connection.

import type { Clock } from '../../base/index.ts';
import type { SocketHandler } from '../../net/index.ts';
import type { Counters, Gauge, RateLimit, TokenBucketConfig } from '../../policy/index.ts';
import type { NetworkFilterConfig } from '../config/filter-types.ts';
import type { ProxyContext } from '../context.ts';
import type { ExchangeContext } from '../exchange/index.ts';
import type { Ends } from '../filters/index.ts';
import type { FilterSample } from '../stats/index.ts';
import { DelayedRefusal, delayedMax } from './delayed-refusal.ts';
import { NetworkRbac, type Said } from './network-rbac.ts';
import { rejected } from './rejected.ts';

interface NetworkFilter {
  admit(ends: Ends): boolean;
  /** Of whom it judged last. */
  readonly said?: Said | null;
  /** What becomes of one that it did not admit; absent or null: it is reset. */
  refuse?(): SocketHandler | null;
  /** One that was admitted is over, or was refused by a filter behind. */
  release(): void;
  samples(): Iterable<FilterSample>;
}

export class NetworkChain {
  readonly key: string;
  /** Of the connection that was judged last. */
  said: Said | null = null;
  private readonly filters: readonly NetworkFilter[];

  constructor(listener: string, configs: readonly NetworkFilterConfig[], context: ExchangeContext) {
    this.key = JSON.stringify(configs);
    this.filters = configs.map((config, index) => createFilter(`${listener}/${index}`, config, context));
  }

  /** null: it is served. */
  judge(ends: Ends): SocketHandler | null {
    this.said = null;
    for (const [index, filter] of this.filters.entries()) {
      const admitted = filter.admit(ends);
      this.said = filter.said ?? this.said;
      if (admitted) continue;
      for (const before of this.filters.slice(0, index)) before.release();
      return filter.refuse?.() ?? rejected;
    }
    return null;
  }

  release(): void {
    for (const filter of this.filters) filter.release();
  }

  samples(): readonly FilterSample[] {
    return this.filters.flatMap((filter) => [...filter.samples()]);
  }
}

/** `name`: by which threads find what they count together. */
function createFilter(name: string, config: NetworkFilterConfig, context: ExchangeContext): NetworkFilter {
  switch (config.kind) {
    case 'rbac':
      return new NetworkRbac(config);
    case 'connection-limit':
      return new ConnectionLimit(name, config, context);
    case 'connection-rate':
      return new ConnectionRate(name, config, context);
  }
}

class ConnectionLimit implements NetworkFilter {
  private readonly config: Extract<NetworkFilterConfig, { kind: 'connection-limit' }>;
  /** In this thread; `gauge` counts those of all. */
  private active = 0;
  private limited = 0;
  private readonly gauge: Gauge;
  /** Refused ones that wait for their end; null: they do not. */
  private readonly kept: Gauge | null;
  private readonly clock: Clock;
  private readonly accepted: ExchangeContext['accepted'];

  constructor(name: string, config: ConnectionLimit['config'], context: ExchangeContext) {
    this.config = config;
    this.accepted = context.accepted;
    this.clock = context.clock;
    this.kept = config.delayMs > 0 ? context.counters.createGauge(`network-delayed:${name}`) : null;
    this.gauge = context.counters.createGauge(`network:${name}`);
  }

  admit(): boolean {
    if (this.gauge.tryAdd(this.config.connectionsMax)) {
      this.active += 1;
      return true;
    }
    this.limited += 1;
    return false;
  }

  refuse(): SocketHandler | null {
    const { accepted, clock, config, kept } = this;
    if (kept === null || !kept.tryAdd(delayedMax)) return null;
    // It has a descriptor as any other: half of the room is left to those that are served.
    if (accepted.gauge.tryAdd(Math.floor(accepted.max / 2)))
      return new DelayedRefusal(clock, config.delayMs, [kept, accepted.gauge]);
    kept.add(-1);
    return null;
  }

  release(): void {
    this.active -= 1;
    this.gauge.add(-1);
  }

  *samples(): Iterable<FilterSample> {
    const labels = { envoy_connection_limit_prefix: this.config.statPrefix };
    yield { name: 'connection_limit_active_connections', value: this.active, labels, type: 'gauge' };
    yield { name: 'connection_limit_limited_connections', value: this.limited, labels };
  }
}

class ConnectionRate implements NetworkFilter {
  private readonly statPrefix: string;
  private readonly context: ProxyContext;
  private readonly bucket: RateLimit;
  private limited = 0;

  constructor(
    name: string,
    config: Extract<NetworkFilterConfig, { kind: 'connection-rate' }>,
    context: ProxyContext,
  ) {
    this.statPrefix = config.statPrefix;
    this.context = context;
    const { bucket, shareKey } = config;
    this.bucket =
      shareKey === ''
        ? context.counters.createRateLimit(`network:${name}`, bucket, context.clock.now())
        : sharedBucket(context, shareKey, bucket);
  }

  admit(): boolean {
    if (this.bucket.take(this.context.clock.now())) return true;
    this.limited += 1;
    return false;
  }

  release(): void {}

  *samples(): Iterable<FilterSample> {
    const labels = { envoy_local_network_ratelimit_prefix: this.statPrefix };
    yield { name: 'local_rate_limit_rate_limited', value: this.limited, labels };
  }
}

/** By key and bucket, while any filter has it. */
const shared = new WeakMap<Counters, Map<string, WeakRef<RateLimit>>>();

function sharedBucket({ clock, counters }: ProxyContext, key: string, config: TokenBucketConfig): RateLimit {
  let buckets = shared.get(counters);
  if (buckets === undefined) {
    buckets = new Map();
    shared.set(counters, buckets);
  }
  const name = `network-shared:${key} ${JSON.stringify(config)}`;
  const known = buckets.get(name)?.deref();
  if (known !== undefined) return known;
  for (const [each, bucket] of buckets) if (bucket.deref() === undefined) buckets.delete(each);
  const made = counters.createRateLimit(name, config, clock.now());
  buckets.set(name, new WeakRef(made));
  return made;
}

// From configuration to a balancer.

import { type Random, unreachable } from '../../base/index.ts';
import { BoundedLoad } from './bounded-load.ts';
import { LatencyAware } from './latency-aware.ts';
import { LeastRequest } from './least-request.ts';
import { Maglev } from './maglev.ts';
import { RandomWeighted } from './random-weighted.ts';
import { RingHash } from './ring-hash.ts';
import { RoundRobin, reportedWeight } from './round-robin.ts';
import type { BalanceConfig, Balancer, EndpointLoad, HashingConfig } from './types.ts';

export function createBalancer<E extends EndpointLoad>(config: BalanceConfig, random: Random): Balancer<E> {
  switch (config.kind) {
    case 'latency-aware':
      return new LatencyAware<E>(config, random);
    case 'least-request':
      return new LeastRequest<E>(config, random);
    case 'round-robin':
      return new RoundRobin<E>(random, config.slowStart);
    case 'load-weighted':
      return new RoundRobin<E>(random, config.slowStart, reportedWeight);
    case 'random':
      return new RandomWeighted<E>(random);
    case 'ring-hash':
      return bound(new RingHash<E>(config, random), config, random);
    case 'maglev':
      return bound(new Maglev<E>(config, random), config, random);
    default:
      return unreachable(config);
  }
}

function bound<E extends EndpointLoad>(
  table: Balancer<E>,
  { loadPercentMax }: HashingConfig,
  random: Random,
): Balancer<E> {
  return loadPercentMax === undefined ? table : new BoundedLoad<E>(table, loadPercentMax, random);
}

// From configuration to a balancer.

import { type Random, unreachable } from '../../base/index.ts';
import { LatencyAware } from './latency-aware.ts';
import { LeastRequest } from './least-request.ts';
import { Maglev } from './maglev.ts';
import { RandomWeighted } from './random-weighted.ts';
import { RingHash } from './ring-hash.ts';
import { RoundRobin } from './round-robin.ts';
import type { BalanceConfig, Balancer, EndpointLoad } from './types.ts';

export function createBalancer<E extends EndpointLoad>(config: BalanceConfig, random: Random): Balancer<E> {
  switch (config.kind) {
    case 'latency-aware':
      return new LatencyAware<E>(config, random);
    case 'least-request':
      return new LeastRequest<E>(config.choices, random, config.slowStart);
    case 'round-robin':
      return new RoundRobin<E>(random, config.slowStart);
    case 'random':
      return new RandomWeighted<E>(random);
    case 'ring-hash':
      return new RingHash<E>(config.sizeMin, config.sizeMax, random);
    case 'maglev':
      return new Maglev<E>(config.size, random);
    default:
      return unreachable(config);
  }
}

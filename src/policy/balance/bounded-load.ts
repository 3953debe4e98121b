// Consistent hashing with bounded loads (Mirrokni and others, arXiv 1608.01350; Envoy's hash_balance_factor): an
// endpoint that has more than so many times its share of what runs passes a key on, to the next of an order that is the
// key's own (random jumps, arXiv 1908.08762), so that it does not drown its neighbour. With Envoy's arithmetic, its
// generator and its shuffle, so that both pass a key on to the same.

import type { Random } from '../../base/index.ts';
import { MersenneTwister } from './mersenne-twister.ts';
import { weightsOf } from './ring-hash.ts';
import type { Balancer, EndpointLoad, Hash64, Outcome, PickRequest } from './types.ts';

export class BoundedLoad<E extends EndpointLoad> implements Balancer<E> {
  private readonly inner: Balancer<E>;
  private readonly percent: number;
  private readonly random: Random;
  private items: readonly E[] = [];
  /** Of all of them, by endpoint. */
  private shares = new Map<E, number>();

  /** `percent`: of its share that an endpoint may carry; 100 or more. */
  constructor(inner: Balancer<E>, percent: number, random: Random) {
    this.inner = inner;
    this.percent = percent;
    this.random = random;
  }

  update(candidates: readonly E[], weights = weightsOf(candidates)): void {
    this.inner.update(candidates, weights);
    this.items = candidates;
    const sum = weights.reduce((total, weight) => total + weight, 0);
    this.shares = new Map(candidates.map((endpoint, index) => [endpoint, weights[index]! / sum]));
  }

  pick(request: PickRequest<E>): E | null {
    const hash = request.hash ?? { high: this.random.uint32(), low: this.random.uint32() };
    const first = this.inner.pick(request.hash === null ? { ...request, hash } : request);
    if (first === null) return null;
    const slots = Math.floor(((this.active() + 1) * this.percent + 99) / 100);
    const over = this.overload(first, slots);
    return over <= 1 ? first : this.passOn(first, over, slots, hash, request.tried);
  }

  onStart(endpoint: E, nowMs: number): void {
    this.inner.onStart(endpoint, nowMs);
  }

  onFinish(endpoint: E, nowMs: number, rttMs: number, outcome: Outcome): void {
    this.inner.onFinish(endpoint, nowMs, rttMs, outcome);
  }

  /** The first in the key's order that has room; where nobody has, the one that is the least beyond. */
  private passOn(first: E, over: number, slots: number, hash: Hash64, tried: readonly E[]): E {
    const order = [...this.items];
    const generator = new MersenneTwister(hash.low);
    let least = first;
    let leastOver = over;
    for (let at = 0; at < order.length; at++) {
      const other = at + generator.below(order.length - at);
      const endpoint = order[other]!;
      order[other] = order[at]!;
      if (endpoint === first || tried.includes(endpoint)) continue;
      const its = this.overload(endpoint, slots);
      if (its <= 1) return endpoint;
      if (its < leastOver) {
        least = endpoint;
        leastOver = its;
      }
    }
    return least;
  }

  private overload(endpoint: E, slots: number): number {
    return endpoint.active / Math.max(1, Math.ceil(slots * this.shares.get(endpoint)!));
  }

  private active(): number {
    let active = 0;
    for (const endpoint of this.items) active += endpoint.active;
    return active;
  }
}

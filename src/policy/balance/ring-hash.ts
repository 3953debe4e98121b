// Consistent hashing on a ring (Envoy's ring_hash, ported by it from ketama): an endpoint stands on the ring as often
// as its weight says, and a key belongs to the first place at or behind its hash. With Envoy's keys, hash and counts,
// so that both pick alike.

import type { Random } from '../../base/index.ts';
import { hashKeyOf } from './hash-key.ts';
import { defaultDecayMs, recordFinish, recordStart } from './load-meter.ts';
import type { BalanceConfig, Balancer, EndpointLoad, Hash64, Outcome, PickRequest } from './types.ts';
import { xxHash64 } from './xx-hash-64.ts';

type RingConfig = Extract<BalanceConfig, { kind: 'ring-hash' }>;

interface Place<E> {
  readonly hash: Hash64;
  readonly endpoint: E;
}

export class RingHash<E extends EndpointLoad> implements Balancer<E> {
  private readonly random: Random;
  private readonly config: RingConfig;
  private ring: readonly Place<E>[] = [];

  constructor(config: RingConfig, random: Random) {
    this.random = random;
    this.config = config;
  }

  update(candidates: readonly E[], weights = weightsOf(candidates)): void {
    this.ring = buildRing(candidates, weights, this.config);
  }

  pick({ hash, tried }: PickRequest<E>): E | null {
    const ring = this.ring;
    if (ring.length === 0) return null;
    const first = hash === null ? this.random.below(ring.length) : find(ring, hash);
    // The places behind it, as Envoy goes on at a retry; a full turn means that all were tried.
    for (let step = 0; step < ring.length && tried.length > 0; step++) {
      const { endpoint } = ring[(first + step) % ring.length]!;
      if (!tried.includes(endpoint)) return endpoint;
    }
    return ring[first]!.endpoint;
  }

  onStart(endpoint: E, nowMs: number): void {
    recordStart(endpoint, nowMs);
  }

  onFinish(endpoint: E, nowMs: number, rttMs: number, outcome: Outcome): void {
    recordFinish(endpoint, nowMs, rttMs, outcome, defaultDecayMs);
  }
}

export function weightsOf(candidates: readonly EndpointLoad[]): readonly number[] {
  return candidates.map(({ weight }) => weight);
}

/**
 * Scaled so that the lightest endpoint has a whole number of places, and the ring at least `sizeMin` where `sizeMax`
 * allows.
 */
function buildRing<E extends EndpointLoad>(
  candidates: readonly E[],
  weights: readonly number[],
  { byHostname, sizeMax, sizeMin }: RingConfig,
): readonly Place<E>[] {
  let sum = 0;
  let least = Number.POSITIVE_INFINITY;
  for (const weight of weights) {
    sum += weight;
    if (weight < least) least = weight;
  }
  const share = least / sum;
  const scale = Math.min(Math.ceil(share * sizeMin) / share, sizeMax);
  const ring: Place<E>[] = [];
  let target = 0;
  for (const [at, endpoint] of candidates.entries()) {
    const key = hashKeyOf(endpoint, byHostname === true);
    target += scale * (weights[at]! / sum);
    for (let index = 0; ring.length < target; index++)
      ring.push({ hash: xxHash64(`${key}_${index}`), endpoint });
  }
  return ring.sort((one, other) => compare(one.hash, other.hash));
}

/** The first place whose hash is not below; behind the last one the ring begins anew. */
function find<E>(ring: readonly Place<E>[], hash: Hash64): number {
  let lowAt = 0;
  let highAt = ring.length;
  while (lowAt < highAt) {
    const middle = (lowAt + highAt) >>> 1;
    if (compare(ring[middle]!.hash, hash) < 0) lowAt = middle + 1;
    else highAt = middle;
  }
  return lowAt === ring.length ? 0 : lowAt;
}

function compare(one: Hash64, other: Hash64): number {
  return one.high === other.high ? one.low - other.low : one.high - other.high;
}

// Randomness for production: a fast generator, seeded once with the system's entropy. Balancing and backoff need
// spread, not secrecy.

import { type Random, Xoshiro128 } from '../base/index.ts';

export function createSystemRandom(): Random {
  return new Xoshiro128(crypto.getRandomValues(new BigUint64Array(1))[0]!);
}

// xoshiro128** 1.1 (Blackman and Vigna, https://prng.di.unimi.it/), seeded with splitmix64 as its authors advise: fast,
// 32-bit arithmetic only, and the same sequence everywhere for the same seed. Not for secrets.

import { assert } from './errors.ts';
import type { Random } from './random.ts';

export type XoshiroState = readonly [a: number, b: number, c: number, d: number];

export class Xoshiro128 implements Random {
  private a: number;
  private b: number;
  private c: number;
  private d: number;

  /** Any number or bigint is a good seed (its low 64 bits count); a full state continues a known sequence. */
  constructor(seed: number | bigint | XoshiroState) {
    const state = typeof seed === 'object' ? seed : expandSeed(seed);
    [this.a, this.b, this.c, this.d] = state;
    assert((this.a | this.b | this.c | this.d) !== 0, 'the state is not all zero');
  }

  uint32(): number {
    const scaled = Math.imul(this.b, 5);
    const result = Math.imul((scaled << 7) | (scaled >>> 25), 9) >>> 0;
    const shifted = this.b << 9;
    this.c ^= this.a;
    this.d ^= this.b;
    this.b ^= this.c;
    this.a ^= this.d;
    this.c ^= shifted;
    this.d = (this.d << 11) | (this.d >>> 21);
    return result;
  }

  float(): number {
    return ((this.uint32() >>> 5) * 67_108_864 + (this.uint32() >>> 6)) / 9_007_199_254_740_992;
  }

  below(bound: number): number {
    assert(bound >= 1 && bound <= 2 ** 31, 'a bound is 1 to 2^31');
    // Values past the last whole multiple of the bound are drawn again; taking them would favour small results.
    const limit = 2 ** 32 - (2 ** 32 % bound);
    for (;;) {
      const value = this.uint32();
      if (value < limit) return value % bound;
    }
  }
}

function expandSeed(seed: number | bigint): XoshiroState {
  let counter = BigInt.asUintN(64, typeof seed === 'bigint' ? seed : BigInt(Math.floor(seed)));
  const next = (): bigint => {
    counter = BigInt.asUintN(64, counter + 0x9e3779b97f4a7c15n);
    let mixed = BigInt.asUintN(64, (counter ^ (counter >> 30n)) * 0xbf58476d1ce4e5b9n);
    mixed = BigInt.asUintN(64, (mixed ^ (mixed >> 27n)) * 0x94d049bb133111ebn);
    return mixed ^ (mixed >> 31n);
  };
  const [first, second] = [next(), next()];
  return [low(first), low(first >> 32n), low(second), low(second >> 32n)];
}

function low(value: bigint): number {
  return Number(BigInt.asIntN(32, value));
}

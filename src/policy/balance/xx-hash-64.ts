// xxHash64 (github.com/Cyan4973/xxHash, doc/xxhash_spec.md), because Envoy's ring and table are built with it and
// callers on both must agree on the endpoint of a key. In two 32-bit halves, because BigInts would be allocated at each
// step. The runtime's own xxHash64 is the oracle of its test.

import type { Hash64 } from './types.ts';

/** The last result of any operation below; read before the next one. */
let high = 0;
let low = 0;

const prime1 = [0x9e3779b1, 0x85ebca87] as const;
const prime2 = [0xc2b2ae3d, 0x27d4eb4f] as const;
const prime3 = [0x165667b1, 0x9e3779f9] as const;
const prime4 = [0x85ebca77, 0xc2b2ae63] as const;
const prime5 = [0x27d4eb2f, 0x165667c5] as const;

type Prime = readonly [high: number, low: number];

/** `text`: one code unit a byte, as field values are. `seed`: 0 to 2^32-1. */
export function xxHash64(text: string, seed = 0): Hash64 {
  const { length } = text;
  let at = 0;
  if (length >= 32) at = mixStripes(text, seed);
  else add(prime5[0], prime5[1], 0, seed);
  add(high, low, 0, length);
  for (; at + 8 <= length; at += 8) {
    const [h, l] = [high, low];
    round(0, 0, read32(text, at + 4), read32(text, at));
    xor(h, l);
    rotate(27);
    multiply(prime1);
    add(high, low, prime4[0], prime4[1]);
  }
  if (at + 4 <= length) {
    const [h, l] = [high, low];
    set(0, read32(text, at));
    multiply(prime1);
    xor(h, l);
    rotate(23);
    multiply(prime2);
    add(high, low, prime3[0], prime3[1]);
    at += 4;
  }
  for (; at < length; at++) {
    const [h, l] = [high, low];
    set(0, text.charCodeAt(at) & 0xff);
    multiply(prime5);
    xor(h, l);
    rotate(11);
    multiply(prime1);
  }
  shiftXor(33);
  multiply(prime2);
  shiftXor(29);
  multiply(prime3);
  shiftXor(32);
  return { high, low };
}

/** The four accumulators over all whole stripes of 32 bytes, merged. Returns where they end. */
function mixStripes(text: string, seed: number): number {
  const lanes = new Uint32Array(8);
  const start = (lane: number, h: number, l: number): void => {
    lanes[2 * lane] = h;
    lanes[2 * lane + 1] = l;
  };
  add(prime1[0], prime1[1], prime2[0], prime2[1]);
  add(high, low, 0, seed);
  start(0, high, low);
  add(prime2[0], prime2[1], 0, seed);
  start(1, high, low);
  start(2, 0, seed);
  negate(prime1);
  add(high, low, 0, seed);
  start(3, high, low);
  let at = 0;
  for (; at + 32 <= text.length; at += 32) {
    for (let lane = 0; lane < 4; lane++) {
      round(
        lanes[2 * lane]!,
        lanes[2 * lane + 1]!,
        read32(text, at + 8 * lane + 4),
        read32(text, at + 8 * lane),
      );
      start(lane, high, low);
    }
  }
  let sumHigh = 0;
  let sumLow = 0;
  for (const [lane, bits] of [1, 7, 12, 18].entries()) {
    set(lanes[2 * lane]!, lanes[2 * lane + 1]!);
    rotate(bits);
    add(high, low, sumHigh, sumLow);
    sumHigh = high;
    sumLow = low;
  }
  for (let lane = 0; lane < 4; lane++) {
    round(0, 0, lanes[2 * lane]!, lanes[2 * lane + 1]!);
    xor(sumHigh, sumLow);
    multiply(prime1);
    add(high, low, prime4[0], prime4[1]);
    sumHigh = high;
    sumLow = low;
  }
  return at;
}

/** rotate(accumulator + input x prime2, 31) x prime1. */
function round(accumulatorHigh: number, accumulatorLow: number, inputHigh: number, inputLow: number): void {
  set(inputHigh, inputLow);
  multiply(prime2);
  add(high, low, accumulatorHigh, accumulatorLow);
  rotate(31);
  multiply(prime1);
}

function read32(text: string, at: number): number {
  return (
    ((text.charCodeAt(at) & 0xff) |
      ((text.charCodeAt(at + 1) & 0xff) << 8) |
      ((text.charCodeAt(at + 2) & 0xff) << 16) |
      ((text.charCodeAt(at + 3) & 0xff) << 24)) >>>
    0
  );
}

function set(h: number, l: number): void {
  high = h >>> 0;
  low = l >>> 0;
}

function add(h: number, l: number, otherHigh: number, otherLow: number): void {
  const sum = (l >>> 0) + (otherLow >>> 0);
  set((h + otherHigh + (sum > 0xffffffff ? 1 : 0)) >>> 0, sum >>> 0);
}

function negate(prime: Prime): void {
  add(~prime[0] >>> 0, ~prime[1] >>> 0, 0, 1);
}

function xor(h: number, l: number): void {
  set(high ^ h, low ^ l);
}

function rotate(bits: number): void {
  set((high << bits) | (low >>> (32 - bits)), (low << bits) | (high >>> (32 - bits)));
}

/** x ^ (x >>> bits), `bits` from 29 to 33. */
function shiftXor(bits: number): void {
  if (bits >= 32) xor(0, high >>> (bits - 32));
  else xor(high >>> bits, (low >>> bits) | (high << (32 - bits)));
}

function multiply(prime: Prime): void {
  const carried = multiplyHigh(low, prime[1]);
  const cross = (Math.imul(high, prime[1]) + Math.imul(low, prime[0])) | 0;
  set((carried + cross) | 0, Math.imul(low, prime[1]));
}

/** The upper half of a 32 by 32 bit product, by halves of 16. */
function multiplyHigh(a: number, b: number): number {
  const aLow = a & 0xffff;
  const aHigh = a >>> 16;
  const bLow = b & 0xffff;
  const bHigh = b >>> 16;
  const middle = aHigh * bLow + Math.floor((aLow * bLow) / 65536);
  const rest = aLow * bHigh + (middle % 65536);
  return aHigh * bHigh + Math.floor(middle / 65536) + Math.floor(rest / 65536);
}

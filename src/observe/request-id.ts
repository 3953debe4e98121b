// Request ids: UUID version 4 (RFC 9562) from the mesh's own generator. They name a request in logs and must be unique,
// not secret, so no cryptographic source is asked per request.

import type { Random } from '../base/index.ts';
import { type Head, headerId } from '../wire/index.ts';
import { observeLimits } from './limits.ts';

const hexCodes = Buffer.from('0123456789abcdef', 'latin1');

/** One id is built at a time, in place: joining eight strings costs four times as much. */
const scratch = Buffer.from('00000000-0000-4000-8000-000000000000', 'latin1');

/** Writes `digits` lower-case hex digits of `value`, from its bit `shift` downwards. */
function writeHex(target: Uint8Array, at: number, value: number, shift: number, digits: number): void {
  for (let i = 0; i < digits; i++) target[at + i] = hexCodes[(value >>> (shift - 4 * i)) & 15]!;
}

export function createRequestId(random: Random): string {
  writeHex(scratch, 0, random.uint32(), 28, 8);
  const middle = random.uint32();
  writeHex(scratch, 9, middle, 28, 4);
  writeHex(scratch, 15, middle, 8, 3);
  const variant = random.uint32();
  writeHex(scratch, 19, (variant & 0x3fffffff) | 0x80000000, 28, 4);
  writeHex(scratch, 24, variant, 12, 4);
  writeHex(scratch, 28, random.uint32(), 28, 8);
  return scratch.toString('latin1', 0, 36);
}

/** Lower-case hex digits of `words` random 32-bit integers, eight each; the last digit is odd, so never all zero. */
export function createHexId(random: Random, words: 2 | 4): string {
  for (let i = 0; i < words; i++) writeHex(hexScratch, i * 8, random.uint32(), 28, 8);
  const last = words * 8 - 1;
  hexScratch[last] = hexCodes[(random.uint32() & 15) | 1]!;
  return hexScratch.toString('latin1', 0, words * 8);
}

/** Of an id that a stranger gave: what it says of tracing is not believed (Envoy's UUIDRequestIDExtension::set). */
export function clearTraceReason(head: Head, id: string): string {
  if (id.length !== scratch.length || id[reasonAt] === '4') return id;
  const cleared = `${id.slice(0, reasonAt)}4${id.slice(reasonAt + 1)}`;
  head.set(headerId['x-request-id'], cleared);
  return cleared;
}

/** The digit of a UUID's version, which says why a request is traced. */
const reasonAt = 14;

const hexScratch = Buffer.alloc(32);

/**
 * The request's x-request-id. A received one is kept when `keep` says so and it is not overlong; else the head gets a
 * new one.
 */
export function ensureRequestId(head: Head, keep: boolean, random: Random): string {
  const received = head.get(headerId['x-request-id']);
  const kept = keep && received !== null && received !== '';
  if (kept && received.length <= observeLimits.requestIdCharsMax) return received;
  const id = createRequestId(random);
  head.set(headerId['x-request-id'], id);
  return id;
}

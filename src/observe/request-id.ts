// Request ids: UUID version 4 (RFC 9562) from the mesh's own generator. They name a request in logs and must be unique, not secret,
// so no cryptographic source is asked per request.

import type { Random } from '../base/index.ts';
import { type Head, headerId } from '../wire/index.ts';
import { observeLimits } from './limits.ts';

const hexByte: readonly string[] = Array.from({ length: 256 }, (_, byte) =>
  byte.toString(16).padStart(2, '0'),
);

/** Eight lower-case hex digits of an unsigned 32-bit integer. */
export function encodeHex32(value: number): string {
  return (
    hexByte[value >>> 24]! +
    hexByte[(value >>> 16) & 0xff]! +
    hexByte[(value >>> 8) & 0xff]! +
    hexByte[value & 0xff]!
  );
}

export function createRequestId(random: Random): string {
  const a = random.uint32();
  const b = (random.uint32() & 0xffff0fff) | 0x4000;
  const c = (random.uint32() & 0x3fffffff) | 0x80000000;
  const d = random.uint32();
  const bHex = encodeHex32(b);
  const cHex = encodeHex32(c);
  return `${encodeHex32(a)}-${bHex.slice(0, 4)}-${bHex.slice(4)}-${cHex.slice(0, 4)}-${cHex.slice(4)}${encodeHex32(d)}`;
}

/**
 * The request's x-request-id. A received one is kept when `keep` says so and it is not overlong; else the head gets a new one.
 */
export function ensureRequestId(head: Head, keep: boolean, random: Random): string {
  const received = head.get(headerId['x-request-id']);
  if (received !== null) {
    if (keep && received !== '' && received.length <= observeLimits.requestIdCharsMax) return received;
    head.remove(headerId['x-request-id']);
  }
  const id = createRequestId(random);
  head.add('x-request-id', id);
  return id;
}

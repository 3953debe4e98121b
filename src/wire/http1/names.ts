// Field names to ids while they are scanned: a perfect hash over length, middle, three-quarter and last byte (found
// once at start), then one comparison, so that a name which only hashes alike can never pass for Host or
// Content-Length.

import { assert } from '../../base/index.ts';
import { headerNames } from '../head.ts';

/** The id of a name outside {@link headerNames}. */
export const unknownName = 255;

const slotCount = 512;
const { slots, multiplier } = createSlots();
const spelled: readonly Uint8Array[] = headerNames.map((name) =>
  Uint8Array.from(name, (letter) => letter.charCodeAt(0)),
);

/**
 * Id of the name in `bytes[start, end)` in any case, or {@link unknownName}. The bytes are known to be a token, at
 * least one.
 */
export function internName(bytes: Uint8Array, start: number, end: number): number {
  const length = end - start;
  const middle = bytes[start + (length >> 1)]!;
  const later = bytes[start + ((length * 3) >> 2)]!;
  const hash = hashName(length, middle, later, bytes[end - 1]!, multiplier);
  const id = slots[hash]!;
  if (id === unknownName) return unknownName;
  const name = spelled[id]!;
  if (name.length !== length) return unknownName;
  for (let index = 0; index < length; index++) {
    const letter = name[index]!;
    const byte = bytes[start + index]!;
    // Letters differ from their capitals by 0x20; no other pair of token bytes with that difference is in a known name.
    if (byte !== letter && ((byte | 0x20) !== letter || letter < 97)) return unknownName;
  }
  return id;
}

const idsByName: ReadonlyMap<string, number> = new Map(headerNames.map((name, id) => [name, id]));

/** The same for a lower-case string. */
export function internText(name: string): number {
  return idsByName.get(name) ?? unknownName;
}

function hashName(length: number, middle: number, later: number, last: number, by: number): number {
  const mixed = ((middle | 0x20) << 16) ^ ((later | 0x20) << 8) ^ (last | 0x20) ^ (length << 21);
  return Math.imul(mixed, by) >>> 23;
}

function createSlots(): { slots: Uint8Array; multiplier: number } {
  assert(headerNames.length < unknownName, 'header ids fit a byte');
  for (let candidate = 0x9e3779b1; candidate < 0x9e3779b1 + 2_000_000; candidate += 2) {
    const slots = tryMultiplier(candidate);
    if (slots !== null) return { slots, multiplier: candidate };
  }
  throw new Error('bug: no perfect hash for the header names');
}

function tryMultiplier(candidate: number): Uint8Array | null {
  const slots = new Uint8Array(slotCount).fill(unknownName);
  for (let id = 0; id < headerNames.length; id++) {
    const name = headerNames[id]!;
    const code = (index: number) => name.charCodeAt(index);
    const { length } = name;
    const hash = hashName(length, code(length >> 1), code((length * 3) >> 2), code(length - 1), candidate);
    if (slots[hash] !== unknownName) return null;
    slots[hash] = id;
  }
  return slots;
}

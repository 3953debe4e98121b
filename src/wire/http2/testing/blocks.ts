// Field blocks as peers write them, a representation at a time (RFC 7541 section 6).

import fc from 'fast-check';
import { type Field, fieldFault } from '../hpack/field.ts';
import { encodeHuffman, huffmanLength } from '../hpack/huffman.ts';

/** First byte of a literal by what becomes of it. */
export const form = { inserted: 0x40, passing: 0x00, sensitive: 0x10 } as const;

export function integer(prefix: number, mask: number, value: number): number[] {
  if (value < mask) return [prefix | value];
  const bytes = [prefix | mask];
  let rest = value - mask;
  for (; rest >= 128; rest >>>= 7) bytes.push((rest & 127) | 128);
  return [...bytes, rest];
}

export function text(value: string, huffman = false): number[] {
  if (!huffman) return [...integer(0, 0x7f, value.length), ...Buffer.from(value, 'latin1')];
  const bytes = new Uint8Array(huffmanLength(value));
  encodeHuffman(value, bytes, 0);
  return [...integer(0x80, 0x7f, bytes.length), ...bytes];
}

export function literal(prefix: number, name: number | string, value: readonly number[]): number[] {
  const mask = prefix === form.inserted ? 0x3f : 0x0f;
  if (typeof name === 'number') return [...integer(prefix, mask, name), ...value];
  return [prefix, ...text(name), ...value];
}

/** All that is seen of a line. How often one of the static table was used is nobody's to read, and outlives a run. */
export function describeField(field: Field): readonly unknown[] {
  const { name, id, raw, huffman, size, sensitive, fault, staticIndex } = field;
  const value = fault === fieldFault.none ? field.value : null;
  const uses = staticIndex === 0 ? field.uses : 0;
  return [name, id, raw, huffman, size, sensitive, fault, staticIndex, uses, value];
}

/** What one in a dozen has. */
export function seldom<T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | null> {
  return fc.oneof({ weight: 11, arbitrary: fc.constant(null) }, { weight: 1, arbitrary });
}

// Corpora of bytes that are kept, each with what a reader made of it: attacks, bugs of the past, and the shortest input
// that a random search found for each verdict. However the bytes are cut, the verdict is the same.

import { expect, test } from 'bun:test';

export interface KeptBytes {
  /** Where it is from, or what it is about. */
  readonly name: string;
  /** In hexadecimal; what is text stands as `text:` and its Latin-1. */
  readonly bytes: string;
  readonly told: readonly string[];
}

/** All at once, byte by byte, and in two at sixteen places. */
export function cutsOf(bytes: Uint8Array): readonly (readonly Uint8Array[])[] {
  return [
    [bytes],
    Array.from(bytes, (_, at) => bytes.subarray(at, at + 1)),
    ...Array.from({ length: 16 }, (_, part) => {
      const at = Math.floor((bytes.length * part) / 16);
      return [bytes.subarray(0, at), bytes.subarray(at)];
    }),
  ];
}

/** A test for each. */
export function playKept(
  corpus: readonly KeptBytes[],
  tell: (pieces: readonly Uint8Array[]) => readonly string[],
): void {
  for (const { name, bytes, told } of corpus)
    test(name, () => {
      for (const pieces of cutsOf(readBytes(bytes))) expect(tell(pieces)).toEqual(told);
    });
}

function readBytes(written: string): Uint8Array {
  return written.startsWith('text:') ? Buffer.from(written.slice(5), 'latin1') : Buffer.from(written, 'hex');
}

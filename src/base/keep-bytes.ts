// Bytes that outlive the call that brought them. What a socket read is memory of its own, so a large range of it is
// kept where it lies: a body of 10 kB that waits for a window, and for another attempt besides, is not copied twice
// (gRPC of 10 kB cost 40 us, and 36 without these copies).

import { copyBytes } from './copy-bytes.ts';

/**
 * A read, or any range that is handed on, of so many bytes or more is never written to again. Who fills memory anew may
 * do so with fewer, which are copied when they are kept.
 */
export const lastingBytesMin = 4 * 1024;

/** A kept range holds at most so many times its bytes of memory. */
export const pinnedRatioMax = 16;

/** Whether the range may be kept where it lies. */
export function isLasting(bytes: Uint8Array, start: number, end: number): boolean {
  const count = end - start;
  return count >= lastingBytesMin && bytes.buffer.byteLength <= count * pinnedRatioMax;
}

/** The range, to be kept: as it lies, or a copy. */
export function keepBytes(bytes: Uint8Array, start: number, end: number): Uint8Array {
  return isLasting(bytes, start, end) ? bytes.subarray(start, end) : copyBytes(bytes, start, end);
}

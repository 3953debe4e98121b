// Field blocks in: HEADERS with the CONTINUATION frames behind it (RFC 9113 section 6.10). Nothing else may come
// between, and what a peer can make us keep until the last of them is bounded.

import { copyBytes } from '../../base/index.ts';
import { flag } from './constants.ts';
import { fault } from './errors.ts';
import type { Http2Limits } from './limits.ts';

export class BlockReader {
  /** The stream whose block is not complete, or 0. */
  stream = 0;
  /** The HEADERS frame ended its stream. */
  endStream = false;
  bytes: Uint8Array = new Uint8Array(0);
  start = 0;
  end = 0;
  private readonly limits: Http2Limits;
  private continuations = 0;

  constructor(limits: Http2Limits) {
    this.limits = limits;
  }

  /** A HEADERS frame. Returns a fault, or 0; the block is complete when `stream` is 0 then. */
  begin(flags: number, stream: number, bytes: Uint8Array, frameStart: number, frameEnd: number): number {
    let start = frameStart;
    let end = frameEnd;
    if ((flags & flag.padded) !== 0) {
      if (start === end) return fault.frameLength;
      end -= bytes[start++]!;
    }
    if ((flags & flag.priority) !== 0) {
      if (start + 5 > frameEnd) return fault.frameLength;
      if (dependency(bytes, start) === stream) return fault.selfDependency;
      start += 5;
    }
    if (end < start) return fault.padding;
    this.endStream = (flags & flag.endStream) !== 0;
    this.continuations = 0;
    if ((flags & flag.endHeaders) !== 0) {
      this.bytes = bytes;
      this.start = start;
      this.end = end;
      return fault.none;
    }
    this.stream = stream;
    this.start = 0;
    this.end = end - start;
    this.bytes = copyBytes(bytes, start, end);
    return fault.none;
  }

  /** A CONTINUATION frame of `stream`. */
  continue(flags: number, bytes: Uint8Array, start: number, end: number): number {
    if (++this.continuations > this.limits.continuationCountMax) return fault.continuationCount;
    if (this.end + end - start > this.limits.headerBlockBytesMax) return fault.headerBlock;
    this.append(bytes, start, end);
    if ((flags & flag.endHeaders) !== 0) this.stream = 0;
    return fault.none;
  }

  /** The block was read. */
  release(): void {
    this.bytes = nothing;
  }

  private append(bytes: Uint8Array, start: number, end: number): void {
    const needed = this.end + end - start;
    if (needed > this.bytes.length) {
      const grown = new Uint8Array(needed * 2);
      grown.set(this.bytes.subarray(0, this.end));
      this.bytes = grown;
    }
    this.bytes.set(bytes.subarray(start, end), this.end);
    this.end = needed;
  }
}

const nothing = new Uint8Array(0);

/** The stream that a PRIORITY, or a HEADERS with priority, says it depends on. */
export function dependency(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! & 0x7f) << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
}

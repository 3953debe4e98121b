// What a connection will send when the turn ends. Frames of all its streams are written one behind another and leave in
// one write. The bytes are borrowed while there are some, so that an idle connection owns none.

import { copyInto } from '../../base/index.ts';

/** Buffers of these sizes are lent out again: one serves most turns, the other what bodies make of one. */
const smallBytes = 16 * 1024;
const largeBytes = 128 * 1024;
/** Kept for the next turn, of each size. */
const smallMax = 64;
const largeMax = 8;

const small: Uint8Array[] = [];
const large: Uint8Array[] = [];
const none = new Uint8Array(0);

interface Latin1Target {
  latin1Write(text: string, at: number): number;
}

const latin1Write = (globalThis as { Buffer?: { prototype: Latin1Target } }).Buffer?.prototype.latin1Write;

export class OutBuffer {
  bytes: Uint8Array = none;
  length = 0;
  /** Frames in it. */
  frames = 0;

  /** Makes room for `count` more bytes. */
  reserve(count: number): void {
    const needed = this.length + count;
    if (needed > this.bytes.length) this.grow(needed);
  }

  /** Needs room; writes one byte a code unit. */
  text(text: string): void {
    const { length } = text;
    // A call into the runtime costs as much as a dozen bytes written here.
    if (latin1Write !== undefined && length > 12) latin1Write.call(this.bytes, text, this.length);
    else writePlain(this.bytes, text, this.length);
    this.length += length;
  }

  /** Copies; makes its own room. */
  append(bytes: Uint8Array, start: number, end: number): void {
    const count = end - start;
    this.reserve(count);
    copyInto(this.bytes, this.length, bytes, start, end);
    this.length += count;
  }

  /** Needs room for 9 bytes. A frame header (RFC 9113 section 4.1). */
  frameHeader(length: number, type: number, flags: number, stream: number): void {
    const { bytes } = this;
    let at = this.length;
    this.frames += 1;
    bytes[at++] = length >>> 16;
    bytes[at++] = length >>> 8;
    bytes[at++] = length;
    bytes[at++] = type;
    bytes[at++] = flags;
    bytes[at++] = stream >>> 24;
    bytes[at++] = stream >>> 16;
    bytes[at++] = stream >>> 8;
    bytes[at++] = stream;
    this.length = at;
  }

  /** Needs room for 4 bytes. */
  uint32(value: number): void {
    const { bytes } = this;
    let at = this.length;
    bytes[at++] = value >>> 24;
    bytes[at++] = value >>> 16;
    bytes[at++] = value >>> 8;
    bytes[at++] = value;
    this.length = at;
  }

  /** The bytes were sent, or nobody wants them. */
  release(): void {
    giveBack(this.bytes);
    this.bytes = none;
    this.length = 0;
    this.frames = 0;
  }

  private grow(needed: number): void {
    const old = this.bytes;
    this.bytes = borrow(needed);
    this.bytes.set(old.subarray(0, this.length));
    giveBack(old);
  }
}

function borrow(needed: number): Uint8Array {
  if (needed <= smallBytes) return small.pop() ?? new Uint8Array(smallBytes);
  if (needed <= largeBytes) return large.pop() ?? new Uint8Array(largeBytes);
  return new Uint8Array(2 ** Math.ceil(Math.log2(needed)));
}

function giveBack(bytes: Uint8Array): void {
  if (bytes.length === smallBytes && small.length < smallMax) small.push(bytes);
  else if (bytes.length === largeBytes && large.length < largeMax) large.push(bytes);
}

function writePlain(bytes: Uint8Array, text: string, at: number): void {
  for (let index = 0; index < text.length; index++) bytes[at + index] = text.charCodeAt(index);
}

// gRPC's framing of messages in a stream of bytes: a flag, a length of four bytes, the message
// (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md, "Length-Prefixed-Message").

import { messageBytesMax } from '../limits.ts';

export const prefixBytes = 5;

/** What stands before a message of `length` bytes. */
export function encodePrefix(length: number): Uint8Array {
  const prefix = new Uint8Array(prefixBytes);
  new DataView(prefix.buffer).setUint32(1, length);
  return prefix;
}

export function encodeFrame(message: Uint8Array): Uint8Array {
  const frame = new Uint8Array(prefixBytes + message.length);
  new DataView(frame.buffer).setUint32(1, message.length);
  frame.set(message, prefixBytes);
  return frame;
}

/** Opens a compressed message of at most `bytesMax` bytes; throws on anything else. */
export type Decompress = (bytes: Uint8Array, bytesMax: number) => Uint8Array;

/** Why bytes are no message that we take: compressed in a way that was not agreed, or too long. */
export class FrameError extends Error {
  override readonly name = 'FrameError';
}

/** Collects pieces until a message is whole. */
export class FrameParser {
  /** Set once the peer said how it compresses, if it does. */
  decompress: Decompress | null = null;
  private readonly messageBytesMax: number;
  private pieces: Uint8Array[] = [];
  private bytes = 0;

  constructor(bytesMax = messageBytesMax) {
    this.messageBytesMax = bytesMax;
  }

  /** Bytes of a message that is not whole yet. */
  get held(): number {
    return this.bytes;
  }

  /**
   * Calls `onMessage` for each message that is whole now. The bytes are copied where they must outlive the call. Throws
   * FrameError; the stream must then be ended.
   */
  push(bytes: Uint8Array, onMessage: (message: Uint8Array) => void): void {
    this.pieces.push(bytes);
    this.bytes += bytes.length;
    for (;;) {
      const length = this.peekLength();
      if (length < 0 || this.bytes < prefixBytes + length) break;
      const frame = this.take(prefixBytes + length);
      const message = frame.subarray(prefixBytes);
      onMessage(frame[0] === 0 ? message : this.open(message));
    }
    const last = this.pieces.length - 1;
    // What came last is the caller's buffer; the pieces before it are ours already.
    if (last >= 0) this.pieces[last] = this.pieces[last]!.slice();
  }

  private open(message: Uint8Array): Uint8Array {
    try {
      if (this.decompress !== null) return this.decompress(message, this.messageBytesMax);
    } catch (error) {
      throw new FrameError(`cannot be decompressed: ${error instanceof Error ? error.message : 'damaged'}`);
    }
    throw new FrameError('is compressed, which was not offered');
  }

  /** Length of the first message, or -1 while its prefix is not whole. */
  private peekLength(): number {
    if (this.bytes < prefixBytes) return -1;
    if (this.pieces[0]!.length < prefixBytes) this.pieces = [join(this.pieces, this.bytes)];
    const first = this.pieces[0]!;
    if (first[0]! > 1) throw new FrameError(`has the flag ${first[0]}`);
    if (first[0] === 1 && this.decompress === null)
      throw new FrameError('is compressed, which was not offered');
    const length = new DataView(first.buffer, first.byteOffset + 1, 4).getUint32(0);
    if (length > this.messageBytesMax) {
      throw new FrameError(`has ${length} bytes, at most ${this.messageBytesMax}`);
    }
    return length;
  }

  private take(count: number): Uint8Array {
    const all = this.pieces.length === 1 ? this.pieces[0]! : join(this.pieces, this.bytes);
    const rest = all.subarray(count);
    this.pieces = rest.length === 0 ? [] : [rest];
    this.bytes = rest.length;
    return all.subarray(0, count);
  }
}

function join(pieces: readonly Uint8Array[], length: number): Uint8Array {
  const all = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}

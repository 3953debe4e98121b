// gRPC's length-prefixed messages (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md): a flag byte, four bytes of length,
// the message. Incremental: bytes come in any pieces.

import { messageBytesMax } from '../limits.ts';

const prefixBytes = 5;

export function encodeFrame(message: Uint8Array): Uint8Array {
  const frame = new Uint8Array(prefixBytes + message.length);
  new DataView(frame.buffer).setUint32(1, message.length);
  frame.set(message, prefixBytes);
  return frame;
}

/** Why bytes are no message that we take: compressed, or too long. */
export class FrameError extends Error {
  override readonly name = 'FrameError';
}

/** Collects pieces until a message is whole. */
export class FrameParser {
  private readonly messageBytesMax: number;
  private pieces: Uint8Array[] = [];
  private held = 0;

  constructor(bytesMax = messageBytesMax) {
    this.messageBytesMax = bytesMax;
  }

  /** Calls `onMessage` for each message that is whole now. Throws FrameError; the stream must then be ended. */
  push(bytes: Uint8Array, onMessage: (message: Uint8Array) => void): void {
    this.pieces.push(bytes);
    this.held += bytes.length;
    for (;;) {
      const length = this.peekLength();
      if (length < 0 || this.held < prefixBytes + length) return;
      const frame = this.take(prefixBytes + length);
      onMessage(frame.subarray(prefixBytes));
    }
  }

  /** Length of the first message, or -1 while its prefix is not whole. */
  private peekLength(): number {
    if (this.held < prefixBytes) return -1;
    if (this.pieces[0]!.length < prefixBytes) this.pieces = [join(this.pieces, this.held)];
    const first = this.pieces[0]!;
    if (first[0] !== 0) throw new FrameError('is compressed, which was not offered');
    const length = new DataView(first.buffer, first.byteOffset + 1, 4).getUint32(0);
    if (length > this.messageBytesMax) {
      throw new FrameError(`has ${length} bytes, at most ${this.messageBytesMax}`);
    }
    return length;
  }

  private take(count: number): Uint8Array {
    const all = this.pieces.length === 1 ? this.pieces[0]! : join(this.pieces, this.held);
    const rest = all.subarray(count);
    this.pieces = rest.length === 0 ? [] : [rest];
    this.held = rest.length;
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

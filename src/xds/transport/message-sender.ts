// Sends messages that are lists of pieces over one stream, as its window opens. The pieces are shared by all streams
// that send them and stay where they are: a stream that does not read costs a list of references and one chunk,
// whatever waits for it.

import { lastingBytesMin } from '../../base/index.ts';
import type { Stream } from '../../wire/index.ts';
import { encodePrefix } from './grpc-framing.ts';

/** Bytes handed to the stream at once: a frame's worth, and all that is kept of what cannot leave. */
export const chunkBytes = 16 * 1024;

/** Small pieces are gathered here, and handed on before anybody else runs. */
let gathered = new Uint8Array(chunkBytes);

export class MessageSender {
  /** Chunks that have left our hands. */
  chunks = 0;
  private readonly stream: Stream;
  private pieces: Uint8Array[] = [];
  private next = 0;
  private offset = 0;
  private blocked = false;
  private onDone: (() => void) | null = null;

  constructor(stream: Stream) {
    this.stream = stream;
  }

  /** False: it waits for the window; `resume` says when all is sent. */
  send(message: readonly Uint8Array[]): boolean {
    let length = 0;
    for (const piece of message) length += piece.length;
    this.pieces.push(encodePrefix(length), ...message);
    return this.blocked ? false : this.pump();
  }

  /** Calls back, now or later, when all that was sent before has left our hands. */
  whenSent(done: () => void): void {
    if (this.pieces.length === 0) done();
    else this.onDone = done;
  }

  /** The stream takes more. True: everything is sent. */
  resume(): boolean {
    this.blocked = false;
    return this.pump();
  }

  private pump(): boolean {
    while (this.next < this.pieces.length) {
      if (this.sendChunk()) continue;
      this.blocked = true;
      // What has left is let go of, however long the rest may wait.
      if (this.next > 0) this.pieces.splice(0, this.next);
      this.next = 0;
      return false;
    }
    this.pieces = [];
    this.next = 0;
    const done = this.onDone;
    this.onDone = null;
    done?.();
    return true;
  }

  /** What the stream's answer is: true, it may be given more. */
  private sendChunk(): boolean {
    this.chunks += 1;
    const piece = this.pieces[this.next]!;
    const left = piece.length - this.offset;
    if (left >= chunkBytes) {
      const start = this.offset;
      this.advance(piece, chunkBytes);
      return this.stream.sendBody(piece, start, start + chunkBytes);
    }
    let count = 0;
    while (count < chunkBytes && this.next < this.pieces.length) {
      const from = this.pieces[this.next]!;
      const taken = Math.min(chunkBytes - count, from.length - this.offset);
      gathered.set(from.subarray(this.offset, this.offset + taken), count);
      count += taken;
      this.advance(from, taken);
    }
    const writable = count === 0 || this.stream.sendBody(gathered, 0, count);
    // It may be kept as it is.
    if (!writable && count >= lastingBytesMin) gathered = new Uint8Array(chunkBytes);
    return writable;
  }

  private advance(piece: Uint8Array, count: number): void {
    this.offset += count;
    if (this.offset < piece.length) return;
    this.offset = 0;
    this.next += 1;
  }
}

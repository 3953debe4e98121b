// The sending half of a message body: counts what a Content-Length promised, or wraps bytes in chunks (RFC 9112 section
// 7.1).

import type { Head } from '../head.ts';
import type { ByteSink } from '../stream.ts';
import { encodeLastChunk } from './encode.ts';
import { bodyChunked, bodyLength, bodyNone } from './framing.ts';

export class BodyWriter {
  private readonly sink: ByteSink;
  private kind = bodyNone;
  private remaining = 0;

  constructor(sink: ByteSink) {
    this.sink = sink;
  }

  /** Starts a message body; `length` counts for `bodyLength` alone. */
  begin(kind: number, length: number): void {
    this.kind = kind;
    this.remaining = length;
  }

  /** Bytes that a Content-Length promised and that were not written yet; below 0 when more was written. */
  get missing(): number {
    return this.kind === bodyLength ? this.remaining : 0;
  }

  /** False: the sink is full. What exceeds a Content-Length is not sent; the caller looks at `missing`. */
  write(bytes: Uint8Array, start: number, end: number): boolean {
    const count = end - start;
    if (count === 0 || this.kind === bodyNone) return true;
    if (this.kind === bodyChunked) return this.writeChunk(bytes, start, end);
    if (this.kind === bodyLength) {
      this.remaining -= count;
      if (this.remaining < 0) return true;
    }
    return this.sink.write(bytes, start, end);
  }

  /** False: the sink is full. */
  finish(trailers: Head | null): boolean {
    return this.kind !== bodyChunked || this.sink.writeLatin1(encodeLastChunk(trailers));
  }

  /** The sink joins small writes; a large piece goes through it uncopied between its framing. */
  private writeChunk(bytes: Uint8Array, start: number, end: number): boolean {
    this.sink.writeLatin1(`${(end - start).toString(16)}\r\n`);
    this.sink.write(bytes, start, end);
    return this.sink.writeLatin1('\r\n');
  }
}

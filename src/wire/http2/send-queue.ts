// The sending half of all streams of a connection: what may leave leaves at once, what may not waits at its stream, and
// streams that wait take turns by the frame, so that none of them holds the others up.

import { copyBytes, keepBytes } from '../../base/index.ts';
import type { Head } from '../head.ts';
import { copyTrailers } from '../made-head.ts';
import type { BodyReceiver } from '../stream.ts';
import {
  defaultWindow,
  flag,
  frameBytesDefault,
  frameHeaderBytes,
  frameType,
  windowMax,
} from './constants.ts';
import { type Http2Counts, http2Event } from './counts.ts';
import type { HeadWriter } from './encode.ts';
import type { OutBuffer } from './out-buffer.ts';
import type { Http2Stream } from './stream.ts';

/**
 * Bytes queued up to which they stay where they were read, which may hold `pinnedRatioMax` times as much; beyond it
 * they are copied.
 */
export const pinnedBytesMax = 512 * 1024;

/** Any stream; the queue does not care which side's. */
export type AnyStream = Http2Stream<never, BodyReceiver>;

/** What the queue tells its connection. */
export interface SendQueueOwner {
  /** Something lies in the buffer. */
  dirty(): void;
  /** The last byte of a stream's own half was written. */
  onSent(stream: AnyStream): void;
}

export class SendQueue {
  /** Body bytes that the peer takes, all streams together. */
  window = defaultWindow;
  /** What a new stream may send. */
  streamWindow = defaultWindow;
  /** The socket has enough: only what must not wait is written. */
  blocked = false;
  queuedBytes = 0;
  /** DATA frames written, ever. */
  framesSent = 0;
  private readonly out: OutBuffer;
  private readonly heads: HeadWriter;
  private readonly owner: SendQueueOwner;
  private readonly counts: Http2Counts;
  /** Streams with something to send, in turn from `next` on. */
  private waiting: AnyStream[] = [];
  private next = 0;

  constructor(out: OutBuffer, heads: HeadWriter, owner: SendQueueOwner, counts: Http2Counts) {
    this.out = out;
    this.heads = heads;
    this.owner = owner;
    this.counts = counts;
  }

  /** False: the stream's source should stop until `onWritable`. */
  send(stream: AnyStream, bytes: Uint8Array, start: number, end: number): boolean {
    let at = start;
    if (stream.queue === null && !this.blocked) {
      at += this.write(stream, bytes, start, end, false);
      if (at === end) return true;
    }
    const pins = this.queuedBytes < pinnedBytesMax;
    this.keep(stream, pins ? keepBytes(bytes, at, end) : copyBytes(bytes, at, end));
    stream.wantsWritable = true;
    return false;
  }

  end(stream: AnyStream, trailers: Head | null): void {
    if (stream.queue !== null) {
      stream.endQueued = true;
      // Whose they are may have read another message by the time that they leave.
      stream.queuedTrailers = trailers === null ? null : copyTrailers(trailers);
      return;
    }
    this.writeEnd(stream, trailers);
  }

  /** The peer gave a stream more room. False: more than there can be. */
  widen(stream: AnyStream, count: number): boolean {
    stream.sendWindow += count;
    if (stream.sendWindow > windowMax) return false;
    if (stream.queue !== null) this.push(stream);
    return true;
  }

  /** Writes what the windows and the socket allow. */
  pump(): void {
    while (this.next < this.waiting.length && !this.blocked) {
      const stream = this.waiting[this.next]!;
      if (stream.queue === null || stream.sendWindow <= 0) {
        this.next++;
        stream.waiting = false;
        continue;
      }
      if (this.window <= 0) break;
      this.next++;
      stream.waiting = false;
      this.sendPiece(stream);
      if (stream.queue !== null) this.push(stream);
    }
    if (this.next === this.waiting.length) this.waiting.length = this.next = 0;
    else if (this.next > 64 && this.next * 2 > this.waiting.length) {
      this.waiting = this.waiting.slice(this.next);
      this.next = 0;
    }
  }

  /** Forgets what a stream has queued. */
  drop(stream: AnyStream): void {
    this.countQueued(-stream.queuedBytes);
    stream.queue = null;
    stream.queuedBytes = 0;
    stream.queuedTrailers = null;
  }

  /**
   * Writes as much as one frame and the windows allow, or all of it in frames when `onePiece` is false; returns how
   * much.
   */
  private write(stream: AnyStream, bytes: Uint8Array, start: number, end: number, onePiece: boolean): number {
    const { out } = this;
    let at = start;
    while (at < end) {
      const count = Math.min(end - at, frameBytesDefault, this.window, stream.sendWindow);
      if (count <= 0) break;
      out.reserve(frameHeaderBytes + count);
      out.frameHeader(count, frameType.data, 0, stream.id);
      out.append(bytes, at, at + count);
      this.window -= count;
      stream.sendWindow -= count;
      this.framesSent++;
      at += count;
      this.owner.dirty();
      if (onePiece || this.blocked) break;
    }
    return at - start;
  }

  private sendPiece(stream: AnyStream): void {
    const queue = stream.queue!;
    const piece = queue[0]!;
    const sent = this.write(stream, piece, stream.queueStart, piece.length, true);
    stream.queuedBytes -= sent;
    this.countQueued(-sent);
    stream.queueStart += sent;
    if (stream.queueStart < piece.length) return;
    stream.queueStart = 0;
    queue.shift();
    if (queue.length > 0) return;
    stream.queue = null;
    if (stream.endQueued) this.writeEnd(stream, stream.queuedTrailers);
    else if (stream.wantsWritable) {
      stream.wantsWritable = false;
      stream.receiver?.onWritable();
    }
  }

  private writeEnd(stream: AnyStream, trailers: Head | null): void {
    const { out } = this;
    if (trailers !== null) this.heads.trailers(stream.id, trailers, frameBytesDefault);
    else {
      out.reserve(frameHeaderBytes);
      out.frameHeader(0, frameType.data, flag.endStream, stream.id);
    }
    this.owner.dirty();
    this.owner.onSent(stream);
  }

  private keep(stream: AnyStream, bytes: Uint8Array): void {
    if (stream.queue === null) stream.queue = [bytes];
    else stream.queue.push(bytes);
    stream.queuedBytes += bytes.length;
    this.countQueued(bytes.length);
    this.push(stream);
  }

  private countQueued(bytes: number): void {
    this.queuedBytes += bytes;
    this.counts[http2Event.pendingBytes]! += bytes;
  }

  private push(stream: AnyStream): void {
    if (stream.waiting) return;
    stream.waiting = true;
    this.waiting.push(stream);
  }
}

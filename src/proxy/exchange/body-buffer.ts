// The part of a request body that is not gone for good: bytes that wait for a connection, and bytes kept so that the
// request can be sent again. Large pieces stay where they were read, small ones are joined.

import { copyInto, isLasting, lastingBytesMin } from '../../base/index.ts';
import type { Gauge } from '../../policy/index.ts';
import type { Stream } from '../../wire/index.ts';
import { proxyLimits } from '../limits.ts';

/** A small message; there is one for each of thousands of open streams. */
const firstBytes = 128;
/** Of that size, lent out again: an open stream that was answered owns none. */
const idle: Uint8Array[] = [];
const idleMax = 512;
/** Where small pieces are joined, at most. */
const joinedBytesMax = 16 * 1024;

export class BodyBuffer {
  length = 0;
  /** False once bytes were let go: the body cannot be sent again. */
  complete = true;

  /** None of them changes any more. */
  private pieces = none;
  /** What comes behind them: valid in [0, tailLength). */
  private tail: Uint8Array = empty;
  private tailLength = 0;
  /** A stream was given the tail, and may have kept it. */
  private tailSent = false;
  /** Memory that the pieces and the tail's bytes hold, each as if it were alone in it. */
  private pinned = 0;
  private readonly held: Gauge;

  /** `held`: what all buffers of the proxy hold together. */
  constructor(held: Gauge) {
    this.held = held;
  }

  /** Whether so many more bytes can be kept for another attempt, under this request's bound and the one of all. */
  canKeep(count: number, bytesMax: number): boolean {
    return this.length + count <= bytesMax && this.held.value + count <= proxyLimits.replayBytesOfAllMax;
  }

  append(bytes: Uint8Array, start: number, end: number): void {
    const count = end - start;
    this.length += count;
    if (this.held.value < proxyLimits.replayPinnedBytesMax && isLasting(bytes, start, end)) {
      this.closeTail(empty);
      this.push(bytes.subarray(start, end));
      this.pin(bytes.buffer.byteLength);
      return;
    }
    if (this.tailLength + count > this.tail.length) this.closeTail(this.createTail(count));
    copyInto(this.tail, this.tailLength, bytes, start, end);
    this.tailLength += count;
    this.pin(count);
  }

  /** False: the stream takes no more for now. It has all of it. */
  sendTo(stream: Pick<Stream, 'sendBody'>): boolean {
    let writable = true;
    for (const part of this.parts()) writable = stream.sendBody(part, 0, part.length);
    return writable;
  }

  /** All of it, in order. Parts of `lastingBytesMin` stay as they are, smaller ones are valid until a release. */
  parts(): readonly Uint8Array[] {
    const { pieces, tail, tailLength } = this;
    if (tailLength === 0) return [...pieces];
    this.tailSent = true;
    return [...pieces, tail.subarray(0, tailLength)];
  }

  /** A copy, of the first `bytesMax` bytes. */
  copy(bytesMax: number): Uint8Array {
    const copied = new Uint8Array(Math.min(this.length, bytesMax));
    let at = 0;
    for (const part of this.parts()) {
      const count = Math.min(part.length, copied.length - at);
      copied.set(part.subarray(0, count), at);
      at += count;
    }
    return copied;
  }

  /** Gives up replaying: what is held is no longer needed. */
  release(): void {
    this.complete = false;
    if (this.length === 0) return;
    this.held.add(-this.pinned);
    this.length = this.pinned = this.tailLength = 0;
    this.pieces = none;
    const reusable = !this.tailSent || this.tail.length < lastingBytesMin;
    const isFirst = this.tail.length === firstBytes;
    if (isFirst && idle.length < idleMax) idle.push(this.tail);
    if (isFirst || !reusable || this.tail.length > proxyLimits.bodyBufferKeptBytes) this.tail = empty;
    this.tailSent = false;
  }

  reset(): void {
    this.release();
    this.complete = true;
  }

  private pin(bytes: number): void {
    this.pinned += bytes;
    this.held.add(bytes);
  }

  private push(piece: Uint8Array): void {
    if (this.pieces === none) this.pieces = [piece];
    else this.pieces.push(piece);
  }

  private closeTail(next: Uint8Array): void {
    if (this.tailLength > 0) this.push(this.tail.subarray(0, this.tailLength));
    else if (next === empty) return;
    this.tail = next;
    this.tailLength = 0;
  }

  private createTail(count: number): Uint8Array {
    const bytes = Math.max(firstBytes, count, Math.min(this.tail.length * 2, joinedBytesMax));
    return (bytes === firstBytes ? idle.pop() : undefined) ?? new Uint8Array(bytes);
  }
}

const empty = new Uint8Array(0);
/** Of all buffers that hold none; thousands do. */
const none: Uint8Array[] = [];

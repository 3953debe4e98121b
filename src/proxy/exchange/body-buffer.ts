// The part of a request body that is not gone for good: bytes that wait for a connection, and bytes kept so that the
// request can be sent again. One flat buffer per exchange, reused by its next request.

import type { Gauge } from '../../policy/index.ts';
import { proxyLimits } from '../limits.ts';

/** A small message; there is one for each of thousands of open streams. */
const firstBytes = 128;

export class BodyBuffer {
  /** Valid in [0, length). Owned by the exchange; whoever sends from it copies what cannot leave at once. */
  bytes: Uint8Array = empty;
  length = 0;
  /** False once bytes were let go: the body cannot be sent again. */
  complete = true;

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
    const length = this.length + end - start;
    if (length > this.bytes.length) this.grow(length);
    this.bytes.set(bytes.subarray(start, end), this.length);
    this.length = length;
    this.held.add(end - start);
  }

  /** Gives up replaying: what is held is no longer needed. */
  release(): void {
    this.complete = false;
    if (this.length > 0) this.held.add(-this.length);
    this.length = 0;
    if (this.bytes.length > proxyLimits.bodyBufferKeptBytes) this.bytes = empty;
  }

  reset(): void {
    this.release();
    this.complete = true;
  }

  private grow(length: number): void {
    let capacity = Math.max(this.bytes.length * 2, firstBytes);
    while (capacity < length) capacity *= 2;
    const grown = new Uint8Array(capacity);
    grown.set(this.bytes.subarray(0, this.length));
    this.bytes = grown;
  }
}

const empty = new Uint8Array(0);

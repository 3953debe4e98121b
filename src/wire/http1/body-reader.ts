// The receiving half of a message body: points at the body bytes inside what was received, whatever the framing.

import { ChunkedDecoder, chunkData, chunkEnd, chunkFault } from './chunked.ts';
import { fault } from './errors.ts';
import { bodyChunked, bodyLength, bodyNone } from './framing.ts';
import type { Http1Limits } from './limits.ts';
import type { ReceivedHead } from './received-head.ts';

/** Results of {@link BodyReader.next}. */
export const bodyMore = 0;
/** `dataStart` and `dataEnd` say where body bytes lie; call again with `position`. */
export const bodyData = 1;
/** The body is over at `position`. */
export const bodyEnd = 2;
export const bodyFault = 3;

export class BodyReader {
  position = 0;
  dataStart = 0;
  dataEnd = 0;
  fault: number = fault.none;
  kind = bodyNone;
  /** Bytes of a Content-Length that have not come yet. */
  remaining = 0;
  private readonly limits: Http1Limits;
  private readonly padded: boolean;
  /** Most connections never see a chunk. */
  private decoder: ChunkedDecoder | null = null;

  /** `padded`: see {@link ChunkedDecoder}. */
  constructor(limits: Http1Limits, padded: boolean) {
    this.limits = limits;
    this.padded = padded;
  }

  begin(kind: number, length: number): void {
    this.kind = kind;
    this.remaining = length;
    this.fault = fault.none;
    if (kind !== bodyChunked) return;
    if (this.decoder === null) this.decoder = new ChunkedDecoder(this.limits, this.padded);
    else this.decoder.reset();
  }

  /** Makes ready for any message. */
  reset(): void {
    if (this.kind === bodyChunked) this.decoder!.reset();
    this.kind = bodyNone;
    this.remaining = 0;
    this.fault = fault.none;
  }

  get trailers(): ReceivedHead | null {
    return this.kind === bodyChunked ? this.decoder!.trailers : null;
  }

  next(bytes: Uint8Array, start: number, end: number): number {
    if (this.kind === bodyChunked) return this.nextChunk(this.decoder!, bytes, start, end);
    if (this.kind === bodyLength && this.remaining === 0) {
      this.position = start;
      return bodyEnd;
    }
    if (start === end) {
      this.position = start;
      return bodyMore;
    }
    const taken = this.kind === bodyLength ? Math.min(this.remaining, end - start) : end - start;
    this.remaining -= taken;
    this.dataStart = start;
    this.dataEnd = start + taken;
    this.position = this.dataEnd;
    return bodyData;
  }

  private nextChunk(decoder: ChunkedDecoder, bytes: Uint8Array, start: number, end: number): number {
    const outcome = decoder.next(bytes, start, end);
    if (outcome === chunkFault) {
      this.fault = decoder.fault;
      return bodyFault;
    }
    this.position = decoder.position;
    if (outcome === chunkEnd) return bodyEnd;
    if (outcome !== chunkData) return bodyMore;
    this.dataStart = decoder.dataStart;
    this.dataEnd = decoder.dataEnd;
    return bodyData;
  }
}

// What both sides' streams do: pass the owner's calls on to the codec, and let go of it when their exchange is over, so
// that late calls go nowhere.

import type { MeshError } from '../../base/index.ts';
import type { Head } from '../head.ts';

/** The codec's end of a stream. */
export interface StreamCodec {
  sendBody(bytes: Uint8Array, start: number, end: number): boolean;
  sendEnd(trailers: Head | null): void;
  resetStream(): void;
  pauseBody(): void;
  resumeBody(): void;
}

export class StreamHandle<C extends StreamCodec> {
  /** Null once the exchange is over. */
  codec: C | null;

  constructor(codec: C) {
    this.codec = codec;
  }

  sendBody(bytes: Uint8Array, start: number, end: number): boolean {
    return this.codec === null ? true : this.codec.sendBody(bytes, start, end);
  }

  sendEnd(trailers: Head | null): void {
    this.codec?.sendEnd(trailers);
  }

  reset(_error: MeshError): void {
    this.codec?.resetStream();
  }

  pause(): void {
    this.codec?.pauseBody();
  }

  resume(): void {
    this.codec?.resumeBody();
  }
}

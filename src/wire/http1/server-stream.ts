// The exchange's end of a server connection: its stream, and the halves that the codec keeps of it.

import type { ResponseHead } from '../head.ts';
import type { ServerStream } from '../stream.ts';
import { type StreamCodec, StreamHandle } from './stream-handle.ts';

/** The receiving half. */
export const receiving = {
  /** Between messages. */
  idle: 0,
  head: 1,
  /** Also the client's bytes of a tunnel. */
  body: 2,
  /** The request is complete, its response is not. */
  waiting: 3,
  /**
   * We ended; what still comes is dropped, so that the client can read our last words before a reset (RFC 9112 section
   * 9.6).
   */
  lingering: 4,
  closed: 5,
} as const;

/** The sending half; in a tunnel `done` is the end of our bytes alone. */
export const sending = { none: 0, awaited: 1, body: 2, done: 3 } as const;

interface ServerStreamCodec extends StreamCodec {
  sendInformational(head: ResponseHead): void;
  sendResponse(head: ResponseHead, endStream: boolean): void;
  openTunnel(head: ResponseHead): void;
}

export class Http1ServerStream extends StreamHandle<ServerStreamCodec> implements ServerStream {
  sendInformational(head: ResponseHead): void {
    this.codec?.sendInformational(head);
  }

  sendResponse(head: ResponseHead, endStream: boolean): void {
    this.codec?.sendResponse(head, endStream);
  }

  openTunnel(head: ResponseHead): void {
    this.codec?.openTunnel(head);
  }
}

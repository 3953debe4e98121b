// What one HTTP/2 stream has of its own: its windows, what it could not send yet, and who hears of it. The rules are
// its connection's.

import type { MeshError } from '../../base/index.ts';
import type { Head } from '../head.ts';
import type { BodyReceiver, Stream } from '../stream.ts';

/** What a stream needs of its connection. */
export interface StreamOwner<S> {
  sendBody(stream: S, bytes: Uint8Array, start: number, end: number): boolean;
  sendEnd(stream: S, trailers: Head | null): void;
  giveUp(stream: S, error: MeshError): void;
  resumed(stream: S): void;
}

export abstract class Http2Stream<S, R extends BodyReceiver> implements Stream {
  readonly id: number;
  /** Null once the stream is over, so that late calls go nowhere. */
  owner: StreamOwner<S> | null;
  receiver: R | null = null;
  /** Both sides agreed: its bodies are bytes, and each half ends by itself. */
  tunnel = false;
  /** The peer ended its half. */
  remoteEnded = false;
  /** We ended ours, or promised to behind what is queued. */
  localEnded = false;
  /** Body bytes that the peer takes; below 0 after it made its windows smaller. */
  sendWindow: number;
  /** Body bytes that the peer may still send. */
  receiveWindow: number;
  /** Bytes received whose window was not given back yet. */
  unreturned = 0;
  paused = false;
  /** Bytes that wait for a window or for the socket, and where the first piece starts. */
  queue: Uint8Array[] | null = null;
  queueStart = 0;
  queuedBytes = 0;
  /** The end waits behind the queue. */
  endQueued = false;
  queuedTrailers: Head | null = null;
  /** It stands in its connection's list of streams that have something to send. */
  waiting = false;
  /** `sendBody` returned false and nobody was told otherwise. */
  wantsWritable = false;
  /** Body bytes that the peer's Content-Length still promises, or -1: it promised none. */
  expectedBytes = -1;
  receivedBytes = 0;

  constructor(owner: StreamOwner<S>, id: number, sendWindow: number, receiveWindow: number) {
    this.owner = owner;
    this.id = id;
    this.sendWindow = sendWindow;
    this.receiveWindow = receiveWindow;
  }

  protected abstract readonly self: S;

  sendBody(bytes: Uint8Array, start: number, end: number): boolean {
    return this.owner === null ? true : this.owner.sendBody(this.self, bytes, start, end);
  }

  sendEnd(trailers: Head | null): void {
    this.owner?.sendEnd(this.self, trailers);
  }

  reset(error: MeshError): void {
    this.owner?.giveUp(this.self, error);
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    if (!this.paused) return;
    this.paused = false;
    this.owner?.resumed(this.self);
  }
}

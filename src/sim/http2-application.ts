// A simulated service's connections over HTTP/2, and what a server may do to those who call it: GOAWAY while they call,
// and resets of requests that it did not begin.

import { MeshError } from '../base/index.ts';
import type { Socket, SocketHandler } from '../net/index.ts';
import { Http2ServerCodec, type Http2ServerHost } from '../wire/http2/index.ts';
import type { RequestHead, RequestReceiver, ServerStream } from '../wire/index.ts';
import { createHttp2Options } from './speech.ts';
import type { SimProcess } from './world.ts';

/** Read anew for each request; 0: never. */
export interface Http2Faults {
  /** Each of so many requests is the last one of its connection. */
  goawayEvery: number;
  /** Each of so many is reset before any of it was done. */
  resetEvery: number;
}

const given = new MeshError('peer-reset', 'internal', 'no', 'the service gave it up');

export class Http2ServedConnection implements SocketHandler, Http2ServerHost {
  private readonly codec: Http2ServerCodec;
  private readonly faults: Http2Faults;
  private readonly serve: (stream: ServerStream, head: RequestHead) => RequestReceiver;
  private requests = 0;

  constructor(
    process: SimProcess,
    socket: Socket,
    faults: Http2Faults,
    serve: (stream: ServerStream, head: RequestHead) => RequestReceiver,
  ) {
    this.faults = faults;
    this.serve = serve;
    this.codec = new Http2ServerCodec(socket, this, createHttp2Options(process.clock));
  }

  onOpen(): void {}

  onData(_socket: Socket, bytes: Uint8Array): void {
    this.codec.receive(bytes);
  }

  onDrain(): void {
    this.codec.drained();
  }

  onEnd(): void {
    this.codec.receiveEnd();
  }

  onClose(_socket: Socket, error: MeshError | null): void {
    this.codec.closed(error);
  }

  onRequest(stream: ServerStream, head: RequestHead, endStream: boolean): RequestReceiver {
    this.requests += 1;
    const { goawayEvery, resetEvery } = this.faults;
    if (goawayEvery > 0 && this.requests % goawayEvery === 0) this.codec.drain();
    if (resetEvery > 0 && this.requests % resetEvery === 0) {
      stream.reset(given);
      return nobody;
    }
    const receiver = this.serve(stream, head);
    if (endStream) receiver.onEnd(null);
    return receiver;
  }

  onHeadStart(): void {}
  onIdle(): void {}
  onProtocolError(): void {}
  onHeadRefused(): void {}
  onStreamOver(): void {}
  onEnding(): void {}
}

const nobody: RequestReceiver = { onBody() {}, onEnd() {}, onReset() {}, onWritable() {} };

// How a simulated program calls over HTTP/2: streams over few connections to its sidecar, with windows so small that
// every answer waits for them. It never repeats a call itself.

import type { MeshError } from '../base/index.ts';
import type { Address, Socket, SocketHandler } from '../net/index.ts';
import { Http2ClientCodec } from '../wire/http2/index.ts';
import {
  type ClientHost,
  type ClientStream,
  createRequestHead,
  type ResponseReceiver,
} from '../wire/index.ts';
import type { CallOptions, Calls } from './client-pool.ts';
import { createHttp2Options } from './speech.ts';
import type { SimProcess } from './world.ts';

/** Below what a listener takes, so that no call is refused for being one too many. */
const streamsMax = 50;
/** An answer is longer. */
const windowBytes = 8;

export class Http2Calls implements Calls {
  private readonly process: SimProcess;
  private readonly address: Address;
  private readonly connections = new Set<CallConnection>();

  constructor(process: SimProcess, address: Address) {
    this.process = process;
    this.address = address;
  }

  call(options: CallOptions, receiver: ResponseReceiver): ClientStream {
    for (const connection of this.connections)
      if (connection.running < streamsMax) return connection.send(options, receiver);
    const connection = new CallConnection(this.process, this.address, () =>
      this.connections.delete(connection),
    );
    this.connections.add(connection);
    return connection.send(options, receiver);
  }
}

class CallConnection implements SocketHandler, ClientHost {
  running = 0;
  private readonly socket: Socket;
  private readonly codec: Http2ClientCodec;
  private readonly onGone: () => void;
  private retired = false;

  constructor(process: SimProcess, address: Address, onGone: () => void) {
    this.onGone = onGone;
    this.socket = process.network.connect(address, this);
    this.codec = new Http2ClientCodec(
      this.socket,
      this,
      createHttp2Options(process.clock, { streamWindowBytes: windowBytes }),
    );
  }

  send(
    { method, authority, path = '/', fields, body }: CallOptions,
    receiver: ResponseReceiver,
  ): ClientStream {
    this.running += 1;
    const stream = this.codec.start(
      createRequestHead(method, authority, path, fields),
      body === null,
      receiver,
    );
    if (body === null) return stream;
    stream.sendBody(body, 0, body.length);
    stream.sendEnd(null);
    return stream;
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
    this.onGone();
    this.codec.closed(error);
  }

  onStreamDone(): void {
    this.running -= 1;
    if (this.retired && this.running === 0) this.socket.end();
  }

  onCapacity(): void {}

  /** GOAWAY: what runs goes on, and the next call opens another connection. */
  onRetired(): void {
    this.retired = true;
    this.onGone();
    if (this.running === 0) this.socket.end();
  }
}

// How a simulated program calls: HTTP/1.1 over kept connections to its sidecar, as many as it has calls open. It never
// repeats a call itself, so what the mesh did to each one stays visible.

import type { MeshError } from '../base/index.ts';
import type { Address, Socket, SocketHandler } from '../net/index.ts';
import { defaultHttp1Limits, Http1ClientCodec } from '../wire/http1/index.ts';
import {
  type ClientHost,
  type ClientStream,
  createRequestHead,
  type ResponseReceiver,
} from '../wire/index.ts';
import type { SimProcess } from './world.ts';

export interface CallOptions {
  readonly method: string;
  readonly authority: string;
  /** Default `/`. */
  readonly path?: string;
  readonly fields: readonly (readonly [name: string, value: string])[];
  /** Null: none. */
  readonly body: Uint8Array | null;
}

/** Who carries a program's calls. */
export interface Calls {
  call(options: CallOptions, receiver: ResponseReceiver): ClientStream;
}

export class ClientPool implements Calls {
  private readonly process: SimProcess;
  private readonly address: Address;
  private readonly idle: ClientConnection[] = [];

  /** `address`: the sidecar's outbound listener. */
  constructor(process: SimProcess, address: Address) {
    this.process = process;
    this.address = address;
  }

  call(options: CallOptions, receiver: ResponseReceiver): ClientStream {
    const connection = this.idle.pop() ?? this.connect();
    return connection.send(options, receiver);
  }

  release(connection: ClientConnection): void {
    this.idle.push(connection);
  }

  forget(connection: ClientConnection): void {
    const at = this.idle.indexOf(connection);
    if (at >= 0) this.idle.splice(at, 1);
  }

  private connect(): ClientConnection {
    return new ClientConnection(this, (handler) => this.process.network.connect(this.address, handler));
  }
}

class ClientConnection implements SocketHandler, ClientHost {
  private readonly pool: ClientPool;
  private readonly socket: Socket;
  private readonly codec: Http1ClientCodec;

  constructor(pool: ClientPool, connect: (handler: SocketHandler) => Socket) {
    this.pool = pool;
    this.socket = connect(this);
    this.codec = new Http1ClientCodec(this.socket, this, defaultHttp1Limits, true);
  }

  send(
    { method, authority, path = '/', fields, body }: CallOptions,
    receiver: ResponseReceiver,
  ): ClientStream {
    const head = createRequestHead(method, authority, path, fields);
    const stream = this.codec.start(head, body === null, receiver);
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
    this.pool.forget(this);
    this.codec.closed(error);
  }

  onStreamDone(reusable: boolean): void {
    if (reusable) this.pool.release(this);
  }

  onCapacity(): void {}

  onRetired(): void {
    this.pool.forget(this);
    this.socket.end();
  }
}

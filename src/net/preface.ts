// Bytes that go before everything else on an outgoing connection, before its TLS too: a PROXY header. Both networks
// connect in the clear, send them, and only then is the connection its owner's.

import type { MeshError } from '../base/index.ts';
import type { ConnectOptions, Socket, SocketHandler } from './network.ts';
import type { TlsClient } from './tls/index.ts';

/** What to connect with in the place of these; the handler is told when the connection is what was asked for. */
export function withPreface(
  handler: SocketHandler,
  options: ConnectOptions,
  preface: Uint8Array,
): readonly [SocketHandler, ConnectOptions] {
  const { tls = null } = options;
  return [new Preface(handler, preface, tls), { ...options, preface: null, tls: null }];
}

class Preface implements SocketHandler {
  private readonly handler: SocketHandler;
  private readonly bytes: Uint8Array;
  private readonly tls: TlsClient | null;

  constructor(handler: SocketHandler, bytes: Uint8Array, tls: TlsClient | null) {
    this.handler = handler;
    this.bytes = bytes;
    this.tls = tls;
  }

  onOpen(socket: Socket): void {
    socket.write(this.bytes, 0, this.bytes.length);
    if (this.tls === null) this.onSecure(socket);
    else socket.startTlsClient(this.tls);
  }

  onSecure(socket: Socket): void {
    socket.setHandler(this.handler);
    this.handler.onOpen(socket);
  }

  onData(): void {}

  onDrain(): void {}

  /** A server that ends before its TLS has begun has nothing to say. */
  onEnd(socket: Socket): void {
    socket.reset();
  }

  onClose(socket: Socket, error: MeshError | null): void {
    this.handler.onClose(socket, error);
  }
}

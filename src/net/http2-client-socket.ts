// HTTP/2's client codec on a socket of the Network seam: what all our clients outside the proxy have in common. What a
// connection is for is said by who extends it.

import type { Clock, MeshError } from '../base/index.ts';
import {
  createFaultCounts,
  defaultHttp2Limits,
  Http2ClientCodec,
  type Http2Limits,
  type Http2Options,
} from '../wire/http2/index.ts';
import type { ClientHost } from '../wire/index.ts';
import type { Address, ConnectOptions, Network, Socket, SocketHandler } from './network.ts';

/** Of a client that trusts its server to be there: no pings, and nobody counts its faults. */
export function createClientOptions(clock: Clock, limits: Partial<Http2Limits> = {}): Http2Options {
  return {
    limits: { ...defaultHttp2Limits, ...limits },
    clock,
    counts: createFaultCounts(),
    extraSettings: [],
    keepaliveMs: 0,
    keepaliveTimeoutMs: 0,
    idlePingMs: 0,
    stallMs: 0,
    extendedConnect: false,
  };
}

export abstract class Http2ClientSocket implements SocketHandler, ClientHost {
  readonly socket: Socket;
  /** null until the connection is open. */
  protected codec: Http2ClientCodec | null = null;
  private readonly options: Http2Options;

  constructor(network: Network, address: Address, options: Http2Options, connect: ConnectOptions = {}) {
    this.options = options;
    this.socket = network.connect(address, this, connect);
  }

  onOpen(socket: Socket): void {
    this.codec = new Http2ClientCodec(socket, this, this.options);
  }

  onData(_socket: Socket, bytes: Uint8Array): void {
    this.codec?.receive(bytes);
  }

  onDrain(): void {
    this.codec?.drained();
  }

  onEnd(): void {
    this.codec?.receiveEnd();
  }

  onClose(_socket: Socket, error: MeshError | null): void {
    this.codec?.closed(error);
  }

  onStreamDone(): void {}

  onCapacity(): void {}

  onRetired(): void {}
}

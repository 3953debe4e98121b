// The two ends around a proxy that speak HTTP/1.1, over any Network: a client with one request, and an origin.

import type { MeshError } from '../../base/index.ts';
import type { Address, Network, Socket, SocketHandler } from '../../net/index.ts';
import { defaultHttp1Limits, Http1ClientCodec, Http1ServerCodec } from '../../wire/http1/index.ts';
import { type ClientHost, createRequestHead, type ServerCodec, type ServerHost } from '../../wire/index.ts';
import { type Fields, HttpCall, HttpOrigin } from './http-ends.ts';

export class Http1Client implements SocketHandler, ClientHost {
  readonly socket: Socket;
  private codec: Http1ClientCodec | null = null;

  constructor(network: Network, address: Address) {
    this.socket = network.connect(address, this);
  }

  /** 0 until the connection is open, and while a request is under way. */
  get capacity(): number {
    return this.codec?.capacity ?? 0;
  }

  /** The connection must be open and without a request. */
  request(method: string, path: string, fields: Fields, body: string): HttpCall {
    const call = new HttpCall();
    if (this.codec === null) throw new Error('the connection is not open');
    const length = body === '' ? [] : [['content-length', String(body.length)] as const];
    const head = createRequestHead(method, 'ledger', path, [...fields, ...length]);
    call.stream = this.codec.start(head, body === '', call);
    if (body !== '') call.send(body).end();
    return call;
  }

  onOpen(socket: Socket): void {
    this.codec = new Http1ClientCodec(socket, this, defaultHttp1Limits);
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

export class Http1Origin extends HttpOrigin {
  createCodec(socket: Socket, host: ServerHost): ServerCodec {
    return new Http1ServerCodec(socket, host, defaultHttp1Limits);
  }
}

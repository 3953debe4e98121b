// The two ends around a proxy that speak HTTP/2, over any Network: a client with many requests on one connection, and
// an origin.

import type { Clock, MeshError } from '../../base/index.ts';
import {
  type Address,
  createClientOptions,
  Http2ClientSocket,
  type Network,
  type Socket,
} from '../../net/index.ts';
import { type Http2Options, Http2ServerCodec, type Http2ServerHost } from '../../wire/http2/index.ts';
import { createRequestHead, type RequestHead, type ServerCodec } from '../../wire/index.ts';
import { type Fields, type HttpAsked, HttpCall, HttpOrigin } from './http-ends.ts';

function options(clock: Clock, extendedConnect: boolean): Http2Options {
  return { ...createClientOptions(clock, { concurrentStreamsMax: 20_000 }), extendedConnect };
}

export class Http2Client extends Http2ClientSocket {
  retired = false;
  closed = false;

  constructor(network: Network, address: Address, clock: Clock) {
    super(network, address, options(clock, true));
  }

  get capacity(): number {
    return this.codec?.capacity ?? 0;
  }

  /** The connection must be open. With `body` null the request stays open for more. */
  request(method: string, path: string, fields: Fields = [], body: string | null = ''): HttpCall {
    const call = new HttpCall();
    if (this.codec === null) throw new Error('the connection is not open');
    call.stream = this.codec.start(createRequestHead(method, 'ledger', path, fields), body === '', call);
    if (body !== '' && body !== null) call.send(body).end();
    return call;
  }

  /** An extended CONNECT. */
  upgrade(protocol: string, path: string): HttpCall {
    return this.openTunnel(createRequestHead('GET', 'ledger', path, []), protocol);
  }

  connect(authority: string): HttpCall {
    return this.openTunnel(createRequestHead('CONNECT', authority, '', []), 'CONNECT');
  }

  private openTunnel(head: RequestHead, upgrade: string): HttpCall {
    const call = new HttpCall();
    if (this.codec === null) throw new Error('the connection is not open');
    call.stream = this.codec.start(Object.assign(head, { upgrade }), false, call);
    return call;
  }

  override onClose(socket: Socket, error: MeshError | null): void {
    this.closed = true;
    super.onClose(socket, error);
  }

  override onRetired(): void {
    this.retired = true;
  }
}

export class Http2Origin extends HttpOrigin {
  /** It says that it serves extended CONNECT; for connections that begin now. */
  extendedConnect = true;
  private readonly clock: Clock;

  constructor(network: Network, address: Address, clock: Clock, respond?: (asked: HttpAsked) => void) {
    super(network, address, respond);
    this.clock = clock;
  }

  createCodec(socket: Socket, host: Http2ServerHost): ServerCodec {
    return new Http2ServerCodec(socket, host, options(this.clock, this.extendedConnect));
  }
}

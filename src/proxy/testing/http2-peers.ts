// The two ends around a proxy that speak HTTP/2, over any Network: a client with many requests on one connection, and
// an origin whose answers are a function of the request. Our codec serves both; other people's are in the peer tests.

import type { Clock, MeshError } from '../../base/index.ts';
import {
  type Address,
  createClientOptions,
  Http2ClientSocket,
  type Listener,
  type Network,
  type Socket,
  type SocketHandler,
} from '../../net/index.ts';
import { type Http2Options, Http2ServerCodec, type Http2ServerHost } from '../../wire/http2/index.ts';
import {
  type ClientStream,
  createRequestHead,
  createResponseHead,
  type Head,
  type RequestHead,
  type RequestReceiver,
  type ResponseHead,
  type ResponseReceiver,
  type ServerStream,
} from '../../wire/index.ts';

type Fields = readonly (readonly [name: string, value: string])[];

function options(clock: Clock, extendedConnect: boolean): Http2Options {
  return { ...createClientOptions(clock, { concurrentStreamsMax: 20_000 }), extendedConnect };
}

/** One request and what came of it. */
export class Http2Call implements ResponseReceiver {
  status = 0;
  head: ResponseHead | null = null;
  body = '';
  trailers: Head | null = null;
  ended = false;
  error: MeshError | null = null;
  stream: ClientStream | null = null;

  send(text: string): this {
    const bytes = Buffer.from(text, 'latin1');
    this.stream?.sendBody(bytes, 0, bytes.length);
    return this;
  }

  end(): this {
    this.stream?.sendEnd(null);
    return this;
  }

  onInformational(): void {}

  onResponse(head: ResponseHead, endStream: boolean): void {
    this.head = head;
    this.status = head.status;
    this.ended = endStream;
  }

  onBody(bytes: Uint8Array, start: number, end: number): void {
    this.body += Buffer.from(bytes.subarray(start, end)).toString('latin1');
  }

  onEnd(trailers: Head | null): void {
    this.ended = true;
    this.trailers = trailers;
  }

  onReset(error: MeshError): void {
    this.error = error;
  }

  onWritable(): void {}
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
  request(method: string, path: string, fields: Fields = [], body: string | null = ''): Http2Call {
    const call = new Http2Call();
    if (this.codec === null) throw new Error('the connection is not open');
    call.stream = this.codec.start(createRequestHead(method, 'ledger', path, fields), body === '', call);
    if (body !== '' && body !== null) call.send(body).end();
    return call;
  }

  /** An extended CONNECT. */
  upgrade(protocol: string, path: string): Http2Call {
    const call = new Http2Call();
    if (this.codec === null) throw new Error('the connection is not open');
    const head = Object.assign(createRequestHead('GET', 'ledger', path, []), { upgrade: protocol });
    call.stream = this.codec.start(head, false, call);
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

/** What the origin was asked, and how it answers. */
export class Http2Asked implements RequestReceiver {
  body = '';
  ended: boolean;
  trailers: Head | null = null;
  error: MeshError | null = null;
  readonly connection: Http2OriginConnection;
  readonly stream: ServerStream;
  readonly head: RequestHead;
  private readonly whole: (asked: Http2Asked) => void;

  constructor(
    connection: Http2OriginConnection,
    stream: ServerStream,
    head: RequestHead,
    ended: boolean,
    whole: (asked: Http2Asked) => void,
  ) {
    this.connection = connection;
    this.stream = stream;
    this.head = head;
    this.ended = ended;
    this.whole = whole;
  }

  reply(status: number, body = '', fields: Fields = [], trailers: Fields | null = null): void {
    this.stream.sendResponse(createResponseHead(status, fields), body === '' && trailers === null);
    if (body === '' && trailers === null) return;
    this.send(body);
    this.stream.sendEnd(trailers === null ? null : createResponseHead(200, trailers));
  }

  send(text: string): void {
    const bytes = Buffer.from(text, 'latin1');
    this.stream.sendBody(bytes, 0, bytes.length);
  }

  onBody(bytes: Uint8Array, start: number, end: number): void {
    this.body += Buffer.from(bytes.subarray(start, end)).toString('latin1');
  }

  onEnd(trailers: Head | null): void {
    this.ended = true;
    this.trailers = trailers;
    this.whole(this);
  }

  onReset(error: MeshError): void {
    this.error = error;
  }

  onWritable(): void {}
}

export class Http2OriginConnection implements SocketHandler, Http2ServerHost {
  readonly codec: Http2ServerCodec;
  readonly socket: Socket;
  private readonly origin: Http2Origin;

  constructor(origin: Http2Origin, socket: Socket, clock: Clock) {
    this.origin = origin;
    this.socket = socket;
    this.codec = new Http2ServerCodec(socket, this, options(clock, origin.extendedConnect));
  }

  onOpen(): void {
    this.origin.connections.add(this);
    this.origin.accepted += 1;
  }

  onData(_socket: Socket, bytes: Uint8Array): void {
    this.codec.receive(bytes);
  }

  onDrain(): void {
    this.codec.drained();
  }

  onEnd(): void {
    this.codec.receiveEnd();
    this.socket.end();
  }

  onClose(_socket: Socket, error: MeshError | null): void {
    this.codec.closed(error);
    this.origin.connections.delete(this);
  }

  onRequest(stream: ServerStream, head: RequestHead, endStream: boolean): RequestReceiver {
    const asked = new Http2Asked(this, stream, head, endStream, (whole) => this.origin.respond(whole));
    this.origin.asked.push(asked);
    this.origin.onHead(asked);
    if (endStream) this.origin.respond(asked);
    return asked;
  }

  onHeadStart(): void {}
  onIdle(): void {}
  onProtocolError(): void {}
  onHeadRefused(): void {}
  onStreamOver(): void {}
  onEnding(): void {}
}

export class Http2Origin {
  readonly asked: Http2Asked[] = [];
  readonly connections = new Set<Http2OriginConnection>();
  accepted = 0;
  /** It says that it serves extended CONNECT; for connections that begin now. */
  extendedConnect = true;
  /** Called with a request that has ended. */
  respond: (asked: Http2Asked) => void;
  /** Called with every head. */
  onHead: (asked: Http2Asked) => void = () => {};
  private readonly listener: Listener;

  constructor(
    network: Network,
    address: Address,
    clock: Clock,
    respond: (asked: Http2Asked) => void = (asked) => asked.reply(200, 'fine'),
  ) {
    this.respond = respond;
    this.listener = network.listen({
      address,
      accept: (socket) => new Http2OriginConnection(this, socket, clock),
    });
  }

  get port(): number {
    return this.listener.address.kind === 'ip' ? this.listener.address.port : 0;
  }
}

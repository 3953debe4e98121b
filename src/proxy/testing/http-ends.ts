// The two ends around a proxy, whatever version they speak, over any Network: a request and what came of it, and an
// origin whose answers are a function of the request. Our codecs serve both; other people's are in the peer tests.

import type { MeshError } from '../../base/index.ts';
import type { Address, Listener, Network, Socket, SocketHandler } from '../../net/index.ts';
import type { Http2ServerHost } from '../../wire/http2/index.ts';
import {
  type ClientStream,
  createResponseHead,
  type Head,
  type RequestHead,
  type RequestReceiver,
  type ResponseHead,
  type ResponseReceiver,
  type ServerCodec,
  type ServerStream,
} from '../../wire/index.ts';

export type Fields = readonly (readonly [name: string, value: string])[];

/** One request and what came of it. */
export class HttpCall implements ResponseReceiver {
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

/** What the origin was asked, and how it answers. */
export class HttpAsked implements RequestReceiver {
  body = '';
  ended: boolean;
  trailers: Head | null = null;
  error: MeshError | null = null;
  readonly connection: HttpOriginConnection;
  readonly stream: ServerStream;
  readonly head: RequestHead;
  private readonly whole: (asked: HttpAsked) => void;

  constructor(
    connection: HttpOriginConnection,
    stream: ServerStream,
    head: RequestHead,
    ended: boolean,
    whole: (asked: HttpAsked) => void,
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

export class HttpOriginConnection implements SocketHandler, Http2ServerHost {
  readonly codec: ServerCodec;
  readonly socket: Socket;
  private readonly origin: HttpOrigin;

  constructor(origin: HttpOrigin, socket: Socket) {
    this.origin = origin;
    this.socket = socket;
    this.codec = origin.createCodec(socket, this);
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
    return this.origin.receive(this, stream, head, endStream);
  }

  onHeadStart(): void {}
  onIdle(): void {}
  onProtocolError(): void {}
  onHeadRefused(): void {}
  onStreamOver(): void {}
  onEnding(): void {}
}

export abstract class HttpOrigin {
  readonly asked: HttpAsked[] = [];
  readonly connections = new Set<HttpOriginConnection>();
  accepted = 0;
  /** Called with a request that has ended. */
  respond: (asked: HttpAsked) => void;
  /** Called with every head. */
  onHead: (asked: HttpAsked) => void = () => {};
  private readonly listener: Listener;

  constructor(
    network: Network,
    address: Address,
    respond: (asked: HttpAsked) => void = (asked) => asked.reply(200, 'fine'),
  ) {
    this.respond = respond;
    this.listener = network.listen({
      address,
      accept: (socket) => new HttpOriginConnection(this, socket),
    });
  }

  get port(): number {
    return this.listener.address.kind === 'ip' ? this.listener.address.port : 0;
  }

  abstract createCodec(socket: Socket, host: Http2ServerHost): ServerCodec;

  /** Keeps the request in {@link asked} and answers by {@link respond}. */
  receive(
    connection: HttpOriginConnection,
    stream: ServerStream,
    head: RequestHead,
    endStream: boolean,
  ): RequestReceiver {
    const asked = new HttpAsked(connection, stream, head, endStream, (whole) => this.respond(whole));
    this.asked.push(asked);
    this.onHead(asked);
    if (endStream) this.respond(asked);
    return asked;
  }
}

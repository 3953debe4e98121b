// For tests: an HTTP/1.1 server on any Network that answers when and how the test says, and remembers what it was
// asked.

import { type Clock, Timer, type TimerHandler } from '../base/index.ts';
import type { Address, Listener, Network, Socket, SocketHandler } from '../net/index.ts';
import { defaultHttp1Limits, Http1ServerCodec } from '../wire/http1/index.ts';
import {
  createResponseHead,
  type RequestHead,
  type RequestReceiver,
  type ServerHost,
  type ServerStream,
} from '../wire/index.ts';

export interface ServedRequest {
  readonly method: string;
  readonly path: string;
  readonly authority: string;
  readonly key: string | null;
  body: string;
  readonly atMs: number;
}

export class TestServer {
  readonly requests: ServedRequest[] = [];
  connections = 0;
  status = 200;
  /** Wait before an answer; Infinity: none ever comes. */
  delayMs: (nowMs: number) => number = () => 0;
  /** After this many requests a connection is closed in order. */
  requestsPerConnection = Number.POSITIVE_INFINITY;
  readonly clock: Clock;
  private readonly listener: Listener;

  constructor(network: Network, clock: Clock, address: Address) {
    this.clock = clock;
    this.listener = network.listen({ address, accept: (socket) => new ServedConnection(socket, this) });
  }

  get address(): Address {
    return this.listener.address;
  }

  close(): void {
    this.listener.close();
  }
}

class ServedConnection implements SocketHandler, ServerHost {
  served = 0;
  private readonly server: TestServer;
  private readonly codec: Http1ServerCodec;

  constructor(socket: Socket, server: TestServer) {
    server.connections += 1;
    this.server = server;
    this.codec = new Http1ServerCodec(socket, this, defaultHttp1Limits);
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

  onClose(): void {
    this.codec.closed(null);
  }

  onHeadStart(): void {}

  onIdle(): void {}

  onProtocolError(): void {}

  onRequest(stream: ServerStream, head: RequestHead, endStream: boolean): RequestReceiver {
    this.served += 1;
    if (this.served >= this.server.requestsPerConnection) this.codec.drain();
    const { method, path, authority } = head;
    const key = head.getName('idempotency-key');
    const request = { method, path, authority, key, body: '', atMs: this.server.clock.now() };
    this.server.requests.push(request);
    return new Answer(this.server, stream, request, endStream);
  }
}

class Answer implements RequestReceiver, TimerHandler {
  private readonly server: TestServer;
  private readonly stream: ServerStream;
  private readonly request: ServedRequest;
  private readonly timer = new Timer(this, 0);

  constructor(server: TestServer, stream: ServerStream, request: ServedRequest, ended: boolean) {
    this.server = server;
    this.stream = stream;
    this.request = request;
    if (ended) this.onEnd();
  }

  onBody(bytes: Uint8Array, start: number, end: number): void {
    this.request.body += new TextDecoder().decode(bytes.subarray(start, end));
  }

  onEnd(): void {
    const delayMs = this.server.delayMs(this.server.clock.now());
    if (delayMs !== Number.POSITIVE_INFINITY) this.server.clock.arm(this.timer, delayMs);
  }

  onReset(): void {
    this.server.clock.cancel(this.timer);
  }

  onWritable(): void {}

  onTimer(): void {
    this.stream.sendResponse(createResponseHead(this.server.status, [['content-length', '2']]), false);
    this.stream.sendBody(new TextEncoder().encode('ok'), 0, 2);
    this.stream.sendEnd(null);
  }
}

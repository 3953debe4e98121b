// One HTTP/1.1 connection of a load run: sends a request when it is idle, and reports how it ended.

import type { Clock, MeshError } from '../base/index.ts';
import type { Address, Network, Socket, SocketHandler, TlsClient } from '../net/index.ts';
import { defaultHttp1Limits, Http1ClientCodec } from '../wire/http1/index.ts';
import type { ClientHost, ClientStream, ResponseHead, ResponseReceiver } from '../wire/index.ts';
import type { LoadRequest } from './types.ts';

/** How a target is spoken to. */
export interface Speech {
  readonly network: Network;
  readonly clock: Clock;
  readonly connections: number;
  /** Streams at once on each connection of HTTP/2; 0: HTTP/1.1. */
  readonly streams: number;
  /** null: in the clear. */
  readonly tls: TlsClient | null;
}

/** A request between its arrival and its end. */
export interface PendingRequest {
  readonly sequence: number;
  readonly request: LoadRequest;
  readonly intendedMs: number;
  /** It was sent on a connection that had carried others, which its peer may have been about to end. */
  reused: boolean;
}

/** What carries one request at a time: a connection of HTTP/1.1, or a stream's place on one of HTTP/2. */
export interface LoadLane {
  readonly target: number;
  readonly state: ConnectionState;
  readonly pending: PendingRequest | null;
  /** Responses that came whole. */
  readonly served: number;
  send(pending: PendingRequest, nowMs: number): void;
  /** Gives up the request in flight. */
  abort(failure: string): void;
  /** Ends the connection below it. */
  close(): void;
}

/** How a call of gRPC ended. */
export interface CallEnd {
  /** grpc-status; -1 without one. */
  readonly status: number;
  /** Messages that came back. */
  readonly messages: number;
}

export interface ConnectionOwner {
  /** It can take a request; `opened`: it has just been connected. */
  onReady(lane: LoadLane, opened: boolean): void;
  /** The request of the connection ended; `failure` is '' when a whole response came. `call`: null without gRPC. */
  onEnd(
    pending: PendingRequest,
    sentMs: number,
    head: ResponseHead | null,
    failure: string,
    call: CallEnd | null,
  ): void;
  onBody(pending: PendingRequest, bytes: Uint8Array, start: number, end: number): void;
  /** It is gone; `failure` says why it could not be opened, '' when it was open. */
  onGone(lane: LoadLane, failure: string): void;
  onBytes(count: number): void;
}

/** connecting -> idle <-> busy -> gone; a request's failure leads from busy to gone. */
export type ConnectionState = 'connecting' | 'idle' | 'busy' | 'gone';

export class LoadConnection implements LoadLane, SocketHandler, ClientHost {
  readonly target: number;
  state: ConnectionState = 'connecting';
  pending: PendingRequest | null = null;
  /** Responses that came whole. */
  served = 0;
  private readonly owner: ConnectionOwner;
  private readonly socket: Socket;
  private readonly codec: Http1ClientCodec;
  private readonly receiver = new Receiver(this);
  private stream: ClientStream | null = null;
  private sentMs = 0;
  private head: ResponseHead | null = null;

  constructor(target: number, address: Address, { network, tls }: Speech, owner: ConnectionOwner) {
    this.target = target;
    this.owner = owner;
    this.socket = network.connect(address, this, { tls });
    this.codec = new Http1ClientCodec(this.socket, this, defaultHttp1Limits);
  }

  send(pending: PendingRequest, nowMs: number): void {
    this.state = 'busy';
    this.pending = pending;
    pending.reused = this.served > 0;
    this.sentMs = nowMs;
    this.head = null;
    const { head, body } = pending.request;
    const stream = this.codec.start(head, body === null, this.receiver);
    this.stream = stream;
    if (body === null) return;
    // The socket queues what the kernel does not take: a body is in memory already, so nothing is won by waiting.
    stream.sendBody(body, 0, body.length);
    // The server may have answered and closed inside the call.
    if (this.stream === stream) stream.sendEnd(null);
  }

  /** Gives up the request in flight, and the connection with it. */
  abort(failure: string): void {
    const { pending } = this;
    this.pending = null;
    this.stream = null;
    if (pending !== null) this.owner.onEnd(pending, this.sentMs, this.head, failure, null);
    this.close();
  }

  close(): void {
    if (this.state === 'gone') return;
    this.socket.reset();
  }

  onOpen(): void {
    this.state = 'idle';
    this.owner.onReady(this, true);
  }

  onData(_socket: Socket, bytes: Uint8Array): void {
    this.owner.onBytes(bytes.length);
    this.codec.receive(bytes);
  }

  onDrain(): void {
    this.codec.drained();
  }

  onEnd(): void {
    this.codec.receiveEnd();
  }

  onClose(_socket: Socket, error: MeshError | null): void {
    const opened = this.state !== 'connecting';
    if (opened) this.codec.closed(error);
    this.settle(error?.code ?? 'peer-closed');
    this.state = 'gone';
    this.owner.onGone(this, opened ? '' : (error?.code ?? 'connect-failed'));
  }

  onStreamDone(reusable: boolean): void {
    if (!reusable || this.state !== 'busy') return;
    this.state = 'idle';
    this.owner.onReady(this, false);
  }

  onCapacity(): void {}

  onRetired(): void {
    if (this.state === 'idle') this.state = 'gone';
  }

  // What the response's receiver calls.

  responded(head: ResponseHead): void {
    this.head = head;
  }

  received(bytes: Uint8Array, start: number, end: number): void {
    if (this.pending !== null) this.owner.onBody(this.pending, bytes, start, end);
  }

  settle(failure: string): void {
    const { pending } = this;
    if (pending === null) return;
    this.pending = null;
    this.stream = null;
    if (failure === '') this.served += 1;
    this.owner.onEnd(pending, this.sentMs, this.head, failure, null);
  }
}

/** The connection's ear for responses; apart from it, because both a socket and a response have an `onEnd`. */
class Receiver implements ResponseReceiver {
  private readonly connection: LoadConnection;

  constructor(connection: LoadConnection) {
    this.connection = connection;
  }

  onInformational(): void {}

  onResponse(head: ResponseHead, endStream: boolean): void {
    this.connection.responded(head);
    if (endStream) this.connection.settle('');
  }

  onBody(bytes: Uint8Array, start: number, end: number): void {
    this.connection.received(bytes, start, end);
  }

  onEnd(): void {
    this.connection.settle('');
  }

  onReset(error: MeshError): void {
    this.connection.settle(error.code);
  }

  onWritable(): void {}
}

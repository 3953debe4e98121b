// One HTTP/2 connection of a load run: as many lanes as it may carry streams, each with a request at a time, so that
// the run sees them as it sees connections of HTTP/1.1.

import { type Clock, MeshError } from '../base/index.ts';
import type { Address, Network, Socket, SocketHandler } from '../net/index.ts';
import {
  createFaultCounts,
  defaultHttp2Limits,
  Http2ClientCodec,
  type Http2Options,
} from '../wire/http2/index.ts';
import type { ClientHost, ClientStream, Head, ResponseHead, ResponseReceiver } from '../wire/index.ts';
import type { ConnectionOwner, ConnectionState, LoadLane, PendingRequest } from './load-connection.ts';

/** Windows that no answer of a load test fills. */
const windowBytes = 16 * 1024 * 1024;

function optionsOf(clock: Clock, streams: number): Http2Options {
  return {
    limits: {
      ...defaultHttp2Limits,
      concurrentStreamsMax: streams,
      streamWindowBytes: windowBytes,
      connectionWindowBytes: windowBytes,
    },
    clock,
    counts: createFaultCounts(),
    keepaliveMs: 0,
    keepaliveTimeoutMs: 0,
    idlePingMs: 0,
    stallMs: 0,
    extendedConnect: false,
  };
}

export class LoadHttp2Connection implements SocketHandler, ClientHost {
  readonly owner: ConnectionOwner;
  private readonly target: number;
  private readonly streams: number;
  private readonly socket: Socket;
  private readonly clock: Clock;
  private codec: Http2ClientCodec | null = null;
  private readonly lanes: LoadHttp2Lane[] = [];
  /** Lanes whose request waits, because the server takes fewer streams than there are lanes. */
  private readonly held: LoadHttp2Lane[] = [];
  private ready = false;
  private retired = false;

  constructor(
    target: number,
    address: Address,
    network: Network,
    clock: Clock,
    owner: ConnectionOwner,
    streams: number,
  ) {
    this.target = target;
    this.owner = owner;
    this.streams = streams;
    this.clock = clock;
    this.socket = network.connect(address, this);
  }

  /** It takes one more lane. */
  get hasRoom(): boolean {
    return !this.ready && !this.retired && this.lanes.length < this.streams;
  }

  addLane(): LoadHttp2Lane {
    const lane = new LoadHttp2Lane(this.target, this);
    this.lanes.push(lane);
    return lane;
  }

  /** Sends the lane's request when a stream is free; a connection that takes no more fails it. */
  send(lane: LoadHttp2Lane): void {
    if (this.codec === null || this.retired) lane.settle('peer-closed', null);
    else if (this.codec.capacity > 0) lane.start(this.codec);
    else this.held.push(lane);
  }

  /** The lane's request is over. */
  release(lane: LoadHttp2Lane): void {
    if (!this.retired) {
      lane.state = 'idle';
      this.owner.onReady(lane, false);
    } else this.leave(lane);
  }

  close(): void {
    this.socket.reset();
  }

  onOpen(socket: Socket): void {
    this.codec = new Http2ClientCodec(socket, this, optionsOf(this.clock, this.streams));
  }

  onData(_socket: Socket, bytes: Uint8Array): void {
    this.owner.onBytes(bytes.length);
    this.codec?.receive(bytes);
  }

  onDrain(): void {
    this.codec?.drained();
  }

  onEnd(): void {
    this.codec?.receiveEnd();
  }

  onClose(_socket: Socket, error: MeshError | null): void {
    this.retired = true;
    this.codec?.closed(error);
    const failure = this.ready ? '' : (error?.code ?? 'connect-failed');
    this.held.length = 0;
    for (const lane of [...this.lanes]) {
      lane.settle(error?.code ?? 'peer-closed', null);
      this.leave(lane, failure);
    }
  }

  /** The server said what it takes: the lanes are open. */
  onCapacity(): void {
    if (!this.ready) {
      this.ready = true;
      for (const lane of [...this.lanes]) {
        lane.state = 'idle';
        this.owner.onReady(lane, true);
      }
    }
    this.sendHeld();
  }

  onStreamDone(): void {
    this.sendHeld();
  }

  /** GOAWAY: what runs ends, and those without a request leave now. */
  onRetired(): void {
    this.retired = true;
    for (const lane of this.held.splice(0)) lane.settle('peer-closed', null);
    for (const lane of [...this.lanes]) if (lane.state === 'idle') this.leave(lane);
  }

  private sendHeld(): void {
    while (this.held.length > 0 && this.codec !== null && this.codec.capacity > 0) {
      const lane = this.held.shift()!;
      // Its time may have been over meanwhile.
      if (lane.pending !== null) lane.start(this.codec);
    }
  }

  private leave(lane: LoadHttp2Lane, failure = ''): void {
    const at = this.lanes.indexOf(lane);
    if (at < 0) return;
    this.lanes.splice(at, 1);
    lane.state = 'gone';
    this.owner.onGone(lane, failure);
    if (this.lanes.length === 0 && this.retired) this.socket.end();
  }
}

class LoadHttp2Lane implements LoadLane, ResponseReceiver {
  readonly target: number;
  state: ConnectionState = 'connecting';
  pending: PendingRequest | null = null;
  served = 0;
  private readonly connection: LoadHttp2Connection;
  private stream: ClientStream | null = null;
  private sentMs = 0;
  private head: ResponseHead | null = null;

  constructor(target: number, connection: LoadHttp2Connection) {
    this.target = target;
    this.connection = connection;
  }

  send(pending: PendingRequest, nowMs: number): void {
    this.state = 'busy';
    this.pending = pending;
    this.sentMs = nowMs;
    this.head = null;
    this.connection.send(this);
  }

  start(codec: Http2ClientCodec): void {
    const { head, body } = this.pending!.request;
    const stream = codec.start(head, body === null, this);
    this.stream = stream;
    if (body === null) return;
    stream.sendBody(body, 0, body.length);
    if (this.stream === stream) stream.sendEnd(null);
  }

  /** Gives up the request in flight; its connection goes on. */
  abort(failure: string): void {
    const { stream } = this;
    this.stream = null;
    stream?.reset(new MeshError('cancelled', 'internal', 'no', failure));
    this.settle(failure, null);
  }

  close(): void {
    this.connection.close();
  }

  onInformational(): void {}

  onResponse(head: ResponseHead, endStream: boolean): void {
    this.head = head;
    if (endStream) this.settle('', head);
  }

  onBody(bytes: Uint8Array, start: number, end: number): void {
    if (this.pending !== null) this.connection.owner.onBody(this.pending, bytes, start, end);
  }

  onEnd(trailers: Head | null): void {
    this.settle('', trailers);
  }

  onReset(error: MeshError): void {
    this.settle(error.code, null);
  }

  onWritable(): void {}

  /** `last`: where gRPC says how the call went. */
  settle(failure: string, last: Head | null): void {
    const { pending } = this;
    if (pending === null) return;
    this.pending = null;
    this.stream = null;
    if (failure === '') this.served += 1;
    const told = failure === '' && pending.request.grpc ? grpcFailure(last) : failure;
    this.connection.owner.onEnd(pending, this.sentMs, this.head, told);
    this.connection.release(this);
  }
}

/** '' for grpc-status 0; a call that ended without one did not end well. */
function grpcFailure(last: Head | null): string {
  const status = last?.getName('grpc-status') ?? 'none';
  return status === '0' ? '' : `grpc-status-${status}`;
}

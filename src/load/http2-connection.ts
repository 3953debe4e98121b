// One HTTP/2 connection of a load run: as many lanes as it may carry streams, each with a request at a time, so that
// the run sees them as it sees connections of HTTP/1.1.

import { type Clock, MeshError, Timer, type TimerHandler } from '../base/index.ts';
import { type Address, createClientOptions, Http2ClientSocket, type Socket } from '../net/index.ts';
import type { Http2ClientCodec } from '../wire/http2/index.ts';
import type { ClientStream, Head, ResponseHead, ResponseReceiver } from '../wire/index.ts';
import { MessageCounter } from './grpc/count-messages.ts';
import type {
  CallEnd,
  ConnectionOwner,
  ConnectionState,
  LoadLane,
  PendingRequest,
  Speech,
} from './load-connection.ts';
import type { LoadCall } from './types.ts';

/** Windows that no answer of a load test fills. */
const windowBytes = 16 * 1024 * 1024;
/** How requests fail that a server of HTTP/1 alone would have to take. */
export const notHttp2 = 'not-http2';
const latin1 = new TextDecoder('latin1');

export class LoadHttp2Connection extends Http2ClientSocket {
  readonly owner: ConnectionOwner;
  private readonly target: number;
  private readonly streams: number;
  readonly clock: Clock;
  private readonly lanes: LoadHttp2Lane[] = [];
  /** Lanes whose request waits, because the server takes fewer streams than there are lanes. */
  private readonly held: LoadHttp2Lane[] = [];
  private ready = false;
  /** What came first was an answer of HTTP/1. */
  private foreign = false;
  private retired = false;

  constructor(
    target: number,
    address: Address,
    { network, clock, streams, tls }: Speech,
    owner: ConnectionOwner,
  ) {
    super(
      network,
      address,
      createClientOptions(clock, {
        concurrentStreamsMax: streams,
        streamWindowBytes: windowBytes,
        connectionWindowBytes: windowBytes,
      }),
      { tls },
    );
    this.target = target;
    this.owner = owner;
    this.streams = streams;
    this.clock = clock;
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

  override onData(socket: Socket, bytes: Uint8Array): void {
    this.owner.onBytes(bytes.length);
    // "HTTP" where a frame's length stands: more than any frame may have.
    if (!this.ready && bytes.length >= 4) this.foreign ||= latin1.decode(bytes.subarray(0, 4)) === 'HTTP';
    super.onData(socket, bytes);
  }

  override onClose(socket: Socket, error: MeshError | null): void {
    this.retired = true;
    super.onClose(socket, error);
    // Such as a server that wants a certificate: its refusal follows a handshake that was fine for us.
    const silent = this.codec === null ? 'connect-failed' : 'peer-closed';
    const reason = this.foreign ? notHttp2 : (error?.code ?? silent);
    const failure = this.ready ? '' : reason;
    this.held.length = 0;
    for (const lane of [...this.lanes]) {
      lane.settle(error?.code ?? 'peer-closed', null);
      this.leave(lane, failure);
    }
  }

  /** The server said what it takes: the lanes are open. */
  override onCapacity(): void {
    if (!this.ready) {
      this.ready = true;
      for (const lane of [...this.lanes]) {
        lane.state = 'idle';
        this.owner.onReady(lane, true);
      }
    }
    this.sendHeld();
  }

  override onStreamDone(): void {
    this.sendHeld();
  }

  /** GOAWAY: what runs ends, and those without a request leave now. */
  override onRetired(): void {
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

const timers = { deadline: 0, message: 1 } as const;
/** grpc-status DEADLINE_EXCEEDED, said by the caller itself. */
const deadlineExceeded = 4;

class LoadHttp2Lane implements LoadLane, ResponseReceiver, TimerHandler {
  readonly target: number;
  state: ConnectionState = 'connecting';
  pending: PendingRequest | null = null;
  served = 0;
  private readonly connection: LoadHttp2Connection;
  private readonly deadline = new Timer(this, timers.deadline);
  private readonly messageTimer = new Timer(this, timers.message);
  private stream: ClientStream | null = null;
  private sentMs = 0;
  private head: ResponseHead | null = null;
  private received: MessageCounter | null = null;
  private nextMessage = 0;
  private sentBytes = 0;
  /** Waits for the window; `late`: its next message is due. */
  private blocked = false;
  private late = false;

  constructor(target: number, connection: LoadHttp2Connection) {
    this.target = target;
    this.connection = connection;
  }

  send(pending: PendingRequest, nowMs: number): void {
    this.state = 'busy';
    this.pending = pending;
    pending.reused = this.served > 0;
    this.sentMs = nowMs;
    this.head = null;
    this.connection.send(this);
  }

  start(codec: Http2ClientCodec): void {
    const { head, body, call } = this.pending!.request;
    const stream = codec.start(head, body === null, this);
    this.stream = stream;
    if (call !== null) {
      this.received = new MessageCounter();
      this.nextMessage = 0;
      this.sentBytes = 0;
      this.blocked = false;
      this.late = false;
      if (call.deadlineMs > 0) this.connection.clock.arm(this.deadline, call.deadlineMs);
      if (body !== null) this.sendMessages(body, call);
      return;
    }
    if (body === null) return;
    stream.sendBody(body, 0, body.length);
    if (this.stream === stream) stream.sendEnd(null);
  }

  /** As many as the window takes, or one, where they are to be sent apart; the last one ends our half. */
  private sendMessages(body: Uint8Array, call: LoadCall): void {
    while (this.stream !== null && !this.blocked && this.nextMessage < call.messageBytes.length) {
      const start = this.sentBytes;
      this.sentBytes += call.messageBytes[this.nextMessage]!;
      this.nextMessage += 1;
      this.blocked = !this.stream.sendBody(body, start, this.sentBytes);
      if (this.nextMessage === call.messageBytes.length) {
        this.stream?.sendEnd(null);
        return;
      }
      if (call.messageIntervalMs > 0) {
        if (this.stream !== null) this.connection.clock.arm(this.messageTimer, call.messageIntervalMs);
        return;
      }
    }
  }

  onWritable(): void {
    this.blocked = false;
    const { body, call } = this.pending?.request ?? { body: null, call: null };
    if (body === null || call === null) return;
    if (call.messageIntervalMs === 0 || this.late) this.sendMessages(body, call);
    this.late = false;
  }

  onTimer(kind: number): void {
    const { body, call } = this.pending?.request ?? { body: null, call: null };
    if (kind === timers.deadline) this.abort(`grpc-status-${deadlineExceeded}`);
    else if (this.blocked) this.late = true;
    else if (body !== null && call !== null) this.sendMessages(body, call);
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
    this.received?.push(bytes, start, end);
    if (this.pending !== null) this.connection.owner.onBody(this.pending, bytes, start, end);
  }

  onEnd(trailers: Head | null): void {
    this.settle('', trailers);
  }

  onReset(error: MeshError): void {
    this.settle(error.code, null);
  }

  /** `last`: where gRPC says how the call went. */
  settle(failure: string, last: Head | null): void {
    const { pending } = this;
    if (pending === null) return;
    const { call } = pending.request;
    this.pending = null;
    this.stream = null;
    this.connection.clock.cancel(this.deadline);
    this.connection.clock.cancel(this.messageTimer);
    if (failure === '') this.served += 1;
    const ended = call === null ? null : this.endCall(failure, last);
    const told = failure === '' && ended !== null ? grpcFailure(ended.status) : failure;
    this.connection.owner.onEnd(pending, this.sentMs, this.head, told, ended);
    this.connection.release(this);
  }

  private endCall(failure: string, last: Head | null): CallEnd {
    const text = failure === '' ? (last?.getName('grpc-status') ?? '') : '';
    const status = failure === `grpc-status-${deadlineExceeded}` ? deadlineExceeded : parseStatus(text);
    const messages = this.received?.count ?? 0;
    this.received = null;
    return { status, messages };
  }
}

/** -1: none, or none that gRPC knows. */
function parseStatus(text: string): number {
  return /^\d{1,3}$/.test(text) ? Number(text) : -1;
}

/** '' for grpc-status 0; a call that ended without one did not end well. */
function grpcFailure(status: number): string {
  return status === 0 ? '' : `grpc-status-${status < 0 ? 'none' : status}`;
}

// The client's gRPC stream on our own HTTP/2 over the Network seam: one connection with one call, since an ADS client
// has one stream at a time.

import { type Clock, MeshError, ok, type Result, Timer, type TimerHandler } from '../../base/index.ts';
import {
  type Address,
  type ConnectOptions,
  formatAddress,
  type Network,
  type Socket,
  type SocketHandler,
} from '../../net/index.ts';
import { createFaultCounts, defaultHttp2Limits, Http2ClientCodec } from '../../wire/http2/index.ts';
import {
  type ClientHost,
  type ClientStream,
  createRequestHead,
  type Head,
  type ResponseHead,
  type ResponseReceiver,
} from '../../wire/index.ts';
import type { AdsStream, AdsStreamHandler, AdsTransport, AdsVariant } from '../types.ts';
import { type Decompress, FrameError, FrameParser } from './grpc-framing.ts';
import { describeStatus, discoveryPath } from './grpc-protocol.ts';
import { MessageSender } from './message-sender.ts';

export interface GrpcAdsOptions {
  readonly network: Network;
  readonly clock: Clock;
  /** Of the control plane; names are resolved before. */
  readonly address: Address;
  /** TLS and the like, asked for each connection; null: there can be none now. */
  readonly connect?: () => ConnectOptions | null;
  /** The type of a separate discovery service; default the aggregated one. */
  readonly typeUrl?: string | null;
  /** The path of a streaming method of another service, instead of discovery's. */
  readonly method?: string;
  /** Sent with each stream. */
  readonly metadata?: readonly (readonly [name: string, value: string])[];
  /** The token that proves who asks, read for each stream; a failure says why there is none now. */
  readonly token?: () => Result<string, string>;
  /** The `:authority` sent; default the address. */
  readonly authority?: string;
  /** Opens gzip; without it the server is not told that it may compress. */
  readonly gunzip?: Decompress;
  /** Until the connection is open; default 5,000. */
  readonly connectTimeoutMs?: number;
  /** A ping goes to a silent server after this; default 30,000. */
  readonly keepaliveMs?: number;
  /** An unanswered ping ends the connection after this; default 10,000. */
  readonly keepaliveTimeoutMs?: number;
}

export function createGrpcAdsTransport(options: GrpcAdsOptions): AdsTransport {
  return new GrpcTransport(options);
}

class GrpcTransport implements AdsTransport {
  private readonly options: GrpcAdsOptions;
  private readonly streams = new Set<GrpcStream>();

  constructor(options: GrpcAdsOptions) {
    this.options = options;
  }

  open(variant: AdsVariant, handler: AdsStreamHandler): AdsStream {
    const connect = this.options.connect === undefined ? {} : this.options.connect();
    if (connect === null)
      return new RefusedStream(this.options, handler, 'its TLS has no certificates or trust yet');
    const token = this.options.token?.() ?? ok('');
    if (!token.ok) return new RefusedStream(this.options, handler, token.error);
    const stream = new GrpcStream(this.options, { connect, token: token.value, variant }, handler, () =>
      this.streams.delete(stream),
    );
    this.streams.add(stream);
    return stream;
  }

  close(): void {
    for (const stream of [...this.streams]) stream.fail('cancelled', 'the transport was closed');
  }
}

/** There is nothing to connect with yet; said as a failure to connect is, so that it is tried again. */
class RefusedStream implements AdsStream, TimerHandler {
  private readonly options: GrpcAdsOptions;
  private readonly handler: AdsStreamHandler;
  private readonly reason: string;
  private readonly timer = new Timer(this, 0);

  constructor(options: GrpcAdsOptions, handler: AdsStreamHandler, reason: string) {
    this.options = options;
    this.reason = reason;
    this.handler = handler;
    options.clock.arm(this.timer, 0);
  }

  send(): boolean {
    return true;
  }

  close(): void {
    this.options.clock.cancel(this.timer);
  }

  onTimer(): void {
    const message = `ADS at ${formatAddress(this.options.address)}: ${this.reason}`;
    this.handler.onClose(new MeshError('tls-failed', 'upstream', 'yes', message));
  }
}

/** What one stream is opened with. */
interface Opening {
  readonly connect: ConnectOptions;
  /** Empty: none is shown. */
  readonly token: string;
  readonly variant: AdsVariant;
}

class GrpcStream implements AdsStream, SocketHandler, ClientHost, TimerHandler {
  private readonly options: GrpcAdsOptions;
  private readonly handler: AdsStreamHandler;
  private readonly onGone: () => void;
  private readonly socket: Socket;
  private readonly codec: Http2ClientCodec;
  private readonly call: ClientStream;
  private readonly sender: MessageSender;
  private readonly connectTimer = new Timer(this, 0);
  private closed = false;
  private retired = false;

  constructor(
    options: GrpcAdsOptions,
    { connect, token, variant }: Opening,
    handler: AdsStreamHandler,
    onGone: () => void,
  ) {
    const { address, clock, connectTimeoutMs = 5_000, keepaliveMs = 30_000 } = options;
    this.options = options;
    this.handler = handler;
    this.onGone = onGone;
    this.socket = options.network.connect(address, this, connect);
    this.codec = new Http2ClientCodec(this.socket, this, {
      limits: defaultHttp2Limits,
      clock,
      counts: createFaultCounts(),
      extraSettings: [],
      extendedConnect: false,
      keepaliveMs,
      keepaliveTimeoutMs: options.keepaliveTimeoutMs ?? 10_000,
      idlePingMs: 0,
      stallMs: 60_000,
    });
    const authority = options.authority ?? (address.kind === 'unix' ? 'localhost' : formatAddress(address));
    const fields: [string, string][] = [
      ['content-type', 'application/grpc'],
      ['te', 'trailers'],
      ['user-agent', 'weft'],
    ];
    for (const [name, value] of options.metadata ?? []) fields.push([name, value]);
    if (token !== '') fields.push(['authorization', `Bearer ${token}`]);
    if (options.gunzip !== undefined) fields.push(['grpc-accept-encoding', 'identity,gzip']);
    const path = options.method ?? discoveryPath(variant, options.typeUrl ?? null);
    this.call = this.codec.start(
      createRequestHead('POST', authority, path, fields),
      false,
      new Answer(this, options),
    );
    this.sender = new MessageSender(this.call);
    clock.arm(this.connectTimer, connectTimeoutMs);
  }

  send(message: readonly Uint8Array[]): boolean {
    return this.closed ? true : this.sender.send(message);
  }

  close(error: MeshError | null): void {
    if (this.closed) return;
    this.release();
    this.call.reset(error ?? new MeshError('cancelled', 'downstream', 'no', 'the client is done'));
    this.socket.end();
  }

  // The socket.

  onOpen(): void {
    this.options.clock.cancel(this.connectTimer);
  }

  onData(_socket: Socket, bytes: Uint8Array): void {
    this.codec.receive(bytes);
    // After all that came with it was heard: the end of the call may say more than the GOAWAY behind it.
    if (this.retired) this.fail('draining', 'the server is going away');
  }

  onDrain(): void {
    this.codec.drained();
  }

  onEnd(): void {
    this.codec.receiveEnd();
    this.socket.end();
  }

  onClose(_socket: Socket, error: MeshError | null): void {
    if (error !== null) this.fail(error.code, error.message, error);
    this.codec.closed(error);
    this.fail('peer-closed', 'the connection was closed');
  }

  onTimer(): void {
    const { connectTimeoutMs = 5_000 } = this.options;
    this.fail('connect-timeout', `no connection in ${connectTimeoutMs} ms`);
  }

  // The connection's codec.

  onStreamDone(): void {}

  onCapacity(): void {}

  /** GOAWAY: a stream that it leaves alone goes on, but its server is leaving; another is asked. */
  onRetired(): void {
    this.retired = true;
  }

  onMessage(message: Uint8Array): void {
    if (!this.closed) this.handler.onMessage(message);
  }

  onWritable(): void {
    if (this.sender.resume() && !this.closed) this.handler.onWritable();
  }

  failByStatus(head: Head | null): void {
    const status = head?.getName('grpc-status') ?? null;
    if (status === null) this.fail('protocol', 'the call ended without grpc-status');
    else this.fail('peer-closed', describeStatus(status, head?.getName('grpc-message')));
  }

  fail(code: MeshError['code'], reason: string, cause: unknown = null): void {
    if (this.closed) return;
    this.release();
    this.socket.reset();
    const message = `ADS at ${formatAddress(this.options.address)}: ${reason}`;
    this.handler.onClose(new MeshError(code, 'upstream', 'yes', message, cause));
  }

  private release(): void {
    this.closed = true;
    this.options.clock.cancel(this.connectTimer);
    this.onGone();
  }
}

/** What comes back on the call. */
class Answer implements ResponseReceiver {
  private readonly stream: GrpcStream;
  private readonly options: GrpcAdsOptions;
  private readonly parser = new FrameParser();

  constructor(stream: GrpcStream, options: GrpcAdsOptions) {
    this.stream = stream;
    this.options = options;
  }

  onInformational(): void {}

  onResponse(head: ResponseHead, endStream: boolean): void {
    // A call that fails at once has its status here and no trailers.
    if (head.status !== 200)
      this.stream.fail('protocol', `the server answered with HTTP status ${head.status}`);
    else if (endStream || head.getName('grpc-status') !== null) this.stream.failByStatus(head);
    else if (head.getName('grpc-encoding') === 'gzip') this.parser.decompress = this.options.gunzip ?? null;
  }

  onBody(bytes: Uint8Array, start: number, end: number): void {
    try {
      this.parser.push(bytes.subarray(start, end), (message) => this.stream.onMessage(message));
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      this.stream.fail('protocol', `a response ${error.message}`);
    }
  }

  onEnd(trailers: Head | null): void {
    this.stream.failByStatus(trailers);
  }

  onReset(error: MeshError): void {
    this.stream.fail(error.code, error.message, error);
  }

  onWritable(): void {
    this.stream.onWritable();
  }
}

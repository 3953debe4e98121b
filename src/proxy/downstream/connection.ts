// One accepted connection: the socket's handler below, the codec's host above, and the owner of the exchange that it
// borrows for each of its requests.

import type { MeshError, TimerHandler } from '../../base/index.ts';
import type { Address, SecureFacts, Socket, SocketHandler } from '../../net/index.ts';
import type { HelloFingerprints, MetadataMap } from '../../observe/index.ts';
import { Http1ServerCodec } from '../../wire/http1/index.ts';
import type { RequestHead, RequestReceiver, ServerHost, ServerStream } from '../../wire/index.ts';
import type { Tlv } from '../../wire/proxy-protocol/index.ts';
import type { Exchange, ExchangeContext, ExchangeOwner } from '../exchange/index.ts';
import { proxyLimits } from '../limits.ts';
import { responseFlags } from '../stats/index.ts';
import { ConnectionDeadlines } from './deadlines.ts';
import { detectProtocol, http2Refusal, tlsRefusal } from './detect.ts';
import { Http2Session } from './http2-session.ts';
import { Linger } from './linger.ts';
import { settleRefused } from './refused.ts';
import type { Ends, Session } from './session.ts';
import type { SessionOwner } from './session-owner.ts';

const headTimeout =
  'HTTP/1.1 408 Request Timeout\r\ncontent-type: text/plain\r\ncontent-length: 22\r\nconnection: close\r\n\r\nrequest header timeout';

const overloadedAnswer =
  'HTTP/1.1 500 Internal Server Error\r\ncontent-type: text/plain\r\ncontent-length: 10\r\nconnection: close\r\n\r\noverloaded';

const never = Number.POSITIVE_INFINITY;

export class DownstreamConnection implements SocketHandler, ServerHost, ExchangeOwner, Session, TimerHandler {
  readonly id: number;
  readonly remote: Address;
  readonly restored: Address | null;
  readonly tlvs: readonly Tlv[];
  readonly serverName: string | null;
  readonly fingerprints: HelloFingerprints | null;
  readonly metadata: MetadataMap | null;
  readonly secure: SecureFacts | null;
  /** Null while no request runs. */
  private exchange: Exchange | null = null;
  /** Clock time since when no request runs; -1 while one does. */
  idleSinceMs: number;
  private readonly context: ExchangeContext;
  private readonly listener: SessionOwner;
  private readonly socket: Socket;
  private readonly codec: Http1ServerCodec;
  private readonly deadlines: ConnectionDeadlines;
  private readonly linger = new Linger();
  private headStarted = false;
  private requests = 0;
  private detected = false;
  /** The first bytes, while they may still become either protocol. */
  private early: Uint8Array | null = null;
  /** We said our last word outside of the codec: what still comes is dropped. */
  private ended = false;
  closed = false;

  constructor(context: ExchangeContext, listener: SessionOwner, socket: Socket, ends: Ends) {
    this.context = context;
    this.listener = listener;
    this.socket = socket;
    this.id = ++context.connectionIds.last;
    this.remote = ends.remote;
    this.restored = ends.restored;
    this.tlvs = ends.tlvs;
    this.serverName = ends.serverName;
    this.fingerprints = ends.fingerprints;
    this.metadata = ends.metadata;
    this.secure = socket.secure;
    this.codec = new Http1ServerCodec(socket, this, listener.codecLimits);
    this.deadlines = new ConnectionDeadlines(context.clock, this);
    this.idleSinceMs = context.clock.now();
  }

  get protocol(): string {
    return 'HTTP/1.1';
  }

  get bytesReceived(): number {
    return -1;
  }

  get bytesSent(): number {
    return -1;
  }

  get direct(): Address {
    return this.socket.remote;
  }

  get local(): Address {
    return this.restored ?? this.socket.local;
  }

  onOpen(): void {
    if (!this.listener.onConnectionOpen(this)) return;
    this.deadlines.limitAge(this.listener.http.connectionAgeMsMax, this.context.random, this.idleSinceMs);
    this.awaitRequest(this.idleSinceMs);
  }

  onData(_socket: Socket, bytes: Uint8Array): void {
    if (this.linger.active) this.linger.received(bytes.length);
    if (this.ended) {
      if (this.linger.overrun) this.socket.pause();
      return;
    }
    const all = this.detected ? bytes : this.detect(bytes);
    if (all === null || this.isShed()) return;
    this.codec.receive(all);
    if (this.headStarted) this.awaitHead();
  }

  onDrain(): void {
    this.codec.drained();
    if (this.headStarted) this.awaitHead();
  }

  onEnd(): void {
    this.codec.receiveEnd();
    if (this.codec.closing) this.awaitEnd();
    else if (!this.codec.idle) this.awaitAnswer();
  }

  onClose(_socket: Socket, error: MeshError | null): void {
    if (this.closed) return;
    this.closed = true;
    this.codec.closed(error);
    this.deadlines.stop();
    this.giveBack();
    this.listener.onConnectionClosed(this);
  }

  // What the codec tells.

  onHeadStart(): void {
    this.headStarted = true;
  }

  onRequest(stream: ServerStream, head: RequestHead, endStream: boolean): RequestReceiver {
    const { deadlines } = this;
    this.headStarted = false;
    deadlines.headMs = never;
    deadlines.idleMs = never;
    if (this.linger.active) this.linger.stop(deadlines);
    this.idleSinceMs = -1;
    // Said before the answer, so that the answer says `connection: close`.
    this.requests += 1;
    const max = this.listener.http.requestsPerConnectionMax;
    if (this.listener.announcesEnd || (max > 0 && this.requests >= max)) this.codec.drain();
    this.exchange ??= this.listener.exchanges.take(this);
    this.exchange.begin(stream, head, endStream);
    return this.exchange;
  }

  endWithAnswer(): void {
    this.codec.drain();
  }

  /** Only the rest of a request that was answered early changes anything here: onSettled knew the others. */
  onIdle(): void {
    if (!this.linger.active) return;
    this.linger.stop(this.deadlines);
    this.idleSinceMs = this.context.clock.now();
    this.awaitRequest(this.idleSinceMs);
  }

  onProtocolError(error: MeshError, status: number, head: RequestHead | null): void {
    const { exchange, listener } = this;
    this.headStarted = false;
    this.deadlines.headMs = never;
    listener.stats.protocolErrors += 1;
    if (exchange !== null && exchange.state !== 'idle') exchange.onRefused(status, error.message);
    else if (status > 0) this.settleRefused(status, error.message, head);
    this.awaitEnd();
  }

  /**
   * The exchange is over; called before its last bytes are sent. What is left of an incomplete request has its time.
   */
  onSettled(nowMs: number, requestEnded: boolean): void {
    this.idleSinceMs = nowMs;
    if (requestEnded) this.awaitRequest(nowMs);
    else this.awaitEnd();
  }

  /**
   * The last byte of an answer was sent. If the codec ended the connection with it, the client has a moment to end it
   * too; a pipelined head may have begun.
   */
  onAnswered(): void {
    // A pipelined request may have begun behind the answer's last byte.
    if (this.exchange?.state === 'idle') this.giveBack();
    if (this.codec.closing) this.awaitEnd();
    else if (this.headStarted) this.awaitHead();
  }

  /**
   * Draining: a running request's answer will announce the end. An idle connection ends only when it was idle for
   * `quietMs`: a request may be on its way to it, and its client could not tell whether it was executed.
   */
  drainWhenQuiet(nowMs: number, quietMs: number): void {
    if (!this.codec.idle) this.drain();
    else if (this.idleSinceMs >= 0 && nowMs - this.idleSinceMs >= quietMs && this.isQuiet()) this.drain();
  }

  /** Ends it in order: at once when nothing runs, else after the running request. */
  drain(): void {
    this.codec.drain();
    if (this.codec.closing) this.awaitEnd();
  }

  reset(): void {
    this.socket.reset();
  }

  get heldBytes(): number {
    return this.socket.queuedBytes + (this.exchange?.heldBytes ?? 0);
  }

  endIdle(nowMs: number, scale: (ms: number) => number): void {
    const { idleTimeoutMs } = this.listener.http;
    if (idleTimeoutMs === 0 || this.idleSinceMs < 0 || this.linger.active) return;
    if (nowMs - this.idleSinceMs >= scale(idleTimeoutMs)) this.timeOutIdle();
  }

  onTimer(_kind: number, nowMs: number): void {
    for (;;) {
      const over = this.deadlines.takeExpired(nowMs);
      if (over === null) break;
      if (over === 'linger') this.lookAtLinger(nowMs);
      else if (over === 'head') this.timeOutHead();
      else if (over === 'idle') this.timeOutIdle();
      else if (over === 'age') this.endOfAge();
      else if (this.exchange?.state !== 'relaying') this.socket.reset();
      if (this.closed) return;
    }
    this.deadlines.arm(nowMs);
  }

  /** What the handshake agreed on is spoken, whatever the first bytes look like; null: it said nothing. */
  private agreed(): 'http1' | 'http2' | null {
    const alpn = this.secure?.alpn ?? null;
    return alpn === 'h2' ? 'http2' : alpn === 'http/1.1' ? 'http1' : null;
  }

  /** What the codec is to read; null: nothing yet, or it is somebody else's. */
  private detect(received: Uint8Array): Uint8Array | null {
    const bytes = this.early === null ? received : Buffer.concat([this.early, received]);
    const protocol = this.agreed() ?? detectProtocol(bytes);
    if (protocol === 'more') {
      this.early = Uint8Array.from(bytes);
      this.awaitHead();
      return null;
    }
    this.early = null;
    this.detected = true;
    const { protocol: served } = this.listener.http;
    if (protocol === 'http1' && served !== 'http2') return bytes;
    if (served === 'http2' || (protocol === 'http2' && served === 'auto')) {
      this.handOver(bytes);
      return null;
    }
    this.listener.stats.foreignProtocol += 1;
    const refusal = protocol === 'tls' ? tlsRefusal : http2Refusal;
    this.socket.write(refusal, 0, refusal.length);
    this.endOutsideCodec();
    return null;
  }

  /**
   * The client speaks HTTP/2 (or has to, and hears of it in HTTP/2 if it does not): somebody else serves it from here
   * on.
   */
  private handOver(bytes: Uint8Array): void {
    const { context, listener, socket } = this;
    this.closed = true;
    this.ended = true;
    this.deadlines.stop();
    listener.onConnectionHandedOver(this);
    listener.stats.http2Connections += 1;
    const session = new Http2Session(context, listener, socket, this);
    socket.setHandler(session);
    session.onOpen();
    session.onData(socket, bytes);
  }

  private giveBack(): void {
    const { exchange } = this;
    this.exchange = null;
    if (exchange !== null) this.listener.exchanges.giveBack(exchange);
  }

  private timeOutHead(): void {
    const { stats } = this.listener;
    stats.headTimeouts += 1;
    this.headStarted = false;
    const refused = { status: 408, reason: 'request_header_timeout', head: null, flag: responseFlags.none };
    settleRefused(this.context, this.listener, this, refused);
    this.socket.writeLatin1(headTimeout);
    this.endOutsideCodec();
  }

  /** True: the proxy lets go of work, and this connection with it. */
  private isShed(): boolean {
    const { overload, random } = this.context;
    if (overload.abortHttp1 + overload.goAwayAndClose === 0) return false;
    const closes = random.float() < overload.goAwayAndClose;
    if (!closes && random.float() >= overload.abortHttp1) return false;
    this.listener.stats.overloadShed += 1;
    // A request that has begun is lost; one that has not may be told.
    if (closes || !this.codec.idle) this.socket.reset();
    else {
      this.settleRefused(500, 'overload', null);
      this.socket.writeLatin1(overloadedAnswer);
      this.endOutsideCodec();
    }
    return true;
  }

  private endOfAge(): void {
    this.listener.stats.maxDurations += 1;
    this.drain();
  }

  /** A proxy that was held up hears of a timer before it hears of a request that waits to be read. */
  private isQuiet(): boolean {
    return this.socket.unreadBytes() === 0;
  }

  private timeOutIdle(): void {
    if (!this.codec.idle) return;
    if (!this.isQuiet()) {
      this.awaitRequest(this.context.clock.now());
      return;
    }
    this.listener.stats.idleTimeouts += 1;
    this.drain();
  }

  private lookAtLinger(nowMs: number): void {
    const { codec, deadlines, linger, listener, socket } = this;
    linger.look(socket, deadlines, codec.closing || this.ended, listener.http.lingerMs, nowMs);
  }

  private endOutsideCodec(): void {
    this.ended = true;
    this.socket.end();
    this.awaitEnd();
  }

  private settleRefused(status: number, reason: string, head: RequestHead | null): void {
    settleRefused(this.context, this.listener, this, { status, reason, head });
  }

  private awaitRequest(nowMs: number): void {
    const { idleTimeoutMs } = this.listener.http;
    if (idleTimeoutMs === 0) return;
    this.deadlines.idleMs = nowMs + idleTimeoutMs;
    this.deadlines.arm(nowMs);
  }

  /** A head began and is not complete: from now on it has its time, and is no idle connection any more. */
  private awaitHead(): void {
    const { deadlines } = this;
    if (deadlines.headMs !== never) return;
    const now = this.context.clock.now();
    deadlines.idleMs = never;
    deadlines.headMs = now + (this.listener.http.headTimeoutMs || proxyLimits.streamIdleMs);
    deadlines.arm(now);
  }

  /** We ended, or answered early: the peer keeps its connection while it reads or sends. */
  private awaitEnd(): void {
    if (this.linger.active || this.closed) return;
    this.linger.begin(this.socket, this.deadlines, this.context.clock.now());
  }

  /**
   * A FIN may be half of a connection or all of it, and only a later RST would tell. A client that merely ended its
   * sending half is answered within this time; one that left must not hold its attempt until the route's timeout. An
   * answer under way meets the RST.
   */
  private awaitAnswer(): void {
    const now = this.context.clock.now();
    this.deadlines.leaveMs = now + proxyLimits.halfClosedMs;
    this.deadlines.arm(now);
  }
}

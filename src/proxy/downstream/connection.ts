// One accepted connection: the socket's handler below, the codec's host above, and the owner of the exchange that all its requests use.

import { type MeshError, Timer, type TimerHandler } from '../../base/index.ts';
import type { Address, Socket, SocketHandler } from '../../net/index.ts';
import { Http1ServerCodec } from '../../wire/http1/index.ts';
import type { RequestHead, RequestReceiver, ServerHost, ServerStream } from '../../wire/index.ts';
import { Exchange, type ExchangeContext, type ExchangeOwner } from '../exchange/index.ts';
import { proxyLimits } from '../limits.ts';
import { detectProtocol, http2Refusal, tlsRefusal } from './detect.ts';
import type { RuntimeListener } from './listener.ts';

const headTimeout =
  'HTTP/1.1 408 Request Timeout\r\ncontent-type: text/plain\r\ncontent-length: 20\r\nconnection: close\r\n\r\nrequest head timeout';

const never = Number.POSITIVE_INFINITY;

export class DownstreamConnection implements SocketHandler, ServerHost, ExchangeOwner, TimerHandler {
  readonly remote: Address;
  readonly secure = null;
  readonly exchange: Exchange;
  /** Clock time since when no request runs; -1 while one does. */
  idleSinceMs: number;
  private readonly context: ExchangeContext;
  private readonly listener: RuntimeListener;
  private readonly socket: Socket;
  private readonly codec: Http1ServerCodec;
  private readonly timer: Timer;
  /** Clock time by which the head that has begun must be complete; Infinity: none has. */
  private headDueMs = never;
  /** Clock time after which an ended connection, or the rest of an answered request, is not waited for. */
  private lingerDueMs = never;
  /** Clock time after which a client that ended its side while its answer is awaited counts as gone. */
  private leaveDueMs = never;
  private headStarted = false;
  private detected = false;
  /** We said our last word outside of the codec: what still comes is dropped. */
  private ended = false;
  private closed = false;

  constructor(context: ExchangeContext, listener: RuntimeListener, socket: Socket) {
    this.context = context;
    this.listener = listener;
    this.socket = socket;
    this.remote = socket.remote;
    this.codec = new Http1ServerCodec(socket, this, listener.codecLimits);
    this.exchange = new Exchange(context, this, listener);
    this.timer = new Timer(this, 0);
    this.idleSinceMs = context.clock.now();
  }

  onOpen(): void {
    this.listener.onConnectionOpen(this);
    this.armTimer(this.idleSinceMs);
  }

  onData(_socket: Socket, bytes: Uint8Array): void {
    if (this.ended || (!this.detected && !this.detect(bytes))) return;
    this.codec.receive(bytes);
    if (this.headStarted) this.awaitHead();
  }

  onDrain(): void {
    this.codec.drained();
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
    this.context.clock.cancel(this.timer);
    this.exchange.close();
    this.listener.onConnectionClosed(this);
  }

  // What the codec tells.

  onHeadStart(): void {
    this.headStarted = true;
  }

  onRequest(stream: ServerStream, head: RequestHead, endStream: boolean): RequestReceiver {
    this.headStarted = false;
    this.headDueMs = never;
    this.lingerDueMs = never;
    this.idleSinceMs = -1;
    // Said before the answer, so that the answer says `connection: close`.
    if (this.listener.draining) this.codec.drain();
    this.exchange.begin(stream, head, endStream);
    return this.exchange;
  }

  onIdle(): void {
    this.lingerDueMs = never;
  }

  onProtocolError(_error: MeshError, _status: number): void {
    this.headStarted = false;
    this.listener.stats.protocolErrors += 1;
    this.awaitEnd();
  }

  /** The exchange is over; called before its last bytes are sent. What is left of an incomplete request has its time. */
  onSettled(nowMs: number, requestEnded: boolean): void {
    this.idleSinceMs = nowMs;
    if (!requestEnded) this.awaitEnd();
    else if (!this.timer.armed) this.armTimer(nowMs);
  }

  /** The last byte of an answer was sent. If the codec ended the connection with it, the client has a moment to end it too. */
  onAnswered(): void {
    if (this.codec.closing) this.awaitEnd();
  }

  /**
   * Draining: a running request's answer will announce the end. An idle connection ends only when it was idle for `quietMs`: a request
   * may be on its way to it, and its client could not tell whether it was executed.
   */
  drainWhenQuiet(nowMs: number, quietMs: number): void {
    if (!this.codec.idle || (this.idleSinceMs >= 0 && nowMs - this.idleSinceMs >= quietMs)) this.drain();
  }

  /** Ends it in order: at once when nothing runs, else after the running request. */
  drain(): void {
    this.codec.drain();
    if (this.codec.closing) this.awaitEnd();
  }

  reset(): void {
    this.socket.reset();
  }

  onTimer(_kind: number, nowMs: number): void {
    const { stats, http } = this.listener;
    if (nowMs >= this.lingerDueMs || (nowMs >= this.leaveDueMs && this.exchange.state !== 'relaying')) {
      this.socket.reset();
      return;
    }
    if (nowMs >= this.leaveDueMs) this.leaveDueMs = never;
    if (nowMs >= this.headDueMs) {
      stats.headTimeouts += 1;
      this.headDueMs = never;
      this.ended = true;
      this.socket.writeLatin1(headTimeout);
      this.socket.end();
      this.awaitEnd();
      return;
    }
    const idle = this.idleSinceMs >= 0 && this.codec.idle;
    if (idle && http.idleTimeoutMs > 0 && nowMs - this.idleSinceMs >= http.idleTimeoutMs) {
      stats.idleTimeouts += 1;
      this.drain();
      return;
    }
    this.armTimer(nowMs);
  }

  private detect(bytes: Uint8Array): boolean {
    this.detected = true;
    const protocol = detectProtocol(bytes);
    if (protocol === 'http1') return true;
    this.listener.stats.foreignProtocol += 1;
    const refusal = protocol === 'tls' ? tlsRefusal : http2Refusal;
    this.ended = true;
    this.socket.write(refusal, 0, refusal.length);
    this.socket.end();
    this.awaitEnd();
    return false;
  }

  /** A head began and is not complete: from now on it has its time. */
  private awaitHead(): void {
    if (this.headDueMs !== never || this.listener.http.headTimeoutMs === 0) return;
    const now = this.context.clock.now();
    this.headDueMs = now + this.listener.http.headTimeoutMs;
    this.armTimer(now);
  }

  /** We ended, or answered early: the peer has a moment to take it in, then the connection is cut. */
  private awaitEnd(): void {
    if (this.lingerDueMs !== never || this.closed) return;
    const now = this.context.clock.now();
    this.lingerDueMs = now + proxyLimits.lingerMs;
    this.armTimer(now);
  }

  /**
   * A FIN may be half of a connection or all of it, and only a later RST would tell. A client that merely ended its sending half is
   * answered within this time; one that left must not hold its attempt until the route's timeout. An answer under way meets the RST.
   */
  private awaitAnswer(): void {
    const now = this.context.clock.now();
    this.leaveDueMs = now + proxyLimits.halfClosedMs;
    this.armTimer(now);
  }

  /** One timer for all, armed for the first of them; left armed for a later time it looks again when it fires. */
  private armTimer(nowMs: number): void {
    const idleMs = this.listener.http.idleTimeoutMs;
    let due = Math.min(this.headDueMs, this.lingerDueMs, this.leaveDueMs);
    if (idleMs > 0) {
      const idleDue = (this.idleSinceMs >= 0 ? this.idleSinceMs : nowMs) + idleMs;
      if (idleDue < due) due = idleDue;
    }
    if (due === never || (this.timer.dueMs >= 0 && this.timer.dueMs <= due)) return;
    this.context.clock.arm(this.timer, due > nowMs ? due - nowMs : 0);
  }
}

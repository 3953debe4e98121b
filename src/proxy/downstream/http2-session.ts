// One HTTP/2 connection of a client: many exchanges at once, each with its stream. The counterpart of connection.ts,
// which found out what is spoken; balancing, retries and the log see no difference.

import type { MeshError, TimerHandler } from '../../base/index.ts';
import type { Address, SecureFacts, Socket, SocketHandler } from '../../net/index.ts';
import type { HelloFingerprints, MetadataMap } from '../../observe/index.ts';
import { Http2ServerCodec, type Http2ServerHost } from '../../wire/http2/index.ts';
import type { RequestHead, RequestReceiver, ServerStream } from '../../wire/index.ts';
import type { Tlv } from '../../wire/proxy-protocol/index.ts';
import { Exchange, type ExchangeContext, type ExchangeOwner } from '../exchange/index.ts';
import { http2Options } from '../http2-options.ts';
import { proxyLimits } from '../limits.ts';
import { ConnectionDeadlines } from './deadlines.ts';
import { Linger } from './linger.ts';
import { settleRefused } from './refused.ts';
import type { Ends, Session } from './session.ts';
import type { SessionOwner } from './session-owner.ts';

const never = Number.POSITIVE_INFINITY;

export class Http2Session implements SocketHandler, Http2ServerHost, ExchangeOwner, Session, TimerHandler {
  readonly id: number;
  readonly remote: Address;
  readonly restored: Address | null;
  readonly tlvs: readonly Tlv[];
  readonly serverName: string | null;
  readonly fingerprints: HelloFingerprints | null;
  readonly metadata: MetadataMap | null;
  readonly secure: SecureFacts | null;
  private readonly context: ExchangeContext;
  private readonly listener: SessionOwner;
  private readonly socket: Socket;
  private readonly codec: Http2ServerCodec;
  private readonly deadlines: ConnectionDeadlines;
  private readonly linger = new Linger();
  /** Borrowed until no stream is open; the idle ones wait for the next request. */
  private readonly exchanges: Exchange[] = [];
  private readonly idleExchanges: Exchange[] = [];
  /** Clock time since when no stream is open; -1 while one is. */
  private idleSinceMs: number;
  private headStarted = false;
  /** Told to go because of overload. */
  private sentAway = false;
  private requests = 0;
  closed = false;

  constructor(context: ExchangeContext, listener: SessionOwner, socket: Socket, ends: Ends) {
    const { http, stats } = listener;
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
    this.deadlines = new ConnectionDeadlines(context.clock, this);
    this.idleSinceMs = context.clock.now();
    this.codec = new Http2ServerCodec(
      socket,
      this,
      http2Options(http.http2, http, context, stats.http2Faults),
    );
  }

  get protocol(): string {
    return 'HTTP/2';
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
    // What comes beyond fills the kernel's buffers, and no memory of ours.
    if (this.linger.overrun && this.codec.closing) this.socket.pause();
    this.headStarted = false;
    const { overload } = this.context;
    const sheds = overload.goAwayHttp2 + overload.goAwayAndClose > 0;
    if (sheds && this.isShed()) return;
    this.codec.receive(bytes);
    if (sheds) this.sendAway();
    if (this.headStarted) this.awaitHead();
    else this.deadlines.headMs = never;
  }

  /** True: the proxy lets go of work, and this connection with it. */
  private isShed(): boolean {
    const { overload, random } = this.context;
    if (random.float() >= overload.goAwayAndClose) return false;
    this.listener.stats.overloadShed += 1;
    // Asked twice it does not wait for the client to have heard.
    this.codec.drain();
    this.codec.drain();
    if (!this.codec.closing) this.socket.end();
    this.onEnding();
    return true;
  }

  private sendAway(): void {
    const { overload, random } = this.context;
    if (this.codec.closing || this.sentAway || random.float() >= overload.goAwayHttp2) return;
    this.sentAway = true;
    this.listener.stats.overloadShed += 1;
    this.codec.drain();
  }

  onDrain(): void {
    this.codec.drained();
  }

  onEnd(): void {
    this.codec.receiveEnd();
    if (this.codec.closing) return;
    // Half of a connection, or all of it: only a later RST would tell.
    const now = this.context.clock.now();
    this.deadlines.leaveMs = now + proxyLimits.halfClosedMs;
    this.deadlines.arm(now);
  }

  onClose(_socket: Socket, error: MeshError | null): void {
    if (this.closed) return;
    this.closed = true;
    this.codec.closed(error);
    this.deadlines.stop();
    this.giveBack(true);
    this.listener.onConnectionClosed(this);
  }

  // What the codec tells.

  onHeadStart(): void {
    this.headStarted = true;
  }

  onRequest(stream: ServerStream, head: RequestHead, endStream: boolean): RequestReceiver {
    this.deadlines.idleMs = never;
    this.idleSinceMs = -1;
    this.requests += 1;
    const max = this.listener.http.requestsPerConnectionMax;
    if (this.listener.announcesEnd || (max > 0 && this.requests === max)) this.codec.drain();
    const exchange = this.idleExchanges.pop() ?? this.takeExchange();
    exchange.begin(stream, head, endStream);
    return exchange;
  }

  /** Others share it. */
  endWithAnswer(): void {}

  onStreamOver(receiver: RequestReceiver): void {
    // One that still runs (a bug, or a stream lost while it waits) is not given to the next request.
    if (!(receiver instanceof Exchange) || receiver.state !== 'idle') return;
    this.idleExchanges.push(receiver);
    // Answered within the call that began it: nothing else will say that no stream is open.
    const last = this.linger.active && this.idleExchanges.length === this.exchanges.length;
    if (this.idleSinceMs >= 0 || last) this.giveBack(false);
  }

  onIdle(): void {
    this.giveBack(false);
    this.idleSinceMs = this.context.clock.now();
    this.awaitRequest(this.idleSinceMs);
  }

  onProtocolError(_error: MeshError, _status: number): void {
    this.listener.stats.protocolErrors += 1;
    this.linger.distrust();
  }

  onHeadRefused(error: MeshError, status: number, head: RequestHead | null): void {
    this.listener.stats.protocolErrors += 1;
    settleRefused(this.context, this.listener, this, { status, reason: error.message, head });
  }

  onEnding(): void {
    if (this.linger.active || this.closed) return;
    this.deadlines.leaveMs = never;
    // No request comes any more, and whoever does not hear of the end stays for a while.
    this.giveBack(false);
    this.linger.begin(this.socket, this.deadlines, this.context.clock.now());
  }

  // What exchanges tell: the codec knows when a stream is over.

  onSettled(): void {}

  onAnswered(): void {}

  drainWhenQuiet(): void {
    this.codec.drain();
  }

  drain(): void {
    this.codec.drain();
  }

  reset(): void {
    this.socket.reset();
  }

  get heldBytes(): number {
    return this.socket.queuedBytes + this.exchanges.reduce((sum, { heldBytes }) => sum + heldBytes, 0);
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
      if (over === 'linger') {
        // Where one still runs the others did not go with the last one.
        this.giveBack(false);
        this.linger.look(this.socket, this.deadlines, true, this.listener.http.lingerMs, nowMs);
      } else if (over === 'idle') this.timeOutIdle();
      else if (over === 'age') this.endOfAge();
      else {
        if (over === 'head') this.listener.stats.headTimeouts += 1;
        this.socket.reset();
      }
      if (this.closed) return;
    }
    this.deadlines.arm(nowMs);
  }

  private takeExchange(): Exchange {
    const exchange = this.listener.exchanges.take(this);
    this.exchanges.push(exchange);
    return exchange;
  }

  /** Those whose streams are over; `all`: the others too, which have nobody left to answer. */
  private giveBack(all: boolean): void {
    const { exchanges, idleExchanges } = this;
    for (const exchange of all ? exchanges : idleExchanges) this.listener.exchanges.giveBack(exchange);
    const none = all || exchanges.length === idleExchanges.length;
    const gone = none ? null : new Set(idleExchanges);
    const rest = gone === null ? [] : exchanges.filter((exchange) => !gone.has(exchange));
    exchanges.length = 0;
    idleExchanges.length = 0;
    exchanges.push(...rest);
  }

  private endOfAge(): void {
    this.listener.stats.maxDurations += 1;
    this.codec.drain();
  }

  private timeOutIdle(): void {
    if (!this.codec.idle) return;
    this.listener.stats.idleTimeouts += 1;
    this.codec.drain();
  }

  private awaitRequest(nowMs: number): void {
    const { idleTimeoutMs } = this.listener.http;
    if (idleTimeoutMs === 0) return;
    this.deadlines.idleMs = nowMs + idleTimeoutMs;
    this.deadlines.arm(nowMs);
  }

  /** Preface, a head or another frame began and is not complete: from now on it has its time. */
  private awaitHead(): void {
    const { deadlines } = this;
    if (deadlines.headMs !== never) return;
    const now = this.context.clock.now();
    deadlines.headMs = now + (this.listener.http.headTimeoutMs || proxyLimits.streamIdleMs);
    deadlines.arm(now);
  }
}

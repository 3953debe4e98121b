// One connection to an endpoint: the socket's handler below, the codec's host above, and the pool's member. Carries one request at a
// time (HTTP/1.1); its endpoint decides who comes next.

import { assert, type ErrorCode, MeshError, Timer, type TimerHandler } from '../../base/index.ts';
import type { Socket, SocketHandler } from '../../net/index.ts';
import { defaultHttp1Limits, Http1ClientCodec } from '../../wire/http1/index.ts';
import type {
  ClientCodec,
  ClientHost,
  ClientStream,
  RequestHead,
  ResponseHead,
  ResponseReceiver,
} from '../../wire/index.ts';
import { headerId } from '../../wire/index.ts';
import { proxyLimits } from '../limits.ts';
import type { Endpoint } from './endpoint.ts';

/** connecting -> idle <-> busy -> closing (we sent FIN) -> closed. From every state the socket may close at once. */
export type ConnectionState = 'connecting' | 'idle' | 'busy' | 'closing' | 'closed';

export class UpstreamConnection implements SocketHandler, ClientHost, TimerHandler {
  readonly endpoint: Endpoint;
  state: ConnectionState = 'connecting';
  /** Requests started on it. More than one: the peer may have closed it while it lay idle. */
  requests = 0;
  idleSinceMs = 0;
  /** Idle time after which it is not used again; 0: no limit. Shrinks when the peer announces its own. */
  idleLimitMs: number;
  /** Closes when the running request is done. */
  retiring = false;
  private socket: Socket;
  private codec: ClientCodec;
  /** For connecting, then for closing. */
  private readonly timer: Timer;
  private connectError: MeshError | null = null;

  constructor(endpoint: Endpoint) {
    const { context, config } = endpoint.cluster;
    this.endpoint = endpoint;
    this.idleLimitMs = config.idleTimeoutMs;
    this.timer = new Timer(this, 0);
    this.socket = context.network.connect(endpoint.address, this);
    this.codec = new Http1ClientCodec(this.socket, this, defaultHttp1Limits);
    if (config.connectTimeoutMs > 0) context.clock.arm(this.timer, config.connectTimeoutMs);
  }

  /** Sends a request head. The receiver gets the answer; the connection goes back to its endpoint by itself. */
  start(head: RequestHead, endStream: boolean, receiver: ResponseReceiver): ClientStream {
    assert(this.state === 'idle', 'a connection takes one request at a time');
    this.state = 'busy';
    this.requests += 1;
    return this.codec.start(head, endStream, receiver);
  }

  /** Sends FIN. A peer that does not end its side too is cut off after a moment. */
  close(): void {
    this.state = 'closing';
    this.retiring = true;
    this.socket.end();
    this.endpoint.cluster.context.clock.arm(this.timer, proxyLimits.lingerMs);
  }

  reset(): void {
    this.socket.reset();
  }

  usable(nowMs: number): boolean {
    if (this.retiring || this.codec.capacity === 0) return false;
    return this.idleLimitMs === 0 || nowMs - this.idleSinceMs < this.idleLimitMs;
  }

  /**
   * Obeys `Keep-Alive: timeout=N`: dropping the connection a little before the peer does avoids sending a request into its FIN, which
   * only an idempotent request survives (the commonest 503 of sidecars before Node and Python applications).
   */
  learnIdleLimit(head: ResponseHead): void {
    const at = head.find(headerId['keep-alive']);
    if (at < 0) return;
    const seconds = parseKeepAliveTimeout(head.valueAt(at));
    if (seconds < 0) return;
    // A second is kept back, but half the time where that would leave nothing.
    const announcedMs = Math.max(seconds * 1000 - proxyLimits.keepAliveMarginMs, seconds * 500, 1);
    if (this.idleLimitMs === 0 || announcedMs < this.idleLimitMs) this.idleLimitMs = announcedMs;
  }

  onOpen(): void {
    this.endpoint.cluster.context.clock.cancel(this.timer);
    if (this.state !== 'connecting') return;
    this.state = 'idle';
    this.endpoint.onConnectionOpen(this);
  }

  onData(_socket: Socket, bytes: Uint8Array): void {
    this.codec.receive(bytes);
  }

  onDrain(): void {
    this.codec.drained();
  }

  onEnd(): void {
    this.codec.receiveEnd();
  }

  onClose(_socket: Socket, error: MeshError | null): void {
    this.endpoint.cluster.context.clock.cancel(this.timer);
    const before = this.state;
    this.state = 'closed';
    if (before === 'connecting') {
      this.endpoint.onConnectFailed(this, this.connectError ?? error ?? connectError('connect-failed', this));
      return;
    }
    this.codec.closed(error);
    this.endpoint.onConnectionClosed(this, before);
  }

  onTimer(): void {
    if (this.state === 'connecting') this.connectError = connectError('connect-timeout', this);
    if (this.state === 'connecting' || this.state === 'closing') this.socket.reset();
  }

  onStreamDone(reusable: boolean): void {
    if (this.state !== 'busy') return;
    this.state = 'idle';
    const max = this.endpoint.cluster.config.requestsPerConnectionMax;
    if (!reusable || this.retiring || (max > 0 && this.requests >= max)) {
      this.endpoint.onConnectionSpent();
      this.close();
      return;
    }
    this.endpoint.onConnectionFree(this);
  }

  onRetired(): void {
    this.retiring = true;
    if (this.state === 'idle') {
      this.endpoint.forgetIdle(this);
      this.close();
    }
  }
}

function connectError(code: ErrorCode, connection: UpstreamConnection): MeshError {
  return new MeshError(code, 'upstream', 'yes', `${connection.endpoint.key} did not accept the connection`);
}

function parseKeepAliveTimeout(value: string): number {
  const at = value.indexOf('timeout=');
  if (at < 0) return -1;
  const seconds = Number.parseInt(value.slice(at + 8), 10);
  return seconds >= 0 ? seconds : -1;
}

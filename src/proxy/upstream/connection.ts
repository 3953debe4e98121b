// One connection to an endpoint: the socket's handler below, the codec's host above, and its pool's member. How many
// streams it carries at a time is its codec's affair; who comes next is the pool's.

import { assert, type ErrorCode, MeshError, Timer, type TimerHandler } from '../../base/index.ts';
import type { Address, SecureFacts, Socket } from '../../net/index.ts';
import type { ConnectionFacts } from '../../observe/index.ts';
import { Http2ClientCodec } from '../../wire/http2/index.ts';
import type {
  ClientCodec,
  ClientHost,
  ClientStream,
  RequestHead,
  ResponseHead,
  ResponseReceiver,
} from '../../wire/index.ts';
import { headerId } from '../../wire/index.ts';
import type { ProxyContext } from '../context.ts';
import { ageJitter, proxyLimits } from '../limits.ts';
import type { Dial, DialHandler } from './racing-dial.ts';

/** What of a cluster's configuration a connection obeys. */
export interface ConnectionSettings {
  readonly connectTimeoutMs: number;
  /** Without a stream; 0: no limit. */
  readonly idleTimeoutMs: number;
  /** Requests after which it closes; 0: no limit. */
  readonly requestsPerConnectionMax: number;
  /** Age after which it takes no more requests; 0: no limit. */
  readonly connectionAgeMsMax: number;
}

/** The pool, as its connections see it. */
export interface ConnectionOwner {
  readonly context: ProxyContext;
  /** The endpoint, for messages. */
  readonly key: string;
  readonly address: Address;
  readonly settings: ConnectionSettings;
  /** Begins a connection; or why none can. */
  dial(handler: DialHandler): Dial | MeshError;
  /** Called when the connection is open, so that what was agreed on it (ALPN) can decide. */
  createCodec(socket: Socket, host: ClientHost): ClientCodec;
  onConnectionOpen(connection: UpstreamConnection): void;
  onSecure(facts: SecureFacts): void;
  /** Whether what the peer says of a refusal is believed. */
  trusts(facts: SecureFacts | null): boolean;
  onCapacity(connection: UpstreamConnection): void;
  onRetired(connection: UpstreamConnection): void;
  onSpent(): void;
  onConnectFailed(connection: UpstreamConnection, error: MeshError): void;
  onConnectionClosed(connection: UpstreamConnection, before: ConnectionState): void;
}

/** connecting -> idle <-> busy -> closing (we sent FIN) -> closed. From every state the socket may close at once. */
export type ConnectionState = 'connecting' | 'idle' | 'busy' | 'closing' | 'closed';

export class UpstreamConnection implements ConnectionFacts, DialHandler, ClientHost, TimerHandler {
  state: ConnectionState = 'connecting';
  /** Requests started on it. More than one: the peer may have closed it while it lay idle. */
  requests = 0;
  /** Streams that run on it now. */
  streams = 0;
  idleSinceMs = 0;
  /** Idle time after which it is not used again; 0: no limit. Shrinks when the peer announces its own. */
  idleLimitMs: number;
  /** The peer is who it was meant to be: what it says of a refusal is believed. */
  trusted = false;
  /** Closes when the running streams are done. */
  retiring = false;
  /** It stands in its pool's list of those with room; the pool's to set. */
  ready = false;
  readonly dialledAtMs: number;
  /** Clock time from which it takes no more requests. */
  private expiresAtMs = Number.POSITIVE_INFINITY;
  /** -1: not yet. */
  openedAtMs = -1;
  readonly id: number;
  private readonly owner: ConnectionOwner;
  /** Null: there is nothing to connect with, and that is told in a moment. */
  private readonly dialled: Dial | null;
  /** Null before it is open. */
  private socket: Socket | null = null;
  private codec: ClientCodec | null = null;
  /** For connecting, then for closing. */
  private readonly timer: Timer;
  private connectError: MeshError | null = null;

  constructor(owner: ConnectionOwner) {
    const { context, settings } = owner;
    this.owner = owner;
    this.id = ++context.connectionIds.last;
    this.dialledAtMs = context.clock.now();
    this.idleLimitMs = settings.idleTimeoutMs;
    this.timer = new Timer(this, 0);
    const dialled = owner.dial(this);
    if (dialled instanceof MeshError) {
      this.dialled = null;
      this.connectError = dialled;
      context.clock.arm(this.timer, 0);
      return;
    }
    this.dialled = dialled;
    if (settings.connectTimeoutMs > 0) context.clock.arm(this.timer, settings.connectTimeoutMs);
  }

  get name(): string {
    return this.owner.key;
  }

  get local(): Address {
    return this.socket?.local ?? this.dialled?.local ?? this.owner.address;
  }

  get remote(): Address {
    return this.socket?.remote ?? this.owner.address;
  }

  get direct(): Address {
    return this.remote;
  }

  get secure(): SecureFacts | null {
    return this.socket?.secure ?? null;
  }

  /** What is spoken on it. */
  get protocol(): string {
    return this.codec instanceof Http2ClientCodec ? 'HTTP/2' : 'HTTP/1.1';
  }

  /** Streams that may be started now. */
  get capacity(): number {
    return this.codec === null || this.retiring ? 0 : this.codec.capacity;
  }

  /** It can carry a request that asks for a tunnel. */
  get tunnels(): boolean {
    return this.codec?.tunnels === true;
  }

  /** Sends a request head. The receiver gets the answer; the connection goes back to its pool by itself. */
  start(head: RequestHead, endStream: boolean, receiver: ResponseReceiver): ClientStream {
    const { codec } = this;
    assert(codec !== null && codec.capacity > 0, 'a connection takes as many streams as it has room for');
    this.state = 'busy';
    this.requests += 1;
    this.streams += 1;
    const max = this.owner.settings.requestsPerConnectionMax;
    if (max > 0 && this.requests >= max) this.retiring = true;
    return codec.start(head, endStream, receiver);
  }

  /** Sends FIN. A peer that does not end its side too is cut off after a moment. */
  close(): void {
    this.state = 'closing';
    this.retiring = true;
    this.socket?.end();
    this.owner.context.clock.arm(this.timer, proxyLimits.lingerMs);
  }

  reset(): void {
    (this.socket ?? this.dialled)?.reset();
  }

  usable(nowMs: number): boolean {
    if (this.capacity === 0 || nowMs >= this.expiresAtMs) return false;
    return this.streams > 0 || this.idleLimitMs === 0 || nowMs - this.idleSinceMs < this.idleLimitMs;
  }

  /**
   * Obeys `Keep-Alive: timeout=N`: dropping the connection a little before the peer does avoids sending a request into
   * its FIN, which only an idempotent request survives (the commonest 503 of sidecars before Node and Python
   * applications).
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

  onOpen(socket: Socket): void {
    this.socket = socket;
    this.owner.context.clock.cancel(this.timer);
    if (socket.secure !== null) this.owner.onSecure(socket.secure);
    this.trusted = this.owner.trusts(socket.secure);
    if (this.state !== 'connecting') return;
    this.state = 'idle';
    const { clock, random } = this.owner.context;
    this.idleSinceMs = clock.now();
    const ageMsMax = this.owner.settings.connectionAgeMsMax;
    if (ageMsMax > 0) this.expiresAtMs = this.idleSinceMs + ageMsMax * (1 - ageJitter * random.float());
    this.openedAtMs = this.idleSinceMs;
    this.codec = this.owner.createCodec(socket, this);
    this.owner.onConnectionOpen(this);
  }

  onData(_socket: Socket, bytes: Uint8Array): void {
    this.codec?.receive(bytes);
  }

  onDrain(): void {
    this.codec?.drained();
  }

  onEnd(): void {
    this.codec?.receiveEnd();
  }

  onClose(_socket: Socket | null, error: MeshError | null): void {
    this.owner.context.clock.cancel(this.timer);
    const before = this.state;
    this.state = 'closed';
    if (before === 'connecting') {
      this.owner.onConnectFailed(this, this.connectError ?? error ?? connectError('connect-failed', this));
      return;
    }
    this.codec?.closed(error);
    this.owner.onConnectionClosed(this, before);
  }

  onTimer(): void {
    if (this.dialled === null) {
      this.onClose(null, this.connectError);
      return;
    }
    if (this.state === 'connecting') this.connectError = connectError('connect-timeout', this);
    if (this.state === 'connecting' || this.state === 'closing') this.reset();
  }

  onStreamDone(reusable: boolean): void {
    if (this.state !== 'busy') return;
    this.streams -= 1;
    if (this.streams === 0) {
      this.state = 'idle';
      if (!reusable || this.retiring) {
        this.owner.onSpent();
        this.close();
        return;
      }
      this.idleSinceMs = this.owner.context.clock.now();
    }
    this.owner.onCapacity(this);
  }

  onCapacity(): void {
    if (this.state === 'idle' || this.state === 'busy') this.owner.onCapacity(this);
  }

  onRetired(): void {
    this.retiring = true;
    this.owner.onRetired(this);
    if (this.state === 'idle') this.close();
  }
}

function connectError(code: ErrorCode, connection: UpstreamConnection): MeshError {
  return new MeshError(code, 'upstream', 'yes', `${connection.name} did not accept the connection`);
}

function parseKeepAliveTimeout(value: string): number {
  const at = value.indexOf('timeout=');
  if (at < 0) return -1;
  const seconds = Number.parseInt(value.slice(at + 8), 10);
  return seconds >= 0 ? seconds : -1;
}

// A connection to an endpoint that carries one client's bytes and nothing else: dialled for it, counted under the
// cluster's limit like any other, never pooled. Balancer and outlier detection hear of it as of an attempt that lasts
// as long as the connection.

import { MeshError, Timer, type TimerHandler } from '../../base/index.ts';
import type { Address, SecureFacts, Socket } from '../../net/index.ts';
import type { ConnectionFacts } from '../../observe/index.ts';
import type { Cluster } from './cluster.ts';
import type { Endpoint } from './endpoint.ts';
import type { ClientEnds } from './proxy-header.ts';
import type { Dial, DialHandler } from './racing-dial.ts';

export interface RawOwner {
  /** Whose bytes they are. */
  readonly client: ClientEnds;
  onConnected(): void;
  onConnectFailed(error: MeshError): void;
  onUpstreamData(bytes: Uint8Array): void;
  onUpstreamDrain(): void;
  onUpstreamEnd(): void;
  /** Not after `onConnectFailed`. */
  onUpstreamClosed(error: MeshError | null): void;
}

/** What carries a client's bytes to an endpoint, and what it tells its owner above. */
export interface TunnelUpstream extends ConnectionFacts {
  /** Begins; what comes of it is told later. False: the cluster has as many as it may. */
  dial(nowMs: number): boolean;
  /** All that there is for now. False: stop until `onUpstreamDrain`. */
  send(bytes: Uint8Array): boolean;
  pause(): void;
  resume(): void;
  /** Nothing more will be written; what the endpoint sends still comes. */
  end(): void;
  /** Also before it is open: then nothing is told any more, and nobody is blamed. */
  reset(): void;
}

/** idle -> connecting -> open -> closed; connecting may go to closed. */
type State = 'idle' | 'connecting' | 'open' | 'closed';

export class RawConnection implements TunnelUpstream, DialHandler, TimerHandler {
  readonly id: number;
  readonly endpoint: Endpoint;
  private readonly cluster: Cluster;
  private readonly owner: RawOwner;
  private readonly timer = new Timer(this, 0);
  /** Null: nothing was begun. */
  private dialled: Dial | null = null;
  private socket: Socket | null = null;
  private state: State = 'idle';
  private startedMs = 0;
  private connectMs = 0;
  private timeout: MeshError | null = null;

  constructor(cluster: Cluster, endpoint: Endpoint, owner: RawOwner) {
    this.id = ++cluster.context.connectionIds.last;
    this.cluster = cluster;
    this.endpoint = endpoint;
    this.owner = owner;
  }

  get local(): Address {
    return this.socket?.local ?? this.dialled?.local ?? this.endpoint.address;
  }

  get remote(): Address {
    return this.socket?.remote ?? this.endpoint.address;
  }

  get direct(): Address {
    return this.remote;
  }

  get secure(): SecureFacts | null {
    return this.socket?.secure ?? null;
  }

  /** Starts connecting; what comes of it is told later. False: the cluster has as many connections as it may. */
  dial(nowMs: number): boolean {
    const { cluster, endpoint } = this;
    const { breaker, config, context, stats } = cluster;
    if (!breaker.tryConnection()) {
      stats.connectionOverflow += 1;
      return false;
    }
    stats.connectionsTotal += 1;
    stats.connectionsActive += 1;
    cluster.onAttemptStart(endpoint, nowMs);
    if (config.closesSick === true) {
      endpoint.tunnels ??= new Set();
      endpoint.tunnels.add(this);
    }
    this.state = 'connecting';
    this.startedMs = nowMs;
    const dialled = endpoint.dial('configured', this.owner.client, null, this);
    if (dialled instanceof MeshError) {
      this.timeout = dialled;
      context.clock.arm(this.timer, 0);
      return true;
    }
    this.dialled = dialled;
    if (config.connectTimeoutMs > 0) context.clock.arm(this.timer, config.connectTimeoutMs);
    return true;
  }

  send(bytes: Uint8Array): boolean {
    this.cluster.stats.bytesSent += bytes.length;
    return this.socket?.send(bytes, 0, bytes.length) ?? true;
  }

  /** The same for one of several pieces: they leave together. */
  write(bytes: Uint8Array): boolean {
    this.cluster.stats.bytesSent += bytes.length;
    return this.socket?.write(bytes, 0, bytes.length) ?? true;
  }

  pause(): void {
    this.socket?.pause();
  }

  resume(): void {
    this.socket?.resume();
  }

  end(): void {
    this.socket?.end();
  }

  /** Its endpoint is found to be sick: it ends at once, and its owner hears why. */
  endSick(): void {
    if (this.state === 'connecting') {
      this.timeout = new MeshError('connect-failed', 'upstream', 'yes', `${this.endpoint.key}: is not well`);
      this.dialled?.reset();
    } else if (this.state === 'open') {
      this.settle('success');
      this.socket?.reset();
      const message = `${this.endpoint.key}: is not well`;
      this.owner.onUpstreamClosed(new MeshError('peer-reset', 'upstream', 'no', message));
    }
  }

  /** Also while connecting: then nothing is told any more, and nobody is blamed. */
  reset(): void {
    if (this.state === 'connecting') this.settle('cancelled');
    (this.socket ?? this.dialled)?.reset();
  }

  onOpen(socket: Socket): void {
    const { clock } = this.cluster.context;
    this.socket = socket;
    if (this.state !== 'connecting') return;
    this.state = 'open';
    clock.cancel(this.timer);
    this.connectMs = clock.now() - this.startedMs;
    if (socket.secure !== null) this.cluster.stats.ssl.countSecure(socket.secure);
    this.endpoint.onDialOpen();
    this.owner.onConnected();
  }

  onData(_socket: Socket, bytes: Uint8Array): void {
    this.cluster.stats.bytesReceived += bytes.length;
    this.owner.onUpstreamData(bytes);
  }

  onDrain(): void {
    this.owner.onUpstreamDrain();
  }

  onEnd(): void {
    this.owner.onUpstreamEnd();
  }

  onClose(_socket: Socket | null, error: MeshError | null): void {
    if (this.state === 'connecting') this.failConnect(this.timeout ?? error);
    else if (this.state === 'open') {
      this.settle('success');
      this.owner.onUpstreamClosed(error);
    }
  }

  /** The connect took too long, or could not begin. */
  onTimer(): void {
    if (this.state !== 'connecting') return;
    if (this.dialled === null) {
      this.onClose(null, null);
      return;
    }
    this.timeout = new MeshError('connect-timeout', 'upstream', 'yes', `${this.endpoint.key}: took too long`);
    this.dialled.reset();
  }

  private failConnect(cause: MeshError | null): void {
    const error = cause ?? new MeshError('connect-failed', 'upstream', 'yes', `${this.endpoint.key}: closed`);
    const { stats } = this.cluster;
    this.endpoint.onDialFailed(error);
    if (error.code === 'connect-timeout') stats.connectTimeouts += 1;
    else stats.connectFailures += 1;
    if (error.code === 'tls-failed') stats.ssl.countFailure(error.cause);
    this.settle('local');
    this.owner.onConnectFailed(error);
  }

  /** The books, once. */
  private settle(outcome: 'success' | 'local' | 'cancelled'): void {
    const { cluster, endpoint } = this;
    const now = cluster.context.clock.now();
    this.state = 'closed';
    endpoint.tunnels?.delete(this);
    cluster.context.clock.cancel(this.timer);
    cluster.stats.connectionsActive -= 1;
    cluster.breaker.releaseConnection();
    if (outcome === 'cancelled') cluster.onAttemptCancelled(endpoint, now, now - this.startedMs);
    else if (outcome === 'local') cluster.onAttemptFinish(endpoint, now, now - this.startedMs, 'local');
    else cluster.onAttemptFinish(endpoint, now, this.connectMs, 'success');
    cluster.onConnectionSlot();
  }
}

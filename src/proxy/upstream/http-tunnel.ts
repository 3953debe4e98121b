// A client's bytes inside a stream of HTTP to an endpoint that is a proxy itself: CONNECT, or a POST whose bodies they
// are (tunneling_config of Envoy's TCP proxy). It stands in a tunnel's place for a connection of its own, and shares
// the pools of requests: one connection of HTTP/2 carries many.
//
// idle -> waiting -> asked -> open -> closed; each may go to closed.

import { MeshError } from '../../base/index.ts';
import type { Address, SecureFacts } from '../../net/index.ts';
import { type ClientStream, opensTunnel, type RequestHead, type ResponseHead } from '../../wire/index.ts';
import type { Cluster } from './cluster.ts';
import type { UpstreamConnection } from './connection.ts';
import type { Endpoint } from './endpoint.ts';
import type { Pool } from './pool.ts';
import type { RawOwner, TunnelUpstream } from './raw-connection.ts';
import type { ConnectionWaiter, WaitList } from './wait-list.ts';

type State = 'idle' | 'waiting' | 'asked' | 'open' | 'closed';

export class HttpTunnel implements TunnelUpstream, ConnectionWaiter {
  readonly id: number;
  readonly endpoint: Endpoint;
  readonly freshOnly = false;
  nextWaiter: ConnectionWaiter | null = null;
  previousWaiter: ConnectionWaiter | null = null;
  waitingIn: WaitList | null = null;
  private readonly cluster: Cluster;
  private readonly owner: RawOwner;
  private readonly head: RequestHead;
  private readonly pool: Pool;
  private connection: UpstreamConnection | null = null;
  private stream: ClientStream | null = null;
  private state: State = 'idle';
  private startedMs = 0;
  private ended = false;
  private peerEnded = false;

  constructor(cluster: Cluster, endpoint: Endpoint, owner: RawOwner, head: RequestHead) {
    this.id = ++cluster.context.connectionIds.last;
    this.cluster = cluster;
    this.endpoint = endpoint;
    this.owner = owner;
    this.head = head;
    this.pool = endpoint.poolFor(2, false, owner.client);
  }

  get local(): Address {
    return this.connection?.local ?? this.endpoint.address;
  }

  get remote(): Address {
    return this.connection?.remote ?? this.endpoint.address;
  }

  get direct(): Address {
    return this.remote;
  }

  get secure(): SecureFacts | null {
    return this.connection?.secure ?? null;
  }

  dial(nowMs: number): boolean {
    const { breaker, stats } = this.cluster;
    if (!breaker.tryRequest()) {
      stats.requestOverflow += 1;
      return false;
    }
    this.cluster.onAttemptStart(this.endpoint, nowMs);
    this.state = 'waiting';
    this.startedMs = nowMs;
    const connection = this.pool.take(nowMs);
    if (connection !== null) this.onConnection(connection);
    else if (!this.pool.wait(this)) {
      this.settle('cancelled');
      return false;
    }
    return true;
  }

  onConnection(connection: UpstreamConnection): void {
    this.connection = connection;
    this.state = 'asked';
    this.stream = connection.start(this.head, false, this);
  }

  onConnectionFailed(error: MeshError): void {
    this.settle('local');
    this.owner.onConnectFailed(error);
  }

  onInformational(): void {}

  /** As Envoy: over HTTP/1 any 2xx will do, over HTTP/2 200 alone. */
  onResponse(head: ResponseHead, endStream: boolean): void {
    if (this.state !== 'asked') return;
    const { status } = head;
    const taken = this.connection?.protocol === 'HTTP/2' ? status === 200 : opensTunnel('CONNECT', status);
    if (!taken || endStream) {
      const message = `${this.endpoint.key}: answered ${status} instead of carrying the connection`;
      const error = new MeshError('connect-refused', 'upstream', 'yes', message);
      this.stream?.reset(error);
      this.settle('failure');
      this.owner.onConnectFailed(error);
      return;
    }
    this.state = 'open';
    this.owner.onConnected();
  }

  onBody(bytes: Uint8Array, start: number, end: number): void {
    if (this.state !== 'open') return;
    this.cluster.stats.bytesReceived += end - start;
    this.owner.onUpstreamData(bytes.subarray(start, end));
  }

  onEnd(): void {
    if (this.state !== 'open') return;
    this.peerEnded = true;
    this.owner.onUpstreamEnd();
    this.closeWhenEnded();
  }

  onReset(error: MeshError): void {
    const { state } = this;
    if (state === 'closed') return;
    this.settle(state === 'open' ? 'success' : 'gateway');
    if (state === 'open') this.owner.onUpstreamClosed(error);
    else this.owner.onConnectFailed(error);
  }

  onWritable(): void {
    if (this.state === 'open') this.owner.onUpstreamDrain();
  }

  send(bytes: Uint8Array): boolean {
    this.cluster.stats.bytesSent += bytes.length;
    return this.stream?.sendBody(bytes, 0, bytes.length) ?? true;
  }

  pause(): void {
    this.stream?.pause();
  }

  resume(): void {
    this.stream?.resume();
  }

  end(): void {
    if (this.ended || this.state !== 'open') return;
    this.ended = true;
    this.stream?.sendEnd(null);
    this.closeWhenEnded();
  }

  reset(): void {
    const { state } = this;
    if (state === 'closed' || state === 'idle') return;
    if (state === 'waiting') this.pool.stopWaiting(this);
    this.settle(state === 'open' ? 'success' : 'cancelled');
    this.stream?.reset(new MeshError('cancelled', 'downstream', 'no', 'the client’s connection is over'));
  }

  private closeWhenEnded(): void {
    if (!this.ended || !this.peerEnded || this.state !== 'open') return;
    this.settle('success');
    this.owner.onUpstreamClosed(null);
  }

  /** The books, once. */
  private settle(outcome: 'success' | 'failure' | 'gateway' | 'local' | 'cancelled'): void {
    const { cluster, endpoint, startedMs } = this;
    const now = cluster.context.clock.now();
    this.state = 'closed';
    cluster.breaker.releaseRequest();
    if (outcome === 'cancelled') cluster.onAttemptCancelled(endpoint, now, now - startedMs);
    else cluster.onAttemptFinish(endpoint, now, now - startedMs, outcome);
  }
}

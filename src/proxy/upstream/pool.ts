// The connections to one address, by what they can carry: those with room for a stream (last in, first out, so that
// surplus ones age and go), and the attempts that wait for one. A dial stands for as many waiting attempts as its
// connection is expected to carry: one over HTTP/1, many over HTTP/2.

import type { MeshError } from '../../base/index.ts';
import type { Address, SecureFacts, Socket } from '../../net/index.ts';
import type { CircuitBreaker } from '../../policy/index.ts';
import type { ClientCodec, ClientHost } from '../../wire/index.ts';
import type { ProxyContext } from '../context.ts';
import type { ClusterStats } from '../stats/index.ts';
import {
  type ConnectionOwner,
  type ConnectionSettings,
  type ConnectionState,
  UpstreamConnection,
} from './connection.ts';
import type { PeerWish } from './peer-wish.ts';
import type { ClientEnds } from './proxy-header.ts';
import type { Dial, DialHandler } from './racing-dial.ts';
import { type ConnectionWaiter, WaitList } from './wait-list.ts';

/** What a pool's connections speak: what the cluster says, or HTTP/1 because the client does. */
export type PoolVersion = 'configured' | 'http1';

/** The endpoint, as its pool sees it. */
export interface PoolOwner {
  readonly context: ProxyContext;
  readonly key: string;
  readonly address: Address;
  readonly settings: ConnectionSettings;
  /** Connections of all its pools, and how many there may be; 0: no limit. */
  readonly connections: number;
  readonly connectionsMax: number;
  readonly stats: ClusterStats;
  /** Streams that it has connections for, to one that runs or waits; 1: no connection is opened ahead. */
  readonly preconnectRatio: number;
  /** Streams that a connection can be expected to carry, before one has said so. */
  streamsExpected(version: PoolVersion): number;
  dial(
    version: PoolVersion,
    client: ClientEnds | null,
    wish: PeerWish | null,
    handler: DialHandler,
  ): Dial | MeshError;
  trusts(facts: SecureFacts | null): boolean;
  createCodec(socket: Socket, host: ClientHost, version: PoolVersion): ClientCodec;
  onDial(): void;
  onDialOpen(): void;
  onDialFailed(error: MeshError): void;
  /** A slot under the cluster's limit of connections came free. */
  onSlotFree(): void;
  /** No slot is free. True: another endpoint gave an idle connection up. */
  onStarving(needed: boolean): void;
}

/** By one stream, so that who has none at all does not open many at once. */
const preconnectsMax = 3;

export class Pool implements ConnectionOwner {
  /** Open connections, connecting ones included. */
  connections = 0;
  private readonly owner: PoolOwner;
  private readonly version: PoolVersion;
  private readonly client: ClientEnds | null;
  private readonly wish: PeerWish | null;
  private readonly breaker: CircuitBreaker;
  private connecting = 0;
  private streamsExpected: number;
  private retired = false;
  /** What happens is that a connection opened. */
  private opening = false;
  private readonly ready: UpstreamConnection[] = [];
  /** Every connection in any state. */
  private readonly open = new Set<UpstreamConnection>();
  private readonly waiting = new WaitList();

  /** `client`: whose alone these connections are, where that is told on them; `wish`: whom they have to reach. */
  constructor(
    owner: PoolOwner,
    version: PoolVersion,
    breaker: CircuitBreaker,
    client: ClientEnds | null = null,
    wish: PeerWish | null = null,
  ) {
    this.owner = owner;
    this.client = client;
    this.wish = wish;
    this.breaker = breaker;
    this.version = version;
    this.streamsExpected = owner.streamsExpected(version);
  }

  get context(): ProxyContext {
    return this.owner.context;
  }

  get key(): string {
    return this.owner.key;
  }

  get address(): Address {
    return this.owner.address;
  }

  get settings(): ConnectionSettings {
    return this.owner.settings;
  }

  /** The client whose alone it is has left. */
  get abandoned(): boolean {
    return this.client?.closed === true;
  }

  /** Nobody waits in it, and nothing is open. */
  get unused(): boolean {
    return this.connections === 0 && this.waiting.length === 0;
  }

  /** Connections without a stream. */
  get idleConnections(): number {
    let idle = 0;
    for (const connection of this.ready) if (connection.streams === 0) idle += 1;
    return idle;
  }

  dial(handler: DialHandler): Dial | MeshError {
    return this.owner.dial(this.version, this.client, this.wish, handler);
  }

  onSecure(facts: SecureFacts): void {
    this.owner.stats.ssl.countSecure(facts);
  }

  trusts(facts: SecureFacts | null): boolean {
    return this.owner.trusts(facts);
  }

  createCodec(socket: Socket, host: ClientHost): ClientCodec {
    return this.owner.createCodec(socket, host, this.version);
  }

  /** A connection with room for one stream, which the caller starts at once; or null. */
  take(nowMs: number): UpstreamConnection | null {
    const { ready } = this;
    for (let at = ready.length - 1; at >= 0; at--) {
      const connection = ready[at]!;
      const usable = connection.usable(nowMs);
      // HTTP/1 has room for one: whoever takes it takes the connection.
      if (!usable || connection.capacity === 1) {
        ready.pop();
        connection.ready = false;
      }
      if (usable) {
        if (this.owner.preconnectRatio > 1) this.preconnect(connection.capacity > 1 ? 1 : 0);
        return connection;
      }
      this.discard(connection);
    }
    return null;
  }

  /**
   * Queues for a stream and dials where the limit allows. False: the queue is full. The answer never comes during the
   * call.
   */
  wait(waiter: ConnectionWaiter): boolean {
    const { breaker } = this;
    const { stats } = this.owner;
    if (!breaker.tryPending()) {
      stats.pendingOverflow += 1;
      return false;
    }
    stats.pending += 1;
    stats.pendingTotal += 1;
    this.waiting.push(waiter);
    if (this.lacksDial()) this.connect(waiter.freshOnly);
    if (this.owner.preconnectRatio > 1) this.preconnect(0);
    return true;
  }

  stopWaiting(waiter: ConnectionWaiter): void {
    if (this.waiting.remove(waiter)) this.countWaitOver();
  }

  /** Closes what lay idle too long; the pool's surplus goes this way. */
  sweep(nowMs: number): void {
    // The oldest lie at the bottom.
    let expired = 0;
    while (expired < this.ready.length && !this.ready[expired]!.usable(nowMs)) expired += 1;
    for (const connection of this.ready.splice(0, expired)) {
      connection.ready = false;
      this.discard(connection);
    }
  }

  /** The address left the cluster: idle connections close, running requests finish first. */
  retire(): void {
    this.retired = true;
    // One that still connects serves the attempts that wait for it, then goes.
    this.renew();
  }

  /** What comes from now on gets new connections; requests that run finish on the old ones. */
  renew(): void {
    for (const connection of this.ready.splice(0)) {
      connection.ready = false;
      this.discard(connection);
    }
    for (const connection of this.open) if (connection.state === 'busy') connection.retiring = true;
  }

  /** Ends every connection at once; attempts in flight fail. */
  reset(): void {
    this.retired = true;
    this.ready.length = 0;
    for (const connection of [...this.open]) connection.reset();
  }

  /** Gives one idle connection up, so that another one may be opened under the cluster's limit. */
  closeOldestIdle(): boolean {
    const at = this.ready.findIndex((connection) => connection.streams === 0);
    if (at < 0) return false;
    for (const connection of this.ready.splice(at, 1)) {
      connection.ready = false;
      this.discard(connection);
    }
    return true;
  }

  /** Called when a slot under the cluster's limit came free anywhere. */
  dialForWaiting(): void {
    if (this.lacksDial()) this.connect(false);
  }

  // What connections tell.

  onConnectionOpen(connection: UpstreamConnection): void {
    this.connecting -= 1;
    const { context, stats } = this.owner;
    stats.connectTimes.record((context.clock.now() - connection.dialledAtMs) / 1000);
    this.streamsExpected = Math.max(1, connection.capacity);
    this.owner.onDialOpen();
    this.opening = true;
    this.onCapacity(connection);
    this.opening = false;
  }

  /** The connection has room: for those who wait, oldest first, else for later. */
  onCapacity(connection: UpstreamConnection): void {
    while (connection.capacity > 0) {
      // One that opens now is fresh for all whom it can carry.
      const waiter = this.waiting.shiftFor(this.opening || connection.requests === 0);
      if (waiter === null) break;
      this.countWaitOver();
      if (this.retired) connection.retiring = true;
      waiter.onConnection(connection);
    }
    if (connection.capacity === 0 || connection.ready) return;
    const wanted = this.retired || connection.retiring || (connection.streams === 0 && this.lacksDial());
    if (wanted) {
      // Retired; or those who wait want a connection of their own, and this one is in the way of it.
      if (connection.streams === 0) connection.close();
      return;
    }
    connection.ready = true;
    this.ready.push(connection);
  }

  /** A connection takes no more streams. */
  onRetired(connection: UpstreamConnection): void {
    this.forget(connection);
  }

  /** A connection closes after its last stream. Whoever waits gets a new one when it is gone, under the limit then. */
  onSpent(): void {
    this.owner.stats.connectionsRetired += 1;
  }

  onConnectFailed(connection: UpstreamConnection, error: MeshError): void {
    const { stats } = this.owner;
    this.connecting -= 1;
    this.owner.onDialFailed(error);
    if (error.code === 'connect-timeout') stats.connectTimeouts += 1;
    else stats.connectFailures += 1;
    if (error.code === 'tls-failed') stats.ssl.countFailure(error.cause);
    this.countClosed(connection);
    // A dial stands for those whom its connection would have carried, oldest first; the others keep their own dials.
    for (let told = 0; told < this.streamsExpected; told++) {
      const waiter = this.waiting.shift();
      if (waiter === null) break;
      this.countWaitOver();
      waiter.onConnectionFailed(error);
    }
    this.dialForWaiting();
    this.owner.onSlotFree();
  }

  onConnectionClosed(connection: UpstreamConnection, before: ConnectionState): void {
    if (before === 'busy') this.owner.stats.connectionsLost += 1;
    this.forget(connection);
    this.countClosed(connection);
    if (this.owner.preconnectRatio > 1) this.preconnect(0);
    this.dialForWaiting();
    this.owner.onSlotFree();
  }

  private lacksDial(): boolean {
    return this.waiting.length > this.connecting * this.streamsExpected;
  }

  /**
   * Opens connections ahead of the streams that are to come, three at a time at most (Envoy's bounds); `starting`: of
   * streams that begin now, on a connection that carries others too.
   */
  private preconnect(starting: number): void {
    const { breaker, owner, waiting } = this;
    for (let opened = 0; opened < preconnectsMax && !this.retired; opened++) {
      const running = this.runningStreams + starting;
      let room = this.connecting * this.streamsExpected;
      for (const { capacity } of this.ready) room += capacity;
      if ((waiting.length + running) * owner.preconnectRatio <= room + running) return;
      if (breaker.connections >= breaker.limits.connections) {
        owner.stats.connectionOverflow += 1;
        return;
      }
      const before = this.connections;
      this.connect(false);
      if (this.connections === before) return;
    }
  }

  private get runningStreams(): number {
    // Over HTTP/1 whatever does not connect and is not ready runs one.
    if (this.streamsExpected === 1) return this.connections - this.connecting - this.ready.length;
    let streams = 0;
    for (const connection of this.open) streams += connection.streams;
    return streams;
  }

  /** `needed`: an idle connection will not do. */
  private connect(needed: boolean): void {
    const { owner } = this;
    if (owner.connectionsMax > 0 && owner.connections >= owner.connectionsMax && this.connections > 0) {
      // Of the endpoint itself: whoever waits gets one of those there are.
      owner.stats.connectionOverflow += 1;
      return;
    }
    if (!this.breaker.tryConnection()) {
      owner.stats.connectionOverflow += 1;
      const gaveUp = needed && this.closeOldestIdle();
      // An endpoint that has none gets one even beyond the limit, if no idle one elsewhere can be given up: else it
      // could starve.
      if (!gaveUp && this.connections > 0) {
        owner.onStarving(false);
        return;
      }
      if (!gaveUp) owner.onStarving(true);
      this.breaker.forceConnection();
    }
    this.connections += 1;
    this.connecting += 1;
    owner.stats.connectionsTotal += 1;
    owner.stats.connectionsActive += 1;
    this.open.add(new UpstreamConnection(this));
    owner.onDial();
  }

  private discard(connection: UpstreamConnection): void {
    this.owner.stats.connectionsRetired += 1;
    if (connection.streams === 0) connection.close();
    else connection.retiring = true;
  }

  private forget(connection: UpstreamConnection): void {
    if (!connection.ready) return;
    connection.ready = false;
    this.ready.splice(this.ready.indexOf(connection), 1);
  }

  private countClosed(connection: UpstreamConnection): void {
    this.open.delete(connection);
    this.connections -= 1;
    this.owner.stats.connectionsActive -= 1;
    this.breaker.releaseConnection();
  }

  private countWaitOver(): void {
    this.owner.stats.pending -= 1;
    this.breaker.releasePending();
  }
}

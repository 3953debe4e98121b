// One address of a cluster with its pool: idle connections (last in, first out, so that surplus ones age and go), attempts that wait for
// one, and the load figures that balancing and ejection keep. Lives as long as the address stays in the cluster.

import type { MeshError } from '../../base/index.ts';
import { type Address, formatAddress } from '../../net/index.ts';
import { EndpointLoad } from '../../policy/index.ts';
import type { EndpointConfig } from '../config/types.ts';
import type { Cluster } from './cluster.ts';
import { type ConnectionState, UpstreamConnection } from './connection.ts';
import { type ConnectionWaiter, WaitList } from './wait-list.ts';

export class Endpoint extends EndpointLoad {
  readonly cluster: Cluster;
  readonly address: Address;
  name: string;
  zone: string;
  priority: number;
  proxied: boolean;
  /** Its refusal marker is believed: a proxied endpoint that nobody but this machine can pose as. */
  trusted: boolean;
  removed = false;
  attemptsSucceeded = 0;
  attemptsFailed = 0;
  connectFailures = 0;
  connections = 0;
  private connecting = 0;
  private readonly idle: UpstreamConnection[] = [];
  /** Every connection in any state, idle ones included. */
  private readonly open = new Set<UpstreamConnection>();
  private readonly waiting = new WaitList();

  constructor(cluster: Cluster, config: EndpointConfig) {
    super(formatAddress(config.address), config.weight);
    this.cluster = cluster;
    this.address = config.address;
    this.name = config.name;
    this.zone = config.zone;
    this.priority = config.priority;
    this.proxied = config.proxied;
    this.trusted = config.proxied && isLoopback(config.address);
    this.healthy = config.healthy;
  }

  /** Takes over what a new configuration says; the live state stays. */
  update(config: EndpointConfig): void {
    this.weight = config.weight;
    this.name = config.name;
    this.zone = config.zone;
    this.priority = config.priority;
    this.proxied = config.proxied;
    this.trusted = config.proxied && isLoopback(config.address);
    this.healthy = config.healthy;
  }

  get idleConnections(): number {
    return this.idle.length;
  }

  /** A connection that is ready now, or null. */
  takeIdle(nowMs: number): UpstreamConnection | null {
    for (;;) {
      const connection = this.idle.pop();
      if (connection === undefined) return null;
      if (connection.usable(nowMs)) return connection;
      this.cluster.stats.connectionsRetired += 1;
      connection.close();
    }
  }

  /**
   * Queues for a connection and dials one where the limit allows. False: the queue is full. The answer never comes during the call.
   */
  wait(waiter: ConnectionWaiter): boolean {
    const { breaker, stats } = this.cluster;
    if (!breaker.tryPending()) {
      stats.pendingOverflow += 1;
      return false;
    }
    stats.pending += 1;
    stats.pendingTotal += 1;
    this.waiting.push(waiter);
    if (this.connecting < this.waiting.length) this.dial();
    return true;
  }

  stopWaiting(waiter: ConnectionWaiter): void {
    if (this.waiting.remove(waiter)) this.countWaitOver();
  }

  /** Closes what lay idle too long; the pool's surplus goes this way. */
  sweep(nowMs: number): void {
    // The oldest lie at the bottom.
    let expired = 0;
    while (expired < this.idle.length && !this.idle[expired]!.usable(nowMs)) expired += 1;
    for (const connection of this.idle.splice(0, expired)) {
      this.cluster.stats.connectionsRetired += 1;
      connection.close();
    }
  }

  /** The address left the cluster: idle connections close, running requests finish first. */
  retire(): void {
    this.removed = true;
    this.cluster.stats.connectionsRetired += this.idle.length;
    for (const connection of this.idle.splice(0)) connection.close();
    // One that still connects serves the attempt that waits for it, then goes.
    for (const connection of this.open) if (connection.state === 'busy') connection.retiring = true;
  }

  /** Ends every connection at once; attempts in flight fail. */
  reset(): void {
    this.removed = true;
    this.idle.length = 0;
    for (const connection of [...this.open]) connection.reset();
  }

  /** Gives one idle connection up so that another endpoint may open one under the cluster's limit. */
  closeOldestIdle(): boolean {
    const connection = this.idle.shift();
    if (connection === undefined) return false;
    this.cluster.stats.connectionsRetired += 1;
    connection.close();
    return true;
  }

  forgetIdle(connection: UpstreamConnection): void {
    const at = this.idle.indexOf(connection);
    if (at >= 0) this.idle.splice(at, 1);
  }

  onConnectionOpen(connection: UpstreamConnection): void {
    this.connecting -= 1;
    this.onConnectionFree(connection);
  }

  onConnectionFree(connection: UpstreamConnection): void {
    const waiter = this.waiting.shift();
    if (waiter !== null) {
      this.countWaitOver();
      if (this.removed) connection.retiring = true;
      waiter.onConnection(connection);
      return;
    }
    if (this.removed || connection.retiring) {
      connection.close();
      return;
    }
    connection.idleSinceMs = this.cluster.context.clock.now();
    this.idle.push(connection);
  }

  /** A connection closes after its last request. Whoever waits gets a new one when it is gone, under the limit then. */
  onConnectionSpent(): void {
    this.cluster.stats.connectionsRetired += 1;
  }

  onConnectFailed(connection: UpstreamConnection, error: MeshError): void {
    const { stats } = this.cluster;
    this.connecting -= 1;
    this.connectFailures += 1;
    if (error.code === 'connect-timeout') stats.connectTimeouts += 1;
    else stats.connectFailures += 1;
    this.countClosed(connection);
    // One dial stands for one waiter: the oldest learns of the failure, the others keep their own dials.
    const waiter = this.waiting.shift();
    if (waiter !== null) {
      this.countWaitOver();
      waiter.onConnectionFailed(error);
    }
    this.dialForWaiting();
    this.cluster.onConnectionSlot();
  }

  onConnectionClosed(connection: UpstreamConnection, before: ConnectionState): void {
    if (before === 'busy') this.cluster.stats.connectionsLost += 1;
    this.forgetIdle(connection);
    this.countClosed(connection);
    this.dialForWaiting();
    this.cluster.onConnectionSlot();
  }

  /** Called when a slot under the cluster's limit came free anywhere. */
  dialForWaiting(): void {
    if (this.waiting.length > this.connecting) this.dial();
  }

  private dial(): void {
    const { breaker, stats } = this.cluster;
    if (!breaker.tryConnection()) {
      // An endpoint that has none gets one even beyond the limit, if no idle one elsewhere can be given up: else it could starve.
      stats.connectionOverflow += 1;
      if (this.connections > 0) {
        this.cluster.starving = true;
        return;
      }
      this.cluster.closeIdleElsewhere(this);
      breaker.connections += 1;
    }
    this.connections += 1;
    this.connecting += 1;
    stats.connectionsTotal += 1;
    stats.connectionsActive += 1;
    this.open.add(new UpstreamConnection(this));
    this.cluster.watch();
  }

  private countClosed(connection: UpstreamConnection): void {
    this.open.delete(connection);
    this.connections -= 1;
    this.cluster.stats.connectionsActive -= 1;
    this.cluster.breaker.releaseConnection();
  }

  private countWaitOver(): void {
    this.cluster.stats.pending -= 1;
    this.cluster.breaker.releasePending();
  }
}

function isLoopback(address: Address): boolean {
  if (address.kind === 'unix') return true;
  return address.host.startsWith('127.') || address.host === '::1';
}

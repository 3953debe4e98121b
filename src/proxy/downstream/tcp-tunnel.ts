// A connection that is carried as it comes: one to the client, one to an endpoint, bytes both ways with backpressure,
// each side's end passed on by itself (a client may end its sending half and still read). The client is not read before
// the endpoint is connected, so nothing is held; a connection that cannot be had is tried elsewhere, and a client that
// cannot be served is reset: no protocol takes that for an answer.
//
// discovering (its cluster is asked for, where the configuration says so) -> connecting -> open -> closed; the first
// two may go to closed.

import { assert, type MeshError, Timer, type TimerHandler } from '../../base/index.ts';
import type { Address, SecureFacts, Socket, SocketHandler } from '../../net/index.ts';
import type { HelloFingerprints, LogType, MetadataMap } from '../../observe/index.ts';
import { type Criteria, type Hash64, xxHash64 } from '../../policy/index.ts';
import type { Tlv } from '../../wire/proxy-protocol/index.ts';
import { writeLogs } from '../access-logger.ts';
import { type DemandWait, type DemandWaiter, isClusterName } from '../config/index.ts';
import type { TcpChoice, TcpProxyConfig } from '../config/types.ts';
import type { ExchangeContext } from '../exchange/index.ts';
import { responseFlags } from '../stats/index.ts';
import {
  type ClientEnds,
  type Cluster,
  type Endpoint,
  HttpTunnel,
  RawConnection,
  type RawOwner,
  type TunnelUpstream,
} from '../upstream/index.ts';
import { type TunnelOutcome, TunnelSource } from './connection-source.ts';
import type { Ends, Session } from './session.ts';
import type { SessionOwner } from './session-owner.ts';
import { createTunnelHead } from './tunnel-head.ts';

export class TcpTunnel
  implements SocketHandler, Session, RawOwner, TimerHandler, TunnelOutcome, DemandWaiter
{
  readonly id: number;
  readonly remote: Address;
  private readonly restored: Address | null;
  readonly tlvs: readonly Tlv[];
  readonly serverName: string | null;
  readonly fingerprints: HelloFingerprints | null;
  readonly metadata: MetadataMap | null;
  /** For balancers. */
  readonly tried: Endpoint[] = [];
  readonly hash: Hash64 | null;
  nowMs: number;
  private readonly context: ExchangeContext;
  private readonly listener: SessionOwner;
  private readonly config: TcpProxyConfig;
  private readonly socket: Socket;
  private readonly timer = new Timer(this, 0);
  private readonly startedMs: number;
  private activityMs: number;
  private chosen: TcpChoice | null = null;
  cluster: Cluster | null = null;
  upstream: TunnelUpstream | null = null;
  /** Read ahead of the connection: the endpoint's first bytes. */
  private early: Uint8Array = nothing;
  private connected = false;
  private discovering: DemandWait | null = null;
  closed = false;
  bytesReceived = 0;
  bytesSent = 0;
  flags: string = responseFlags.none;
  details = '';
  private readonly logTimer = new Timer(this, logTimerKind);

  constructor(
    context: ExchangeContext,
    listener: SessionOwner,
    config: TcpProxyConfig,
    socket: Socket,
    { remote, restored, tlvs, serverName, fingerprints, metadata }: Ends,
  ) {
    this.context = context;
    this.listener = listener;
    this.config = config;
    this.socket = socket;
    this.id = ++context.connectionIds.last;
    this.remote = remote;
    this.restored = restored;
    this.tlvs = tlvs;
    this.serverName = socket.secure?.serverName ?? serverName;
    this.fingerprints = fingerprints;
    this.metadata = metadata;
    this.startedMs = context.clock.now();
    this.activityMs = this.startedMs;
    this.nowMs = this.startedMs;
    const hashed = config.hashesSource === true && remote.kind === 'ip';
    this.hash = hashed ? xxHash64(remote.host) : null;
  }

  get local(): Address {
    return this.restored ?? this.socket.local;
  }

  get protocol(): string {
    return '';
  }

  get direct(): Address {
    return this.socket.remote;
  }

  get secure(): SecureFacts | null {
    return this.socket.secure;
  }

  onOpen(socket: Socket): void {
    if (!this.listener.onConnectionOpen(this)) return;
    socket.pause();
    this.armTimer(this.startedMs);
    this.chosen = chooseCluster(this.config, this.serverName, this.context);
    this.goTo(this.chosen.cluster, true);
  }

  /** `asks`: nobody was asked for it yet. */
  private goTo(name: string, asks: boolean): void {
    const { clusters, demands } = this.context;
    this.cluster = clusters.get(name) ?? null;
    if (this.cluster !== null) {
      if (!demands.clusters.idle) demands.clusters.use(name);
      this.connect(this.cluster);
    } else if (!(asks && this.discovers(name))) {
      this.listener.stats.noRoute += 1;
      this.fail(responseFlags.noCluster, `no such cluster: ${name}`);
    }
  }

  /** True: it waits for its cluster. */
  private discovers(name: string): boolean {
    const { onDemand } = this.config;
    if (onDemand === undefined || !isClusterName(name)) return false;
    const answer = this.context.demands.clusters.ask(
      { name, source: onDemand.source },
      this,
      onDemand.timeoutMs,
      this.remote.kind === 'ip' ? this.remote.host : '',
    );
    if (typeof answer === 'string') return false;
    this.discovering = answer;
    return true;
  }

  /** The control plane has spoken of the cluster, or has not in time. */
  onDemand(): void {
    this.discovering = null;
    if (!this.closed && this.chosen !== null) this.goTo(this.chosen.cluster, false);
  }

  onData(_socket: Socket, bytes: Uint8Array): void {
    this.bytesReceived += bytes.length;
    this.activityMs = this.context.clock.now();
    if (!this.connected) this.early = Buffer.concat([this.early, bytes]);
    else if (this.upstream?.send(bytes) === false) this.socket.pause();
  }

  onDrain(): void {
    this.upstream?.resume();
  }

  onEnd(): void {
    this.upstream?.end();
  }

  onClose(_socket: Socket, error: MeshError | null): void {
    if (this.closed) return;
    this.closed = true;
    if (this.discovering !== null) this.context.demands.clusters.leave(this.discovering);
    this.context.clock.cancel(this.timer);
    this.context.clock.cancel(this.logTimer);
    if (error !== null) this.note(responseFlags.downstreamClosed, error.message);
    // Both halves ended in order: the endpoint has its end behind the last byte, and closes by itself.
    if (error !== null || !this.connected) this.upstream?.reset();
    const { stats } = this.listener;
    stats.bytesReceived += this.bytesReceived;
    stats.bytesSent += this.bytesSent;
    this.log('TcpConnectionEnd');
    this.listener.onConnectionClosed(this);
  }

  // What the connection to the endpoint tells.

  onConnected(): void {
    this.connected = true;
    this.activityMs = this.context.clock.now();
    if (this.early.length > 0) this.upstream?.send(this.early);
    this.early = nothing;
    this.socket.resume();
    if (this.listener.http.accessLogOptions.atStart) this.log('TcpUpstreamConnected');
    this.armLog();
  }

  onConnectFailed(error: MeshError): void {
    assert(this.cluster !== null, 'who connects has a cluster');
    this.upstream = null;
    if (this.closed) return;
    if (this.tried.length < this.config.connectAttemptsMax) this.connect(this.cluster);
    else this.fail(responseFlags.upstreamConnectFailure, error.message);
  }

  onUpstreamData(bytes: Uint8Array): void {
    this.bytesSent += bytes.length;
    this.activityMs = this.context.clock.now();
    if (!this.socket.send(bytes, 0, bytes.length)) this.upstream?.pause();
  }

  onUpstreamDrain(): void {
    this.socket.resume();
  }

  onUpstreamEnd(): void {
    this.socket.end();
  }

  onUpstreamClosed(error: MeshError | null): void {
    if (error !== null && !this.closed) this.fail(responseFlags.upstreamClosed, error.message);
  }

  get client(): ClientEnds {
    return this;
  }

  /** A tunnel has no head that could say otherwise. */
  destination(): Address | null {
    return this.restored;
  }

  criteria(): Criteria | null {
    return this.chosen?.criteria ?? null;
  }

  /** No filter says where a tunnel goes. */
  notes(): null {
    return null;
  }

  // What the listener asks.

  /**
   * Nobody can be told over bytes that we do not understand: a tunnel lives until its ends end it, or the drain time is
   * over.
   */
  drainWhenQuiet(): void {}

  drain(): void {}

  reset(): void {
    this.socket.reset();
  }

  get heldBytes(): number {
    return this.socket.queuedBytes + this.early.length;
  }

  /** A tunnel has no requests that it could be idle between; its own idle timeout holds. */
  endIdle(): void {}

  onTimer(kind: number, nowMs: number): void {
    if (kind === logTimerKind) {
      this.log('TcpPeriodic');
      this.armLog();
      return;
    }
    const { idleTimeoutMs, maxDurationMs } = this.config;
    const { stats } = this.listener;
    if (maxDurationMs > 0 && nowMs >= this.startedMs + maxDurationMs) {
      stats.maxDurations += 1;
      this.fail(responseFlags.durationTimeout, 'the connection lasted as long as it may');
    } else if (idleTimeoutMs > 0 && nowMs >= this.activityMs + idleTimeoutMs) {
      stats.idleTimeouts += 1;
      this.fail(responseFlags.streamIdle, 'nothing moved for too long');
    } else this.armTimer(nowMs);
  }

  private connect(cluster: Cluster): void {
    this.nowMs = this.context.clock.now();
    const endpoint = cluster.pick(this);
    if (endpoint === null) {
      cluster.stats.noEndpoint += 1;
      this.fail(responseFlags.noHealthyUpstream, 'no healthy endpoint');
      return;
    }
    this.tried.push(endpoint);
    this.upstream = this.createUpstream(cluster, endpoint);
    if (this.upstream.dial(this.nowMs)) return;
    this.upstream = null;
    this.fail(responseFlags.upstreamOverflow, 'the cluster has as many connections as it may');
  }

  private createUpstream(cluster: Cluster, endpoint: Endpoint): TunnelUpstream {
    const { tunneling } = this.config;
    if (tunneling === undefined) return new RawConnection(cluster, endpoint, this);
    return new HttpTunnel(cluster, endpoint, this, createTunnelHead(tunneling, this.describe('NotSet')));
  }

  private describe(type: LogType): TunnelSource {
    return new TunnelSource(this.context, this.listener, this, this.startedMs, type, this);
  }

  private fail(flag: string, details: string): void {
    this.note(flag, details);
    this.upstream?.reset();
    this.socket.reset();
  }

  /** The first cause is the one that is logged. */
  private note(flag: string, details: string): void {
    if (this.flags !== responseFlags.none) return;
    this.flags = flag;
    this.details = details;
  }

  private armTimer(nowMs: number): void {
    const { idleTimeoutMs, maxDurationMs } = this.config;
    const idleDue = idleTimeoutMs > 0 ? this.activityMs + idleTimeoutMs : Number.POSITIVE_INFINITY;
    const endDue = maxDurationMs > 0 ? this.startedMs + maxDurationMs : Number.POSITIVE_INFINITY;
    const due = Math.min(idleDue, endDue);
    if (Number.isFinite(due)) this.context.clock.arm(this.timer, due - nowMs);
  }

  private armLog(): void {
    const { intervalMs } = this.listener.http.accessLogOptions;
    if (intervalMs > 0 && this.listener.accessLogs !== null && !this.closed)
      this.context.clock.arm(this.logTimer, intervalMs);
  }

  private log(type: LogType): void {
    const { accessLogs } = this.listener;
    if (accessLogs === null) return;
    writeLogs(accessLogs, this.describe(type));
  }
}

/** Beside the timer of the deadlines, which is 0. */
const logTimerKind = 1;

function chooseCluster(
  { clusters, bySni, criteria }: TcpProxyConfig,
  serverName: string | null,
  { random }: ExchangeContext,
): TcpChoice {
  if (bySni === true && serverName)
    return { cluster: serverName, weight: 1, ...(criteria === undefined ? {} : { criteria }) };
  const first = clusters[0];
  assert(first !== undefined, 'a tunnel has a cluster to go to');
  if (clusters.length === 1) return first;
  let left = random.below(clusters.reduce((total, { weight }) => total + weight, 0));
  for (const choice of clusters) {
    left -= choice.weight;
    if (left < 0) return choice;
  }
  return first;
}

const nothing = new Uint8Array(0);

// A listener at run time: the bound address, its connections, and the routes that new requests use. The routes are
// replaced by reference, so a configuration change touches neither socket nor connection.

import { assert, type Issue } from '../../base/index.ts';
import { type Address, formatAddress, type Socket, type SocketHandler } from '../../net/index.ts';
import type { RouteTable } from '../../policy/index.ts';
import { defaultHttp1Limits, type Http1Limits } from '../../wire/http1/index.ts';
import { headerId, type RequestHead } from '../../wire/index.ts';
import type { AccessLogger } from '../access-logger.ts';
import type { DownstreamTlsConfig } from '../config/tls-types.ts';
import type { BoundAddress, HttpOptions, ListenerConfig } from '../config/types.ts';
import { type ExchangeContext, type FilterSteps, IdleExchanges } from '../exchange/index.ts';
import { type FilterChain, noFilters, updateFilters, updateUpgrades } from '../filters/index.ts';
import { proxyLimits } from '../limits.ts';
import { NetworkChain, rejected } from '../network-filters/index.ts';
import { ListenerStats, type ListenerView, Tallies, TrafficStats } from '../stats/index.ts';
import { Tracer } from '../tracing/index.ts';
import { Acceptor, type AcceptorOwner, type Chain, type HandOverTarget } from './acceptor.ts';
import { BoundSockets } from './bound-sockets.ts';
import { DownstreamConnection } from './connection.ts';
import { ConnectionLog } from './connection-log.ts';
import { DrainPace, type DrainStrategy } from './drain-pace.ts';
import { ListenerSlots } from './listener-slots.ts';
import { logRefused, tell } from './refused-connection.ts';
import { Securing, type SecuringOwner } from './securing.ts';
import type { Ends, Session } from './session.ts';
import type { SessionOwner } from './session-owner.ts';
import { TcpTunnel } from './tcp-tunnel.ts';

type Counting = ListenerView['filters']['filters'][number];

export class RuntimeListener implements SessionOwner, SecuringOwner, AcceptorOwner, Chain {
  readonly name: string;
  config: ListenerConfig;
  http: HttpOptions;
  routes: RouteTable;
  filterSteps: FilterSteps | null = null;
  upgradeSteps: ReadonlyMap<string, FilterChain> | null = null;
  tracer: Tracer | null = null;
  /** What it was made from. */
  private tracing = '';
  network: NetworkChain | null = null;
  /** Under a bound of its own; null: no connection has come under one. */
  private slots: ListenerSlots | null = null;
  /** By which chain a connection was admitted: a configuration may change it meanwhile. */
  private handedOver: NetworkChain | null = null;
  private readonly admitted = new WeakMap<Session, NetworkChain>();
  accessLogs: readonly AccessLogger[] | null;
  /** Null: connections have no lines of their own. */
  private connectionLog: ConnectionLog | null = null;
  /** With what each did: those of the chain, and the tracer. */
  filters: { readonly filters: readonly Counting[] } = noFilters;
  private httpChain: FilterChain = noFilters;
  codecLimits: Http1Limits;
  readonly stats = new ListenerStats();
  readonly traffic: TrafficStats;
  readonly tallies = new Tallies();
  readonly connections = new Set<Session>();
  readonly exchanges: IdleExchanges;
  /** They have no session yet. */
  private readonly entering = new Set<Acceptor | Securing>();
  /** Answers announce the end of their connection; new connections get one answer. */
  draining = false;
  /** While it drains gradually; null: at once. */
  private pace: DrainPace | null = null;
  /** It does not listen again. */
  private retired = false;
  private readonly context: ExchangeContext;
  /** All listeners by name: where its filter chains are found, in their newest form. */
  private readonly siblings: ReadonlyMap<string, RuntimeListener>;
  private readonly sockets = new BoundSockets();
  private readonly peers = new Map<string, string>();

  constructor(
    context: ExchangeContext,
    config: ListenerConfig,
    routes: RouteTable,
    accessLogs: readonly AccessLogger[] | null,
    siblings: ReadonlyMap<string, RuntimeListener>,
  ) {
    this.context = context;
    this.siblings = siblings;
    this.name = config.name;
    this.config = config;
    this.http = config.http;
    this.routes = routes;
    this.accessLogs = accessLogs;
    this.codecLimits = codecLimits(config.http);
    this.setFilters();
    this.exchanges = new IdleExchanges(context, this);
    this.traffic = new TrafficStats(config.direction);
  }

  /**
   * Answers announce the end of their connection: while draining, and while health checks are made to fail, as Envoy
   * does.
   */
  get announcesEnd(): boolean {
    const { health, overload } = this.context;
    if (this.draining && (this.pace === null || this.pace.announces())) return true;
    if (health.failed && this.config.terms.endsUnhealthy) return true;
    if (overload.endKeepAlive === 0 || this.context.random.float() >= overload.endKeepAlive) return false;
    this.stats.overloadCloses += 1;
    return true;
  }

  /** Stops accepting for good. */
  retire(): void {
    this.retired = true;
    this.unbind();
  }

  /**
   * `withinMs`: everybody is sent away so early, where that is before the drain time is over. Who drains already goes
   * on at its pace, as long as that ends in time.
   */
  beginDrain(strategy: DrainStrategy, withinMs: number | null = null): void {
    if (this.draining && strategy === 'gradual' && withinMs === null) return;
    this.draining = true;
    const { clock, random } = this.context;
    const lastsMs = Math.min(this.http.drainTimeoutMs, withinMs ?? Number.POSITIVE_INFINITY);
    this.pace = strategy === 'gradual' ? new DrainPace(clock, random, lastsMs) : null;
  }

  /** Ends connections on which nothing happens, as many as are due. */
  closeQuiet(nowMs: number, idleMs: number = proxyLimits.drainQuietMs): void {
    for (const connection of [...this.connections])
      if (this.pace === null || this.pace.endsQuiet(nowMs)) connection.drainWhenQuiet(nowMs, idleMs);
  }

  /** The bound address with its real port; null while unbound. */
  get address(): Address | null {
    return this.sockets.addresses[0] ?? null;
  }

  get addresses(): readonly Address[] {
    return this.sockets.addresses;
  }

  /** Takes over everything but the address. Connections keep their codec limits until they close. */
  update(config: ListenerConfig, routes: RouteTable, accessLogs: readonly AccessLogger[] | null): void {
    assert(formatAddress(config.address) === formatAddress(this.config.address), 'an address never changes');
    this.config = config;
    this.http = config.http;
    this.routes = routes;
    this.accessLogs = accessLogs;
    this.codecLimits = codecLimits(config.http);
    this.setFilters();
  }

  /** Spans that wait for their collector stay where nothing of it changed. */
  private setTracer(): void {
    const { tracing } = this.http;
    const text = tracing === null ? '' : JSON.stringify(tracing);
    if (text === this.tracing) return;
    this.tracing = text;
    this.tracer = tracing === null ? null : new Tracer(this.context, tracing);
  }

  private setFilters(): void {
    this.setTracer();
    this.httpChain = updateFilters(this.httpChain, this.http.filters);
    this.upgradeSteps = updateUpgrades(this.upgradeSteps, this.http.upgradeFilters);
    const further = [...(this.upgradeSteps?.values() ?? [])].flatMap((chain) => chain.filters);
    const filters = [...this.httpChain.filters, ...further];
    this.filters = { filters: this.tracer === null ? filters : [...filters, this.tracer] };
    this.filterSteps = this.httpChain.filters.length === 0 ? null : this.httpChain;
    const { network = [] } = this.config;
    if (network.length === 0) this.network = null;
    else if (this.network?.key !== JSON.stringify(network))
      this.network = new NetworkChain(this.name, network, this.context);
  }

  /** Binds; what stands in the way is returned as an issue, and nothing else suffers. */
  bind(reusePort: boolean): Issue | null {
    if (this.retired) return null;
    return this.sockets.bind(this.context.network, this.config, reusePort, (socket) => this.accept(socket));
  }

  private accept(socket: Socket): SocketHandler {
    const { entry, terms, tls } = this.config;
    const { overload, random } = this.context;
    if (overload.rejectConnections > 0 && random.float() < overload.rejectConnections) {
      this.stats.overloadRejections += 1;
      return rejected;
    }
    if (terms.connectionsMax > 0 && !this.takeSlot(terms.connectionsMax)) {
      this.stats.connectionOverflow += 1;
      return rejected;
    }
    if (entry !== null) {
      const acceptor = new Acceptor(this.context, this, entry, socket);
      this.enter(acceptor);
      return acceptor;
    }
    const ends = { ...plainEnds, remote: socket.remote };
    return tls === null ? this.serve(socket, ends) : this.secure(socket, ends, tls);
  }

  private secure(socket: Socket, ends: Ends, tls: DownstreamTlsConfig): Securing {
    const securing = new Securing(this.context, this, this.context.tls.server(tls), socket, ends);
    this.enter(securing);
    return securing;
  }

  private endsOf(socket: Socket, ends: Ends) {
    const { remote, secure } = socket;
    const { serverName } = ends;
    return { direct: remote, remote: ends.remote, local: ends.restored ?? socket.local, secure, serverName };
  }

  private enter(connection: Acceptor | Securing): void {
    this.entering.add(connection);
    this.context.accepted.gauge.add(1);
  }

  serve(socket: Socket, ends: Ends): SocketHandler {
    const { network } = this;
    const { tcp } = this.config;
    const refusal = network === null ? null : network.judge(this.endsOf(socket, ends));
    if (refusal !== null) {
      this.logRefused(socket, ends);
      return refusal;
    }
    if (tcp !== null)
      return new TcpTunnel(this.context, this, tcp, socket, tell(ends, network?.said ?? null));
    return new DownstreamConnection(this.context, this, socket, ends);
  }

  private logRefused(socket: Socket, ends: Ends): void {
    const said = this.network?.said ?? null;
    const refused = { socket, ends: tell(ends, said), details: said?.details ?? '' };
    const { accessLogs, config, connectionLog, context } = this;
    if (config.tcp !== null && accessLogs !== null)
      logRefused(context, this, accessLogs, 'TcpConnectionEnd', refused);
    if (connectionLog !== null) logRefused(context, this, connectionLog.loggers, 'NotSet', refused);
  }

  chain(name: string): Chain | null {
    return this.siblings.get(name) ?? null;
  }

  adopt(socket: Socket, bytes: Uint8Array, ends: Ends): void {
    const { tls } = this.config;
    const handler = tls === null ? this.serve(socket, ends) : this.secure(socket, ends, tls);
    socket.setHandler(handler);
    handler.onOpen(socket);
    if (bytes.length > 0) handler.onData(socket, bytes);
  }

  /** Who is to take a connection that was on its way to this address: the listener of exactly it, or of its port. */
  listenerAt(destination: Address): HandOverTarget | null {
    let wildcard: RuntimeListener | null = null;
    for (const listener of this.siblings.values()) {
      if (listener === this || listener.config.chainOf !== null || listener.draining) continue;
      for (const bound of listener.config.binding.addresses) {
        if (formatAddress(bound.address) === formatAddress(destination)) return listener;
        if (isWildcardFor(bound, destination)) wildcard ??= listener;
      }
    }
    return wildcard;
  }

  /** It was accepted elsewhere, and is this listener's from here on. */
  take(socket: Socket, bytes: Uint8Array, ends: Ends): void {
    const { entry } = this.config;
    if (entry === null) {
      this.adopt(socket, bytes, ends);
      return;
    }
    const acceptor = new Acceptor(this.context, this, entry, socket, ends);
    this.enter(acceptor);
    socket.setHandler(acceptor);
    acceptor.onOpen();
    if (bytes.length > 0) acceptor.onData(socket, bytes);
  }

  /** Under the listener's own bound, which holds for all threads together. */
  private takeSlot(max: number): boolean {
    this.slots ??= new ListenerSlots(this.context.counters.createGauge(`listener ${this.name}`));
    this.slots.settle(this.countConnections());
    return this.slots.take(max);
  }

  /** A connection of it, or of one of its chains, came or went. */
  private settleSlots(): void {
    const { chainOf } = this.config;
    const owner = chainOf === null ? this : this.siblings.get(chainOf);
    owner?.slots?.settle(owner.countConnections());
  }

  private countConnections(): number {
    let count = this.connections.size + this.entering.size;
    for (const { config, connections } of this.siblings.values())
      if (config.chainOf === this.name) count += connections.size;
    return count;
  }

  /** Null: none. */
  setConnectionLogs(loggers: readonly AccessLogger[] | null): void {
    if (loggers === null) this.connectionLog = null;
    else if (this.connectionLog === null) this.connectionLog = new ConnectionLog(this.context, this, loggers);
    else this.connectionLog.loggers = loggers;
  }

  /** All that write for it. */
  get loggers(): readonly AccessLogger[] {
    return [...(this.accessLogs ?? []), ...(this.connectionLog?.loggers ?? [])];
  }

  onUnmatched(socket: Socket): void {
    this.connectionLog?.onUnmatched(socket);
  }

  onEntered(acceptor: Acceptor): void {
    if (this.entering.delete(acceptor)) this.context.accepted.gauge.add(-1);
    this.settleSlots();
  }

  /** What waits for its handshake holds a descriptor too. */
  get full(): boolean {
    const { gauge, max } = this.context.accepted;
    const full = this.config.terms.bounded && gauge.value > max;
    if (full) this.stats.connectionOverflow += 1;
    return full;
  }

  onSecuringClosed(securing: Securing): void {
    if (this.entering.delete(securing)) this.context.accepted.gauge.add(-1);
    this.settleSlots();
  }

  /** Binds and lets go again: what stands in the way, or null. */
  probe(): Issue | null {
    const issue = this.bind(false);
    this.unbind();
    return issue;
  }

  /** Leaves those who come to the kernel's queue, until it is undone. */
  suspend(suspended: boolean): void {
    this.sockets.suspend(suspended);
  }

  /** Connections, those included that have no session yet: nobody whose handshake runs is forgotten. */
  get held(): number {
    return this.connections.size + this.entering.size;
  }

  /** Stops accepting. Connections stay. */
  unbind(): void {
    this.sockets.close();
  }

  resetConnections(): void {
    this.exchanges.close();
    for (const connection of [...this.connections, ...this.entering]) connection.reset();
  }

  /**
   * Who says to be calling (x-weft-peer), as a label: the first few distinct names stand for themselves, later ones are
   * "other", so that callers cannot grow the number of series.
   */
  peerOf(head: RequestHead): string {
    const at = head.find(headerId['x-weft-peer']);
    if (at < 0) return 'unknown';
    const value = head.valueAt(at);
    const known = this.peers.get(value);
    if (known !== undefined) return known;
    if (this.peers.size >= proxyLimits.peersMax || !peerPattern.test(value)) return 'other';
    this.peers.set(value, value);
    return value;
  }

  /** False: there are too many, and it was reset. */
  onConnectionOpen(connection: Session): boolean {
    const admittedBy = this.handedOver ?? this.network;
    this.handedOver = null;
    if (admittedBy !== null) this.admitted.set(connection, admittedBy);
    this.connections.add(connection);
    this.settleSlots();
    this.connectionLog?.onOpen(connection);
    this.stats.connectionsTotal += 1;
    this.stats.connectionsActive += 1;
    const { accepted } = this.context;
    accepted.gauge.add(1);
    if (accepted.gauge.value <= accepted.max || !this.config.terms.bounded) return true;
    this.stats.connectionOverflow += 1;
    connection.reset();
    return false;
  }

  /** It goes on as another session, which is about to open. */
  onConnectionHandedOver(connection: Session): void {
    this.connectionLog?.onHandedOver(connection);
    // Who was admitted is: the session that follows is released in its place.
    this.handedOver = this.admitted.get(connection) ?? null;
    this.admitted.delete(connection);
    this.onConnectionClosed(connection);
    this.stats.connectionsTotal -= 1;
  }

  onConnectionClosed(connection: Session): void {
    if (!this.connections.delete(connection)) return;
    this.settleSlots();
    this.admitted.get(connection)?.release();
    this.connectionLog?.onClosed(connection);
    this.stats.connectionsActive -= 1;
    this.context.accepted.gauge.add(-1);
  }
}

function isWildcardFor({ address, socket }: BoundAddress, destination: Address): boolean {
  if (address.kind !== 'ip' || destination.kind !== 'ip' || address.port !== destination.port) return false;
  if (destination.host.includes(':')) return address.host === '::';
  return address.host === '0.0.0.0' || (address.host === '::' && socket?.ipv6Only !== true);
}

/** Of a connection that nothing was read of, beside its peer. */
const plainEnds: Omit<Ends, 'remote'> = {
  restored: null,
  tlvs: [],
  serverName: null,
  fingerprints: null,
  metadata: null,
};

/** `<namespace>/<service>`, both DNS labels. */
const peerPattern = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\/[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

function codecLimits(http: HttpOptions): Http1Limits {
  return {
    ...defaultHttp1Limits,
    rules: http.http1,
    headBytesMax: http.headBytesMax,
    // The target is part of the head, whose author said how long it may be.
    targetBytesMax: Math.max(defaultHttp1Limits.targetBytesMax, http.headBytesMax),
    headerCountMax: http.headerCountMax,
    lingerBytesMax: proxyLimits.lingerBytesMax,
  };
}

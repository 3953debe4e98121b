// One address of a cluster: its pool, and the load figures that balancing and ejection keep. Lives as long as the
// address stays in the cluster.

import { MeshError } from '../../base/index.ts';
import {
  type Address,
  type ConnectOptions,
  formatAddress,
  isLoopback,
  type SecureFacts,
  type Socket,
} from '../../net/index.ts';
import { type CircuitBreaker, EndpointLoad, type HealthJudge } from '../../policy/index.ts';
import { Http1ClientCodec, type Http1Limits } from '../../wire/http1/index.ts';
import { Http2ClientCodec } from '../../wire/http2/index.ts';
import type { ClientCodec, ClientHost, RequestHead } from '../../wire/index.ts';
import { checkTlsOf, matchTransport } from '../config/index.ts';
import type { UpstreamTlsConfig } from '../config/tls-types.ts';
import type { ClusterConfig, DialOrder, EndpointConfig, HostStatus } from '../config/types.ts';
import type { ProxyContext } from '../context.ts';
import { http2Options } from '../http2-options.ts';
import type { LoadMetrics } from '../orca/index.ts';
import type { ClusterStats } from '../stats/index.ts';
import type { Lane } from './lane.ts';
import { type PeerWish, peerWishOf } from './peer-wish.ts';
import { Pool, type PoolOwner, type PoolVersion } from './pool.ts';
import { type ClientEnds, encodePreface } from './proxy-header.ts';
import { type Dial, type DialHandler, orderAddresses, RacingDial } from './racing-dial.ts';

/** A connection that carries one client's bytes. */
interface Tunnel {
  endSick(): void;
}

/** Who is told whether connections to endpoints come to be. */
interface Reach {
  onOpened(endpoint: Endpoint): void;
  onFailed(endpoint: Endpoint, error: MeshError): void;
}

/** The cluster, as its endpoints see it. */
export interface EndpointOwner {
  readonly context: ProxyContext;
  readonly config: ClusterConfig;
  readonly codecLimits: Http1Limits;
  readonly breaker: CircuitBreaker;
  laneOf(high: boolean): Lane;
  readonly stats: ClusterStats;
  /** There is something to sweep. */
  watch(): void;
  closeIdleElsewhere(except: Endpoint): boolean;
  onConnectionSlot(): void;
  onStarving(): void;
  readonly redialer: Reach;
}

export class Endpoint extends EndpointLoad implements PoolOwner {
  /** Where connections go that begin now. */
  address: Address;
  /** By what they speak and the priority they are for; holes where no request asked for it. */
  private readonly pools: Pool[];
  /** By the client, or what is told of it. */
  private readonly clientPools = new Map<string, Pool>();
  /** With so many of them, unused ones are looked for. */
  private clientPoolsMax = clientPoolsMin;
  name: string;
  zone: string;
  priority: number;
  proxied: boolean;
  attemptsSucceeded = 0;
  attemptsFailed = 0;
  connectFailures = 0;
  /** Sums of its reports; null: none was told, or none is asked for. */
  loadMetrics: LoadMetrics | null = null;
  /** What its active checks found; null: it is not checked. */
  health: HealthJudge | null = null;
  /** It left the configuration and stays while its checks pass. */
  leaving = false;
  /** Those that end with its health; null: none ever did. */
  tunnels: Set<Tunnel> | null = null;
  /** It was healthy when the cluster last looked. */
  serving = false;
  private config: EndpointConfig;
  private readonly cluster: EndpointOwner;

  /** What it is called in its configuration, or by DNS; '': nothing. */
  get host(): string {
    return this.config.hostname;
  }

  constructor(cluster: EndpointOwner, config: EndpointConfig) {
    super(keyOf(config), config.weight);
    this.cluster = cluster;
    this.address = config.address;
    this.name = config.name;
    this.hostname = config.name;
    this.zone = config.zone;
    this.priority = config.priority;
    this.proxied = config.proxied;
    this.pools = [new Pool(this, 'configured', cluster.breaker)];
    this.config = config;
    this.locality = config.locality;
    this.localityWeight = config.localityWeight;
    this.labels = config.labels;
    this.settleHealth(null, false);
  }

  get context(): ProxyContext {
    return this.cluster.context;
  }

  get settings(): ClusterConfig {
    return this.cluster.config;
  }

  get stats(): ClusterStats {
    return this.cluster.stats;
  }

  /** The connections for requests that came in this version of HTTP; `head` says whom they may be for. */
  poolFor(version: number, high: boolean, client: ClientEnds | null, head: RequestHead | null = null): Pool {
    const { config } = this.cluster;
    const configured = version === 2 || config.downstreamProtocol === null;
    const at = (configured ? 0 : 1) + (high ? 2 : 0);
    const special = config.proxyHeader !== null || config.poolsByClient === true;
    if (special || config.peerNames !== undefined)
      return this.poolOf(client, head, at, configured ? 'configured' : 'http1');
    if (configured && !high) return this.pools[0]!;
    let pool = this.pools[at];
    if (pool === undefined) {
      pool = new Pool(this, configured ? 'configured' : 'http1', this.cluster.laneOf(high).breaker);
      this.pools[at] = pool;
    }
    return pool;
  }

  /** Connections that say whose they are carry nobody else's requests. */
  private poolOf(
    client: ClientEnds | null,
    head: RequestHead | null,
    at: number,
    version: PoolVersion,
  ): Pool {
    const { peerNames, poolsByClient, proxyHeader } = this.cluster.config;
    const wish = peerNames === undefined || head === null ? null : peerWishOf(head, peerNames);
    const said =
      proxyHeader === null ? '' : Buffer.from(encodePreface(proxyHeader, client)).toString('latin1');
    const owner = poolsByClient === true ? (client?.id ?? '') : '';
    const key = `${at} ${owner} ${wish?.serverName ?? ''} ${wish?.expected ?? ''} ${said}`;
    const known = this.clientPools.get(key);
    if (known !== undefined) return known;
    if (this.clientPools.size >= this.clientPoolsMax) this.dropPools();
    const pool = new Pool(this, version, this.cluster.laneOf(at > 1).breaker, client, wish);
    this.clientPools.set(key, pool);
    return pool;
  }

  /** Those of clients that left go when their connections do. */
  private dropPools(): void {
    for (const [key, pool] of this.clientPools) {
      if (this.cluster.config.poolsByClient === true && pool.abandoned) pool.retire();
      if (pool.unused) this.clientPools.delete(key);
    }
    this.clientPoolsMax = Math.max(clientPoolsMin, this.clientPools.size * 2);
  }

  /** Over HTTP/2 one connection is expected to carry them all, until it says how many. */
  streamsExpected(version: PoolVersion): number {
    const { http2 } = this.cluster.config;
    return http2 === null || version === 'http1' ? 1 : http2.streamsMax;
  }

  get connectionsMax(): number {
    return this.cluster.config.connectionsPerEndpointMax;
  }

  get connections(): number {
    return this.sum(({ connections }) => connections);
  }

  get idleConnections(): number {
    return this.sum(({ idleConnections }) => idleConnections);
  }

  get preconnectRatio(): number {
    const { preconnectRatio } = this.cluster.config;
    return preconnectRatio !== undefined && this.healthy && !this.degraded ? preconnectRatio : 1;
  }

  private eachPool(action: (pool: Pool) => void): void {
    this.pools.forEach(action);
    this.clientPools.forEach(action);
  }

  private sum(count: (pool: Pool) => number): number {
    let total = 0;
    this.eachPool((pool) => {
      total += count(pool);
    });
    return total;
  }

  /** The address left the cluster. */
  retire(): void {
    this.eachPool((pool) => {
      pool.retire();
    });
  }

  reset(): void {
    this.eachPool((pool) => {
      pool.reset();
    });
  }

  /** What comes from now on gets new connections. */
  renew(): void {
    this.eachPool((pool) => {
      pool.renew();
    });
  }

  sweep(nowMs: number): void {
    this.eachPool((pool) => {
      pool.sweep(nowMs);
    });
    if (this.clientPools.size > 0) this.dropPools();
  }

  closeOldestIdle(): boolean {
    let closed = false;
    this.eachPool((pool) => {
      closed ||= pool.closeOldestIdle();
    });
    return closed;
  }

  dialForWaiting(): void {
    this.eachPool((pool) => {
      pool.dialForWaiting();
    });
  }

  /** Takes over what a new configuration says; the live state stays. */
  update(config: EndpointConfig): void {
    this.address = config.address;
    this.weight = config.weight;
    this.name = config.name;
    this.hostname = config.name;
    this.zone = config.zone;
    this.priority = config.priority;
    this.proxied = config.proxied;
    this.locality = config.locality;
    this.localityWeight = config.localityWeight;
    this.labels = config.labels;
    this.config = config;
    this.leaving = false;
  }

  /** What the configuration says of its health. */
  get configured(): { readonly healthy: boolean; readonly degraded: boolean } {
    return this.config;
  }

  get configuredStatus(): HostStatus {
    return this.config.status;
  }

  get checkAddress(): Address {
    return this.config.check?.address ?? this.address;
  }

  get checkHost(): string {
    return this.config.check?.host ?? '';
  }

  get checkDisabled(): boolean {
    return this.config.check?.disabled ?? false;
  }

  /** From what the configuration says and what its checks found. `excludeNew`: unknown ones do not count. */
  settleHealth(health: HealthJudge | null, excludeNew: boolean): void {
    this.health = health;
    this.healthy = this.config.healthy && (health === null || health.healthy);
    this.degraded = this.config.degraded || health?.degraded === true;
    // As Envoy: one that is going is not missed, so that it brings no panic on.
    this.excluded =
      this.config.status === 'DRAINING' ||
      (health !== null && ((excludeNew && health.pending) || health.excluded));
  }

  dial(
    version: PoolVersion,
    client: ClientEnds | null,
    wish: PeerWish | null,
    handler: DialHandler,
  ): Dial | MeshError {
    const optionsFor = (address: Address) =>
      this.announced(this.transportOptions(version, address, wish), client);
    const { alternatives } = this.config;
    if (alternatives !== undefined) {
      const order = this.cluster.config.dialOrder ?? defaultDialOrder;
      const addresses = orderAddresses([this.address, ...alternatives], order);
      return new RacingDial(this.context, addresses, optionsFor, handler);
    }
    const options = optionsFor(this.address);
    if (options instanceof MeshError) return options;
    return this.context.network.connect(this.address, handler, options);
  }

  /** With the PROXY header that the cluster asks for; `client` null: the connection is nobody's. */
  private announced(
    options: ConnectOptions | MeshError,
    client: ClientEnds | null,
  ): ConnectOptions | MeshError {
    const { proxyHeader } = this.cluster.config;
    if (proxyHeader === null || options instanceof MeshError) return options;
    return { ...options, preface: encodePreface(proxyHeader, client) };
  }

  /** Of a health check, which may say what requests do not (`header`). */
  checkOptions(header: 1 | 2 | null): ConnectOptions | MeshError {
    const tls = checkTlsOf(this.cluster.config, this.config.transportLabels);
    const options = this.announced(this.optionsWith(tls, this.checkAddress), null);
    if (header === null || options instanceof MeshError) return options;
    return { ...options, preface: encodePreface({ version: header, tlvs: [] }, null) };
  }

  private transportOptions(
    version: PoolVersion,
    address: Address,
    wish: PeerWish | null,
  ): ConnectOptions | MeshError {
    const { config } = this.cluster;
    const match =
      config.transportMatches.length === 0 ? null : matchTransport(config, this.config.transportLabels);
    if (version !== 'http1') return this.optionsWith(match === null ? config.tls : match.tls, address, wish);
    return this.optionsWith(
      match === null ? (config.downstreamProtocol?.http1Tls ?? null) : match.http1Tls,
      address,
      wish,
    );
  }

  /** Bound to a source of the endpoint's family, where there is one. */
  private connectBase(address: Address): ConnectOptions {
    const { connect, connectOther } = this.cluster.config;
    if (connectOther === null) return connect;
    const sourceOther = connectOther.source;
    const isOther =
      address.kind === 'ip' &&
      sourceOther?.kind === 'ip' &&
      address.host.includes(':') === sourceOther.host.includes(':');
    return isOther ? connectOther : connect;
  }

  /** Of a connection with these settings of TLS; null: without. */
  private optionsWith(
    tls: UpstreamTlsConfig | null,
    address: Address,
    wish: PeerWish | null = null,
  ): ConnectOptions | MeshError {
    const connect = this.connectBase(address);
    if (tls === null) return connect;
    const slot = this.context.tls.client(tls);
    const client = slot.clientFor(this.config.hostname, wish);
    if (client !== null) return { ...connect, tls: client };
    return new MeshError(
      'tls-failed',
      'upstream',
      'yes',
      `${this.key}: TLS of ${this.cluster.config.name}: ${slot.issue}`,
    );
  }

  /** A proxied endpoint that nobody but this machine can pose as, or that has proven to be who was meant. */
  trusts(facts: SecureFacts | null): boolean {
    return (
      this.proxied &&
      (facts?.expected === true || [this.address, ...(this.config.alternatives ?? [])].every(isLoopback))
    );
  }

  createCodec(socket: Socket, host: ClientHost, version: PoolVersion): ClientCodec {
    const { context, config, codecLimits, stats } = this.cluster;
    const alpn = socket.secure?.alpn ?? null;
    const agreed = config.http2ByAlpn ? alpn === 'h2' : alpn !== 'http/1.1';
    if (config.http2 === null || version === 'http1' || !agreed) {
      stats.http1Connections += 1;
      return new Http1ClientCodec(socket, host, codecLimits);
    }
    stats.http2Connections += 1;
    const { headBytesMax, headerCountMax } = config;
    const options = http2Options(config.http2, { headBytesMax, headerCountMax }, context, stats.http2Faults);
    return new Http2ClientCodec(socket, host, options, socket.secure === null ? 'http' : 'https');
  }

  onDial(): void {
    this.cluster.watch();
  }

  onDialOpen(): void {
    if (this.failedConnects > 0) this.cluster.redialer.onOpened(this);
  }

  onDialFailed(error: MeshError): void {
    this.connectFailures += 1;
    this.cluster.redialer.onFailed(this, error);
  }

  onSlotFree(): void {
    this.cluster.onConnectionSlot();
  }

  onStarving(needed: boolean): void {
    if (needed) this.cluster.closeIdleElsewhere(this);
    else this.cluster.onStarving();
  }
}

const defaultDialOrder: DialOrder = { firstFamily: 'default', firstCount: 1 };

/** So many are looked through at once without a thought. */
const clientPoolsMin = 16;

/** What an endpoint is known by: its address, or the name that stands for it. */
export function keyOf({ address, logicalName }: EndpointConfig): string {
  return logicalName || formatAddress(address);
}

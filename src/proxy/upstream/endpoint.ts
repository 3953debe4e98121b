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
import { type Breaker, EndpointLoad } from '../../policy/index.ts';
import { Http1ClientCodec, type Http1Limits } from '../../wire/http1/index.ts';
import { Http2ClientCodec } from '../../wire/http2/index.ts';
import type { ClientCodec, ClientHost } from '../../wire/index.ts';
import type { ClusterConfig, EndpointConfig } from '../config/types.ts';
import type { ProxyContext } from '../context.ts';
import { http2Options } from '../http2-options.ts';
import type { ClusterStats } from '../stats/index.ts';
import { Pool, type PoolOwner } from './pool.ts';

/** The cluster, as its endpoints see it. */
export interface EndpointOwner {
  readonly context: ProxyContext;
  readonly config: ClusterConfig;
  readonly codecLimits: Http1Limits;
  readonly breaker: Breaker;
  readonly stats: ClusterStats;
  /** There is something to sweep. */
  watch(): void;
  closeIdleElsewhere(except: Endpoint): boolean;
  onConnectionSlot(): void;
  onStarving(): void;
}

const plain: ConnectOptions = {};

export class Endpoint extends EndpointLoad implements PoolOwner {
  readonly address: Address;
  readonly pool: Pool;
  name: string;
  zone: string;
  priority: number;
  proxied: boolean;
  attemptsSucceeded = 0;
  attemptsFailed = 0;
  connectFailures = 0;
  private readonly cluster: EndpointOwner;

  constructor(cluster: EndpointOwner, config: EndpointConfig) {
    super(formatAddress(config.address), config.weight);
    this.cluster = cluster;
    this.address = config.address;
    this.name = config.name;
    this.zone = config.zone;
    this.priority = config.priority;
    this.proxied = config.proxied;
    this.healthy = config.healthy;
    this.pool = new Pool(this);
  }

  get context(): ProxyContext {
    return this.cluster.context;
  }

  get settings(): ClusterConfig {
    return this.cluster.config;
  }

  get breaker(): Breaker {
    return this.cluster.breaker;
  }

  get stats(): ClusterStats {
    return this.cluster.stats;
  }

  /** Over HTTP/2 one connection is expected to carry them all, until it says how many. */
  get streamsExpected(): number {
    return this.cluster.config.http2 === null ? 1 : this.cluster.config.http2.streamsMax;
  }

  get connections(): number {
    return this.pool.connections;
  }

  get idleConnections(): number {
    return this.pool.idleConnections;
  }

  /** Takes over what a new configuration says; the live state stays. */
  update(config: EndpointConfig): void {
    this.weight = config.weight;
    this.name = config.name;
    this.zone = config.zone;
    this.priority = config.priority;
    this.proxied = config.proxied;
    this.healthy = config.healthy;
  }

  connectOptions(): ConnectOptions | MeshError {
    const { tls } = this.cluster.config;
    if (tls === null) return plain;
    const { current, issue } = this.context.tls.client(tls);
    if (current !== null) return { tls: current };
    return new MeshError(
      'tls-failed',
      'upstream',
      'yes',
      `${this.key}: TLS of ${this.cluster.config.name}: ${issue}`,
    );
  }

  /** A proxied endpoint that nobody but this machine can pose as, or that has proven to be who was meant. */
  trusts(facts: SecureFacts | null): boolean {
    return this.proxied && (facts?.expected === true || isLoopback(this.address));
  }

  createCodec(socket: Socket, host: ClientHost): ClientCodec {
    const { context, config, codecLimits, stats } = this.cluster;
    const alpn = socket.secure?.alpn ?? null;
    const agreed = config.http2ByAlpn ? alpn === 'h2' : alpn !== 'http/1.1';
    if (config.http2 === null || !agreed) return new Http1ClientCodec(socket, host, codecLimits);
    const { headBytesMax, headerCountMax } = config;
    const options = http2Options(
      config.http2,
      { headBytesMax, headerCountMax },
      context.clock,
      stats.http2Faults,
    );
    return new Http2ClientCodec(socket, host, options, config.tls === null ? 'http' : 'https');
  }

  onDial(): void {
    this.cluster.watch();
  }

  onDialFailed(): void {
    this.connectFailures += 1;
  }

  onSlotFree(): void {
    this.cluster.onConnectionSlot();
  }

  onStarving(needed: boolean): void {
    if (needed) this.cluster.closeIdleElsewhere(this);
    else this.cluster.onStarving();
  }
}

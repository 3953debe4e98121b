// The compiled configuration: what listeners, routes, clusters and endpoints mean to the data path, whatever they came
// from (ADS, a bootstrap's static resources, the last good snapshot on disk). Immutable; swapped by reference. Live
// state (pools, latencies, budgets, ejections) is not here: it belongs to the runtime cluster of the same name and
// survives updates.

import type { IpRange, Issue } from '../../base/index.ts';

import type { Address, ConnectOptions, ListenSocketOptions, NameServers } from '../../net/index.ts';
import type { Format, LogFilter, MetadataMap } from '../../observe/index.ts';
import type {
  BalanceConfig,
  Criteria,
  HeaderEdits,
  Labels,
  LimitsConfig,
  LocalityConfig,
  ObjectiveConfig,
  OutlierConfig,
  RetryLimitConfig,
  RetryPolicy,
  RouteConfig,
  RouteTimeouts,
  SubsetConfig,
} from '../../policy/index.ts';
import type { Http1Rules } from '../../wire/http1/index.ts';
import type { Http2Limits } from '../../wire/http2/index.ts';
import type { EndpointAssignment, HostStatus } from './endpoint-types.ts';
import type { EntryConfig } from './entry-types.ts';
import type { ListenerFilterConfig, NetworkFilterConfig } from './filter-types.ts';
import type { ActiveHealthConfig } from './health-types.ts';
import type { AccessLogConfig, AccessLogOptions } from './log-types.ts';
import type { RouterOptions } from './router-types.ts';
import type { OnDemandClusters } from './source-types.ts';
import type { SpecialOptions } from './special-types.ts';
import type { DownstreamTlsConfig, SecretConfig, UpstreamTlsConfig } from './tls-types.ts';

import type { TracingConfig } from './tracing-types.ts';
export interface Snapshot {
  /** For display and `weft_config_version`; changes with every applied update. */
  readonly version: string;
  readonly listeners: ReadonlyMap<string, ListenerConfig>;
  readonly routeConfigs: ReadonlyMap<string, RouteConfig>;
  readonly clusters: ReadonlyMap<string, ClusterConfig>;
  /** By the name that TLS contexts refer to. */
  readonly secrets: ReadonlyMap<string, SecretConfig>;
  /** By cluster name; a cluster without an entry has no endpoints yet. */
  readonly endpoints: ReadonlyMap<string, EndpointAssignment>;
  /** Clusters that may differ, in themselves or their endpoints, from the snapshot with this `version`; absent: all. */
  readonly changed?: { readonly since: string; readonly clusters: ReadonlySet<string> };
}

export type Direction = 'inbound' | 'outbound' | 'gateway';

export interface ListenerConfig {
  readonly name: string;
  readonly address: Address;
  readonly direction: Direction;
  /** Name in {@link Snapshot.routeConfigs}; inline route configurations are registered under `inline:<listener>`. */
  readonly routeConfig: string;
  readonly statPrefix: string;
  /** What its series go by in place of its address; absent: by that. */
  readonly seriesName?: string;
  /** What is read ahead and the filter chains to choose from; null: every connection belongs here. */
  readonly entry: EntryConfig | null;
  /** A further filter chain of the listener of this name, without a socket of its own; null: a listener. */
  readonly chainOf: string | null;
  /** Network filters before the last one; absent: none. */
  readonly network?: readonly NetworkFilterConfig[];
  /** Null: connections are plain. */
  readonly tls: DownstreamTlsConfig | null;
  /** Connections are carried as they come, to one of these clusters; null: they are HTTP. */
  readonly tcp: TcpProxyConfig | null;
  /** Answer of an inbound listener for a foreign authority is 421, marked unsent (docs/xds.md). */
  readonly http: HttpOptions;
  readonly binding: ListenerBinding;
  readonly terms: ConnectionTerms;
  /** Lines of connections, whatever they carry; absent: none. */
  readonly connectionLogs?: readonly AccessLogConfig[];
  /** What formats may read; absent: nothing is said. */
  readonly metadata?: MetadataMap;
  /** The address that a connection was going to says whose routes its requests get, not their authority. */
  readonly byDestination?: true;
  readonly chainName?: string;
  readonly chainMetadata?: MetadataMap;
}

export interface ListenerBinding {
  /** False: it takes only what another listener hands over. */
  readonly bound: boolean;
  /** The first is the listener's own. */
  readonly addresses: readonly BoundAddress[];
}

export interface BoundAddress {
  readonly address: Address;
  /** Null: what the system gives. */
  readonly socket: ListenSocketOptions | null;
}

/** What holds for connections before and beside what they carry. */
export interface ConnectionTerms {
  /** For a TLS handshake; 0: no limit. */
  readonly handshakeMs: number;
  /** They are sent away while health checks are made to fail. */
  readonly endsUnhealthy: boolean;
  /** They count under the bound of all listeners together. */
  readonly bounded: boolean;
  /** Of this listener at once; 0: no limit. */
  readonly connectionsMax: number;
}

export interface TcpChoice {
  readonly cluster: string;
  readonly weight: number;
  /** The subset that it is for; absent: nothing is said. */
  readonly criteria?: Criteria;
}

export interface TcpProxyConfig {
  readonly clusters: readonly TcpChoice[];
  /** The cluster is the one whose name the client asks for by SNI, where it asks for any. */
  readonly bySni?: true;
  /** The subset that it is for, whichever cluster that is of; absent: nothing is said. */
  readonly criteria?: Criteria;
  /** A client's address decides, where the cluster goes by hashes; absent: chance does. */
  readonly hashesSource?: true;
  /** Nothing moves in either direction; 0: no limit. Default 1 h (Envoy's). */
  readonly idleTimeoutMs: number;
  /** Of a whole connection; 0: no limit. */
  readonly maxDurationMs: number;
  /** Endpoints tried before the client's connection is given up. */
  readonly connectAttemptsMax: number;
  /** A connection waits for its cluster where that is not there; absent: it does not. */
  readonly onDemand?: OnDemandClusters;
  /** Absent: endpoints get the bytes as they come. */
  readonly tunneling?: TunnelingConfig;
}

/** How a client's bytes go to endpoints that are proxies themselves. */
export interface TunnelingConfig {
  /** Whom they are to connect to: a text, or what makes one. */
  readonly host: string | Format;
  /** Of a POST; null: it is a CONNECT. */
  readonly postPath: string | null;
  /** Of its head; null: nothing is added. */
  readonly edits: HeaderEdits | null;
}

/** What one peer may do at most (wire/http2/limits.ts). */
export type Http2Floods = Pick<
  Http2Limits,
  | 'outboundFramesMax'
  | 'outboundControlFramesMax'
  | 'emptyFramesInRowMax'
  | 'prioritiesPerStreamMax'
  | 'windowUpdatesPerDataFrameMax'
>;

/** What a side's HTTP/2 connections may do. */
export interface Http2Settings {
  /** Streams at once: what a client may open with us, or how many of ours an upstream connection carries at most. */
  readonly streamsMax: number;
  readonly streamWindowBytes: number;
  readonly connectionWindowBytes: number;
  readonly tableBytesMax: number;
  readonly floods: Http2Floods;
  /** Announced besides, by number. */
  readonly extraSettings: readonly (readonly [id: number, value: number])[];
  /** A PING when nothing came for so long; 0: never. */
  readonly keepaliveMs: number;
  readonly keepaliveTimeoutMs: number;
  /** Share of the interval, 0 to 1, that is added by chance. */
  readonly keepaliveJitter: number;
  /** Upgrades and CONNECT are served, and asked of endpoints that do not say that they serve them. */
  readonly tunnels: boolean;
  /** A PING before a stream that begins after so long a silence; 0: never. */
  readonly idlePingMs: number;
}

export interface HttpOptions {
  /** What is spoken; auto: what the first bytes say. */
  readonly protocol: 'auto' | 'http1' | 'http2';
  readonly http2: Http2Settings;
  readonly http1: Http1Rules;
  /** Downstream connection without a request; 0: no limit. Default 1 h (Envoy's). */
  readonly idleTimeoutMs: number;
  /** From the first byte of a head to its end. Default 10,000 (Envoy: off). */
  readonly headTimeoutMs: number;
  /** Wait for the peer to finish what runs before closing while draining. */
  readonly drainTimeoutMs: number;
  readonly headBytesMax: number;
  readonly headerCountMax: number;
  /** Requests after which a connection is told to close; 0: no limit. */
  readonly requestsPerConnectionMax: number;
  /** Age after which a connection is told to close; 0: no limit. */
  readonly connectionAgeMsMax: number;
  readonly requestTimeoutMs: number;
  /** Of a stream as a whole, where the route says nothing; 0: no limit. */
  readonly streamDurationMs: number;
  /** After our end of a connection: how long a peer that has everything may keep its own open. */
  readonly lingerMs: number;
  /**
   * Bytes of a request body kept for a retry, where the route says nothing; default 1 MiB (Envoy's connection buffer).
   */
  readonly bufferBytesMax: number;
  /** Keep the x-request-id of a request from outside (false: replace it). One that is missing is made. */
  readonly keepRequestId: boolean;
  /** Sets server: NAME on responses when not empty; '' leaves the upstream's. */
  readonly serverName: string;
  /** Only where the answer says none. */
  readonly serverIfAbsent: boolean;
  /** Appended to Via of requests and answers; '' for nothing. */
  readonly via: string;
  /** null: heads stay as they came. */
  readonly headRules: HeadRules | null;
  /** The connection's address is the client's: an edge. Else x-forwarded-for is believed. */
  readonly useRemoteAddress: boolean;
  readonly clientCertificate: ClientCertificateConfig;
  /** Proxies before this one whose x-forwarded-for and -proto are true. */
  readonly trustedHops: number;
  /** Leaves x-forwarded-for as it came, also at an edge. */
  readonly skipForwardedFor: boolean;
  /** Addresses whose requests are internal; null: none, as Envoy has it where nothing is said. */
  readonly internalRanges: readonly IpRange[] | null;
  /** Clients of unix sockets are internal. */
  readonly internalSockets: boolean;
  /** How the client is found out, in this order; null: by x-forwarded-for, as the fields above say. */
  readonly detections: readonly OriginDetection[] | null;
  /** x-forwarded-port names the port that was connected to. */
  readonly forwardedPort: boolean;
  /** Answers say x-request-id. */
  readonly requestIdInResponse: boolean;
  /** What becomes of the proxy's own answers; null: nothing. */
  readonly localReplies: LocalReplyConfig | null;
  readonly router: RouterOptions;
  /** Protocols that a request may ask to become, in lower case, where its route says nothing; false: switched off. */
  readonly upgrades: ReadonlyMap<string, boolean>;
  /** What those that ask for one of them pass instead of `filters`; absent: nobody does. */
  readonly upgradeFilters?: ReadonlyMap<string, readonly ListenerFilterConfig[]>;
  /** Passed in this order before a request goes on; the router, which is always the last, is not among them. */
  readonly filters: readonly ListenerFilterConfig[];
  /** null: no request is traced. */
  readonly tracing: TracingConfig | null;
  readonly accessLogs: readonly AccessLogConfig[];
  readonly accessLogOptions: AccessLogOptions;
  /** null: nothing of it is asked for. */
  readonly special: SpecialOptions | null;
}

/** What a listener makes of a head before anybody looks at it. */
export interface HeadRules {
  /** Of %2F and %5C in a path. */
  readonly escapedSlashes: 'keep' | 'reject' | 'redirect' | 'forward';
  readonly normalizesPath: boolean;
  readonly mergesSlashes: boolean;
  /** Of header names with an underscore, which some servers read as a dash. */
  readonly underscores: 'allow' | 'reject' | 'drop';
  /** Off the host: the listener's own port, or any. */
  readonly stripsPort: 'no' | 'own' | 'any';
  readonly stripsDot: boolean;
}

/** What becomes of x-forwarded-client-cert, and what is told of a proven client in it. */
export interface ClientCertificateConfig {
  readonly mode: 'sanitize' | 'forward-only' | 'append-forward' | 'sanitize-set' | 'always-forward-only';
  readonly subject: boolean;
  readonly certificate: boolean;
  readonly uri: boolean;
  readonly dns: boolean;
}

export type OriginDetection =
  | {
      readonly kind: 'forwarded-for';
      readonly hops: number;
      /** Proxies: the client is the last that none of them is, where the connection is from one. Null: `hops` say. */
      readonly proxies: readonly IpRange[] | null;
      /** x-forwarded-for is told of the connection’s other end; it is too where that is none of the proxies. */
      readonly appends: boolean;
    }
  | {
      readonly kind: 'header';
      readonly name: string;
      /** Whether an internal address makes the request internal. */
      readonly trusted: boolean;
      /** Of an answer where the field names no address; 0: the next way is tried. */
      readonly rejectStatus: number;
    };

export interface LocalReplyConfig {
  readonly mappers: readonly LocalReplyMapper[];
  /** Null: a body stays as it is. */
  readonly format: BodyFormat | null;
}

/** Null leaves as it is. */
export interface LocalReplyMapper {
  readonly filter: LogFilter;
  readonly status: number | null;
  readonly body: Uint8Array | null;
  readonly format: BodyFormat | null;
  readonly edits: HeaderEdits | null;
}

export interface BodyFormat {
  readonly format: Format;
  readonly contentType: string;
}

export interface ClusterConfig {
  /** As Envoy's metrics name it: `alt_stat_name` or the name, with `_` where either has a colon. */
  readonly statName: string;
  readonly http1: Http1Rules;
  /** Null: HTTP/1.1 is spoken to its endpoints. */
  readonly http2: Http2Settings | null;
  /** HTTP/2 only where the handshake of a connection agrees on it, else HTTP/1.1. */
  readonly http2ByAlpn: boolean;
  /** Each request goes on in the version it came in: `http2` holds for HTTP/2, this for HTTP/1. Null: it does not. */
  readonly downstreamProtocol: { readonly http1Tls: UpstreamTlsConfig | null } | null;
  /** Not the version that a request came in decides, but whether it is a call of gRPC, which is HTTP/2. */
  readonly http2ForCalls?: true;
  readonly name: string;
  /** The service it stands for, as metric label: `bank/ledger`; the cluster's name where nothing says more. */
  readonly service: string;
  readonly discovery: 'eds' | 'static' | 'dns' | 'original-destination';
  /** Of a cluster of names, how they are looked up. */
  readonly names: DnsConfig | null;
  /** Of one that goes where clients were going. */
  readonly originalDestination: OriginalDestinationConfig | null;
  /** What its connections are bound to, and how they are kept alive. */
  readonly connect: ConnectOptions;
  /** Of those to endpoints of the other family, which `connect` has no source for; null: the same. */
  readonly connectOther: ConnectOptions | null;
  /** EDS service name where it differs from the name. */
  readonly edsName: string;
  readonly connectTimeoutMs: number;
  /** Of an endpoint with several addresses; absent: one of each family, that of its first address first. */
  readonly dialOrder?: DialOrder;
  /** Null: connections are plain. */
  readonly tls: UpstreamTlsConfig | null;
  /** Null: connections begin with what is said on them. */
  readonly proxyHeader: ProxyHeaderConfig | null;
  /** The first that fits an endpoint's labels holds instead of `tls`. */
  readonly transportMatches: readonly TransportMatch[];
  readonly balance: BalanceConfig;
  /** Absent: its endpoints are not divided. */
  readonly subsets?: SubsetConfig;
  /** Who names the endpoints of a request; absent: nobody. */
  readonly overrideHosts?: OverrideHostsConfig;
  /** In which health an endpoint may be asked for by its address; absent: known to be well, degraded, or not known. */
  readonly wantedStatuses?: readonly HostStatus[];
  /** Figures of endpoints' reports that load reports carry; absent: none. */
  readonly reportedMetrics?: readonly string[];
  readonly limits: LimitsConfig;
  /** Of requests whose route has high priority. */
  readonly high: { readonly limits: LimitsConfig; readonly retryLimit: RetryLimitConfig | null };
  /** Connections to one endpoint; 0: no limit. */
  readonly connectionsPerEndpointMax: number;
  /** Streams that each endpoint has connections for, to one that runs or waits; absent: 1, at most 3. */
  readonly preconnectRatio?: number;
  /** Requests say whom their endpoint's server has to be; absent: its TLS alone does. */
  readonly peerNames?: PeerNamesConfig;
  /** A client's requests have connections of their own. */
  readonly poolsByClient?: true;
  readonly outlier: OutlierConfig | null;
  /** What the service promises; null: nothing, and no error budget is kept. */
  readonly objective: ObjectiveConfig | null;
  /** null: endpoints are not checked. */
  readonly health: ActiveHealthConfig | null;
  readonly retry: RetryPolicy | null;
  readonly retryLimit: RetryLimitConfig | null;
  readonly timeouts: RouteTimeouts;
  /** Upstream connection without a request; 0: no limit. Default 1 h, below the peer's own where known. */
  readonly idleTimeoutMs: number;
  /** Requests after which a connection is closed; 0: no limit. */
  readonly requestsPerConnectionMax: number;
  /** Age after which a connection takes no more requests; 0: no limit. */
  readonly connectionAgeMsMax: number;
  /** Bounds of a response head; over them the attempt fails as `too-large`. */
  readonly headBytesMax: number;
  readonly headerCountMax: number;
  /** Below this share (0 to 100) of usable endpoints all are used (panic). Default 50. */
  readonly panicPercent: number;
  /** How requests are shared among localities. */
  readonly locality: LocalityConfig;
  /** Connections of all endpoints are closed when one joins, leaves or changes its health. */
  readonly closeOnChange: boolean;
  /** Tunnels to an endpoint end when it is found to be sick, or ejected. */
  readonly closesSick?: true;
  /** What formats may read; absent: nothing is said. */
  readonly metadata?: MetadataMap;
}

/** What becomes of the host that a request is for. */
export interface PeerNamesConfig {
  /** A field that says the name instead, where the request has it; '' for none. */
  readonly header: string;
  /** The name is sent (SNI). */
  readonly asks: boolean;
  /** The name has to be in the certificate, whatever names the validation asks for. */
  readonly verifies: boolean;
}

/** `firstCount` addresses of the first family (that of the first address by default), then one of the other. */
export interface DialOrder {
  readonly firstFamily: 'default' | 'v4' | 'v6';
  readonly firstCount: number;
}

/** A PROXY header at the start of each connection. */
export interface ProxyHeaderConfig {
  readonly version: 1 | 2;
  /** Of those that the client's own header had. */
  readonly tlvs: 'all' | readonly number[];
}

/** Another transport for endpoints with these labels. */
export interface TransportMatch {
  readonly labels: Labels;
  readonly tls: UpstreamTlsConfig | null;
  /** For requests that came over HTTP/1, where `downstreamProtocol` asks for that. */
  readonly http1Tls: UpstreamTlsConfig | null;
  readonly checkTls: UpstreamTlsConfig | null;
}

export interface OverrideHostsConfig {
  readonly sources: readonly HostSource[];
  /** Where the one that was chosen is noted; null: nowhere. */
  readonly selected: MetadataPlace | null;
}

export type HostSource =
  | { readonly kind: 'header'; readonly name: string }
  | ({ readonly kind: 'metadata' } & MetadataPlace);

export interface MetadataPlace {
  readonly key: string;
  readonly path: readonly string[];
}

export interface DnsConfig {
  /** The name is one endpoint, whose address may change without its connections ending. */
  readonly logical: boolean;
  readonly family: 'auto' | 'v4-only' | 'v6-only' | 'v4-preferred' | 'all';
  /** The answer says when to look again; else `refreshMs` does. */
  readonly respectTtl: boolean;
  readonly refreshMs: number;
  /** Up to so much is added to either. */
  readonly jitterMs: number;
  /** After failures: a random time up to the base, doubled with each, up to the maximum. null: `refreshMs`. */
  readonly failureBaseMs: number | null;
  readonly failureMaxMs: number;
  /** The proxy is not ready before the first answer, or the first failure. */
  readonly awaited: boolean;
  /** Name servers that are asked; null: those of the system. */
  readonly servers: NameServers | null;
  /**
   * The name is of somebody whom the proxy's own host is not open to: addresses of it, its link or a group (RFC 6890)
   * do not count.
   */
  readonly outside: boolean;
}

export interface OriginalDestinationConfig {
  /** Requests that have it say where to instead (`10.0.0.1:80`). */
  readonly header: string | null;
  /** Instead of the connection's. */
  readonly port: number | null;
  /** Addresses that nobody used for so long are forgotten. */
  readonly cleanupMs: number;
}

/**
 * Where a configuration source delivers to: the data path. Applying is synchronous and never fails for a validated
 * snapshot.
 */
export interface SnapshotTarget {
  apply(snapshot: Snapshot): void;
}

/** Asked before a listener is accepted. */
export interface ListenerCheck {
  /** Why it could not be served if it were put into force, or null. */
  refusal(listener: ListenerConfig): Issue | null;
}

export type {
  EndpointAssignment,
  EndpointCheck,
  EndpointConfig,
  EndpointSet,
  HostStatus,
} from './endpoint-types.ts';
export type { ChainConfig, ChainMatch, EntryConfig } from './entry-types.ts';
export type { AccessLogConfig, AccessLogOptions, LogServiceConfig } from './log-types.ts';

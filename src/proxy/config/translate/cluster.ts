// Cluster to ClusterConfig. Envoy's fields are taken literally, with Envoy's defaults; where Weft's control plane left
// its ServicePolicy in the metadata, that says the same more exactly and wins.

import type { LimitsConfig, OutlierConfig, RetryLimitConfig } from '../../../policy/index.ts';
import type { Http1Rules } from '../../../wire/http1/index.ts';
import { sharePart, shareParts } from '../equal-parts.ts';
import {
  type cluster,
  type Faults,
  join,
  type MessageOf,
  unpack,
  upstreamHttpOptions,
} from '../schema/index.ts';
import type { ResourceSource } from '../source-types.ts';
import type { UpstreamTlsConfig } from '../tls-types.ts';
import type { ClusterConfig, EndpointSet, Http2Settings, TransportMatch } from '../types.ts';
import { translateChoice } from './balance.ts';
import { translateConfigSource } from './config-source.ts';
import {
  translateConnect,
  translateDialOrder,
  translateDiscovery,
  translateNames,
  translateOriginalDestination,
} from './discovery.ts';
import { noEndpoints, translateEndpoints } from './endpoints.ts';
import { translateCheckTls, translateHealthCheck } from './health-check.ts';
import { translateHttp1Client } from './http1.ts';
import { translateHttp2 } from './http2.ts';
import { translateClusterTransport } from './proxy-header.ts';
import { type ServicePolicy, translateServicePolicy } from './service-policy.ts';
import { translateUpstreamTransport } from './tls.ts';
import { readableMetadata, stringIn, type WeftValues, weftMetadata } from './weft-metadata.ts';

export type ClusterMessage = MessageOf<typeof cluster>;

export interface TranslatedCluster {
  readonly config: ClusterConfig;
  /** Endpoints written in the cluster itself (STATIC and DNS clusters); null for EDS. */
  readonly endpoints: EndpointSet | null;
  /** Of endpoints by EDS; null when they are written in the cluster. */
  readonly edsSource: ResourceSource | null;
  /** How long EDS may take before the cluster counts as known without endpoints; 0: for ever. */
  readonly initialFetchTimeoutMs: number;
  /** Shown to a server of discovery: the file of a token. */
  readonly tokenFile?: string;
}

export const clusterDefaults = {
  connectTimeoutMs: 5_000,
  requestTimeoutMs: 15_000,
  streamIdleTimeoutMs: 300_000,
  idleTimeoutMs: 3_600_000,
  initialFetchTimeoutMs: 15_000,
  limit: 1024,
  streamsMax: 1024,
  retries: 3,
  panicPercent: 50,
  headBytesMax: 64 * 1024,
  headerCountMax: 100,
} as const;

/** Strings that are equal need not be there twice. */
const sameText = (one: string, other: string) => (one === other ? one : other);

/** What most clusters of a mesh have alike. */
const alike = [
  'connect',
  'transportMatches',
  'balance',
  'locality',
  'limits',
  'high',
  'outlier',
  'retry',
  'retryLimit',
  'timeouts',
  'http1',
  'http2',
] as const;

export function translateCluster(message: ClusterMessage, path: string, faults: Faults): TranslatedCluster {
  const discovery = translateDiscovery(message, path, faults);
  const weft = weftMetadata(message.metadata);
  const metadata = readableMetadata(message.metadata);
  const policy = readPolicy(weft, path, faults);
  const http = callsOverHttp2(translateHttp(message, path, faults), weft);
  const name = message.name ?? '';
  const transport = join(path, 'transport_socket');
  const { proxyHeader, ...configured } = translateClusterTransport(
    message.transport_socket,
    transport,
    faults,
  );
  const tls = offerAlpn(configured.tls, http, transport, faults);
  const transportMatches = translateTransports(message, http, path, faults);
  const config: ClusterConfig = {
    name,
    statName: sanitizeStatName(message.alt_stat_name || name),
    service: stringIn(weft, 'service') ?? name,
    discovery,
    names: translateNames(message, weft, path, faults),
    originalDestination: translateOriginalDestination(message),
    ...translateConnect(message, path, faults),
    ...translateDialOrder(message),
    edsName: sameText(name, message.eds_cluster_config?.service_name || name),
    connectTimeoutMs: policy.connectTimeoutMs ?? message.connect_timeout ?? clusterDefaults.connectTimeoutMs,
    tls,
    proxyHeader,
    transportMatches,
    ...translateChoice(message, path, faults),
    limits: policy.limits ?? translateLimits(message, 'DEFAULT'),
    high: { limits: translateLimits(message, 'HIGH'), retryLimit: translateRetryLimit(message, 'HIGH') },
    connectionsPerEndpointMax: message.circuit_breakers?.per_host_thresholds[0]?.max_connections ?? 0,
    ...translatePools(message, [{ tls }, ...transportMatches], path, faults),
    outlier: policy.outlier ?? translateOutlier(message),
    objective: policy.objective,
    health: translateHealthCheck(message, { tls, transportMatches }, path, faults),
    retry: policy.retry,
    retryLimit: policy.retryBudget ?? translateRetryLimit(message, 'DEFAULT'),
    timeouts: translateTimeouts(policy),
    // ServicePolicy's `idle` is a connection's time without a request, not a stream's.
    idleTimeoutMs: policy.timeouts.idleMs ?? http.idleTimeoutMs,
    http1: http.http1,
    http2: http.http2,
    http2ByAlpn: http.speaks === 'agreed',
    downstreamProtocol:
      http.speaks === 'downstream' || http.speaks === 'calls' ? { http1Tls: offerHttp1(tls) } : null,
    ...(http.speaks === 'calls' ? { http2ForCalls: true as const } : {}),
    ...http.bounds,
    panicPercent: Math.round(
      message.common_lb_config?.healthy_panic_threshold?.value ?? clusterDefaults.panicPercent,
    ),
    ...wantedStatuses(message),
    ...(message.lrs_report_endpoint_metrics.length === 0
      ? {}
      : { reportedMetrics: message.lrs_report_endpoint_metrics }),
    ...(message.close_connections_on_host_health_failure === true ? { closesSick: true as const } : {}),
    closeOnChange: message.common_lb_config?.close_connections_on_host_set_change ?? false,
    ...(metadata === null ? {} : { metadata }),
  };
  return {
    config: shareParts(config, ...alike),
    endpoints: translateInlineEndpoints(message, discovery, path, faults),
    edsSource: discovery === 'eds' ? sharePart(translateEdsSource(message, path, faults)) : null,
    initialFetchTimeoutMs:
      message.eds_cluster_config?.eds_config?.initial_fetch_timeout ?? clusterDefaults.initialFetchTimeoutMs,
    ...translateTokenFile(weft, tls, path, faults),
  };
}

function readPolicy(weft: WeftValues | null, path: string, faults: Faults): ServicePolicy {
  const said = (weft?.['policy'] ?? {}) as Readonly<Record<string, unknown>>;
  return translateServicePolicy(said, join(path, 'metadata.filter_metadata[weft.dev].policy'), faults);
}

/** A token is for who is meant, and for nobody on the way. */
function translateTokenFile(
  weft: WeftValues | null,
  tls: ClusterConfig['tls'],
  path: string,
  faults: Faults,
): Pick<TranslatedCluster, 'tokenFile'> {
  const value = weft?.['token_file'];
  if (value === undefined) return {};
  const at = join(path, 'metadata.filter_metadata[weft.dev].token_file');
  if (typeof value !== 'string' || value === '') faults.add(at, 'must be the path of a file');
  else if (tls === null) faults.add(at, 'must go with a transport_socket of TLS');
  else return { tokenFile: value };
  return {};
}

function translatePools(
  message: ClusterMessage,
  transports: readonly Pick<TransportMatch, 'tls'>[],
  path: string,
  faults: Faults,
): Pick<ClusterConfig, 'peerNames' | 'preconnectRatio' | 'poolsByClient'> {
  const ratio = message.preconnect_policy?.per_upstream_preconnect_ratio ?? 1;
  return {
    ...translatePeerNames(message, transports, path, faults),
    ...(ratio > 1 ? { preconnectRatio: ratio } : {}),
    ...(message.connection_pool_per_downstream_connection === true ? { poolsByClient: true as const } : {}),
  };
}

function wantedStatuses(message: ClusterMessage): Pick<ClusterConfig, 'wantedStatuses'> {
  const said = message.common_lb_config?.override_host_status;
  return said === undefined ? {} : { wantedStatuses: said.statuses };
}

function translateEdsSource(message: ClusterMessage, path: string, faults: Faults): ResourceSource {
  const at = join(path, 'eds_cluster_config.eds_config');
  return translateConfigSource(message.eds_cluster_config?.eds_config, at, faults);
}

function translateInlineEndpoints(
  message: ClusterMessage,
  discovery: ClusterConfig['discovery'],
  path: string,
  faults: Faults,
): EndpointSet | null {
  const at = join(path, 'load_assignment');
  if (discovery === 'eds') {
    if (message.load_assignment !== undefined) faults.add(at, 'must not be set for clusters of type EDS');
    return null;
  }
  if (message.load_assignment !== undefined && discovery === 'original-destination')
    faults.add(at, 'must not be set for clusters of type ORIGINAL_DST');
  if (message.load_assignment === undefined) return noEndpoints;
  const set = translateEndpoints(message.load_assignment, discovery === 'dns', at, faults);
  if (message.type === 'LOGICAL_DNS' && set.endpoints.length !== 1) {
    faults.add(join(at, 'endpoints'), 'must be one for clusters of type LOGICAL_DNS', set.endpoints.length);
  }
  return set;
}

function translateTimeouts(policy: ServicePolicy): ClusterConfig['timeouts'] {
  return {
    requestMs: policy.timeouts.requestMs ?? clusterDefaults.requestTimeoutMs,
    attemptMs: policy.timeouts.attemptMs ?? 0,
    idleMs: clusterDefaults.streamIdleTimeoutMs,
  };
}

interface HttpChoice {
  readonly http1: Http1Rules;
  readonly http2: Http2Settings | null;
  /** Which version, where `http2` is set: always that, what the handshake agrees on, the client's, or gRPC's alone. */
  readonly speaks: 'http2' | 'agreed' | 'downstream' | 'calls';
  readonly idleTimeoutMs: number;
  readonly bounds: Pick<
    ClusterConfig,
    'requestsPerConnectionMax' | 'connectionAgeMsMax' | 'headBytesMax' | 'headerCountMax'
  >;
}

/** Absent: nothing of a request says whom its endpoint has to be, or there is no TLS that could. */
function translatePeerNames(
  message: ClusterMessage,
  transports: readonly Pick<TransportMatch, 'tls'>[],
  path: string,
  faults: Faults,
): Pick<ClusterConfig, 'peerNames'> {
  const options = unpack(message.typed_extension_protocol_options.get(httpOptionsKey), upstreamHttpOptions);
  const said = options?.upstream_http_protocol_options ?? message.upstream_http_protocol_options;
  const asks = said?.auto_sni === true;
  const verifies = said?.auto_san_validation === true;
  const secured = transports.flatMap(({ tls }) => tls ?? []);
  if (verifies && secured.some(({ validation }) => validation.kind === 'none'))
    faults.add(
      join(path, 'upstream_http_protocol_options.auto_san_validation'),
      'must come with a validation context: without trust anybody may claim any name',
      true,
    );
  if ((!asks && !verifies) || secured.length === 0) return {};
  return {
    peerNames: { asks, verifies, header: (said?.override_auto_sni_header ?? '').toLowerCase() },
  };
}

const httpOptionsKey = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';

function translateHttp(message: ClusterMessage, path: string, faults: Faults): HttpChoice {
  const at = join(path, 'typed_extension_protocol_options');
  for (const key of message.typed_extension_protocol_options.keys()) {
    if (key !== httpOptionsKey) faults.add(`${at}[${key}]`, `is supported as ${httpOptionsKey} only`);
  }
  const options = unpack(message.typed_extension_protocol_options.get(httpOptionsKey), upstreamHttpOptions);
  if (options !== null && chosen(options) === undefined) {
    faults.add(
      `${at}[${httpOptionsKey}].explicit_http_config`,
      'must be set, or use_downstream_protocol_config, or auto_config',
    );
  }
  const common = options?.common_http_protocol_options ?? message.common_http_protocol_options;
  return {
    ...translateVersion(message, options),
    idleTimeoutMs: common?.idle_timeout ?? clusterDefaults.idleTimeoutMs,
    bounds: {
      requestsPerConnectionMax:
        common?.max_requests_per_connection ?? message.max_requests_per_connection ?? 0,
      connectionAgeMsMax: common?.max_connection_duration ?? 0,
      headBytesMax: (common?.max_response_headers_kb ?? clusterDefaults.headBytesMax / 1024) * 1024,
      headerCountMax: common?.max_headers_count ?? clusterDefaults.headerCountMax,
    },
  };
}

/** Weft's control plane on a port that speaks HTTP/1.1 as far as anybody said (docs/xds.md). */
function callsOverHttp2(http: HttpChoice, weft: WeftValues | null): HttpChoice {
  if (http.http2 !== null || stringIn(weft, 'grpc') !== 'http2') return http;
  return { ...http, http2: translateHttp2(undefined, clusterDefaults.streamsMax), speaks: 'calls' };
}

type UpstreamHttpOptions = MessageOf<typeof upstreamHttpOptions>;

function chosen(options: UpstreamHttpOptions) {
  return options.explicit_http_config ?? options.use_downstream_protocol_config ?? options.auto_config;
}

/** Without the extension the cluster's own, deprecated fields say it. */
function translateVersion(
  message: ClusterMessage,
  options: UpstreamHttpOptions | null,
): Pick<HttpChoice, 'http1' | 'http2' | 'speaks'> {
  const byDownstream =
    options === null
      ? message.protocol_selection === 'USE_DOWNSTREAM_PROTOCOL'
      : options.use_downstream_protocol_config !== undefined;
  const speaks = byDownstream ? 'downstream' : options?.auto_config === undefined ? 'http2' : 'agreed';
  const said = options === null ? message : chosen(options);
  const http1 = translateHttp1Client(said?.http_protocol_options);
  const http2 = said?.http2_protocol_options;
  const plain = http2 === undefined && speaks === 'http2';
  return { http1, http2: plain ? null : translateHttp2(http2, clusterDefaults.streamsMax), speaks };
}

/** What is spoken is offered in the handshake, unless the configuration says itself what to offer. */
function offerAlpn(
  tls: UpstreamTlsConfig | null,
  http: HttpChoice,
  path: string,
  faults: Faults,
): UpstreamTlsConfig | null {
  if (tls === null) {
    if (http.speaks === 'agreed')
      faults.add(path, 'must be TLS: auto_config goes by what the handshake agrees on');
    return null;
  }
  if (http.http2 === null || tls.alpn.length > 0) return tls;
  return { ...tls, alpn: http.speaks === 'agreed' ? ['h2', 'http/1.1'] : ['h2'] };
}

function translateTransports(
  message: ClusterMessage,
  http: HttpChoice,
  path: string,
  faults: Faults,
): readonly TransportMatch[] {
  return message.transport_socket_matches.map(({ match, transport_socket }, index) => {
    const at = `${join(path, 'transport_socket_matches')}[${index}].transport_socket`;
    const tls = offerAlpn(translateUpstreamTransport(transport_socket, at, faults), http, at, faults);
    return { labels: match ?? {}, tls, http1Tls: offerHttp1(tls), checkTls: translateCheckTls(message, tls) };
  });
}

function offerHttp1(tls: UpstreamTlsConfig | null): UpstreamTlsConfig | null {
  return tls === null ? null : { ...tls, alpn: ['http/1.1'] };
}

type RoutePriority = 'DEFAULT' | 'HIGH';

/** Of two for one priority, the first holds, as in Envoy. */
function thresholdsOf(message: ClusterMessage, wanted: RoutePriority) {
  return message.circuit_breakers?.thresholds.find(({ priority = 'DEFAULT' }) => priority === wanted);
}

function translateLimits(message: ClusterMessage, priority: RoutePriority): LimitsConfig {
  const thresholds = thresholdsOf(message, priority);
  return {
    connections: thresholds?.max_connections ?? clusterDefaults.limit,
    pending: thresholds?.max_pending_requests ?? clusterDefaults.limit,
    requests: thresholds?.max_requests ?? clusterDefaults.limit,
  };
}

/** As Envoy: what runs at the same moment is bounded, by a number or by a share of the requests. */
function translateRetryLimit(message: ClusterMessage, priority: RoutePriority): RetryLimitConfig {
  const thresholds = thresholdsOf(message, priority);
  const budget = thresholds?.retry_budget;
  if (budget === undefined)
    return { kind: 'concurrency', max: thresholds?.max_retries ?? clusterDefaults.retries };
  return {
    kind: 'share',
    percent: budget.budget_percent?.value ?? 20,
    minConcurrency: budget.min_retry_concurrency ?? 3,
  };
}

function translateOutlier(message: ClusterMessage): OutlierConfig | null {
  const outlier = message.outlier_detection;
  if (outlier === undefined) return null;
  const baseEjectionMs = outlier.base_ejection_time ?? 30_000;
  const enforcing = {
    consecutive_5xx: outlier.enforcing_consecutive_5xx ?? 100,
    consecutive_gateway_failure: outlier.enforcing_consecutive_gateway_failure ?? 0,
    consecutive_local_origin_failure: outlier.enforcing_consecutive_local_origin_failure ?? 100,
    success_rate: outlier.enforcing_success_rate ?? 100,
    failure_percentage: outlier.enforcing_failure_percentage ?? 0,
    local_origin_success_rate: outlier.enforcing_local_origin_success_rate ?? 100,
    local_origin_failure_percentage: outlier.enforcing_failure_percentage_local_origin ?? 0,
  };
  return {
    consecutiveFailures: outlier.consecutive_5xx ?? 5,
    consecutiveGatewayFailures: outlier.consecutive_gateway_failure ?? 5,
    ...(outlier.split_external_local_origin_errors === true
      ? { consecutiveLocalFailures: outlier.consecutive_local_origin_failure ?? 5 }
      : {}),
    successRate: {
      minimumHosts: outlier.success_rate_minimum_hosts ?? 5,
      minimumRequests: outlier.success_rate_request_volume ?? 100,
      stdevFactor: (outlier.success_rate_stdev_factor ?? 1900) / 1000,
    },
    failurePercentage: {
      threshold: outlier.failure_percentage_threshold ?? 85,
      minimumHosts: outlier.failure_percentage_minimum_hosts ?? 5,
      minimumRequests: outlier.failure_percentage_request_volume ?? 50,
    },
    enforcing,
    intervalMs: outlier.interval ?? 10_000,
    baseEjectionMs,
    maxEjectionMs: outlier.max_ejection_time ?? Math.max(300_000, baseEjectionMs),
    maxEjectedPercent: outlier.max_ejection_percent ?? 10,
    alwaysEjectOne: outlier.always_eject_one_host ?? false,
    jitterMs: outlier.max_ejection_time_jitter ?? 0,
    returnOnCheck: outlier.successful_active_health_check_uneject_host ?? true,
  };
}

/**
 * Envoy's rule for names within names of metrics (Stats::Utility::sanitizeStatsName): dashboards ask for what it makes
 * of a colon.
 */
function sanitizeStatName(name: string): string {
  return name.replace(/:\/\/|:\/|:/g, '_').replaceAll('\0', '_');
}

// Compiled configurations for tests: everything has a value, a test names only what it is about.

import type { Address } from '../../net/index.ts';
import { compileJson } from '../../observe/index.ts';
import {
  localityDefault,
  type RetryPolicy,
  type Route,
  type RouteAction,
  type RouteConfig,
} from '../../policy/index.ts';
import { defaultHttp1Rules } from '../../wire/http1/index.ts';
import { defaultHttp2Limits } from '../../wire/http2/index.ts';
import { parseBootstrap } from '../config/index.ts';
import type {
  ClusterConfig,
  Direction,
  EndpointConfig,
  Http2Settings,
  HttpOptions,
  ListenerConfig,
  Snapshot,
} from '../config/types.ts';

export function ip(port: number, host = '127.0.0.1'): Address {
  return { kind: 'ip', host, port };
}

export const testRetry: RetryPolicy = {
  on: ['ConnectFailure', 'Reset', 'StatusCodes', 'AttemptTimeout'],
  statusCodes: [503],
  methods: ['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE'],
  idempotencyHeader: 'idempotency-key',
  attempts: 2,
  backoff: { baseMs: 25, maxMs: 250 },
};

export const http2Settings: Http2Settings = {
  streamsMax: 100,
  streamWindowBytes: 256 * 1024,
  connectionWindowBytes: 1024 * 1024,
  tableBytesMax: 4096,
  floods: defaultHttp2Limits,
  extraSettings: [],
  keepaliveMs: 0,
  keepaliveTimeoutMs: 20_000,
  keepaliveJitter: 0,
  idlePingMs: 0,
  tunnels: true,
};

export function httpOptions(options: Partial<HttpOptions> = {}): HttpOptions {
  return {
    special: null,
    protocol: 'auto',
    http1: defaultHttp1Rules,
    http2: http2Settings,
    idleTimeoutMs: 3_600_000,
    headTimeoutMs: 10_000,
    drainTimeoutMs: 5_000,
    headBytesMax: 60 * 1024,
    headerCountMax: 100,
    requestsPerConnectionMax: 0,
    connectionAgeMsMax: 0,
    requestTimeoutMs: 0,
    streamDurationMs: 0,
    lingerMs: 2_000,
    bufferBytesMax: 1024 * 1024,
    keepRequestId: true,
    serverName: '',
    serverIfAbsent: false,
    via: '',
    headRules: null,
    useRemoteAddress: false,
    clientCertificate: { mode: 'sanitize', subject: false, certificate: false, uri: false, dns: false },
    trustedHops: 0,
    skipForwardedFor: false,
    internalRanges: null,
    router: { quiet: false, strictHeaders: [], believesExpected: false, hidesGrpcCodes: false },
    internalSockets: false,
    detections: null,
    forwardedPort: false,
    requestIdInResponse: false,
    localReplies: null,
    upgrades: new Map(),
    filters: [],
    tracing: null,
    accessLogs: [],
    accessLogOptions: { atStart: false, atTunnel: false, intervalMs: 0 },
    ...options,
  };
}

/** A JSON log under the keys that tests ask for. */
export function logTo(path: string): Pick<HttpOptions, 'accessLogs'> {
  const format = compileJson(logFields, false);
  if (!format.ok) throw new Error(format.error);
  return { accessLogs: [{ kind: 'file', path, format: format.value, filter: null }] };
}

const logFields = {
  method: '%REQ(:METHOD)%',
  path: '%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%',
  authority: '%REQ(:AUTHORITY)%',
  response_code: '%RESPONSE_CODE%',
  response_flags: '%RESPONSE_FLAGS%',
  response_code_details: '%RESPONSE_CODE_DETAILS%',
  termination_details: '%CONNECTION_TERMINATION_DETAILS%',
  bytes_received: '%BYTES_RECEIVED%',
  bytes_sent: '%BYTES_SENT%',
  duration: '%DURATION%',
  upstream_host: '%UPSTREAM_HOST%',
  upstream_cluster: '%UPSTREAM_CLUSTER_RAW%',
  attempts: '%UPSTREAM_REQUEST_ATTEMPT_COUNT%',
  downstream_remote_address: '%DOWNSTREAM_REMOTE_ADDRESS%',
  direction: '%DYNAMIC_METADATA(weft.dev:direction)%',
  failed_phase: '%DYNAMIC_METADATA(weft.dev:failed_phase)%',
  log_type: '%ACCESS_LOG_TYPE%',
};

export function listenerConfig(options: Partial<ListenerConfig> = {}): ListenerConfig {
  return {
    name: 'outbound',
    address: ip(15001),
    direction: 'outbound' as Direction,
    routeConfig: 'routes',
    statPrefix: 'outbound',
    entry: null,
    chainOf: null,
    tcp: null,
    tls: null,
    http: httpOptions(),
    binding: { bound: true, addresses: [{ address: options.address ?? ip(15001), socket: null }] },
    terms: { handshakeMs: 15_000, endsUnhealthy: true, bounded: true, connectionsMax: 0 },
    ...options,
  };
}

export function clusterConfig(options: Partial<ClusterConfig> = {}): ClusterConfig {
  return {
    name: 'ledger',
    statName: 'ledger',
    service: 'bank/ledger',
    discovery: 'static',
    names: null,
    originalDestination: null,
    connect: {},
    connectOther: null,
    edsName: '',
    connectTimeoutMs: 1_000,
    tls: null,
    http1: defaultHttp1Rules,
    http2: null,
    http2ByAlpn: false,
    downstreamProtocol: null,
    proxyHeader: null,
    transportMatches: [],
    balance: { kind: 'round-robin' },
    limits: { connections: 1024, pending: 1024, requests: 1024 },
    high: { limits: { connections: 1024, pending: 1024, requests: 1024 }, retryLimit: null },
    connectionsPerEndpointMax: 0,
    outlier: null,
    objective: null,
    health: null,
    retry: null,
    retryLimit: null,
    timeouts: { requestMs: null, attemptMs: null, idleMs: null },
    idleTimeoutMs: 0,
    requestsPerConnectionMax: 0,
    connectionAgeMsMax: 0,
    headBytesMax: 64 * 1024,
    headerCountMax: 100,
    panicPercent: 0,
    locality: localityDefault,
    closeOnChange: false,
    ...options,
  };
}

export function endpointConfig(port: number, options: Partial<EndpointConfig> = {}): EndpointConfig {
  return {
    address: ip(port),
    weight: 1,
    priority: 0,
    healthy: true,
    degraded: false,
    zone: '',
    locality: '',
    localityWeight: -1,
    proxied: false,
    check: null,
    name: `pod-${port}`,
    hostname: '',
    logicalName: '',
    transportLabels: null,
    labels: null,
    status: 'UNKNOWN',
    ...options,
  };
}

export function forwardTo(...clusters: readonly (readonly [name: string, weight: number])[]): RouteAction {
  return {
    kind: 'forward',
    clusters: clusters.map(([cluster, weight]) => ({
      cluster,
      weight,
      requestEdits: null,
      responseEdits: null,
    })),
    rewriteAuthority: null,
    rewritePath: null,
  };
}

export function route(options: Partial<Route> = {}): Route {
  return {
    name: 'default',
    match: { path: { kind: 'prefix', value: '/', ignoreCase: false }, headers: [], query: [] },
    action: forwardTo(['ledger', 1]),
    timeouts: { requestMs: null, attemptMs: null, idleMs: null },
    retry: null,
    bufferBytesMax: null,
    requestEdits: null,
    responseEdits: null,
    ...options,
  };
}

export function routeConfig(routes: readonly Route[] = [route()], name = 'routes'): RouteConfig {
  return { name, virtualHosts: [{ name: 'bank/ledger:80', domains: ['*'], routes }] };
}

/** What a bootstrap's static resources come to: the document is what Envoy is given beside it. */
export function bootstrapSnapshot(document: object): Snapshot {
  const parsed = parseBootstrap(JSON.stringify(document), { fileName: 'test', version: '1' });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.error));
  const { clusters, listeners, secrets } = parsed.value;
  const chains = listeners.flatMap((listener) => [listener, ...listener.further]);
  return {
    version: '1',
    listeners: byName(chains.map(({ config }) => config)),
    routeConfigs: new Map(
      chains.flatMap(({ config, routes }) =>
        routes === null ? [] : [[config.routeConfig, routes] as const],
      ),
    ),
    clusters: byName(clusters.map(({ config }) => config)),
    secrets,
    endpoints: new Map(
      clusters.flatMap(({ config: { name }, endpoints }) =>
        endpoints === null ? [] : [[name, { ...endpoints, cluster: name, receivedAtMs: 1 }] as const],
      ),
    ),
  };
}

export interface SnapshotParts {
  readonly version?: string;
  readonly listeners?: readonly ListenerConfig[];
  readonly routes?: readonly RouteConfig[];
  readonly clusters?: readonly ClusterConfig[];
  readonly endpoints?: Readonly<Record<string, readonly EndpointConfig[]>>;
}

export function snapshot(parts: SnapshotParts = {}): Snapshot {
  const endpoints = parts.endpoints ?? {};
  return {
    version: parts.version ?? '1',
    listeners: byName(parts.listeners ?? [listenerConfig()]),
    routeConfigs: byName(parts.routes ?? [routeConfig()]),
    clusters: byName(parts.clusters ?? [clusterConfig()]),
    secrets: new Map(),
    endpoints: new Map(
      Object.entries(endpoints).map(([cluster, list]) => [
        cluster,
        { cluster, endpoints: list, receivedAtMs: 1, overprovisioningPercent: 140, weightedHealth: false },
      ]),
    ),
  };
}

function byName<T extends { readonly name: string }>(items: readonly T[]): Map<string, T> {
  return new Map(items.map((item) => [item.name, item]));
}

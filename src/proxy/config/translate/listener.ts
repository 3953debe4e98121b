// Listener to ListenerConfig, one for each filter chain: HTTP connection manager or TCP proxy.

import { formatAddress } from '../../../net/index.ts';
import type { RouteConfig } from '../../../policy/index.ts';
import { defaultHttp1Rules } from '../../../wire/http1/index.ts';
import type { NetworkFilterConfig } from '../filter-types.ts';
import {
  type AnyValue,
  type Faults,
  httpConnectionManager,
  join,
  type listener,
  type MessageOf,
  sniCluster,
  tcpProxy,
  unpack,
} from '../schema/index.ts';
import type { ResourceSource } from '../source-types.ts';
import type { ConnectionTerms, Direction, HttpOptions, ListenerConfig } from '../types.ts';
import { translateAccessLogs, translateLogOptions } from './access-log.ts';
import { translateBinding } from './binding.ts';
import { clusterDefaults } from './cluster.ts';
import { translateConfigSource } from './config-source.ts';
import { translateEntry } from './entry.ts';
import { lastFilter, translateChainOf } from './filter-chain.ts';
import { translateHeadRules } from './head-rules.ts';
import { translateHttp1Server } from './http1.ts';
import { translateHttp2 } from './http2.ts';
import { translateLocalReplies } from './local-replies.ts';
import { checkFieldValue } from './message-text.ts';
import { translateNetworkFilter } from './network-filters.ts';
import { translateDetections, translateRanges } from './origin.ts';
import { translateRouteConfig } from './route-config.ts';
import { routerDefaults, translateRouter } from './router.ts';
import { translateSpecial } from './special.ts';
import { translateTcpProxy } from './tcp-proxy.ts';
import { translateDownstreamTransport } from './tls.ts';
import { translateRequestIds, translateTracing } from './tracing.ts';
import { translateUpgradeFilters, translateUpgrades } from './upgrades.ts';
import { readableMetadata, stringIn, weftMetadata } from './weft-metadata.ts';

export type ListenerMessage = MessageOf<typeof listener>;
type Hcm = MessageOf<typeof httpConnectionManager>;

export interface TranslatedListener {
  readonly config: ListenerConfig;
  /** The inline route configuration, registered under `config.routeConfig`; null when it comes by RDS. */
  readonly routes: RouteConfig | null;
  /** Name to ask RDS for; null when the routes are inline. */
  readonly rdsName: string | null;
  /** Where from; null when the routes are inline. */
  readonly rdsSource: ResourceSource | null;
  readonly initialFetchTimeoutMs: number;
  /** stream_idle_timeout where set: holds for routes that set none of their own. */
  readonly streamIdleTimeoutMs: number | null;
  /** Its filter chains but the first, which it is itself: each a listener without a socket. */
  readonly further: readonly TranslatedListener[];
}

const protocols: Readonly<Record<string, HttpOptions['protocol']>> = { HTTP1: 'http1', HTTP2: 'http2' };

const defaults = {
  streamsMax: 100,
  bufferBytesMax: 1024 * 1024,
  idleTimeoutMs: 3_600_000,
  headTimeoutMs: 10_000,
  handshakeMs: 15_000,
  drainTimeoutMs: 5_000,
  lingerMs: 2_000,
  headBytesMax: 60 * 1024,
  headerCountMax: 100,
  serverName: 'weft',
} as const;

const plainOptions: HttpOptions = {
  protocol: 'http1',
  http1: defaultHttp1Rules,
  http2: translateHttp2(undefined, defaults.streamsMax),
  idleTimeoutMs: 0,
  headTimeoutMs: 0,
  drainTimeoutMs: defaults.drainTimeoutMs,
  headBytesMax: defaults.headBytesMax,
  headerCountMax: defaults.headerCountMax,
  requestsPerConnectionMax: 0,
  connectionAgeMsMax: 0,
  bufferBytesMax: defaults.bufferBytesMax,
  requestTimeoutMs: 0,
  streamDurationMs: 0,
  lingerMs: defaults.lingerMs,
  keepRequestId: true,
  serverName: '',
  serverIfAbsent: false,
  via: '',
  headRules: null,
  useRemoteAddress: false,
  trustedHops: 0,
  skipForwardedFor: false,
  internalRanges: null,
  router: routerDefaults,
  internalSockets: false,
  detections: null,
  forwardedPort: false,
  requestIdInResponse: false,
  localReplies: null,
  clientCertificate: { mode: 'sanitize', subject: false, certificate: false, uri: false, dns: false },
  upgrades: new Map(),
  filters: [],
  tracing: null,
  accessLogs: [],
  accessLogOptions: { atStart: false, atTunnel: false, intervalMs: 0 },
  special: null,
};

/** Null after faults that leave nothing to listen with. */
export function translateListener(
  message: ListenerMessage,
  path: string,
  faults: Faults,
): TranslatedListener | null {
  const binding = translateBinding(message, path, faults);
  const address = binding?.addresses[0]?.address;
  if (binding === null || address === undefined) return null;
  // Bootstraps commonly leave the name out; Envoy makes one up.
  const name = message.name || formatAddress(address);
  const logs = translateAccessLogs(message.access_log, join(path, 'access_log'), faults);
  const common = {
    name,
    address,
    binding,
    direction: translateDirection(message, path, faults),
    ...(message.stat_prefix ? { seriesName: message.stat_prefix } : {}),
    ...(logs.length === 0 ? {} : { connectionLogs: logs }),
  };
  const chains = chainsOf(message, path);
  if (chains.length === 0) faults.add(join(path, 'filter_chains'), 'must be at least one');
  const translated = chains.map(({ chain, at }, index) => {
    const own = index === 0 ? name : `${name}/${chain.name || index}`;
    return translateChain(
      { ...common, name: own, chainOf: index === 0 ? null : name },
      message,
      chain,
      at,
      faults,
    );
  });
  const [first] = translated;
  if (first === undefined || first === null) return null;
  const named = translated.filter((chain) => chain !== null);
  const names = named.map(({ config }) => config.name);
  const otherwise = message.default_filter_chain === undefined ? null : (names.at(-1) ?? null);
  const entry = translateEntry(
    message,
    otherwise === null ? names : names.slice(0, -1),
    otherwise,
    path,
    faults,
  );
  return { ...first, config: { ...first.config, entry }, further: named.slice(1) };
}

type ChainMessage = ListenerMessage['filter_chains'][number];

/** The default one last. */
function chainsOf(
  message: ListenerMessage,
  path: string,
): readonly { readonly chain: ChainMessage; readonly at: string }[] {
  const chains = message.filter_chains.map((chain, index) => ({
    chain,
    at: `${join(path, 'filter_chains')}[${index}]`,
  }));
  const { default_filter_chain: otherwise } = message;
  return otherwise === undefined
    ? chains
    : [...chains, { chain: otherwise, at: join(path, 'default_filter_chain') }];
}

function translateChain(
  common: Omit<CommonConfig, 'tls' | 'entry' | 'terms'>,
  message: ListenerMessage,
  chain: ChainMessage,
  path: string,
  faults: Faults,
): TranslatedListener | null {
  const at = join(path, `filters[${Math.max(chain.filters.length - 1, 0)}].typed_config`);
  const filter = findFilter(chain, path, faults);
  if (filter === null) return null;
  const tls = translateDownstreamTransport(chain.transport_socket, join(path, 'transport_socket'), faults);
  const own = {
    ...common,
    tls,
    entry: null,
    ...(chain.filters.length < 2 ? {} : { network: translateNetwork(chain, path, faults) }),
    terms: translateTerms(message, chain),
    ...describeChain(message, chain),
    ...(isByDestination(chain, path, faults) ? { byDestination: true as const } : {}),
  };
  const tcp = unpack(filter, tcpProxy);
  if (tcp !== null) return translateTcp(own, tcp, readsSni(chain), at, faults);
  const hcm = unpack(filter, httpConnectionManager);
  return hcm === null ? null : translateManager(own, message, hcm, at, faults);
}

type CommonConfig = Pick<
  ListenerConfig,
  | 'name'
  | 'address'
  | 'seriesName'
  | 'binding'
  | 'direction'
  | 'entry'
  | 'chainOf'
  | 'tls'
  | 'terms'
  | 'connectionLogs'
>;

function translateTerms(message: ListenerMessage, chain: ChainMessage): ConnectionTerms {
  return {
    handshakeMs: chain.transport_socket_connect_timeout ?? defaults.handshakeMs,
    endsUnhealthy: message.drain_type !== 'MODIFY_ONLY',
    bounded: message.ignore_global_conn_limit !== true,
    connectionsMax: 0,
  };
}

/** For formats. */
function describeChain(message: ListenerMessage, chain: ChainMessage): Partial<ListenerConfig> {
  const metadata = readableMetadata(message.metadata);
  const chainMetadata = readableMetadata(chain.metadata);
  return {
    ...(metadata === null ? {} : { metadata }),
    ...(chainMetadata === null ? {} : { chainMetadata }),
    ...(chain.name ? { chainName: chain.name } : {}),
  };
}

/** Said by Weft's control plane alone (docs/xds.md). */
function isByDestination({ metadata }: ChainMessage, path: string, faults: Faults): boolean {
  const said = stringIn(weftMetadata(metadata), 'virtualHost');
  if (said === null || said === 'destination') return said !== null;
  faults.add(join(path, 'metadata.filter_metadata[weft.dev].virtualHost'), 'must be destination', said);
  return false;
}

function translateManager(
  common: CommonConfig,
  message: ListenerMessage,
  hcm: Hcm,
  at: string,
  faults: Faults,
): TranslatedListener {
  const { name } = common;
  const routes =
    hcm.route_config === undefined
      ? null
      : translateRouteConfig(hcm.route_config, `inline:${name}`, join(at, 'route_config'), faults);
  if (routes?.vhds !== undefined) faults.add(join(at, 'route_config.vhds'), 'goes with routes by rds alone');
  const rdsName = translateRds(hcm, at, faults);
  return {
    config: {
      ...common,
      routeConfig: routes?.name ?? routeKey(rdsName ?? '', name, hcm),
      statPrefix: hcm.stat_prefix ?? name,
      tcp: null,
      http: translateHttp(message, hcm, at, faults),
    },
    routes,
    rdsName,
    rdsSource:
      hcm.rds === undefined
        ? null
        : translateConfigSource(hcm.rds.config_source, join(at, 'rds.config_source'), faults),
    initialFetchTimeoutMs:
      hcm.rds?.config_source?.initial_fetch_timeout ?? clusterDefaults.initialFetchTimeoutMs,
    streamIdleTimeoutMs: hcm.stream_idle_timeout ?? null,
    further: [],
  };
}

/** What of the HTTP options concerns any connection, its log and its draining, holds for tunnels too. */
function translateTcp(
  common: CommonConfig,
  message: MessageOf<typeof tcpProxy>,
  bySni: boolean,
  at: string,
  faults: Faults,
): TranslatedListener {
  const tcp = translateTcpProxy(message, at, faults);
  return {
    config: {
      ...common,
      routeConfig: '',
      statPrefix: message.stat_prefix ?? '',
      tcp: bySni ? { ...tcp, bySni } : tcp,
      http: {
        ...plainOptions,
        accessLogs: translateAccessLogs(message.access_log, join(at, 'access_log'), faults),
        accessLogOptions: translateLogOptions(message.access_log_options, message, {
          own: message.access_log_options?.flush_access_log_on_connected,
          older: message.flush_access_log_on_connected,
        }),
      },
    },
    routes: null,
    rdsName: null,
    rdsSource: null,
    initialFetchTimeoutMs: clusterDefaults.initialFetchTimeoutMs,
    streamIdleTimeoutMs: null,
    further: [],
  };
}

function readsSni({ filters }: ChainMessage): boolean {
  return filters.slice(0, -1).some(({ typed_config }) => unpack(typed_config, sniCluster) !== null);
}

/** The last filter of a chain. An unknown type was refused where it stands. */
function findFilter({ filters }: ChainMessage, path: string, faults: Faults): AnyValue | null {
  if (filters.length === 0) {
    faults.add(join(path, 'filters'), 'must be at least one');
    return null;
  }
  const config = filters.at(-1)?.typed_config;
  if (config === undefined)
    faults.add(`${join(path, 'filters')}[${filters.length - 1}].typed_config`, 'must be set');
  return config ?? null;
}

function translateNetwork(
  { filters }: ChainMessage,
  path: string,
  faults: Faults,
): readonly NetworkFilterConfig[] {
  return filters.slice(0, -1).flatMap(({ typed_config: config }, index) => {
    const at = join(`${join(path, 'filters')}[${index}]`, 'typed_config');
    if (config === undefined) faults.add(at, 'must be set');
    const filter = config === undefined ? null : translateNetworkFilter(config, at, faults);
    return filter === null ? [] : [filter];
  });
}

function translateRds(hcm: Hcm, path: string, faults: Faults): string | null {
  if (hcm.rds === undefined) {
    if (hcm.route_config === undefined) faults.add(path, 'one of rds, route_config must be set');
    return null;
  }
  return hcm.rds.route_config_name ?? '';
}

/** A listener with an idle timeout of its own has its own form of the shared routes. */
function routeKey(rdsName: string, listener: string, hcm: Hcm): string {
  return hcm.stream_idle_timeout === undefined ? rdsName : `${rdsName}@${listener}`;
}

const directions: readonly string[] = ['inbound', 'outbound', 'gateway'];

function translateDirection(message: ListenerMessage, path: string, faults: Faults): Direction {
  const said = stringIn(weftMetadata(message.metadata), 'direction');
  if (said !== null) {
    if (directions.includes(said)) return said as Direction;
    faults.add(
      join(path, 'metadata.filter_metadata[weft.dev].direction'),
      `must be one of ${directions.join(', ')}`,
      said,
    );
  }
  if (message.traffic_direction === 'INBOUND') return 'inbound';
  // A plain Envoy listener that says nothing is an edge as far as trust goes: markers of strangers are stripped.
  return message.traffic_direction === 'OUTBOUND' ? 'outbound' : 'gateway';
}

function translateTracingOf(
  listener: ListenerMessage,
  hcm: Hcm,
  path: string,
  faults: Faults,
): HttpOptions['tracing'] {
  const egress = listener.traffic_direction === 'OUTBOUND';
  const ids = translateRequestIds(hcm.request_id_extension, join(path, 'request_id_extension'), faults);
  return hcm.tracing === undefined
    ? null
    : { ...translateTracing(hcm.tracing, egress, join(path, 'tracing'), faults), ...ids };
}

function translateHttp(listener: ListenerMessage, hcm: Hcm, path: string, faults: Faults): HttpOptions {
  const common = hcm.common_http_protocol_options;
  const useRemoteAddress = hcm.use_remote_address ?? false;
  const filtersAt = join(path, 'http_filters');
  checkFieldValue(hcm.server_name ?? '', join(path, 'server_name'), faults);
  checkFieldValue(hcm.via ?? '', join(path, 'via'), faults);
  return {
    protocol: protocols[hcm.codec_type ?? 'AUTO'] ?? 'auto',
    http1: translateHttp1Server(hcm.http_protocol_options, join(path, 'http_protocol_options'), faults),
    http2: translateHttp2(hcm.http2_protocol_options, defaults.streamsMax),
    idleTimeoutMs: common?.idle_timeout ?? defaults.idleTimeoutMs,
    headTimeoutMs: hcm.request_headers_timeout ?? defaults.headTimeoutMs,
    drainTimeoutMs: hcm.drain_timeout ?? defaults.drainTimeoutMs,
    headBytesMax: (hcm.max_request_headers_kb ?? defaults.headBytesMax / 1024) * 1024,
    headerCountMax: common?.max_headers_count ?? defaults.headerCountMax,
    requestsPerConnectionMax: common?.max_requests_per_connection ?? 0,
    connectionAgeMsMax: common?.max_connection_duration ?? 0,
    bufferBytesMax: listener.per_connection_buffer_limit_bytes ?? defaults.bufferBytesMax,
    requestTimeoutMs: hcm.request_timeout ?? 0,
    streamDurationMs: common?.max_stream_duration ?? 0,
    lingerMs: hcm.delayed_close_timeout ?? defaults.lingerMs,
    keepRequestId: hcm.preserve_external_request_id ?? false,
    serverName:
      hcm.server_header_transformation === 'PASS_THROUGH' ? '' : hcm.server_name || defaults.serverName,
    serverIfAbsent: hcm.server_header_transformation === 'APPEND_IF_ABSENT',
    via: hcm.via ?? '',
    headRules: translateHeadRules(hcm),
    useRemoteAddress,
    clientCertificate: translateClientCertificate(hcm),
    trustedHops: hcm.xff_num_trusted_hops ?? 0,
    skipForwardedFor: hcm.skip_xff_append ?? false,
    internalRanges:
      hcm.internal_address_config === undefined
        ? null
        : translateRanges(
            hcm.internal_address_config.cidr_ranges,
            join(path, 'internal_address_config.cidr_ranges'),
            faults,
          ),
    internalSockets: hcm.internal_address_config?.unix_sockets ?? false,
    detections: translateDetections(hcm, path, faults),
    forwardedPort: hcm.append_x_forwarded_port ?? false,
    requestIdInResponse: hcm.always_set_request_id_in_response ?? false,
    router: translateRouter(
      hcm.http_filters.at(-1)?.typed_config,
      lastFilter(hcm.http_filters, filtersAt),
      faults,
    ),
    localReplies: translateLocalReplies(hcm.local_reply_config, join(path, 'local_reply_config'), faults),
    upgrades: translateUpgrades(hcm.upgrade_configs, join(path, 'upgrade_configs'), faults),
    ...translateUpgradeFilters(hcm.upgrade_configs, join(path, 'upgrade_configs'), faults),
    filters: translateChainOf(hcm.http_filters, filtersAt, faults),
    tracing: translateTracingOf(listener, hcm, path, faults),
    accessLogs: translateAccessLogs(hcm.access_log, join(path, 'access_log'), faults),
    accessLogOptions: translateLogOptions(
      hcm.access_log_options,
      hcm,
      {
        own: hcm.access_log_options?.flush_access_log_on_new_request,
        older: hcm.flush_access_log_on_new_request,
      },
      hcm.access_log_options?.flush_log_on_tunnel_successfully_established,
    ),
    special: translateSpecial(hcm, path, faults),
  };
}

const clientCertificateModes = {
  SANITIZE: 'sanitize',
  FORWARD_ONLY: 'forward-only',
  APPEND_FORWARD: 'append-forward',
  SANITIZE_SET: 'sanitize-set',
  ALWAYS_FORWARD_ONLY: 'always-forward-only',
} as const;

function translateClientCertificate(hcm: Hcm): HttpOptions['clientCertificate'] {
  const details = hcm.set_current_client_cert_details;
  return {
    mode: clientCertificateModes[hcm.forward_client_cert_details ?? 'SANITIZE'],
    subject: details?.subject === true,
    certificate: details?.cert === true,
    uri: details?.uri === true,
    dns: details?.dns === true,
  };
}

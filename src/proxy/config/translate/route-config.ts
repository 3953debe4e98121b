// RouteConfiguration to policy's RouteConfig: virtual hosts, routes, actions, with inherited edits and retry policies
// written out.

import type { MetadataMap } from '../../../observe/index.ts';
import type {
  DescriptorRule,
  MirrorPolicy,
  PathRewrite,
  RetryPolicy,
  Route,
  RouteAction,
  RouteConfig,
  RouteTimeouts,
  TextRewrite,
  VirtualCluster,
  VirtualHost,
  WeightedCluster,
} from '../../../policy/index.ts';
import { shareParts } from '../equal-parts.ts';
import type { RouteFilters } from '../filter-types.ts';
import { type Faults, join, type MessageOf, type routeConfiguration } from '../schema/index.ts';
import { clusterDefaults } from './cluster.ts';
import { translateConfigSource } from './config-source.ts';
import { mergeRouteFilters, translateRouteFilters } from './filters.ts';
import { translateHashPolicies } from './hash-policy.ts';
import { type LevelEdits, mergeEdits, translateEdits } from './header-edits.ts';
import { translateRedirects } from './internal-redirect.ts';
import { translateMatch } from './match.ts';
import { checkAuthority, checkRequestPath } from './message-text.ts';
import { translateMirrors } from './mirrors.ts';
import { translateDescriptors } from './rate-limit.ts';
import { translateRedirect } from './redirect.ts';
import { translateRetry } from './retry.ts';
import { translatePathPattern, translateTemplateRewrite, translateTextRewrite } from './rewrites.ts';
import { translateServicePolicy } from './service-policy.ts';
import { translateCriteria } from './subsets.ts';
import { translateTally, translateVirtualClusters } from './tally.ts';
import { translateRouteTracing } from './tracing.ts';
import { translateRouteUpgrades } from './upgrades.ts';
import { readableMetadata, stringIn, weftMetadata } from './weft-metadata.ts';

export type RouteConfiguration = MessageOf<typeof routeConfiguration>;
type VirtualHostMessage = RouteConfiguration['virtual_hosts'][number];
type RouteMessage = VirtualHostMessage['routes'][number];
type RouteActionMessage = NonNullable<RouteMessage['route']>;

const directBodyBytesDefault = 4096;
const weightSumMax = 2 ** 32 - 1;

/** What a route takes over from the levels around it. */
interface Inherited {
  readonly edits: LevelEdits;
  readonly specificWins: boolean;
  readonly filters: RouteFilters | null;
  readonly retry: RetryPolicy | null;
  readonly bodyBytesMax: number;
  readonly bufferBytesMax: number | null;
  readonly hostMetadata: MetadataMap | null;
  readonly hostDescriptors: readonly DescriptorRule[] | null;
  readonly mirrors: readonly MirrorPolicy[] | null;
  readonly attemptsInAnswer: boolean;
  readonly hedges: boolean;
  readonly marksTimeoutRetries: boolean;
  readonly attemptMs: number | null;
  readonly hostName: string;
  readonly virtualClusters: readonly VirtualCluster[];
}

export function translateRouteConfig(
  message: RouteConfiguration,
  name: string,
  path: string,
  faults: Faults,
): RouteConfig {
  const edits = translateEdits(message, path, faults);
  const filters = translateRouteFilters(message.typed_per_filter_config, path, faults);
  const bodyBytesMax = message.max_direct_response_body_size_bytes ?? directBodyBytesDefault;
  const mirrors = translateMirrors(message.request_mirror_policies, path, faults);
  const virtualHosts = message.virtual_hosts.map((host, index) =>
    translateVirtualHost(
      host,
      {
        edits,
        specificWins: message.most_specific_header_mutations_wins === true,
        filters,
        retry: null,
        bodyBytesMax,
        bufferBytesMax: null,
        hostMetadata: null,
        hostDescriptors: null,
        mirrors,
        attemptsInAnswer: false,
        hedges: false,
        marksTimeoutRetries: false,
        attemptMs: null,
        hostName: '',
        virtualClusters: [],
      },
      `${join(path, 'virtual_hosts')}[${index}]`,
      faults,
    ),
  );
  checkUnique(virtualHosts, join(path, 'virtual_hosts'), faults);
  const internalOnly = message.internal_only_headers.map((header) => header.toLowerCase());
  return {
    name,
    virtualHosts,
    ...(message.ignore_port_in_host_matching === true ? { ignorePort: true } : {}),
    ...(message.ignore_path_parameters_in_path_matching === true ? { ignorePathParameters: true } : {}),
    ...(internalOnly.length === 0 ? {} : { internalOnly }),
    ...translateVhds(message.vhds, join(path, 'vhds'), faults),
  };
}

function translateVhds(
  message: RouteConfiguration['vhds'],
  path: string,
  faults: Faults,
): Pick<RouteConfig, 'vhds'> {
  if (message === undefined) return {};
  const at = join(path, 'config_source');
  const source = message.config_source;
  translateConfigSource(source, at, faults);
  const elsewhere = source?.api_config_source ?? source?.path_config_source ?? source?.path;
  if (elsewhere !== undefined) faults.add(at, 'must be ads: virtual hosts come on the aggregated stream');
  return {
    vhds: { fetchTimeoutMs: source?.initial_fetch_timeout ?? clusterDefaults.initialFetchTimeoutMs },
  };
}

function checkUnique(hosts: readonly VirtualHost[], path: string, faults: Faults): void {
  const names = new Set<string>();
  const domains = new Set<string>();
  hosts.forEach((host, index) => {
    if (names.has(host.name)) faults.add(`${path}[${index}].name`, 'must be unique', host.name);
    names.add(host.name);
    host.domains.forEach((domain, at) => {
      const lower = domain.toLowerCase();
      if (domains.has(lower)) faults.add(`${path}[${index}].domains[${at}]`, 'must be unique', domain);
      domains.add(lower);
    });
  });
}

const requiredTls = { NONE: null, EXTERNAL_ONLY: 'external', ALL: 'all' } as const;

function translateVirtualHost(
  host: VirtualHostMessage,
  outer: Inherited,
  path: string,
  faults: Faults,
): VirtualHost {
  if (host.domains.length === 0) faults.add(join(path, 'domains'), 'must not be empty');
  host.domains.forEach((domain, index) => {
    // A star stands alone, first before a dot or dash, or last; never inside.
    if (
      domain.slice(1, -1).includes('*') ||
      (domain.length > 1 && domain.startsWith('*') && domain.endsWith('*'))
    ) {
      faults.add(`${join(path, 'domains')}[${index}]`, 'may have one * at its start or its end', domain);
    }
  });
  const retry = host.retry_policy;
  const inherited: Inherited = {
    specificWins: outer.specificWins,
    edits: mergeEdits(translateEdits(host, path, faults), outer.edits, outer.specificWins),
    filters: mergeRouteFilters(
      translateRouteFilters(host.typed_per_filter_config, path, faults),
      outer.filters,
    ),
    retry: retry === undefined ? outer.retry : translateRetry(retry, join(path, 'retry_policy'), faults),
    bodyBytesMax: outer.bodyBytesMax,
    attemptsInAnswer: host.include_attempt_count_in_response === true,
    marksTimeoutRetries: host.include_is_timeout_retry_header === true,
    hedges: host.hedge_policy?.hedge_on_per_try_timeout === true,
    attemptMs: retry?.per_try_timeout ?? outer.attemptMs,
    mirrors: translateMirrors(host.request_mirror_policies, path, faults) ?? outer.mirrors,
    bufferBytesMax: host.per_request_buffer_limit_bytes ?? null,
    hostMetadata: readableMetadata(host.metadata),
    hostDescriptors: translateDescriptors(host.rate_limits, path, faults),
    hostName: host.name ?? '',
    virtualClusters: translateVirtualClusters(host.virtual_clusters, path, faults),
  };
  const routes = host.routes.map((route, index) =>
    translateRoute(route, inherited, `${join(path, 'routes')}[${index}]`, faults),
  );
  const requireTls = requiredTls[host.require_tls ?? 'NONE'];
  return {
    name: host.name ?? '',
    domains: host.domains,
    routes,
    ...(requireTls === null ? {} : { requireTls }),
  };
}

function translateRoute(route: RouteMessage, inherited: Inherited, path: string, faults: Faults): Route {
  const edits = mergeEdits(translateEdits(route, path, faults), inherited.edits, inherited.specificWins);
  const filters = mergeRouteFilters(
    translateRouteFilters(route.typed_per_filter_config, path, faults),
    inherited.filters,
  );
  if (route.match === undefined) faults.add(join(path, 'match'), 'must be set');
  const said = weftMetadata(route.metadata);
  const own =
    said === null
      ? null
      : translateServicePolicy(said, join(path, 'metadata.filter_metadata[weft.dev]'), faults);
  const service = stringIn(said, 'service');
  const metadata = readableMetadata(route.metadata);
  const { hostDescriptors, hostMetadata } = inherited;
  const descriptors = translateDescriptors(route.route?.rate_limits ?? [], join(path, 'route'), faults);
  const action = route.route;
  const retryMessage = action?.retry_policy;
  const retry =
    retryMessage === undefined
      ? inherited.retry
      : translateRetry(retryMessage, join(path, 'route.retry_policy'), faults);
  const hedgePolicy = action?.hedge_policy;
  const hedges = hedgePolicy === undefined ? inherited.hedges : hedgePolicy.hedge_on_per_try_timeout === true;
  const translated: Route = {
    name: route.name ?? '',
    match:
      route.match === undefined
        ? { path: { kind: 'prefix', value: '/', ignoreCase: false }, headers: [], query: [] }
        : translateMatch(route.match, join(path, 'match'), faults),
    action: translateAction(route, { ...inherited, filters }, path, faults),
    timeouts: translateTimeouts(action, own?.timeouts ?? null, inherited.attemptMs),
    ...translateDuration(action),
    ...(inherited.marksTimeoutRetries ? { marksTimeoutRetries: true as const } : {}),
    ...(inherited.attemptsInAnswer ? { attemptsInAnswer: true as const } : {}),
    retry: own?.retry ?? retry,
    ...(hedges ? { hedges: true as const } : {}),
    bufferBytesMax: route.per_request_buffer_limit_bytes ?? inherited.bufferBytesMax,
    requestEdits: edits.request,
    responseEdits: edits.response,
    ...(filters === null ? {} : { filters }),
    ...(action?.priority === 'HIGH' ? { high: true as const } : {}),
    ...(service === null ? {} : { service }),
    ...translateTally(route, inherited.hostName, inherited.virtualClusters),
    ...translateRouteTracing(route, path, faults),
    ...(descriptors === null ? {} : { descriptors }),
    ...(hostDescriptors === null ? {} : { hostDescriptors }),
    ...(action?.include_vh_rate_limits === true ? { includesHostDescriptors: true as const } : {}),
    ...(metadata === null ? {} : { metadata }),
    ...(hostMetadata === null ? {} : { hostMetadata }),
  };
  return shareParts(translated, 'match', 'timeouts', 'retry');
}

/** Weft's own words on the route win over Envoy's, which say the same as near as they can (docs/xds.md). */
function translateTimeouts(
  action: RouteActionMessage | undefined,
  own: RouteTimeouts | null,
  inheritedMs: number | null,
): RouteTimeouts {
  const retry = action?.retry_policy;
  return {
    requestMs: own?.requestMs ?? action?.timeout ?? null,
    attemptMs: own?.attemptMs ?? (retry === undefined ? inheritedMs : (retry.per_try_timeout ?? null)),
    idleMs: own?.idleMs ?? action?.idle_timeout ?? null,
    ...(own?.callMs === undefined ? {} : { callMs: own.callMs }),
    ...(own?.callAttemptMs === undefined ? {} : { callAttemptMs: own.callAttemptMs }),
  };
}

function translateDuration(action: RouteActionMessage | undefined): Pick<Route, 'duration' | 'grpcTimes'> {
  const message = action?.max_stream_duration;
  if (message === undefined) {
    const maxMs = action?.max_grpc_timeout;
    return maxMs === undefined ? {} : { grpcTimes: { maxMs, offsetMs: action?.grpc_timeout_offset ?? 0 } };
  }
  return {
    duration: {
      maxMs: message.max_stream_duration ?? null,
      grpcMaxMs: message.grpc_timeout_header_max ?? null,
      grpcOffsetMs: message.grpc_timeout_header_offset ?? 0,
    },
  };
}

function translateAction(
  route: RouteMessage,
  inherited: Inherited,
  path: string,
  faults: Faults,
): RouteAction {
  if (route.route !== undefined)
    return translateForward(route, route.route, inherited, join(path, 'route'), faults);
  if (route.redirect !== undefined) return translateRedirect(route.redirect, join(path, 'redirect'), faults);
  const { bodyBytesMax } = inherited;
  const respond = route.direct_response;
  if (respond === undefined) {
    faults.add(path, 'one of route, redirect, direct_response must be set');
    return { kind: 'respond', status: 500, body: '' };
  }
  const status = respond.status ?? 0;
  if (status < 200) faults.add(join(path, 'direct_response.status'), 'must be 200 to 599', status);
  const bytes = respond.body?.inline_bytes;
  const body = respond.body?.inline_string ?? (bytes === undefined ? '' : new TextDecoder().decode(bytes));
  if (Buffer.byteLength(body) > bodyBytesMax) {
    faults.add(join(path, 'direct_response.body'), `must be at most ${bodyBytesMax} bytes`, body);
  }
  return { kind: 'respond', status, body };
}

const notFoundStatus = { SERVICE_UNAVAILABLE: null, NOT_FOUND: 404, INTERNAL_SERVER_ERROR: 500 } as const;

function translateForward(
  route: RouteMessage,
  action: RouteActionMessage,
  inherited: Inherited,
  path: string,
  faults: Faults,
): RouteAction {
  const authority = action.host_rewrite_literal || null;
  if (authority !== null) checkAuthority(authority, join(path, 'host_rewrite_literal'), faults);
  const mirrors = translateMirrors(action.request_mirror_policies, path, faults) ?? inherited.mirrors;
  const redirects = translateRedirects(action, path, faults);
  const drawHeader = action.weighted_clusters?.header_name?.toLowerCase() || undefined;
  const status = notFoundStatus[action.cluster_not_found_response_code ?? 'SERVICE_UNAVAILABLE'];
  return {
    kind: 'forward',
    clusters: translateClusters(action, inherited.filters, path, faults),
    ...(drawHeader === undefined ? {} : { drawHeader }),
    rewriteAuthority: authority,
    ...(action.host_rewrite_header === undefined
      ? {}
      : { rewriteAuthorityHeader: action.host_rewrite_header.toLowerCase() }),
    ...(action.auto_host_rewrite === true ? { rewriteAuthorityByEndpoint: true as const } : {}),
    ...(action.append_x_forwarded_host === true ? { appendForwardedHost: true as const } : {}),
    ...translatePathHost(action, join(path, 'host_rewrite_path_regex'), faults),
    rewritePath: translateRewrite(action, route.match, path, faults),
    ...(status === null ? {} : { notFoundStatus: status }),
    ...(mirrors === null ? {} : { mirrors }),
    ...(redirects === null ? {} : { redirects }),
    ...translateRouteUpgrades(action, join(path, 'upgrade_configs'), faults),
    ...(action.hash_policy.length === 0
      ? {}
      : { hashPolicies: translateHashPolicies(action.hash_policy, join(path, 'hash_policy'), faults) }),
  };
}

/** A host that is made of the path. */
function translatePathHost(
  action: RouteActionMessage,
  path: string,
  faults: Faults,
): { readonly rewriteAuthorityByPath?: TextRewrite } {
  const message = action.host_rewrite_path_regex;
  const rewrite = message === undefined ? null : translateTextRewrite(message, path, faults);
  return rewrite === null ? {} : { rewriteAuthorityByPath: rewrite };
}

function translateClusters(
  action: RouteActionMessage,
  outer: RouteFilters | null,
  path: string,
  faults: Faults,
): WeightedCluster[] {
  const criteria = translateCriteria(action.metadata_match, null);
  const wanted = criteria === null ? {} : { criteria };
  if (action.cluster !== undefined) {
    return [{ cluster: action.cluster, weight: 1, requestEdits: null, responseEdits: null, ...wanted }];
  }
  if (action.cluster_header !== undefined) {
    const clusterHeader = action.cluster_header.toLowerCase();
    return [{ cluster: '', clusterHeader, weight: 1, requestEdits: null, responseEdits: null, ...wanted }];
  }
  const weighted = action.weighted_clusters;
  if (weighted === undefined) {
    faults.add(path, 'one of cluster, weighted_clusters, cluster_header must be set');
    return [];
  }
  const at = join(path, 'weighted_clusters.clusters');
  const clusters = weighted.clusters.map((entry, index) => {
    const edits = translateEdits(entry, `${at}[${index}]`, faults);
    const own = translateRouteFilters(entry.typed_per_filter_config, `${at}[${index}]`, faults);
    const filters = own === null ? null : mergeRouteFilters(own, outer);
    const closer = translateCriteria(entry.metadata_match, criteria);
    const { cluster_header: header = '', host_rewrite_literal: authority, name = '' } = entry;
    if (name === '' && header === '')
      faults.add(`${at}[${index}]`, 'one of name, cluster_header must be set');
    if (authority) checkAuthority(authority, `${at}[${index}].host_rewrite_literal`, faults);
    return {
      cluster: name,
      ...(name === '' ? { clusterHeader: header.toLowerCase() } : {}),
      ...(authority ? { rewriteAuthority: authority } : {}),
      weight: entry.weight ?? 0,
      requestEdits: edits.request,
      responseEdits: edits.response,
      ...(filters === null ? {} : { filters }),
      ...(closer === null ? {} : { criteria: closer }),
    };
  });
  const sum = clusters.reduce((total, entry) => total + entry.weight, 0);
  if (weighted.total_weight !== undefined && weighted.total_weight !== sum)
    faults.add(
      join(path, 'weighted_clusters.total_weight'),
      `must be the sum of the weights, ${sum}`,
      weighted.total_weight,
    );
  if (sum < 1 || sum > weightSumMax) faults.add(at, `the weights must add up to 1 to ${weightSumMax}`, sum);
  return clusters;
}

function translateRewrite(
  action: RouteActionMessage,
  match: RouteMessage['match'],
  path: string,
  faults: Faults,
): PathRewrite | null {
  const { path_rewrite_policy: policy, prefix_rewrite: prefix, regex_rewrite: pattern } = action;
  if (policy !== undefined) {
    const at = join(path, 'path_rewrite_policy');
    return translateTemplateRewrite(policy, match?.path_match_policy, at, faults);
  }
  if (pattern !== undefined) return translatePathPattern(pattern, join(path, 'regex_rewrite'), faults);
  if (!prefix) return null;
  if (match?.path_match_policy !== undefined)
    faults.add(join(path, 'prefix_rewrite'), 'does not go with a match.path_match_policy', prefix);
  checkRequestPath(prefix, join(path, 'prefix_rewrite'), faults);
  return { kind: 'prefix', value: prefix };
}

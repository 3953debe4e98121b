// HTTP filters: a listener's chain before its router, and what virtual hosts, routes and weights say to its members.

import type { HeaderEdits } from '../../../policy/index.ts';
import type {
  FaultConfig,
  FilterConfig,
  HeaderMutationConfig,
  ListenerFilterConfig,
  RouteFilterConfig,
  RouteFilters,
} from '../filter-types.ts';
import {
  type AnyValue,
  bandwidthLimit,
  buffer,
  bufferPerRoute,
  compressor,
  compressorPerRoute,
  cors,
  corsPolicy,
  csrfPolicy,
  decompressor,
  extAuthz,
  extAuthzPerRoute,
  type Faults,
  filterConfig,
  globalRateLimit,
  grpcStats,
  grpcWeb,
  headerMutation,
  headerMutationPerRoute,
  healthCheckFilter,
  httpFault,
  httpRbac,
  httpRbacPerRoute,
  join,
  jwtAuthn,
  jwtPerRoute,
  localRateLimit,
  type MessageOf,
  onDemand,
  onDemandPerRoute,
  rateLimitPerRoute,
  statefulSession,
  statefulSessionPerRoute,
  typedStruct,
  unpack,
} from '../schema/index.ts';
import {
  translateBuffer,
  translateBufferRoute,
  translateCompressor,
  translateCompressorRoute,
  translateDecompressor,
} from './coding-filters.ts';
import { translateExtAuthz, translateExtAuthzRoute } from './ext-authz.ts';
import { translateGrpcStats } from './grpc-stats.ts';
import { translateMutation } from './header-mutation.ts';
import { translateJwtAuthn, translateJwtRoute } from './jwt-authn.ts';
import { translateOnDemand } from './on-demand.ts';
import { translateBandwidthLimit, translateBandwidthRoute, translateResponseRate } from './pace.ts';
import { translateQueryMutation } from './query-mutation.ts';
import { translateGlobalLimit, translateGlobalLimitRoute, translateLocalLimit } from './rate-limit.ts';
import { translateRbac } from './rbac.ts';
import { shareOf } from './share.ts';
import { translateSessionRoute, translateStatefulSession } from './stateful-session.ts';
import { translateHeader, translateString } from './string-match.ts';
import { translateUserFilter } from './user-filter.ts';

type Mutations = NonNullable<MessageOf<typeof headerMutation>['mutations']>;

/** One member of the chain; null where its type was refused already. */
export function translateFilter(
  name: string,
  disabled: boolean,
  any: AnyValue,
  path: string,
  faults: Faults,
): ListenerFilterConfig | null {
  const config = translateConfig(any, path, faults);
  return config === null ? null : { name, disabled, config };
}

/**
 * The more specific level wins, filter by filter; header mutations of all levels are applied, the specific ones first,
 * and what is told to an authorization service comes from all of them.
 */
export function mergeRouteFilters(
  specific: RouteFilters | null,
  general: RouteFilters | null,
): RouteFilters | null {
  if (specific === null || general === null) return specific ?? general;
  const merged = new Map(general);
  for (const [name, config] of specific) {
    merged.set(name, mergeFilter(config, merged.get(name)));
  }
  return merged;
}

function mergeFilter(config: RouteFilterConfig, outer: RouteFilterConfig | undefined): RouteFilterConfig {
  if (config.kind === 'header-mutation' && outer?.kind === 'header-mutation') return { ...config, outer };
  if (config.kind === 'ext-authz-override' && outer?.kind === 'ext-authz-override')
    return { ...config, extensions: { ...outer.extensions, ...config.extensions } };
  return config;
}

export function translateRouteFilters(
  map: ReadonlyMap<string, AnyValue>,
  path: string,
  faults: Faults,
): RouteFilters | null {
  if (map.size === 0) return null;
  const filters = new Map<string, RouteFilterConfig>();
  for (const [name, any] of map) {
    const at = `${join(path, 'typed_per_filter_config')}[${name}]`;
    const config = translateRouteFilter(any, at, faults);
    if (config !== null) filters.set(name, config);
  }
  return filters;
}

function translateRouteFilter(any: AnyValue, path: string, faults: Faults): RouteFilterConfig | null {
  const rbac = unpack(any, httpRbacPerRoute);
  if (rbac !== null)
    return rbac.rbac === undefined
      ? { kind: 'disabled' }
      : translateRbac(rbac.rbac, join(path, 'rbac'), faults);
  const session = unpack(any, statefulSessionPerRoute);
  if (session !== null) return translateSessionRoute(session, path, faults);
  const pacing = unpack(any, bandwidthLimit);
  if (pacing !== null) return translateBandwidthRoute(pacing, path, faults);
  const buffering = unpack(any, bufferPerRoute);
  if (buffering !== null) return translateBufferRoute(buffering, path, faults);
  const compressing = unpack(any, compressorPerRoute);
  if (compressing !== null) return translateCompressorRoute(compressing, path, faults);
  const checking = unpack(any, extAuthzPerRoute);
  if (checking !== null) return translateExtAuthzRoute(checking, path, faults);
  const tokens = unpack(any, jwtPerRoute);
  if (tokens !== null) return translateJwtRoute(tokens, path, faults);
  const counting = unpack(any, rateLimitPerRoute);
  if (counting !== null) return translateGlobalLimitRoute(counting);
  const wrapped = unpack(any, filterConfig);
  if (wrapped === null) return translateConfig(any, path, faults);
  if (wrapped.disabled === true) return { kind: 'disabled' };
  if (wrapped.config !== undefined) return translateRouteFilter(wrapped.config, join(path, 'config'), faults);
  faults.add(path, 'one of config, disabled must be set');
  return null;
}

function translateConfig(any: AnyValue, path: string, faults: Faults): FilterConfig | null {
  const fault = unpack(any, httpFault);
  if (fault !== null) return translateFault(fault, path, faults);
  const limit = unpack(any, localRateLimit);
  if (limit !== null) return translateLocalLimit(limit, path, faults);
  const global = unpack(any, globalRateLimit);
  if (global !== null) return translateGlobalLimit(global, path, faults);
  const rbac = unpack(any, httpRbac);
  if (rbac !== null) return translateRbac(rbac, path, faults);
  const session = unpack(any, statefulSession);
  if (session !== null) return translateStatefulSession(session, path, faults);
  const pacing = unpack(any, bandwidthLimit);
  if (pacing !== null) return translateBandwidthLimit(pacing, path, faults);
  const buffering = unpack(any, buffer);
  if (buffering !== null) return translateBuffer(buffering, path, faults);
  const compressing = unpack(any, compressor);
  if (compressing !== null) return translateCompressor(compressing, path, faults);
  const decompressing = unpack(any, decompressor);
  if (decompressing !== null) return translateDecompressor(decompressing, path, faults);
  const checking = unpack(any, extAuthz);
  if (checking !== null) return translateExtAuthz(checking, path, faults);
  if (unpack(any, grpcWeb) !== null) return { kind: 'grpc-web' };
  const demanding = unpack(any, onDemand) ?? unpack(any, onDemandPerRoute);
  if (demanding !== null) return translateOnDemand(demanding, path, faults);
  const stats = unpack(any, grpcStats);
  if (stats !== null) return translateGrpcStats(stats);
  const own = unpack(any, typedStruct);
  if (own !== null) return translateUserFilter(own, path, faults);
  const tokens = unpack(any, jwtAuthn);
  if (tokens !== null) return translateJwtAuthn(tokens, path, faults);
  if (unpack(any, cors) !== null) return noCors;
  const policy = unpack(any, corsPolicy);
  if (policy !== null) return translateCors(policy, path, faults);
  const csrf = unpack(any, csrfPolicy);
  if (csrf !== null) {
    const additionalOrigins = csrf.additional_origins.map((origin, index) =>
      translateString(origin, `${join(path, 'additional_origins')}[${index}]`, faults),
    );
    return {
      kind: 'csrf',
      enabledShare: shareOf(csrf.filter_enabled?.default_value, 0),
      shadowShare: shareOf(csrf.shadow_enabled?.default_value, 0),
      additionalOrigins,
    };
  }
  const health = unpack(any, healthCheckFilter);
  if (health !== null) return translateHealthCheck(health, path, faults);
  const mutating = unpack(any, headerMutation);
  const said = mutating ?? unpack(any, headerMutationPerRoute);
  if (said === null) return null;
  const mutations = translateMutations(said.mutations, join(path, 'mutations'), faults);
  return mutating?.most_specific_header_mutations_wins === true
    ? { ...mutations, specificLast: true }
    : mutations;
}

function translateHealthCheck(
  health: MessageOf<typeof healthCheckFilter>,
  path: string,
  faults: Faults,
): FilterConfig {
  const passThrough = health.pass_through_mode ?? false;
  if (health.pass_through_mode === undefined) faults.add(join(path, 'pass_through_mode'), 'must be set');
  const percentages = health.cluster_min_healthy_percentages;
  if (passThrough && percentages.size > 0)
    faults.add(join(path, 'cluster_min_healthy_percentages'), 'must not be set with pass_through_mode');
  if (!passThrough && health.cache_time !== undefined)
    faults.add(join(path, 'cache_time'), 'needs pass_through_mode');
  return {
    kind: 'health-check',
    passThrough,
    cacheMs: health.cache_time ?? 0,
    minHealthy: [...percentages].map(([cluster, { value }]) => ({ cluster, percent: value ?? 0 })),
    headers: health.headers.map((header, index) =>
      translateHeader(header, `${join(path, 'headers')}[${index}]`, faults),
    ),
  };
}

/** The filter alone does nothing: policies are said by routes. */
const noCors: FilterConfig = {
  kind: 'cors',
  origins: [],
  allowMethods: '',
  allowHeaders: '',
  exposeHeaders: '',
  maxAge: '',
  allowCredentials: false,
  enabledShare: 0,
  shadowShare: 0,
  privateNetwork: false,
  forwardOtherPreflights: true,
};

function translateFault(message: MessageOf<typeof httpFault>, path: string, faults: Faults): FilterConfig {
  const { delay, abort } = message;
  if (delay !== undefined && delay.fixed_delay === undefined && delay.header_delay === undefined)
    faults.add(join(path, 'delay'), 'one of fixed_delay, header_delay must be set');
  if (
    abort !== undefined &&
    abort.http_status === undefined &&
    abort.grpc_status === undefined &&
    abort.header_abort === undefined
  )
    faults.add(join(path, 'abort'), 'one of http_status, grpc_status, header_abort must be set');
  return {
    kind: 'fault',
    delay:
      delay === undefined
        ? null
        : { fixedMs: delay.fixed_delay ?? null, share: shareOf(delay.percentage, 0) },
    abort: abort === undefined ? null : translateAbort(abort),
    ...translateResponseRate(message.response_rate_limit, join(path, 'response_rate_limit'), faults),
    ...(message.filter_metadata === undefined ? {} : { notes: message.filter_metadata }),
    cluster: message.upstream_cluster ?? '',
    headers: message.headers.map((header, index) =>
      translateHeader(header, `${join(path, 'headers')}[${index}]`, faults),
    ),
    nodes: message.downstream_nodes,
    activeMax: message.max_active_faults ?? Number.POSITIVE_INFINITY,
  };
}

/** What is said of a status of gRPC is told to its callers; to others it is a 200, as Envoy's. */
function translateAbort(
  abort: NonNullable<MessageOf<typeof httpFault>['abort']>,
): NonNullable<FaultConfig['abort']> {
  const grpcStatus = abort.grpc_status ?? null;
  const status = abort.http_status ?? (grpcStatus === null ? null : 200);
  return { status, grpcStatus, share: shareOf(abort.percentage, 0) };
}

function translateCors(message: MessageOf<typeof corsPolicy>, path: string, faults: Faults): FilterConfig {
  return {
    kind: 'cors',
    origins: message.allow_origin_string_match.map((origin, index) =>
      translateString(origin, `${join(path, 'allow_origin_string_match')}[${index}]`, faults),
    ),
    allowMethods: message.allow_methods ?? '',
    allowHeaders: message.allow_headers ?? '',
    exposeHeaders: message.expose_headers ?? '',
    maxAge: message.max_age ?? '',
    allowCredentials: message.allow_credentials ?? false,
    enabledShare: shareOf(message.filter_enabled?.default_value, 1),
    shadowShare: shareOf(message.shadow_enabled?.default_value, 0),
    privateNetwork: message.allow_private_network_access ?? false,
    forwardOtherPreflights: message.forward_not_matching_preflights ?? true,
  };
}

function translateMutations(
  mutations: Mutations | undefined,
  path: string,
  faults: Faults,
): HeaderMutationConfig {
  const side = (name: 'request_mutations' | 'response_mutations'): HeaderEdits | null => {
    const steps = (mutations?.[name] ?? []).flatMap((mutation, index) =>
      translateMutation(mutation, `${join(path, name)}[${index}]`, faults),
    );
    return steps.length === 0 ? null : steps;
  };
  const query = (mutations?.query_parameter_mutations ?? []).flatMap((mutation, index) => {
    const at = `${join(path, 'query_parameter_mutations')}[${index}]`;
    const step = translateQueryMutation(mutation, at, faults);
    return step === null ? [] : [step];
  });
  return {
    kind: 'header-mutation',
    request: side('request_mutations'),
    response: side('response_mutations'),
    ...(query.length === 0 ? {} : { query }),
  };
}

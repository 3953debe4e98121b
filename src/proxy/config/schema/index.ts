export {
  type accessLog,
  fileAccessLog,
  type formatString,
  grpcStatusNumber,
  httpLogService,
  type LogFilterMessage,
  stderrAccessLog,
  stdoutAccessLog,
  tcpLogService,
} from './access-log.ts';
export {
  leastRequest,
  type loadBalancingPolicy,
  loadWeighted,
  maglev,
  overrideHost,
  randomPolicy,
  ringHash,
  roundRobin,
  subset,
} from './balance.ts';
export { bandwidthLimit } from './bandwidth-limit.ts';
export { bootstrap } from './bootstrap.ts';
export { cluster, clusterLoadAssignment, upstreamHttpOptions } from './cluster.ts';
export {
  brotliCompressor,
  brotliDecompressor,
  buffer,
  bufferPerRoute,
  compressor,
  compressorPerRoute,
  decompressor,
  gzipCompressor,
  gzipDecompressor,
  zstdCompressor,
} from './coding-filters.ts';
export {
  address,
  type apiConfigSource,
  type cidrRange,
  type configSource,
  type filterGrpcService,
  type grpcService,
  type http1Options,
  http2Options,
  locality,
  metadata,
  type passThroughTlvs,
  type regexMatchAndSubstitute,
  type socketOption,
} from './core.ts';
export { decodeBinary } from './decode-binary.ts';
export { decodeJson } from './decode-json.ts';
export { caresResolver } from './dns.ts';
export { encodeJson, type JsonObject, redactKeys } from './encode-json.ts';
export { type authzBufferSettings, extAuthzPerRoute } from './ext-authz.ts';
export { Faults, join } from './faults.ts';
export { type AnyValue, type MessageOf, type MessageSpec, unpack } from './field.ts';
export {
  cors,
  corsPolicy,
  csrfPolicy,
  extAuthz,
  filterConfig,
  globalRateLimit,
  headerMutation,
  headerMutationPerRoute,
  type headerMutationRule,
  healthCheckFilter,
  httpFault,
  localRateLimit,
  type queryMutation,
  statusCodes,
} from './filters.ts';
export { grpcStats, grpcWeb } from './grpc-filters.ts';
export { healthEventFileSink } from './health-check.ts';
export {
  allowListedRoutes,
  type internalRedirectPolicy,
  previousRoutes,
  safeCrossScheme,
} from './internal-redirect.ts';
export { jwtPerRoute, type RequirementMessage } from './jwt-authn.ts';
export { httpConnectionManager, type httpFilter, jwtAuthn, listener, router } from './listener.ts';
export {
  type filterChainMatch,
  httpInspector,
  type listenerPredicate,
  originalDst,
  proxyProtocol,
  tlsInspector,
} from './listener-filters.ts';
export { connectionLimit, connectionRate, networkRbac, sniCluster } from './network-filters.ts';
export { onDemand, onDemandPerRoute, type tcpOnDemand } from './on-demand.ts';
export { headerDetection, type originalIpDetection, xffDetection } from './origin.ts';
export {
  downstreamConnections,
  fixedHeap,
  injectedResource,
  type overloadManager,
  scaleTimers,
} from './overload.ts';
export { rateLimitPerRoute, type rateLimitRule, type tokenBucket } from './rate-limit.ts';
export {
  type accessRules,
  httpRbac,
  httpRbacPerRoute,
  type metadataMatcher,
  type PermissionMessage,
  type PrincipalMessage,
  type ValueMessage,
} from './rbac.ts';
export { omitCanaries, omitMetadata, previousPriorities, retryPolicy } from './retry.ts';
export {
  type hashPolicy,
  type pathMatchPolicy,
  type pathRewritePolicy,
  type redirectAction,
  requestMirrorPolicy,
  type route,
  routeConfiguration,
  routeMatch,
  uriTemplateMatch,
  uriTemplateRewrite,
  virtualCluster,
  virtualHost,
} from './route.ts';
export { earlyHeaderMutation, type requestIdExtension, uuidRequestIds } from './special.ts';
export {
  cookieSession,
  headerSession,
  statefulSession,
  statefulSessionPerRoute,
} from './stateful-session.ts';
export { tcpProxy } from './tcp-proxy.ts';
export {
  certificateValidationContext,
  commonTlsContext,
  downstreamTlsContext,
  rawBuffer,
  sdsSecretConfig,
  secret,
  tlsCertificate,
  type tlsDataSource,
  transportSocket,
  upstreamProxyHeader,
  upstreamTlsContext,
} from './tls.ts';
export { openTelemetry, type routeTracing, type tracing, zipkin } from './tracing.ts';
export { typedStruct } from './typed-struct.ts';

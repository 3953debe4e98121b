// The generated Envoy API by message. Written by tools/generate.ts; descriptors load when a module that imports this
// does.

export {
  type AccessLog,
  type AccessLogFilter,
  AccessLogFilterSchema,
  AccessLogSchema,
  type MetadataFilter,
  MetadataFilterSchema,
  type OrFilter,
  OrFilterSchema,
} from './gen/envoy/config/accesslog/v3/accesslog_pb.ts';
export {
  type Admin,
  AdminSchema,
  type Bootstrap,
  type Bootstrap_DynamicResources,
  Bootstrap_DynamicResourcesSchema,
  type Bootstrap_StaticResources,
  Bootstrap_StaticResourcesSchema,
  BootstrapSchema,
} from './gen/envoy/config/bootstrap/v3/bootstrap_pb.ts';
export {
  type CircuitBreakers,
  type CircuitBreakers_Thresholds,
  type CircuitBreakers_Thresholds_RetryBudget,
  CircuitBreakers_Thresholds_RetryBudgetSchema,
  CircuitBreakers_ThresholdsSchema,
  CircuitBreakersSchema,
} from './gen/envoy/config/cluster/v3/circuit_breaker_pb.ts';
export {
  type Cluster,
  Cluster_ClusterProtocolSelection,
  Cluster_ClusterProtocolSelectionSchema,
  type Cluster_CommonLbConfig,
  type Cluster_CommonLbConfig_ConsistentHashingLbConfig,
  Cluster_CommonLbConfig_ConsistentHashingLbConfigSchema,
  type Cluster_CommonLbConfig_LocalityWeightedLbConfig,
  Cluster_CommonLbConfig_LocalityWeightedLbConfigSchema,
  type Cluster_CommonLbConfig_ZoneAwareLbConfig,
  Cluster_CommonLbConfig_ZoneAwareLbConfigSchema,
  Cluster_CommonLbConfigSchema,
  Cluster_DiscoveryType,
  Cluster_DiscoveryTypeSchema,
  Cluster_DnsLookupFamily,
  Cluster_DnsLookupFamilySchema,
  type Cluster_EdsClusterConfig,
  Cluster_EdsClusterConfigSchema,
  Cluster_LbPolicy,
  Cluster_LbPolicySchema,
  type Cluster_LeastRequestLbConfig,
  Cluster_LeastRequestLbConfigSchema,
  type Cluster_MaglevLbConfig,
  Cluster_MaglevLbConfigSchema,
  type Cluster_RefreshRate,
  Cluster_RefreshRateSchema,
  type Cluster_RingHashLbConfig,
  Cluster_RingHashLbConfig_HashFunction,
  Cluster_RingHashLbConfig_HashFunctionSchema,
  Cluster_RingHashLbConfigSchema,
  type Cluster_RoundRobinLbConfig,
  Cluster_RoundRobinLbConfigSchema,
  type Cluster_SlowStartConfig,
  Cluster_SlowStartConfigSchema,
  ClusterSchema,
  type LoadBalancingPolicy,
  type LoadBalancingPolicy_Policy,
  LoadBalancingPolicy_PolicySchema,
  LoadBalancingPolicySchema,
  type UpstreamConnectionOptions,
  UpstreamConnectionOptionsSchema,
} from './gen/envoy/config/cluster/v3/cluster_pb.ts';
export {
  type OutlierDetection,
  OutlierDetectionSchema,
} from './gen/envoy/config/cluster/v3/outlier_detection_pb.ts';
export {
  type Address,
  AddressSchema,
  type CidrRange,
  CidrRangeSchema,
  type Pipe,
  PipeSchema,
  type SocketAddress,
  SocketAddress_Protocol,
  SocketAddress_ProtocolSchema,
  SocketAddressSchema,
  type TcpKeepalive,
  TcpKeepaliveSchema,
} from './gen/envoy/config/core/v3/address_pb.ts';
export { type BackoffStrategy, BackoffStrategySchema } from './gen/envoy/config/core/v3/backoff_pb.ts';
export {
  type BuildVersion,
  BuildVersionSchema,
  type DataSource,
  DataSourceSchema,
  type Extension,
  ExtensionSchema,
  type HeaderValue,
  type HeaderValueOption,
  HeaderValueOption_HeaderAppendAction,
  HeaderValueOption_HeaderAppendActionSchema,
  HeaderValueOptionSchema,
  HeaderValueSchema,
  type Locality,
  LocalitySchema,
  type Metadata,
  MetadataSchema,
  type Node,
  NodeSchema,
  RequestMethod,
  RequestMethodSchema,
  RoutingPriority,
  RoutingPrioritySchema,
  type RuntimeDouble,
  RuntimeDoubleSchema,
  type RuntimeFractionalPercent,
  RuntimeFractionalPercentSchema,
  type RuntimeUInt32,
  RuntimeUInt32Schema,
  TrafficDirection,
  TrafficDirectionSchema,
  type TransportSocket,
  TransportSocketSchema,
} from './gen/envoy/config/core/v3/base_pb.ts';
export {
  type AggregatedConfigSource,
  AggregatedConfigSourceSchema,
  type ApiConfigSource,
  ApiConfigSource_ApiType,
  ApiConfigSource_ApiTypeSchema,
  ApiConfigSourceSchema,
  ApiVersion,
  ApiVersionSchema,
  type ConfigSource,
  ConfigSourceSchema,
  type SelfConfigSource,
  SelfConfigSourceSchema,
} from './gen/envoy/config/core/v3/config_source_pb.ts';
export {
  type TypedExtensionConfig,
  TypedExtensionConfigSchema,
} from './gen/envoy/config/core/v3/extension_pb.ts';
export {
  type GrpcService,
  type GrpcService_EnvoyGrpc,
  GrpcService_EnvoyGrpcSchema,
  GrpcServiceSchema,
} from './gen/envoy/config/core/v3/grpc_service_pb.ts';
export {
  type HealthCheck,
  type HealthCheck_GrpcHealthCheck,
  HealthCheck_GrpcHealthCheckSchema,
  type HealthCheck_HttpHealthCheck,
  HealthCheck_HttpHealthCheckSchema,
  type HealthCheck_Payload,
  HealthCheck_PayloadSchema,
  type HealthCheck_TcpHealthCheck,
  HealthCheck_TcpHealthCheckSchema,
  HealthCheckSchema,
  HealthStatus,
  HealthStatusSchema,
} from './gen/envoy/config/core/v3/health_check_pb.ts';
export {
  type Http1ProtocolOptions,
  Http1ProtocolOptionsSchema,
  type Http2ProtocolOptions,
  Http2ProtocolOptionsSchema,
  type HttpProtocolOptions,
  HttpProtocolOptions_HeadersWithUnderscoresAction,
  HttpProtocolOptions_HeadersWithUnderscoresActionSchema,
  HttpProtocolOptionsSchema,
  type KeepaliveSettings,
  KeepaliveSettingsSchema,
} from './gen/envoy/config/core/v3/protocol_pb.ts';
export {
  type SubstitutionFormatString,
  SubstitutionFormatStringSchema,
} from './gen/envoy/config/core/v3/substitution_format_string_pb.ts';
export {
  type Endpoint,
  type Endpoint_HealthCheckConfig,
  Endpoint_HealthCheckConfigSchema,
  EndpointSchema,
  type LbEndpoint,
  LbEndpointSchema,
  type LocalityLbEndpoints,
  LocalityLbEndpointsSchema,
} from './gen/envoy/config/endpoint/v3/endpoint_components_pb.ts';
export {
  type ClusterLoadAssignment,
  type ClusterLoadAssignment_Policy,
  ClusterLoadAssignment_PolicySchema,
  ClusterLoadAssignmentSchema,
} from './gen/envoy/config/endpoint/v3/endpoint_pb.ts';
export { type ApiListener, ApiListenerSchema } from './gen/envoy/config/listener/v3/api_listener_pb.ts';
export {
  type Filter,
  type FilterChain,
  type FilterChainMatch,
  FilterChainMatch_ConnectionSourceType,
  FilterChainMatch_ConnectionSourceTypeSchema,
  FilterChainMatchSchema,
  FilterChainSchema,
  FilterSchema,
  type ListenerFilter,
  type ListenerFilterChainMatchPredicate,
  type ListenerFilterChainMatchPredicate_MatchSet,
  ListenerFilterChainMatchPredicate_MatchSetSchema,
  ListenerFilterChainMatchPredicateSchema,
  ListenerFilterSchema,
} from './gen/envoy/config/listener/v3/listener_components_pb.ts';
export {
  type AdditionalAddress,
  AdditionalAddressSchema,
  type Listener,
  Listener_DrainType,
  Listener_DrainTypeSchema,
  ListenerSchema,
} from './gen/envoy/config/listener/v3/listener_pb.ts';
export {
  type Permission,
  type Permission_Set,
  Permission_SetSchema,
  PermissionSchema,
  type Policy,
  PolicySchema,
  type Principal,
  type Principal_Set,
  Principal_SetSchema,
  PrincipalSchema,
  type RBAC,
  RBAC_Action,
  RBAC_ActionSchema,
  RBACSchema,
} from './gen/envoy/config/rbac/v3/rbac_pb.ts';
export {
  type DirectResponseAction,
  DirectResponseActionSchema,
  type HeaderMatcher,
  HeaderMatcherSchema,
  type NonForwardingAction,
  NonForwardingActionSchema,
  type QueryParameterMatcher,
  QueryParameterMatcherSchema,
  type RedirectAction,
  RedirectAction_RedirectResponseCode,
  RedirectAction_RedirectResponseCodeSchema,
  RedirectActionSchema,
  type RetryPolicy,
  type RetryPolicy_RetryBackOff,
  RetryPolicy_RetryBackOffSchema,
  type RetryPolicy_RetryHostPredicate,
  RetryPolicy_RetryHostPredicateSchema,
  RetryPolicySchema,
  type Route,
  type RouteAction,
  RouteAction_ClusterNotFoundResponseCode,
  RouteAction_ClusterNotFoundResponseCodeSchema,
  type RouteAction_HashPolicy,
  type RouteAction_HashPolicy_ConnectionProperties,
  RouteAction_HashPolicy_ConnectionPropertiesSchema,
  type RouteAction_HashPolicy_Cookie,
  type RouteAction_HashPolicy_CookieAttribute,
  RouteAction_HashPolicy_CookieAttributeSchema,
  RouteAction_HashPolicy_CookieSchema,
  type RouteAction_HashPolicy_FilterState,
  RouteAction_HashPolicy_FilterStateSchema,
  type RouteAction_HashPolicy_Header,
  RouteAction_HashPolicy_HeaderSchema,
  type RouteAction_HashPolicy_QueryParameter,
  RouteAction_HashPolicy_QueryParameterSchema,
  RouteAction_HashPolicySchema,
  RouteAction_InternalRedirectAction,
  RouteAction_InternalRedirectActionSchema,
  type RouteAction_MaxStreamDuration,
  RouteAction_MaxStreamDurationSchema,
  type RouteAction_RequestMirrorPolicy,
  RouteAction_RequestMirrorPolicySchema,
  type RouteAction_UpgradeConfig,
  RouteAction_UpgradeConfigSchema,
  RouteActionSchema,
  type RouteMatch,
  type RouteMatch_GrpcRouteMatchOptions,
  RouteMatch_GrpcRouteMatchOptionsSchema,
  RouteMatchSchema,
  RouteSchema,
  type VirtualHost,
  VirtualHost_TlsRequirementType,
  VirtualHost_TlsRequirementTypeSchema,
  VirtualHostSchema,
  type WeightedCluster,
  type WeightedCluster_ClusterWeight,
  WeightedCluster_ClusterWeightSchema,
  WeightedClusterSchema,
} from './gen/envoy/config/route/v3/route_components_pb.ts';
export {
  type RouteConfiguration,
  RouteConfigurationSchema,
  type Vhds,
  VhdsSchema,
} from './gen/envoy/config/route/v3/route_pb.ts';
export {
  type FileAccessLog,
  FileAccessLogSchema,
} from './gen/envoy/extensions/access_loggers/file/v3/file_pb.ts';
export {
  type StdoutAccessLog,
  StdoutAccessLogSchema,
} from './gen/envoy/extensions/access_loggers/stream/v3/stream_pb.ts';
export {
  type Cors,
  type CorsPolicy,
  CorsPolicySchema,
  CorsSchema,
} from './gen/envoy/extensions/filters/http/cors/v3/cors_pb.ts';
export {
  type RBAC as HttpFilterRBAC,
  type RBACPerRoute as HttpFilterRBACPerRoute,
  RBACPerRouteSchema as HttpFilterRBACPerRouteSchema,
  RBACSchema as HttpFilterRBACSchema,
} from './gen/envoy/extensions/filters/http/rbac/v3/rbac_pb.ts';
export { type Router, RouterSchema } from './gen/envoy/extensions/filters/http/router/v3/router_pb.ts';
export {
  type TlsInspector,
  TlsInspectorSchema,
} from './gen/envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector_pb.ts';
export {
  type HttpConnectionManager,
  HttpConnectionManager_CodecType,
  HttpConnectionManager_CodecTypeSchema,
  HttpConnectionManager_ForwardClientCertDetails,
  HttpConnectionManager_ForwardClientCertDetailsSchema,
  type HttpConnectionManager_InternalAddressConfig,
  HttpConnectionManager_InternalAddressConfigSchema,
  HttpConnectionManager_PathWithEscapedSlashesAction,
  HttpConnectionManager_PathWithEscapedSlashesActionSchema,
  HttpConnectionManager_ServerHeaderTransformation,
  HttpConnectionManager_ServerHeaderTransformationSchema,
  type HttpConnectionManager_UpgradeConfig,
  HttpConnectionManager_UpgradeConfigSchema,
  HttpConnectionManagerSchema,
  type HttpFilter,
  HttpFilterSchema,
  type Rds,
  RdsSchema,
} from './gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.ts';
export {
  type RBAC as NetworkFilterRBAC,
  RBACSchema as NetworkFilterRBACSchema,
} from './gen/envoy/extensions/filters/network/rbac/v3/rbac_pb.ts';
export {
  type TcpProxy,
  type TcpProxy_WeightedCluster,
  type TcpProxy_WeightedCluster_ClusterWeight,
  TcpProxy_WeightedCluster_ClusterWeightSchema,
  TcpProxy_WeightedClusterSchema,
  TcpProxySchema,
} from './gen/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.ts';
export {
  type ConsistentHashingLbConfig,
  ConsistentHashingLbConfigSchema,
  type LocalityLbConfig,
  type LocalityLbConfig_LocalityWeightedLbConfig,
  LocalityLbConfig_LocalityWeightedLbConfigSchema,
  type LocalityLbConfig_ZoneAwareLbConfig,
  LocalityLbConfig_ZoneAwareLbConfigSchema,
  LocalityLbConfigSchema,
  type SlowStartConfig,
  SlowStartConfigSchema,
} from './gen/envoy/extensions/load_balancing_policies/common/v3/common_pb.ts';
export {
  type LeastRequest,
  LeastRequest_SelectionMethod,
  LeastRequest_SelectionMethodSchema,
  LeastRequestSchema,
} from './gen/envoy/extensions/load_balancing_policies/least_request/v3/least_request_pb.ts';
export {
  type Maglev,
  MaglevSchema,
} from './gen/envoy/extensions/load_balancing_policies/maglev/v3/maglev_pb.ts';
export {
  type Random,
  RandomSchema,
} from './gen/envoy/extensions/load_balancing_policies/random/v3/random_pb.ts';
export {
  type RingHash,
  RingHash_HashFunction,
  RingHash_HashFunctionSchema,
  RingHashSchema,
} from './gen/envoy/extensions/load_balancing_policies/ring_hash/v3/ring_hash_pb.ts';
export {
  type RoundRobin,
  RoundRobinSchema,
} from './gen/envoy/extensions/load_balancing_policies/round_robin/v3/round_robin_pb.ts';
export {
  type WrrLocality,
  WrrLocalitySchema,
} from './gen/envoy/extensions/load_balancing_policies/wrr_locality/v3/wrr_locality_pb.ts';
export {
  type CertificateValidationContext,
  CertificateValidationContext_TrustChainVerification,
  CertificateValidationContext_TrustChainVerificationSchema,
  CertificateValidationContextSchema,
  type SubjectAltNameMatcher,
  SubjectAltNameMatcher_SanType,
  SubjectAltNameMatcher_SanTypeSchema,
  SubjectAltNameMatcherSchema,
  type TlsCertificate,
  TlsCertificateSchema,
  type TlsParameters,
  TlsParameters_TlsProtocol,
  TlsParameters_TlsProtocolSchema,
  TlsParametersSchema,
} from './gen/envoy/extensions/transport_sockets/tls/v3/common_pb.ts';
export {
  type SdsSecretConfig,
  SdsSecretConfigSchema,
  type Secret,
  SecretSchema,
} from './gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.ts';
export {
  type CommonTlsContext,
  type CommonTlsContext_CombinedCertificateValidationContext,
  CommonTlsContext_CombinedCertificateValidationContextSchema,
  CommonTlsContextSchema,
  type DownstreamTlsContext,
  DownstreamTlsContextSchema,
  type UpstreamTlsContext,
  UpstreamTlsContextSchema,
} from './gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.ts';
export {
  type HttpProtocolOptions as UpstreamHttpProtocolOptions,
  type HttpProtocolOptions_ExplicitHttpConfig as UpstreamHttpProtocolOptions_ExplicitHttpConfig,
  HttpProtocolOptions_ExplicitHttpConfigSchema as UpstreamHttpProtocolOptions_ExplicitHttpConfigSchema,
  type HttpProtocolOptions_UseDownstreamHttpConfig as UpstreamHttpProtocolOptions_UseDownstreamHttpConfig,
  HttpProtocolOptions_UseDownstreamHttpConfigSchema as UpstreamHttpProtocolOptions_UseDownstreamHttpConfigSchema,
  HttpProtocolOptionsSchema as UpstreamHttpProtocolOptionsSchema,
} from './gen/envoy/extensions/upstreams/http/v3/http_protocol_options_pb.ts';
export {
  type DeltaDiscoveryRequest,
  DeltaDiscoveryRequestSchema,
  type DeltaDiscoveryResponse,
  DeltaDiscoveryResponseSchema,
  type DiscoveryRequest,
  DiscoveryRequestSchema,
  type DiscoveryResponse,
  DiscoveryResponseSchema,
  type Resource,
  ResourceSchema,
} from './gen/envoy/service/discovery/v3/discovery_pb.ts';
export {
  type MetadataMatcher,
  type MetadataMatcher_PathSegment,
  MetadataMatcher_PathSegmentSchema,
  MetadataMatcherSchema,
} from './gen/envoy/type/matcher/v3/metadata_pb.ts';
export { type PathMatcher, PathMatcherSchema } from './gen/envoy/type/matcher/v3/path_pb.ts';
export {
  type RegexMatchAndSubstitute,
  RegexMatchAndSubstituteSchema,
  type RegexMatcher,
  type RegexMatcher_GoogleRE2,
  RegexMatcher_GoogleRE2Schema,
  RegexMatcherSchema,
} from './gen/envoy/type/matcher/v3/regex_pb.ts';
export { type StringMatcher, StringMatcherSchema } from './gen/envoy/type/matcher/v3/string_pb.ts';
export { type ValueMatcher, ValueMatcherSchema } from './gen/envoy/type/matcher/v3/value_pb.ts';
export {
  type HashPolicy,
  type HashPolicy_SourceIp,
  HashPolicy_SourceIpSchema,
  HashPolicySchema,
} from './gen/envoy/type/v3/hash_policy_pb.ts';
export { CodecClientType, CodecClientTypeSchema } from './gen/envoy/type/v3/http_pb.ts';
export {
  type FractionalPercent,
  FractionalPercent_DenominatorType,
  FractionalPercent_DenominatorTypeSchema,
  FractionalPercentSchema,
  type Percent,
  PercentSchema,
} from './gen/envoy/type/v3/percent_pb.ts';
export {
  type DoubleRange,
  DoubleRangeSchema,
  type Int32Range,
  Int32RangeSchema,
  type Int64Range,
  Int64RangeSchema,
} from './gen/envoy/type/v3/range_pb.ts';
export { type SemanticVersion, SemanticVersionSchema } from './gen/envoy/type/v3/semantic_version_pb.ts';
export { type Status, StatusSchema } from './gen/google/rpc/status_pb.ts';
export {
  type TypedStruct as UdpaTypedStruct,
  TypedStructSchema as UdpaTypedStructSchema,
} from './gen/udpa/type/v1/typed_struct_pb.ts';
export { type TypedStruct, TypedStructSchema } from './gen/xds/type/v3/typed_struct_pb.ts';

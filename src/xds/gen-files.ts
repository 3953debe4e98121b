// All generated descriptors. Written by tools/generate.ts; only the control plane’s reflection loads them.

import type { DescFile } from '@bufbuild/protobuf';
import { file_envoy_admin_v3_config_dump_shared } from './gen/envoy/admin/v3/config_dump_shared_pb.ts';
import { file_envoy_config_accesslog_v3_accesslog } from './gen/envoy/config/accesslog/v3/accesslog_pb.ts';
import { file_envoy_config_bootstrap_v3_bootstrap } from './gen/envoy/config/bootstrap/v3/bootstrap_pb.ts';
import { file_envoy_config_cluster_v3_circuit_breaker } from './gen/envoy/config/cluster/v3/circuit_breaker_pb.ts';
import { file_envoy_config_cluster_v3_cluster } from './gen/envoy/config/cluster/v3/cluster_pb.ts';
import { file_envoy_config_cluster_v3_outlier_detection } from './gen/envoy/config/cluster/v3/outlier_detection_pb.ts';
import { file_envoy_config_core_v3_address } from './gen/envoy/config/core/v3/address_pb.ts';
import { file_envoy_config_core_v3_backoff } from './gen/envoy/config/core/v3/backoff_pb.ts';
import { file_envoy_config_core_v3_base } from './gen/envoy/config/core/v3/base_pb.ts';
import { file_envoy_config_core_v3_config_source } from './gen/envoy/config/core/v3/config_source_pb.ts';
import { file_envoy_config_core_v3_extension } from './gen/envoy/config/core/v3/extension_pb.ts';
import { file_envoy_config_core_v3_grpc_service } from './gen/envoy/config/core/v3/grpc_service_pb.ts';
import { file_envoy_config_core_v3_health_check } from './gen/envoy/config/core/v3/health_check_pb.ts';
import { file_envoy_config_core_v3_protocol } from './gen/envoy/config/core/v3/protocol_pb.ts';
import { file_envoy_config_core_v3_substitution_format_string } from './gen/envoy/config/core/v3/substitution_format_string_pb.ts';
import { file_envoy_config_endpoint_v3_endpoint_components } from './gen/envoy/config/endpoint/v3/endpoint_components_pb.ts';
import { file_envoy_config_endpoint_v3_endpoint } from './gen/envoy/config/endpoint/v3/endpoint_pb.ts';
import { file_envoy_config_endpoint_v3_load_report } from './gen/envoy/config/endpoint/v3/load_report_pb.ts';
import { file_envoy_config_listener_v3_api_listener } from './gen/envoy/config/listener/v3/api_listener_pb.ts';
import { file_envoy_config_listener_v3_listener_components } from './gen/envoy/config/listener/v3/listener_components_pb.ts';
import { file_envoy_config_listener_v3_listener } from './gen/envoy/config/listener/v3/listener_pb.ts';
import { file_envoy_config_rbac_v3_rbac } from './gen/envoy/config/rbac/v3/rbac_pb.ts';
import { file_envoy_config_route_v3_route_components } from './gen/envoy/config/route/v3/route_components_pb.ts';
import { file_envoy_config_route_v3_route } from './gen/envoy/config/route/v3/route_pb.ts';
import { file_envoy_extensions_access_loggers_file_v3_file } from './gen/envoy/extensions/access_loggers/file/v3/file_pb.ts';
import { file_envoy_extensions_access_loggers_stream_v3_stream } from './gen/envoy/extensions/access_loggers/stream/v3/stream_pb.ts';
import { file_envoy_extensions_filters_http_cors_v3_cors } from './gen/envoy/extensions/filters/http/cors/v3/cors_pb.ts';
import { file_envoy_extensions_filters_http_rbac_v3_rbac } from './gen/envoy/extensions/filters/http/rbac/v3/rbac_pb.ts';
import { file_envoy_extensions_filters_http_router_v3_router } from './gen/envoy/extensions/filters/http/router/v3/router_pb.ts';
import { file_envoy_extensions_filters_listener_tls_inspector_v3_tls_inspector } from './gen/envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector_pb.ts';
import { file_envoy_extensions_filters_network_http_connection_manager_v3_http_connection_manager } from './gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.ts';
import { file_envoy_extensions_filters_network_rbac_v3_rbac } from './gen/envoy/extensions/filters/network/rbac/v3/rbac_pb.ts';
import { file_envoy_extensions_filters_network_tcp_proxy_v3_tcp_proxy } from './gen/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.ts';
import { file_envoy_extensions_load_balancing_policies_common_v3_common } from './gen/envoy/extensions/load_balancing_policies/common/v3/common_pb.ts';
import { file_envoy_extensions_load_balancing_policies_least_request_v3_least_request } from './gen/envoy/extensions/load_balancing_policies/least_request/v3/least_request_pb.ts';
import { file_envoy_extensions_load_balancing_policies_maglev_v3_maglev } from './gen/envoy/extensions/load_balancing_policies/maglev/v3/maglev_pb.ts';
import { file_envoy_extensions_load_balancing_policies_random_v3_random } from './gen/envoy/extensions/load_balancing_policies/random/v3/random_pb.ts';
import { file_envoy_extensions_load_balancing_policies_ring_hash_v3_ring_hash } from './gen/envoy/extensions/load_balancing_policies/ring_hash/v3/ring_hash_pb.ts';
import { file_envoy_extensions_load_balancing_policies_round_robin_v3_round_robin } from './gen/envoy/extensions/load_balancing_policies/round_robin/v3/round_robin_pb.ts';
import { file_envoy_extensions_load_balancing_policies_wrr_locality_v3_wrr_locality } from './gen/envoy/extensions/load_balancing_policies/wrr_locality/v3/wrr_locality_pb.ts';
import { file_envoy_extensions_transport_sockets_tls_v3_common } from './gen/envoy/extensions/transport_sockets/tls/v3/common_pb.ts';
import { file_envoy_extensions_transport_sockets_tls_v3_secret } from './gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.ts';
import { file_envoy_extensions_transport_sockets_tls_v3_tls } from './gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.ts';
import { file_envoy_extensions_upstreams_http_v3_http_protocol_options } from './gen/envoy/extensions/upstreams/http/v3/http_protocol_options_pb.ts';
import { file_envoy_service_cluster_v3_cds } from './gen/envoy/service/cluster/v3/cds_pb.ts';
import { file_envoy_service_discovery_v3_ads } from './gen/envoy/service/discovery/v3/ads_pb.ts';
import { file_envoy_service_discovery_v3_discovery } from './gen/envoy/service/discovery/v3/discovery_pb.ts';
import { file_envoy_service_endpoint_v3_eds } from './gen/envoy/service/endpoint/v3/eds_pb.ts';
import { file_envoy_service_listener_v3_lds } from './gen/envoy/service/listener/v3/lds_pb.ts';
import { file_envoy_service_load_stats_v3_lrs } from './gen/envoy/service/load_stats/v3/lrs_pb.ts';
import { file_envoy_service_route_v3_rds } from './gen/envoy/service/route/v3/rds_pb.ts';
import { file_envoy_service_secret_v3_sds } from './gen/envoy/service/secret/v3/sds_pb.ts';
import { file_envoy_service_status_v3_csds } from './gen/envoy/service/status/v3/csds_pb.ts';
import { file_envoy_type_matcher_v3_metadata } from './gen/envoy/type/matcher/v3/metadata_pb.ts';
import { file_envoy_type_matcher_v3_node } from './gen/envoy/type/matcher/v3/node_pb.ts';
import { file_envoy_type_matcher_v3_path } from './gen/envoy/type/matcher/v3/path_pb.ts';
import { file_envoy_type_matcher_v3_regex } from './gen/envoy/type/matcher/v3/regex_pb.ts';
import { file_envoy_type_matcher_v3_string } from './gen/envoy/type/matcher/v3/string_pb.ts';
import { file_envoy_type_matcher_v3_value } from './gen/envoy/type/matcher/v3/value_pb.ts';
import { file_envoy_type_v3_hash_policy } from './gen/envoy/type/v3/hash_policy_pb.ts';
import { file_envoy_type_v3_http } from './gen/envoy/type/v3/http_pb.ts';
import { file_envoy_type_v3_percent } from './gen/envoy/type/v3/percent_pb.ts';
import { file_envoy_type_v3_range } from './gen/envoy/type/v3/range_pb.ts';
import { file_envoy_type_v3_semantic_version } from './gen/envoy/type/v3/semantic_version_pb.ts';
import { file_google_rpc_status } from './gen/google/rpc/status_pb.ts';
import { file_grpc_health_v1_health } from './gen/grpc/health/v1/health_pb.ts';
import { file_grpc_reflection_v1_reflection } from './gen/grpc/reflection/v1/reflection_pb.ts';
import { file_grpc_reflection_v1alpha_reflection } from './gen/grpc/reflection/v1alpha/reflection_pb.ts';
import { file_udpa_type_v1_typed_struct } from './gen/udpa/type/v1/typed_struct_pb.ts';
import { file_xds_type_v3_typed_struct } from './gen/xds/type/v3/typed_struct_pb.ts';

export const genFiles: readonly DescFile[] = [
  file_envoy_admin_v3_config_dump_shared,
  file_envoy_config_accesslog_v3_accesslog,
  file_envoy_config_bootstrap_v3_bootstrap,
  file_envoy_config_cluster_v3_circuit_breaker,
  file_envoy_config_cluster_v3_cluster,
  file_envoy_config_cluster_v3_outlier_detection,
  file_envoy_config_core_v3_address,
  file_envoy_config_core_v3_backoff,
  file_envoy_config_core_v3_base,
  file_envoy_config_core_v3_config_source,
  file_envoy_config_core_v3_extension,
  file_envoy_config_core_v3_grpc_service,
  file_envoy_config_core_v3_health_check,
  file_envoy_config_core_v3_protocol,
  file_envoy_config_core_v3_substitution_format_string,
  file_envoy_config_endpoint_v3_endpoint_components,
  file_envoy_config_endpoint_v3_endpoint,
  file_envoy_config_endpoint_v3_load_report,
  file_envoy_config_listener_v3_api_listener,
  file_envoy_config_listener_v3_listener_components,
  file_envoy_config_listener_v3_listener,
  file_envoy_config_rbac_v3_rbac,
  file_envoy_config_route_v3_route_components,
  file_envoy_config_route_v3_route,
  file_envoy_extensions_access_loggers_file_v3_file,
  file_envoy_extensions_access_loggers_stream_v3_stream,
  file_envoy_extensions_filters_http_cors_v3_cors,
  file_envoy_extensions_filters_http_rbac_v3_rbac,
  file_envoy_extensions_filters_http_router_v3_router,
  file_envoy_extensions_filters_listener_tls_inspector_v3_tls_inspector,
  file_envoy_extensions_filters_network_http_connection_manager_v3_http_connection_manager,
  file_envoy_extensions_filters_network_rbac_v3_rbac,
  file_envoy_extensions_filters_network_tcp_proxy_v3_tcp_proxy,
  file_envoy_extensions_load_balancing_policies_common_v3_common,
  file_envoy_extensions_load_balancing_policies_least_request_v3_least_request,
  file_envoy_extensions_load_balancing_policies_maglev_v3_maglev,
  file_envoy_extensions_load_balancing_policies_random_v3_random,
  file_envoy_extensions_load_balancing_policies_ring_hash_v3_ring_hash,
  file_envoy_extensions_load_balancing_policies_round_robin_v3_round_robin,
  file_envoy_extensions_load_balancing_policies_wrr_locality_v3_wrr_locality,
  file_envoy_extensions_transport_sockets_tls_v3_common,
  file_envoy_extensions_transport_sockets_tls_v3_secret,
  file_envoy_extensions_transport_sockets_tls_v3_tls,
  file_envoy_extensions_upstreams_http_v3_http_protocol_options,
  file_envoy_service_cluster_v3_cds,
  file_envoy_service_discovery_v3_ads,
  file_envoy_service_discovery_v3_discovery,
  file_envoy_service_endpoint_v3_eds,
  file_envoy_service_listener_v3_lds,
  file_envoy_service_load_stats_v3_lrs,
  file_envoy_service_route_v3_rds,
  file_envoy_service_secret_v3_sds,
  file_envoy_service_status_v3_csds,
  file_envoy_type_matcher_v3_metadata,
  file_envoy_type_matcher_v3_node,
  file_envoy_type_matcher_v3_path,
  file_envoy_type_matcher_v3_regex,
  file_envoy_type_matcher_v3_string,
  file_envoy_type_matcher_v3_value,
  file_envoy_type_v3_hash_policy,
  file_envoy_type_v3_http,
  file_envoy_type_v3_percent,
  file_envoy_type_v3_range,
  file_envoy_type_v3_semantic_version,
  file_google_rpc_status,
  file_grpc_health_v1_health,
  file_grpc_reflection_v1_reflection,
  file_grpc_reflection_v1alpha_reflection,
  file_udpa_type_v1_typed_struct,
  file_xds_type_v3_typed_struct,
];

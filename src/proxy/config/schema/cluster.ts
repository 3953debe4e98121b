// Tables: envoy.config.cluster.v3 and endpoint.v3, with the extensions that a cluster names.

import {
  commonLbConfig,
  healthStatuses,
  lbSubsetConfig,
  leastRequestConfig,
  loadBalancingPolicy,
  maglevConfig,
  metricName,
  metricNames,
  ringHashConfig,
  roundRobinConfig,
} from './balance.ts';
import {
  address,
  configSource,
  fractionalPercent,
  http1Options,
  http2Options,
  locality,
  metadata,
  percent,
  socketAddress,
  socketOption,
  socketOptions,
  upstreamConnectionOptions,
} from './core.ts';
import { dnsResolutionConfig, dnsResolver } from './dns.ts';
import { atMost, f, forPeople, message, only, positive, required } from './field.ts';
import { activeHealthCheck } from './health-check.ts';
import { transportSocket } from './tls.ts';

const endpoint = message('envoy.config.endpoint.v3.Endpoint', {
  address: f.message(1, address),
  health_check_config: f.message(
    2,
    message('envoy.config.endpoint.v3.Endpoint.HealthCheckConfig', {
      port_value: f.uint32(1, '', atMost(65_535)),
      hostname: f.string(2, 'the host of checks'),
      address: f.message(3, address),
      disable_active_health_check: f.bool(4),
    }),
  ),
  hostname: f.string(3, 'for display'),
  additional_addresses: f.repeated(
    f.message(
      4,
      message('envoy.config.endpoint.v3.Endpoint.AdditionalAddress', { address: f.message(1, address) }),
      'tried after the first, 300 ms apart or when one fails; of STATIC and EDS clusters',
    ),
  ),
});

const lbEndpoint = message('envoy.config.endpoint.v3.LbEndpoint', {
  endpoint: f.message(1, endpoint),
  health_status: f.enum(2, healthStatuses),
  metadata: f.message(3, metadata),
  load_balancing_weight: f.uint32Value(4, '1 or more', positive),
});

const localityLbEndpoints = message('envoy.config.endpoint.v3.LocalityLbEndpoints', {
  locality: f.message(1, locality),
  lb_endpoints: f.repeated(f.message(2, lbEndpoint)),
  load_balancing_weight: f.uint32Value(3, 'read with locality_weighted_lb_config', positive),
  priority: f.uint32(5, '0 to 128', atMost(128)),
});

export const clusterLoadAssignment = message('envoy.config.endpoint.v3.ClusterLoadAssignment', {
  cluster_name: f.string(1, 'of EDS: whose endpoints they are; within a cluster no effect', required),
  endpoints: f.repeated(f.message(2, localityLbEndpoints)),
  policy: f.message(
    4,
    message('envoy.config.endpoint.v3.ClusterLoadAssignment.Policy', {
      drop_overloads: f.repeated(
        f.message(
          2,
          message('envoy.config.endpoint.v3.ClusterLoadAssignment.Policy.DropOverload', {
            category: f.string(1, 'told in load reports', required),
            drop_percentage: f.message(2, fractionalPercent),
          }),
          'one at most, as in Envoy; of HTTP requests',
        ),
      ),
      overprovisioning_factor: f.uint32Value(3, 'default 140', positive),
      endpoint_stale_after: f.duration(4, 'of EDS: without a newer set by then there are none', positive),
      weighted_priority_health: f.bool(6),
    }),
  ),
});

const edsClusterConfig = message('envoy.config.cluster.v3.Cluster.EdsClusterConfig', {
  eds_config: f.message(1, configSource),
  service_name: f.string(2),
});

const retryBudget = message('envoy.config.cluster.v3.CircuitBreakers.Thresholds.RetryBudget', {
  budget_percent: f.message(1, percent, 'default 20, of the requests that run or wait'),
  min_retry_concurrency: f.uint32Value(2, 'default 3'),
});

const thresholds = message('envoy.config.cluster.v3.CircuitBreakers.Thresholds', {
  priority: f.enum(1, { DEFAULT: 0, HIGH: 1 }, 'HIGH is for routes of that priority'),
  max_connections: f.uint32Value(2),
  max_pending_requests: f.uint32Value(3),
  max_requests: f.uint32Value(4),
  max_retries: f.uint32Value(5, 'that run at once, default 3; a retry_budget replaces it'),
  retry_budget: f.message(8, retryBudget, 'requests that wait for their back-off count as running'),
  track_remaining: f.bool(6, 'what remains is always exported'),
});

const circuitBreakers = message('envoy.config.cluster.v3.CircuitBreakers', {
  thresholds: f.repeated(f.message(1, thresholds)),
  per_host_thresholds: f.repeated(
    f.message(
      2,
      message('envoy.config.cluster.v3.CircuitBreakers.Thresholds', {
        priority: f.enum(1, { DEFAULT: 0, HIGH: 1 }, 'DEFAULT', only('DEFAULT')),
        max_connections: f.uint32Value(2),
      }),
      'one at most, with max_connections alone, as in Envoy',
    ),
  ),
});

const share = (number: number, note: string) => f.uint32Value(number, note, atMost(100));

const outlierDetection = message('envoy.config.cluster.v3.OutlierDetection', {
  consecutive_5xx: f.uint32Value(1, 'default 5'),
  interval: f.duration(2, 'default 10s', positive),
  base_ejection_time: f.duration(3, 'default 30s', positive),
  max_ejection_percent: share(4, 'default 10'),
  enforcing_consecutive_5xx: share(5, 'default 100'),
  enforcing_success_rate: share(6, 'default 100'),
  success_rate_minimum_hosts: f.uint32Value(7, 'default 5'),
  success_rate_request_volume: f.uint32Value(8, 'default 100'),
  success_rate_stdev_factor: f.uint32Value(9, 'default 1900'),
  consecutive_gateway_failure: f.uint32Value(10, 'default 5'),
  enforcing_consecutive_gateway_failure: share(11, 'default 0'),
  split_external_local_origin_errors: f.bool(12),
  consecutive_local_origin_failure: f.uint32Value(
    13,
    'default 5; only with split_external_local_origin_errors',
  ),
  enforcing_consecutive_local_origin_failure: share(14, 'default 100'),
  enforcing_local_origin_success_rate: share(15, 'default 100; only with split_external_local_origin_errors'),
  failure_percentage_threshold: share(16, 'default 85'),
  enforcing_failure_percentage: share(17, 'default 0'),
  enforcing_failure_percentage_local_origin: share(
    18,
    'default 0; only with split_external_local_origin_errors',
  ),
  failure_percentage_minimum_hosts: f.uint32Value(19, 'default 5'),
  failure_percentage_request_volume: f.uint32Value(20, 'default 50'),
  max_ejection_time: f.duration(21, 'default 300s, or base_ejection_time if that is longer', positive),
  max_ejection_time_jitter: f.duration(22),
  successful_active_health_check_uneject_host: f.boolValue(23, 'default true'),
  always_eject_one_host: f.boolValue(25, 'default false'),
});

const explicitHttpConfig = message(
  'envoy.extensions.upstreams.http.v3.HttpProtocolOptions.ExplicitHttpConfig',
  {
    http_protocol_options: f.message(1, http1Options),
    http2_protocol_options: f.message(2, http2Options),
  },
  [['http_protocol_options', 'http2_protocol_options']],
);

const downstreamHttpConfig = message(
  'envoy.extensions.upstreams.http.v3.HttpProtocolOptions.UseDownstreamHttpConfig',
  {
    http_protocol_options: f.message(1, http1Options),
    http2_protocol_options: f.message(2, http2Options),
  },
);

const autoHttpConfig = message('envoy.extensions.upstreams.http.v3.HttpProtocolOptions.AutoHttpConfig', {
  http_protocol_options: f.message(1, http1Options),
  http2_protocol_options: f.message(2, http2Options),
});

const peerNameOptions = message('envoy.config.core.v3.UpstreamHttpProtocolOptions', {
  auto_sni: f.bool(1),
  auto_san_validation: f.bool(2, 'needs a validation context'),
  override_auto_sni_header: f.string(3, 'with either'),
});

export const upstreamHttpOptions = message(
  'envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
  {
    common_http_protocol_options: f.message(1, upstreamConnectionOptions),
    upstream_http_protocol_options: f.message(2, peerNameOptions),
    explicit_http_config: f.message(3, explicitHttpConfig),
    use_downstream_protocol_config: f.message(
      4,
      downstreamHttpConfig,
      'each request goes on in the version it came in',
    ),
    auto_config: f.message(5, autoHttpConfig, 'what ALPN agrees on; needs TLS'),
  },
  [['explicit_http_config', 'use_downstream_protocol_config', 'auto_config']],
);

const refreshRate = message('envoy.config.cluster.v3.Cluster.RefreshRate', {
  base_interval: f.duration(1, '', positive),
  max_interval: f.duration(2, 'default ten times base_interval', positive),
});

const originalDstLbConfig = message('envoy.config.cluster.v3.Cluster.OriginalDstLbConfig', {
  use_http_header: f.bool(1),
  http_header_name: f.string(2, 'default x-envoy-original-dst-host'),
  upstream_port_override: f.uint32Value(3, '', atMost(65_535)),
});

const bindConfig = message(
  'envoy.config.core.v3.BindConfig',
  {
    source_address: f.message(1, socketAddress),
    freebind: f.boolValue(2),
    socket_options: f.repeated(f.message(3, socketOption)),
    additional_source_addresses: f.repeated(f.message(4, socketAddress, 'deprecated in Envoy')),
    extra_source_addresses: f.repeated(
      f.message(
        5,
        message('envoy.config.core.v3.ExtraSourceAddress', {
          address: f.message(1, socketAddress),
          socket_options: f.message(2, socketOptions),
        }),
        'the first of the endpoint’s family is used, or source_address where there is none',
      ),
    ),
    local_address_selector: f.refused(6, 'Envoy’s default holds: the first of the endpoint’s family'),
  },
  [['additional_source_addresses', 'extra_source_addresses']],
);

const preconnectPolicy = message('envoy.config.cluster.v3.Cluster.PreconnectPolicy', {
  per_upstream_preconnect_ratio: f.doubleValue(1, '1 to 3, default 1', (value) =>
    value >= 1 && value <= 3 ? null : 'must be 1 to 3',
  ),
  predictive_preconnect_ratio: f.refused(2, 'which endpoint comes next is not known before it is chosen'),
});

const upstreamTcpOptions = message('envoy.config.cluster.v3.UpstreamConnectionOptions', {
  tcp_keepalive: f.message(
    1,
    message('envoy.config.core.v3.TcpKeepalive', {
      keepalive_probes: f.uint32Value(1),
      keepalive_time: f.uint32Value(2),
      keepalive_interval: f.uint32Value(3),
    }),
  ),
  happy_eyeballs_config: f.message(
    3,
    message('envoy.config.cluster.v3.UpstreamConnectionOptions.HappyEyeballsConfig', {
      first_address_family_version: f.enum(1, { DEFAULT: 0, V4: 1, V6: 2 }),
      first_address_family_count: f.uint32Value(2, 'default 1', positive),
    }),
  ),
});

export const cluster = message('envoy.config.cluster.v3.Cluster', {
  name: f.string(1, '', required),
  type: f.enum(2, { STATIC: 0, STRICT_DNS: 1, LOGICAL_DNS: 2, EDS: 3, ORIGINAL_DST: 4 }),
  eds_cluster_config: f.message(3, edsClusterConfig),
  connect_timeout: f.duration(4, 'default 5s', positive),
  per_connection_buffer_limit_bytes: f.uint32Value(
    5,
    'Weft’s own bounds hold; request bodies are kept as the listener says',
  ),
  alt_stat_name: f.string(28, 'the name in metrics'),
  dns_refresh_rate: f.duration(16, 'default 5s', positive),
  dns_failure_refresh_rate: f.message(44, refreshRate),
  dns_jitter: f.duration(58, 'up to so much later, after an answer'),
  use_tcp_for_dns_lookups: f.bool(45, 'false: TCP where an answer does not fit', only(false)),
  dns_resolvers: f.repeated(f.refused(18, 'as typed_dns_resolver_config')),
  dns_resolution_config: f.message(53, dnsResolutionConfig, 'deprecated in Envoy'),
  typed_dns_resolver_config: f.message(55, dnsResolver, 'without one the system is asked'),
  cleanup_interval: f.duration(20, 'default 5s', positive),
  original_dst_lb_config: f.message(34, originalDstLbConfig),
  upstream_bind_config: f.message(21, bindConfig),
  upstream_connection_options: f.message(30, upstreamTcpOptions),
  lb_policy: f.enum(
    6,
    {
      ROUND_ROBIN: 0,
      LEAST_REQUEST: 1,
      RING_HASH: 2,
      RANDOM: 3,
      MAGLEV: 5,
      CLUSTER_PROVIDED: 6,
      LOAD_BALANCING_POLICY_CONFIG: 7,
    },
    'default ROUND_ROBIN; CLUSTER_PROVIDED is for ORIGINAL_DST; hashes reach degraded endpoints too (Envoy’s never)',
  ),
  load_assignment: f.message(33, clusterLoadAssignment),
  transport_socket: f.message(24, transportSocket, 'RawBuffer or UpstreamTlsContext'),
  transport_socket_matches: f.repeated(
    f.message(
      43,
      message('envoy.config.cluster.v3.Cluster.TransportSocketMatch', {
        name: f.string(1, forPeople),
        match: f.struct(2, 'labels under envoy.transport_socket_match in an endpoint’s metadata'),
        transport_socket: f.message(3, transportSocket, 'RawBuffer or UpstreamTlsContext'),
      }),
    ),
  ),
  max_requests_per_connection: f.uint32Value(9),
  circuit_breakers: f.message(10, circuitBreakers),
  health_checks: f.repeated(f.message(8, activeHealthCheck, 'one at most')),
  ignore_health_on_host_removal: f.bool(32),
  close_connections_on_host_health_failure: f.bool(31, 'those of the TCP proxy, as in Envoy'),
  common_http_protocol_options: f.message(29, upstreamConnectionOptions),
  upstream_http_protocol_options: f.message(46, peerNameOptions, 'deprecated in Envoy'),
  http_protocol_options: f.message(13, http1Options),
  http2_protocol_options: f.message(14, http2Options),
  typed_extension_protocol_options: f.map(f.any(36, [upstreamHttpOptions])),
  respect_dns_ttl: f.bool(39),
  dns_lookup_family: f.enum(
    17,
    { AUTO: 0, V4_ONLY: 1, V6_ONLY: 2, V4_PREFERRED: 3, ALL: 4 },
    'of LOGICAL_DNS the first address is used, and the others where it does not answer soon; of STRICT_DNS each',
  ),
  wait_for_warm_on_init: f.boolValue(54, 'false: the proxy is ready before its names are looked up'),
  outlier_detection: f.message(19, outlierDetection),
  least_request_lb_config: f.message(37, leastRequestConfig),
  round_robin_lb_config: f.message(56, roundRobinConfig),
  ring_hash_lb_config: f.message(23, ringHashConfig),
  maglev_lb_config: f.message(52, maglevConfig),
  common_lb_config: f.message(27, commonLbConfig),
  metadata: f.message(25, metadata),
  protocol_selection: f.enum(
    26,
    { USE_CONFIGURED_PROTOCOL: 0, USE_DOWNSTREAM_PROTOCOL: 1 },
    'deprecated in Envoy, for use_downstream_protocol_config',
  ),
  preconnect_policy: f.message(50, preconnectPolicy),
  connection_pool_per_downstream_connection: f.bool(51),
  lb_subset_config: f.message(22, lbSubsetConfig),
  load_balancing_policy: f.message(41, loadBalancingPolicy),
  lrs_report_endpoint_metrics: f.repeated(
    f.string(57, `figures of endpoints’ reports (ORCA): ${metricNames}`, metricName),
  ),
});

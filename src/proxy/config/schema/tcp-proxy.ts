// Table: the TCP proxy network filter.

import { accessLog, tcpLogOptions } from './access-log.ts';
import { headerValueOption, metadata } from './core.ts';
import { f, message, positive, required } from './field.ts';
import { tcpOnDemand } from './on-demand.ts';

const clusterWeight = message(
  'envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy.WeightedCluster.ClusterWeight',
  {
    name: f.string(1, '', required),
    weight: f.uint32(2, '', positive),
    metadata_match: f.message(3, metadata, 'as the filter’s, which it is merged with'),
  },
);

const weightedCluster = message('envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy.WeightedCluster', {
  clusters: f.repeated(f.message(1, clusterWeight)),
});

const tunnelingConfig = message('envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy.TunnelingConfig', {
  hostname: f.string(1, 'with format operators', required),
  use_post: f.bool(2),
  headers_to_add: f.repeated(f.message(3, headerValueOption)),
  propagate_response_headers: f.refused(4, 'there is no filter state that they could be kept in'),
  post_path: f.string(5, 'default /; with use_post'),
  propagate_response_trailers: f.refused(6, 'there is no filter state that they could be kept in'),
});

export const tcpProxy = message(
  'envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy',
  {
    stat_prefix: f.string(1, '', required),
    cluster: f.string(2),
    weighted_clusters: f.message(10, weightedCluster),
    metadata_match: f.message(9, metadata, 'envoy.lb, for the subsets of the cluster'),
    idle_timeout: f.duration(8, 'default 1h; 0s is no limit'),
    downstream_idle_timeout: f.refused(
      3,
      'Envoy does not implement it either: idle_timeout is of both sides',
    ),
    upstream_idle_timeout: f.refused(4, 'Envoy does not implement it either: idle_timeout is of both sides'),
    access_log: f.repeated(f.message(5, accessLog)),
    access_log_options: f.message(17, tcpLogOptions),
    access_log_flush_interval: f.duration(15, 'deprecated in Envoy'),
    flush_access_log_on_connected: f.bool(16, 'deprecated in Envoy'),
    hash_policy: f.repeated(
      f.message(
        11,
        message('envoy.type.v3.HashPolicy', {
          source_ip: f.message(1, message('envoy.type.v3.HashPolicy.SourceIp', {})),
        }),
        'one at most; source_ip',
      ),
    ),
    tunneling_config: f.message(12, tunnelingConfig),
    on_demand: f.message(14, tcpOnDemand),
    max_connect_attempts: f.uint32Value(7, 'default 1', positive),
    max_downstream_connection_duration: f.duration(13, 'default no limit'),
  },
  [['cluster', 'weighted_clusters']],
);

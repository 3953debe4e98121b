// Table: the TCP proxy network filter.

import { f, type MessageSpec, message, positive, required } from './field.ts';

/** `accessLog` is the listener's table: it is handed in, so that files do not import each other in a circle. */
export function createTcpProxy<T>(accessLog: MessageSpec<T>) {
  const clusterWeight = message(
    'envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy.WeightedCluster.ClusterWeight',
    { name: f.string(1, '', required), weight: f.uint32(2, '', positive) },
  );
  const weightedCluster = message('envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy.WeightedCluster', {
    clusters: f.repeated(f.message(1, clusterWeight)),
  });
  return message(
    'envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy',
    {
      stat_prefix: f.string(1, '', required),
      cluster: f.string(2),
      weighted_clusters: f.message(10, weightedCluster),
      idle_timeout: f.duration(8, 'default 1h; 0s is no limit'),
      access_log: f.repeated(f.message(5, accessLog, 'at most one')),
      max_connect_attempts: f.uint32Value(7, 'default 1', positive),
      max_downstream_connection_duration: f.duration(13, 'default no limit'),
    },
    [['cluster', 'weighted_clusters']],
  );
}

import { expect, test } from 'bun:test';
import { parseStats } from './stat-names.ts';

const cases: readonly (readonly [sample: string, name: string])[] = [
  [
    'envoy_cluster_upstream_rq_total{envoy_cluster_name="shop/a_80"} 3',
    'cluster.shop/a_80.upstream_rq_total',
  ],
  [
    'envoy_cluster_upstream_rq_xx{envoy_cluster_name="a",envoy_response_code_class="5"} 3',
    'cluster.a.upstream_rq_5xx',
  ],
  [
    'envoy_cluster_upstream_rq{envoy_cluster_name="a",envoy_response_code="503"} 3',
    'cluster.a.upstream_rq_503',
  ],
  [
    'envoy_cluster_circuit_breakers_high_rq_open{envoy_cluster_name="a"} 3',
    'cluster.a.circuit_breakers.high.rq_open',
  ],
  [
    'envoy_cluster_outlier_detection_ejections_active{envoy_cluster_name="a"} 3',
    'cluster.a.outlier_detection.ejections_active',
  ],
  ['envoy_cluster_http2_rx_reset{envoy_cluster_name="a"} 3', 'cluster.a.http2.rx_reset'],
  ['envoy_cluster_upstream_cx_http2_total{envoy_cluster_name="a"} 3', 'cluster.a.upstream_cx_http2_total'],
  ['envoy_cluster_health_check_attempt{envoy_cluster_name="a"} 3', 'cluster.a.health_check.attempt'],
  ['envoy_listener_ssl_handshake{envoy_listener_address="0.0.0.0_1"} 3', 'listener.0.0.0.0_1.ssl.handshake'],
  [
    'envoy_listener_ssl_versions{envoy_listener_address="a",envoy_ssl_version="TLSv1.3"} 3',
    'listener.a.ssl.versions.TLSv1.3',
  ],
  ['envoy_cluster_manager_active_clusters 3', 'cluster_manager.active_clusters'],
  [
    'envoy_http_downstream_rq_total{envoy_http_conn_manager_prefix="edge"} 3',
    'http.edge.downstream_rq_total',
  ],
  [
    'envoy_vhost_vcluster_upstream_rq{envoy_virtual_host="v",envoy_virtual_cluster="c",envoy_response_code="503"} 3',
    'vhost.v.vcluster.c.upstream_rq_503',
  ],
  [
    'envoy_vhost_route_upstream_rq_total{envoy_route="r",envoy_virtual_host="v"} 3',
    'vhost.v.route.r.upstream_rq_total',
  ],
  ['envoy_slow_http_bandwidth_limit_request_enabled 3', 'slow.http_bandwidth_limit.request_enabled'],
  ['envoy_http_local_rate_limit_ok{envoy_local_http_ratelimit_prefix="l"} 3', 'l.http_local_rate_limit.ok'],
  [
    'envoy_local_rate_limit_rate_limited{envoy_local_network_ratelimit_prefix="l"} 3',
    'local_rate_limit.l.rate_limited',
  ],
  [
    'envoy_connection_limit_limited_connections{envoy_connection_limit_prefix="l"} 3',
    'connection_limit.l.limited_connections',
  ],
  ['envoy_rbac_allowed{envoy_rbac_prefix="tcp"} 3', 'tcp.rbac.allowed'],
  ['envoy_server_live 3', 'server.live'],
  ['envoy_tcp_downstream_cx_total{envoy_tcp_prefix="db"} 3', 'tcp.db.downstream_cx_total'],
  ['weft_endpoints{cluster="a",state="healthy"} 3', 'weft_endpoints{cluster="a",state="healthy"}'],
  ['process_cpu_seconds_total 3', 'process_cpu_seconds_total'],
];
for (const [sample, name] of cases) {
  test(`${sample.slice(0, -2)} is ${name}`, () => {
    expect(parseStats(`# TYPE x counter\n${sample}\n`)).toEqual([{ name, type: 'counter', value: 3 }]);
  });
}

test('buckets are left out, the rest is sorted', () => {
  const scrape = '# TYPE h histogram\nh_bucket{le="1"} 1\nh_sum 2\nh_count 1\n# TYPE a gauge\na 0\n';
  expect(parseStats(scrape).map(({ name, type }) => `${type} ${name}`)).toEqual([
    'gauge a',
    'histogram h_count',
    'histogram h_sum',
  ]);
});

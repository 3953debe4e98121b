// What published Grafana dashboards for Envoy ask of Prometheus, by where they are published. Variables are bound to
// what matches everything ($cluster, $job, $Namespace, …) and labels that only a scraper adds to what it finds.

export interface Dashboard {
  readonly source: string;
  readonly queries: readonly string[];
}

const window = '5m';
const quantiles = ['0.5', '0.9', '0.95', '0.99'];
const classes = ['2', '3', '4', '5'];

const each = (values: readonly string[], query: (value: string) => string) => values.map(query);

export const dashboards: readonly Dashboard[] = [
  {
    source: 'envoyproxy/gateway charts/gateway-addons-helm/dashboards/envoy-clusters.json',
    queries: [
      'sum(envoy_server_live{})',
      'avg(envoy_server_uptime)',
      'sum(envoy_server_memory_allocated{})',
      'sum(envoy_server_memory_heap_size)',
      'sum(envoy_cluster_membership_healthy{envoy_cluster_name=~".*"})',
      'sum(envoy_cluster_membership_total{envoy_cluster_name=~".*"}) - sum(envoy_cluster_membership_healthy{envoy_cluster_name=~".*"})',
      '(sum(envoy_cluster_membership_total{envoy_cluster_name=~".*"})-sum(envoy_cluster_membership_healthy{envoy_cluster_name=~".*"})) == bool 0',
      ...each(
        [
          'membership_degraded',
          'membership_excluded',
          'membership_healthy',
          'outlier_detection_ejections_active',
        ],
        (name) => `avg by (envoy_cluster_name) (envoy_cluster_${name}{envoy_cluster_name=~".*"})`,
      ),
      ...each(
        quantiles,
        (share) =>
          `histogram_quantile(${share}, sum(rate(envoy_cluster_upstream_rq_time_bucket{envoy_cluster_name=~".*"}[${window}])) by (le, envoy_cluster_name))`,
      ),
      'sum(envoy_cluster_upstream_cx_active{envoy_cluster_name=~".*"}) by (envoy_cluster_name)',
      ...each(
        ['upstream_cx_rx_bytes_total', 'upstream_cx_tx_bytes_total', 'upstream_rq_total'],
        (name) =>
          `sum(irate(envoy_cluster_${name}{envoy_cluster_name=~".*"}[${window}])) by (envoy_cluster_name)`,
      ),
      ...each(
        classes,
        (code) =>
          `sum(irate(envoy_cluster_upstream_rq_xx{envoy_cluster_name=~".*",envoy_response_code_class=~"${code}"}[${window}])) by (envoy_cluster_name)`,
      ),
      ...each(
        ['rx', 'tx'],
        (way) =>
          `sum(irate(envoy_http_downstream_cx_${way}_bytes_total{envoy_http_conn_manager_prefix=~"http-.*"}[${window}]))`,
      ),
    ],
  },
  {
    source: 'envoyproxy/gateway charts/gateway-addons-helm/dashboards/envoy-proxy-global.json',
    queries: [
      'sum(envoy_server_live)',
      'avg(envoy_cluster_membership_healthy) by (namespace) / avg(envoy_cluster_membership_total) by (namespace)',
      'sum by(namespace) (envoy_listener_downstream_cx_active)',
      'sum by(pod) (envoy_server_memory_allocated)',
      'min by (envoy_tls_certificate) ((envoy_listener_ssl_certificate_expiration_unix_time_seconds - time()) / 86400)',
      ...each(
        quantiles,
        (share) =>
          `histogram_quantile(${share}, sum by(le) (rate(envoy_http_downstream_rq_time_bucket[${window}])))`,
      ),
      ...each(
        [
          'cluster_upstream_cx_rx_bytes_total',
          'cluster_upstream_cx_tx_bytes_total',
          'cluster_upstream_rq_total',
          'cluster_upstream_cx_total',
          'http_downstream_cx_total',
          'http_downstream_rq_total',
          'tcp_downstream_cx_rx_bytes_total',
          'tcp_downstream_cx_tx_bytes_total',
          'tcp_downstream_cx_total',
        ],
        (name) => `sum by(namespace) (rate(envoy_${name}[${window}]))`,
      ),
      ...each(
        classes,
        (code) => `sum(rate(envoy_cluster_upstream_rq_xx{envoy_response_code_class=~"${code}"}[${window}]))`,
      ),
    ],
  },
  {
    source: 'projectcontour/contour examples/grafana/dashboards.yaml',
    queries: [
      'envoy_listener_manager_total_listeners_active',
      'envoy_listener_manager_total_listeners_draining',
      'envoy_listener_manager_total_listeners_warming',
      'envoy_listener_manager_lds_update_success',
      'envoy_cluster_manager_cds_update_failure',
      'envoy_cluster_manager_cds_update_rejected',
      'envoy_cluster_manager_cds_update_success',
      'envoy_http_rds_update_success',
      'sum(envoy_http_downstream_cx_active{envoy_http_conn_manager_prefix="http-edge"}) by (kubernetes_pod_name)',
      'sum(rate(envoy_http_downstream_rq_total[1m])) by (kubernetes_pod_name)',
    ],
  },
  {
    source: 'grafana/jsonnet-libs envoy-mixin/dashboards.libsonnet',
    queries: [
      'envoy_cluster_warming_state{envoy_cluster_name!="envoy-admin"}',
      'envoy_http_downstream_rq_total{envoy_http_conn_manager_prefix!~"admin|metrics"}',
      `sum(rate(envoy_listener_downstream_cx_total[${window}]))`,
      `sum by (status) (label_replace(rate(envoy_cluster_upstream_rq_xx[${window}]), "status", "\${1}xx", "envoy_response_code_class", "(.*)"))`,
      `sum by (status) (label_replace(rate(envoy_http_downstream_rq_xx{envoy_http_conn_manager_prefix!="admin"}[${window}]), "status", "\${1}xx", "envoy_response_code_class", "(.*)"))`,
      `sum(rate(envoy_cluster_upstream_rq_timeout[${window}]))`,
      `sum(rate(envoy_http_downstream_rq_timeout[${window}]))`,
      'sum(envoy_cluster_upstream_rq_active)',
      'sum(envoy_http_downstream_rq_active)',
      `sum(rate(envoy_cluster_upstream_rq_time_sum[${window}])) / sum(rate(envoy_cluster_upstream_rq_time_count[${window}]))`,
      `sum(rate(envoy_http_downstream_rq_time_sum[${window}])) / sum(rate(envoy_http_downstream_rq_time_count[${window}]))`,
    ],
  },
  {
    source: 'adinhodovic/envoy-mixin dashboards/{envoy-overview,envoy-upstream}.libsonnet',
    queries: [
      'count(count(envoy_cluster_upstream_rq_total) by (envoy_cluster_name))',
      'count(count(envoy_http_downstream_rq_total{envoy_http_conn_manager_prefix!="admin"}) by (envoy_http_conn_manager_prefix))',
      'sum(envoy_cluster_membership_healthy) / sum(envoy_cluster_membership_total) * 100',
      'topk(20, sum(rate(envoy_cluster_upstream_rq_total[1h])) by (envoy_cluster_name))',
      'sum(rate(envoy_cluster_upstream_rq_xx[1h])) by (envoy_response_code_class)',
      'sum(rate(envoy_cluster_upstream_rq[1h])) by (envoy_response_code)',
      'topk(20, sum(rate(envoy_http_downstream_rq_total{envoy_http_conn_manager_prefix!="admin"}[1h])) by (envoy_http_conn_manager_prefix))',
      'sum(rate(envoy_cluster_upstream_rq_xx{envoy_response_code_class!~"4|5"}[1h])) / sum(rate(envoy_cluster_upstream_rq_xx[1h])) * 100',
      'sum(avg_over_time(envoy_cluster_upstream_cx_active[1h])) by (job, envoy_cluster_name)',
      ...each(
        ['cx_overflow', 'cx_destroy', 'cx_connect_fail'],
        (name) => `sum(increase(envoy_cluster_upstream_${name}[1h])) by (job, envoy_cluster_name)`,
      ),
      ...each(
        ['cx_open', 'cx_pool_open', 'rq_open'],
        (name) => `sum(envoy_cluster_circuit_breakers_default_${name}) by (job, envoy_cluster_name)`,
      ),
      ...each(
        ['rq_timeout', 'rq_retry', 'rq_retry_overflow'],
        (name) => `sum(rate(envoy_cluster_upstream_${name}[${window}])) by (job, envoy_cluster_name)`,
      ),
    ],
  },
];

// Metrics of clusters under Envoy's names and label, so that dashboards carry over.

import type { PrometheusWriter } from '../../../observe/index.ts';
import { ejectionCauses } from '../../../policy/index.ts';
import { http2FaultNames } from '../../../wire/http2/index.ts';
import type { ClusterStats, ClusterView, StatusCounts } from '../../stats/index.ts';
import type { AdminContext } from '../context.ts';
import { type EndpointState, endpointStates, stateOf } from '../pages/endpoint-state.ts';
import { balanceRows, type ClusterRow } from './balance-rows.ts';
import { writeBreakers } from './breaker-metrics.ts';
import { healthRows } from './health-rows.ts';
import { http2Rows } from './http2-rows.ts';
import { writeObjectives } from './objective-metrics.ts';

const rows: readonly ClusterRow[] = [
  {
    name: 'upstream_rq_total',
    type: 'counter',
    help: 'Attempts sent to endpoints.',
    value: (c) => c.stats.attempts,
  },
  { name: 'upstream_rq_active', type: 'gauge', help: 'Requests running.', value: (c) => c.stats.active },
  {
    name: 'upstream_rq_completed',
    type: 'counter',
    help: 'Attempts that were answered, and not made again.',
    value: (c) => sum(c.stats.upstreamAnswers.classes),
  },
  {
    name: 'upstream_rq_pending_total',
    type: 'counter',
    help: 'Attempts that waited for a connection.',
    value: (c) => c.stats.pendingTotal,
  },
  {
    name: 'upstream_rq_pending_active',
    type: 'gauge',
    help: 'Attempts waiting for a connection.',
    value: (c) => c.stats.pending,
  },
  {
    name: 'upstream_rq_pending_overflow',
    type: 'counter',
    help: 'Requests refused by the limit on waiting requests.',
    value: (c) => c.stats.pendingOverflow,
  },
  {
    name: 'upstream_rq_active_overflow',
    type: 'counter',
    help: 'Requests refused by the limit on requests.',
    value: (c) => c.stats.requestOverflow,
  },
  {
    name: 'upstream_internal_redirect_succeeded_total',
    type: 'counter',
    help: 'Redirects that were followed here.',
    value: (c) => c.stats.redirectsFollowed,
  },
  {
    name: 'upstream_internal_redirect_failed_total',
    type: 'counter',
    help: 'Redirects that a route follows and that were passed on.',
    value: (c) => c.stats.redirectsFailed,
  },
  { name: 'upstream_rq_retry', type: 'counter', help: 'Retries made.', value: (c) => c.stats.retries },
  {
    name: 'upstream_rq_retry_success',
    type: 'counter',
    help: 'Requests that ended well after a retry.',
    value: (c) => c.stats.retrySuccess,
  },
  {
    name: 'upstream_rq_retry_overflow',
    type: 'counter',
    help: 'Retries not made because the budget was used up.',
    value: (c) => c.stats.refusedRetries('no-budget'),
  },
  {
    name: 'upstream_rq_retry_limit_exceeded',
    type: 'counter',
    help: 'Retries not made because the attempts were used up.',
    value: (c) => c.stats.refusedRetries('exhausted'),
  },
  {
    name: 'upstream_rq_timeout',
    type: 'counter',
    help: 'Requests that ran into their timeout.',
    value: (c) => c.stats.requestTimeouts,
  },
  {
    name: 'upstream_rq_per_try_timeout',
    type: 'counter',
    help: 'Attempts that ran into theirs.',
    value: (c) => c.stats.attemptTimeouts,
  },
  {
    name: 'upstream_rq_per_try_idle_timeout',
    type: 'counter',
    help: 'Attempts on which nothing moved for too long.',
    value: (c) => c.stats.attemptIdleTimeouts,
  },
  {
    name: 'upstream_rq_cancelled',
    type: 'counter',
    help: 'Requests whose client left.',
    value: (c) => c.stats.cancelled,
  },
  {
    name: 'upstream_rq_rx_reset',
    type: 'counter',
    help: 'Answers cut off by the endpoint.',
    value: (c) => c.stats.truncated,
  },
  {
    name: 'update_attempt',
    type: 'counter',
    help: 'Lookups of names begun, in DNS clusters.',
    value: (c) => c.stats.lookups,
  },
  {
    name: 'update_success',
    type: 'counter',
    help: 'Lookups with an answer.',
    value: (c) => c.stats.lookupSuccesses,
  },
  {
    name: 'update_failure',
    type: 'counter',
    help: 'Lookups without one: the last answer holds.',
    value: (c) => c.stats.lookupFailures,
  },
  {
    name: 'upstream_cx_total',
    type: 'counter',
    help: 'Connections opened.',
    value: (c) => c.stats.connectionsTotal,
  },
  {
    name: 'upstream_cx_http1_total',
    type: 'counter',
    help: 'Connections that spoke HTTP/1.',
    value: (c) => c.stats.http1Connections,
  },
  {
    name: 'upstream_cx_http2_total',
    type: 'counter',
    help: 'Connections that spoke HTTP/2.',
    value: (c) => c.stats.http2Connections,
  },
  {
    name: 'upstream_cx_active',
    type: 'gauge',
    help: 'Connections open.',
    value: (c) => c.stats.connectionsActive,
  },
  {
    name: 'upstream_cx_connect_fail',
    type: 'counter',
    help: 'Connections that did not come to be.',
    value: (c) => c.stats.connectFailures,
  },
  {
    name: 'upstream_cx_connect_timeout',
    type: 'counter',
    help: 'Connections not open in time.',
    value: (c) => c.stats.connectTimeouts,
  },
  {
    name: 'upstream_cx_overflow',
    type: 'counter',
    help: 'Connections not opened because of the limit.',
    value: (c) => c.stats.connectionOverflow,
  },
  {
    name: 'upstream_cx_destroy',
    type: 'counter',
    help: 'Connections that have ended.',
    value: (c) => c.stats.connectionsTotal - c.stats.connectionsActive,
  },
  {
    name: 'warming_state',
    type: 'gauge',
    help: '1 while it waits for its first endpoints; those in force do not.',
    value: () => 0,
  },
  {
    name: 'upstream_cx_destroy_remote_with_active_rq',
    type: 'counter',
    help: 'Connections lost with a request on them.',
    value: (c) => c.stats.connectionsLost,
  },
  {
    name: 'upstream_cx_destroy_local',
    type: 'counter',
    help: 'Connections closed by idle time, request count or removal.',
    value: (c) => c.stats.connectionsRetired,
  },
  {
    name: 'upstream_cx_rx_bytes_total',
    type: 'counter',
    help: 'Bytes received.',
    value: (c) => c.stats.bytesReceived,
  },
  {
    name: 'upstream_cx_tx_bytes_total',
    type: 'counter',
    help: 'Bytes sent.',
    value: (c) => c.stats.bytesSent,
  },
  {
    name: 'upstream_cx_none_healthy',
    type: 'counter',
    help: 'Requests for which there was no endpoint.',
    value: (c) => c.stats.noEndpoint,
  },
  {
    name: 'outlier_detection_ejections_enforced_total',
    type: 'counter',
    help: 'Ejections.',
    value: (c) => c.stats.ejections,
  },
  ...balanceRows,
];

export function* writeClusterMetrics(writer: PrometheusWriter, context: AdminContext): Iterable<void> {
  const clusters = [...context.view.clusters.values()].map((cluster) => ({
    cluster,
    labels: { envoy_cluster_name: cluster.config.statName },
  }));
  for (const { name, type, help, value } of rows) {
    writer.family(`envoy_cluster_${name}`, type, help);
    for (const { cluster, labels } of clusters) writer.sample(labels, value(cluster));
    if (writer.full) yield;
  }
  const checked = clusters.filter(({ cluster }) => cluster.config.health !== null);
  for (const { name, type, help, value } of healthRows) {
    writer.family(`envoy_cluster_health_check_${name}`, type, help);
    for (const { cluster, labels } of checked) writer.sample(labels, value(cluster));
  }
  writer.family('envoy_cluster_upstream_rq_xx', 'counter', 'Attempts answered, by class of the status.');
  for (const { cluster } of clusters) writeClasses(writer, cluster, cluster.stats.upstreamAnswers);
  writer.family('envoy_cluster_upstream_rq', 'counter', 'The same by status.');
  for (const { cluster } of clusters) writeStatuses(writer, cluster, cluster.stats.upstreamAnswers);
  writeRetried(
    writer,
    clusters.map(({ cluster }) => cluster),
  );
  if (writer.full) yield;
  writer.family(
    'envoy_cluster_upstream_rq_time',
    'histogram',
    'Milliseconds from sending an attempt to its response head.',
  );
  for (const { cluster, labels } of clusters) {
    writer.histogram(labels, cluster.stats.latency, 1000);
    if (writer.full) yield;
  }
  writer.family(
    'envoy_cluster_upstream_cx_connect_ms',
    'histogram',
    'Milliseconds from dialling to an open connection.',
  );
  for (const { cluster, labels } of clusters) {
    writer.histogram(labels, cluster.stats.connectTimes, 1000);
    if (writer.full) yield;
  }
  writeBreakers(
    writer,
    clusters.map(({ cluster }) => cluster),
    context.clock.now(),
  );
  if (writer.full) yield;
  writeEndpoints(writer, context);
  if (writer.full) yield;
  writeBudgets(writer, context);
  yield;
}

function writeClasses(writer: PrometheusWriter, cluster: ClusterView, { classes }: StatusCounts): void {
  for (let statusClass = 1; statusClass <= 5; statusClass++) {
    const count = classes[statusClass] ?? 0;
    // A class that never came stays out: most clusters know two.
    if (count === 0 && statusClass !== 2 && statusClass !== 5) continue;
    const labels = {
      envoy_cluster_name: cluster.config.statName,
      envoy_response_code_class: `${statusClass}`,
    };
    writer.sample(labels, count);
  }
}

function writeStatuses(writer: PrometheusWriter, cluster: ClusterView, { statuses }: StatusCounts): void {
  const { statName } = cluster.config;
  for (const [status, count] of statuses)
    writer.sample({ envoy_cluster_name: statName, envoy_response_code: `${status}` }, count);
}

/** Answers after which another attempt was made: of clusters that have made any. */
function writeRetried(writer: PrometheusWriter, clusters: readonly ClusterView[]): void {
  const retrying = clusters.filter(({ stats }) => sum(stats.retriedAnswers.classes) > 0);
  const help = 'Answers after which another attempt was made';
  writer.family('envoy_cluster_retry_upstream_rq_completed', 'counter', `${help}.`);
  for (const { config, stats } of retrying)
    writer.sample({ envoy_cluster_name: config.statName }, sum(stats.retriedAnswers.classes));
  writer.family('envoy_cluster_retry_upstream_rq_xx', 'counter', `${help}, by class of the status.`);
  for (const cluster of retrying) writeClasses(writer, cluster, cluster.stats.retriedAnswers);
  writer.family('envoy_cluster_retry_upstream_rq', 'counter', 'The same by status.');
  for (const cluster of retrying) writeStatuses(writer, cluster, cluster.stats.retriedAnswers);
}

/** By cause, where a cluster judges its endpoints at all. */
function writeEjections(writer: PrometheusWriter, clusters: readonly ClusterView[]): void {
  const judging = clusters.filter(({ config }) => config.outlier !== null);
  for (const kind of ['enforced', 'detected'] as const) {
    for (const cause of ejectionCauses) {
      const help =
        kind === 'enforced' ? 'Ejections for this cause.' : 'Those that were due, enforced or not.';
      writer.family(`envoy_cluster_outlier_detection_ejections_${kind}_${cause}`, 'counter', help);
      for (const { config, stats } of judging)
        writer.sample({ envoy_cluster_name: config.statName }, stats.outlier[kind][cause]);
    }
  }
  const help = 'Ejections that would have left too few endpoints.';
  writer.family('envoy_cluster_outlier_detection_ejections_overflow', 'counter', help);
  for (const { config, stats } of judging)
    writer.sample({ envoy_cluster_name: config.statName }, stats.outlier.overflows);
}

function writeEndpoints(writer: PrometheusWriter, context: AdminContext): void {
  const nowMs = context.clock.now();
  const wallMs = context.clock.wall();
  const counted = [...context.view.clusters.values()].map((cluster) => {
    const counts: Record<EndpointState, number> = {
      healthy: 0,
      degraded: 0,
      unhealthy: 0,
      ejected: 0,
      unreachable: 0,
    };
    for (const endpoint of cluster.endpoints) counts[stateOf(endpoint, nowMs)] += 1;
    return { cluster, counts };
  });
  writer.family('envoy_cluster_membership_healthy', 'gauge', 'Endpoints that may be used.');
  for (const { cluster, counts } of counted)
    writer.sample({ envoy_cluster_name: cluster.config.statName }, counts.healthy);
  writer.family(
    'envoy_cluster_membership_degraded',
    'gauge',
    'Those for what the healthy ones cannot carry.',
  );
  for (const { cluster, counts } of counted)
    writer.sample({ envoy_cluster_name: cluster.config.statName }, counts.degraded);
  writer.family('envoy_cluster_outlier_detection_ejections_active', 'gauge', 'Endpoints ejected now.');
  for (const { cluster, counts } of counted)
    writer.sample({ envoy_cluster_name: cluster.config.statName }, counts.ejected);
  writeEjections(
    writer,
    counted.map(({ cluster }) => cluster),
  );
  writer.family('weft_endpoints', 'gauge', 'Endpoints by state.');
  for (const { cluster, counts } of counted) {
    const { service } = cluster.config;
    for (const state of endpointStates) {
      writer.sample({ cluster: cluster.name, service, state }, counts[state]);
    }
  }
  writer.family('weft_endpoints_age_seconds', 'gauge', 'Time since the endpoint set was received.');
  for (const { cluster } of counted) {
    if (cluster.endpointsReceivedAtMs === 0) continue;
    writer.sample({ cluster: cluster.name }, Math.max(0, (wallMs - cluster.endpointsReceivedAtMs) / 1000));
  }
}

const ownFamilies: readonly (readonly [string, string, (stats: ClusterStats) => number])[] = [
  ['weft_mirrors_total', 'Copies of requests sent here.', (stats) => stats.mirrored],
  [
    'weft_mirrors_dropped_total',
    'Copies that were left out: a limit of the cluster, a body too long, a request that was never complete.',
    (stats) => stats.mirrorsDropped,
  ],
  [
    'weft_unreachable_total',
    'Times that an endpoint was found out of reach: a connection timed out, or three in a row failed.',
    (stats) => stats.lostEndpoints,
  ],
  [
    'weft_redials_total',
    'Connections made in the background, to learn whether an endpoint can be reached.',
    (stats) => stats.redials,
  ],
  [
    'weft_dropped_total',
    'Requests answered instead of the endpoints, as the policy of these said (drop_overloads).',
    (stats) => stats.dropped,
  ],
  [
    'weft_subsets_refused_total',
    'Times that endpoints came to more subsets than a cluster may have; requests for those get the fallback.',
    (stats) => stats.balance.subsetsRefused,
  ],
  [
    'weft_endpoint_reports_total',
    'Reports of their load in answers of endpoints, where the configuration asks for these (ORCA).',
    (stats) => stats.reports.taken,
  ],
  [
    'weft_endpoint_reports_refused_total',
    'Those that were none: not to be read, of no finite number, or over a bound.',
    (stats) => stats.reports.refused,
  ],
  [
    'weft_endpoint_report_names_dropped_total',
    'Figures of reports under more names than are summed for one endpoint.',
    (stats) => stats.reports.namesLeftOut,
  ],
];

/** Ports that speak it to calls of gRPC alone are many, and few of them are called so. */
function speaksHttp2({ config, stats }: ClusterView): boolean {
  if (config.http2 === null) return false;
  return config.http2ForCalls === undefined || http2Rows.some(({ value }) => value(stats.http2Faults) > 0);
}

function writeBudgets(writer: PrometheusWriter, context: AdminContext): void {
  const nowMs = context.clock.now();
  writeObjectives(writer, context.view.clusters.values(), nowMs);
  writer.family('weft_retry_budget_remaining', 'gauge', 'Retries that the budget would grant now.');
  for (const cluster of context.view.clusters.values()) {
    const remaining = cluster.retryBudgetRemaining(nowMs);
    if (remaining >= 0) writer.sample({ cluster: cluster.name, service: cluster.config.service }, remaining);
  }
  for (const [name, help, count] of ownFamilies) {
    writer.family(name, 'counter', help);
    for (const cluster of context.view.clusters.values())
      writer.sample({ cluster: cluster.name, service: cluster.config.service }, count(cluster.stats));
  }
  writer.family('weft_retries_total', 'counter', 'Retries by the reason for which they were made.');
  for (const cluster of context.view.clusters.values()) {
    const { service } = cluster.config;
    for (const [reason, count] of cluster.stats.retriesByReason) {
      writer.sample({ cluster: cluster.name, service, reason }, count);
    }
  }
  writer.family(
    'weft_retries_refused_total',
    'counter',
    'Failed attempts that were not made again, by what forbade it.',
  );
  for (const cluster of context.view.clusters.values()) {
    const { service } = cluster.config;
    for (const [reason, count] of cluster.stats.retriesRefused)
      writer.sample({ cluster: cluster.name, service, reason }, count);
  }
  writer.family(
    'weft_http2_upstream_faults_total',
    'counter',
    'What HTTP/2 servers did wrong (docs/http2.md).',
  );
  for (const cluster of context.view.clusters.values()) {
    for (const [index, fault] of http2FaultNames.entries()) {
      const count = cluster.stats.http2Faults[index] ?? 0;
      if (count > 0) writer.sample({ cluster: cluster.name, fault }, count);
    }
  }
  for (const { name, type, help, value } of http2Rows) {
    writer.family(`envoy_cluster_http2_${name}`, type, help);
    for (const cluster of context.view.clusters.values())
      if (speaksHttp2(cluster))
        writer.sample({ envoy_cluster_name: cluster.config.statName }, value(cluster.stats.http2Faults));
  }
  writer.family(
    'weft_refused_total',
    'counter',
    'Refusals of the callee’s proxy, by what it knew of the request.',
  );
  for (const cluster of context.view.clusters.values()) {
    const { refusedUnsent, refusedSent } = cluster.stats;
    if (refusedUnsent > 0) writer.sample({ cluster: cluster.name, request: 'unsent' }, refusedUnsent);
    if (refusedSent > 0) writer.sample({ cluster: cluster.name, request: 'sent' }, refusedSent);
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

// Metrics of listeners under Envoy's names for its HTTP connection manager. Listeners that share a stat prefix share
// their series.

import {
  Histogram,
  latencyBoundsSeconds,
  type MetricType,
  type PrometheusWriter,
} from '../../../observe/index.ts';
import { http2FaultNames } from '../../../wire/http2/index.ts';
import { type ListenerStats, type ListenerView, phases } from '../../stats/index.ts';
import type { AdminContext } from '../context.ts';
import { http2Rows } from './http2-rows.ts';
import { totalsByAddress } from './listener-address.ts';

interface ListenerRow {
  /** Behind `envoy_http_`. */
  readonly name: string;
  readonly type: MetricType;
  readonly help: string;
  readonly value: (stats: ListenerStats) => number;
}

/** Why a redirect that a route follows was passed on. */
const redirectRows: readonly ListenerRow[] = (
  [
    ['bad_location', 'with a location that is none', 'badLocation'],
    ['unsafe_scheme', 'to another scheme', 'unsafeScheme'],
    ['too_many_redirects', 'beyond what the route follows', 'tooMany'],
    ['no_route', 'to where no route is', 'noRoute'],
    ['predicate', 'against a predicate', 'predicate'],
  ] as const
).map(([name, what, reason]) => ({
  name: `passthrough_internal_redirect_${name}`,
  type: 'counter',
  help: `Redirects passed on: ${what}.`,
  value: ({ redirects }) => redirects[reason],
}));

const rows: readonly ListenerRow[] = [
  { name: 'downstream_rq_total', type: 'counter', help: 'Requests received.', value: (s) => s.requests },
  { name: 'downstream_rq_active', type: 'gauge', help: 'Requests running.', value: (s) => s.active },
  {
    name: 'downstream_rq_rx_reset',
    type: 'counter',
    help: 'Requests whose client left.',
    value: (s) => s.cancelled,
  },
  {
    name: 'downstream_rq_header_timeout',
    type: 'counter',
    help: 'Request heads not complete in time.',
    value: (s) => s.headTimeouts,
  },
  {
    name: 'downstream_rq_timeout',
    type: 'counter',
    help: 'Requests that had not arrived whole in their time.',
    value: (s) => s.requestTimeouts,
  },
  {
    name: 'downstream_rq_idle_timeout',
    type: 'counter',
    help: 'Requests given up because nothing moved.',
    value: (s) => s.requestIdleTimeouts,
  },
  {
    name: 'downstream_rq_max_duration_reached',
    type: 'counter',
    help: 'Requests that lasted as long as a stream may.',
    value: (s) => s.requestsTooLong,
  },
  ...redirectRows,
  {
    name: 'downstream_cx_total',
    type: 'counter',
    help: 'Connections accepted.',
    value: (s) => s.connectionsTotal,
  },
  {
    name: 'downstream_cx_http1_total',
    type: 'counter',
    help: 'Connections that spoke HTTP/1, or nothing yet.',
    value: (s) => s.connectionsTotal - s.http2Connections,
  },
  {
    name: 'downstream_cx_http2_total',
    type: 'counter',
    help: 'Connections that spoke HTTP/2.',
    value: (s) => s.http2Connections,
  },
  {
    name: 'downstream_cx_active',
    type: 'gauge',
    help: 'Connections open.',
    value: (s) => s.connectionsActive,
  },
  {
    name: 'downstream_cx_upgrades_total',
    type: 'counter',
    help: 'Requests for an upgrade or CONNECT that were let through.',
    value: (s) => s.upgradesTotal,
  },
  {
    name: 'downstream_cx_upgrades_active',
    type: 'gauge',
    help: 'Such requests that run, tunnels included.',
    value: (s) => s.upgradesActive,
  },
  {
    name: 'downstream_rq_ws_on_non_ws_route',
    type: 'counter',
    help: 'Requests for an upgrade or CONNECT that neither route nor listener allows.',
    value: (s) => s.upgradesRefused,
  },
  {
    name: 'downstream_cx_overflow',
    type: 'counter',
    help: 'Connections reset because the process held as many as it may.',
    value: (s) => s.connectionOverflow,
  },
  {
    name: 'downstream_cx_idle_timeout',
    type: 'counter',
    help: 'Connections closed for idleness.',
    value: (s) => s.idleTimeouts,
  },
  {
    name: 'downstream_cx_max_duration_reached',
    type: 'counter',
    help: 'Connections that lasted as long as they may.',
    value: (s) => s.maxDurations,
  },
  {
    name: 'downstream_cx_protocol_error',
    type: 'counter',
    help: 'Connections that broke the protocol.',
    value: (s) => s.protocolErrors + s.foreignProtocol,
  },
  {
    name: 'downstream_cx_drain_close',
    type: 'counter',
    help: 'Connections cut because draining took too long.',
    value: (s) => s.drainResets,
  },
  {
    name: 'downstream_cx_rx_bytes_total',
    type: 'counter',
    help: 'Bytes received.',
    value: (s) => s.bytesReceived,
  },
  { name: 'downstream_cx_tx_bytes_total', type: 'counter', help: 'Bytes sent.', value: (s) => s.bytesSent },
  {
    name: 'downstream_cx_overload_disable_keepalive',
    type: 'counter',
    help: 'Answers that ended their connection because the proxy is overloaded.',
    value: (s) => s.overloadCloses,
  },
  {
    name: 'downstream_rq_overload_close',
    type: 'counter',
    help: 'Requests answered 503 because the proxy is overloaded.',
    value: (s) => s.overloadRefusals,
  },
  {
    name: 'downstream_cx_overload_shed',
    type: 'counter',
    help: 'Connections ended at a load shed point of HTTP/1 or HTTP/2.',
    value: (s) => s.overloadShed,
  },
  { name: 'no_route', type: 'counter', help: 'Requests without a route.', value: (s) => s.noRoute },
  {
    name: 'no_cluster',
    type: 'counter',
    help: 'Requests whose cluster does not exist.',
    value: (s) => s.noCluster,
  },
  {
    name: 'mirrors_lost',
    type: 'counter',
    help: 'Copies of requests for clusters that do not exist.',
    value: (s) => s.mirrorsLost,
  },
];

export function* writeListenerMetrics(writer: PrometheusWriter, context: AdminContext): Iterable<void> {
  const listeners = [...context.view.listeners.values()];
  writeSocketMetrics(writer, context);
  writeTunnelMetrics(writer, groupByPrefix(listeners.filter(({ config }) => config.tcp !== null)));
  const groups = groupByPrefix(listeners.filter(({ config }) => config.tcp === null));
  for (const { name, type, help, value } of rows) {
    writer.family(`envoy_http_${name}`, type, help);
    for (const [prefix, listeners] of groups) {
      writer.sample({ envoy_http_conn_manager_prefix: prefix }, total(listeners, value));
    }
  }
  writer.family('envoy_http_downstream_rq_xx', 'counter', 'Answers by class of the status.');
  for (const [prefix, listeners] of groups) {
    for (let statusClass = 1; statusClass <= 5; statusClass++) {
      const labels = { envoy_http_conn_manager_prefix: prefix, envoy_response_code_class: `${statusClass}` };
      writer.sample(
        labels,
        total(listeners, (stats) => stats.responses[statusClass] ?? 0),
      );
    }
  }
  writer.family(
    'weft_requests_failed_total',
    'counter',
    'Requests that the proxy ended, by the phase in which (docs/ARCHITECTURE.md).',
  );
  for (const [prefix, listeners] of groups) {
    for (const phase of phases) {
      const count = total(listeners, (stats) => stats.failedPhases[phase]);
      if (count > 0) writer.sample({ envoy_http_conn_manager_prefix: prefix, phase }, count);
    }
  }
  writer.family('weft_http2_faults_total', 'counter', 'What HTTP/2 clients did wrong (docs/http2.md).');
  for (const [prefix, listeners] of groups) {
    for (const [index, fault] of http2FaultNames.entries()) {
      const count = total(listeners, (stats) => stats.http2Faults[index] ?? 0);
      if (count > 0) writer.sample({ envoy_http_conn_manager_prefix: prefix, fault }, count);
    }
  }
  const all = [...groups.values()].flat();
  for (const { name, type, help, value } of http2Rows) {
    writer.family(`envoy_http2_${name}`, type, `${help} Clients, all listeners.`);
    writer.sample(
      {},
      total(all, (stats) => value(stats.http2Faults)),
    );
  }
  writer.family(
    'envoy_http_downstream_rq_time',
    'histogram',
    'Milliseconds from a request’s head to the end of its answer.',
  );
  for (const [prefix, listeners] of groups) {
    writer.histogram({ envoy_http_conn_manager_prefix: prefix }, mergedDurations(listeners), 1000);
  }
  yield;
}

/** Of an address, whatever its connections carry. */
function writeSocketMetrics(writer: PrometheusWriter, { view }: AdminContext): void {
  for (const { name, type, help, value } of socketRows) {
    writer.family(`envoy_listener_${name}`, type, help);
    for (const [address, count] of totalsByAddress(view, ({ stats }) => value(stats)))
      writer.sample({ envoy_listener_address: address }, count);
  }
}

const socketRows: readonly ListenerRow[] = [
  {
    name: 'downstream_cx_total',
    type: 'counter',
    help: 'Connections accepted, of all filter chains.',
    value: (s) => s.connectionsTotal,
  },
  {
    name: 'downstream_cx_active',
    type: 'gauge',
    help: 'Connections open, of all filter chains.',
    value: (s) => s.connectionsActive,
  },
  {
    name: 'downstream_cx_destroy',
    type: 'counter',
    help: 'Connections that have ended, of all filter chains.',
    value: (s) => s.connectionsTotal - s.connectionsActive,
  },
];

/** Behind `envoy_tcp_`, for listeners that carry bytes as they come. */
const tunnelRows: readonly ListenerRow[] = [
  {
    name: 'downstream_cx_total',
    type: 'counter',
    help: 'Connections accepted.',
    value: (s) => s.connectionsTotal,
  },
  {
    name: 'downstream_cx_active',
    type: 'gauge',
    help: 'Connections open.',
    value: (s) => s.connectionsActive,
  },
  {
    name: 'downstream_cx_no_route',
    type: 'counter',
    help: 'Connections whose cluster does not exist.',
    value: (s) => s.noRoute,
  },
  {
    name: 'downstream_cx_rx_bytes_total',
    type: 'counter',
    help: 'Bytes received, of connections that ended.',
    value: (s) => s.bytesReceived,
  },
  {
    name: 'downstream_cx_tx_bytes_total',
    type: 'counter',
    help: 'Bytes sent, of connections that ended.',
    value: (s) => s.bytesSent,
  },
  {
    name: 'idle_timeout',
    type: 'counter',
    help: 'Connections cut for idleness.',
    value: (s) => s.idleTimeouts,
  },
  {
    name: 'max_downstream_connection_duration',
    type: 'counter',
    help: 'Connections cut because they lasted as long as they may.',
    value: (s) => s.maxDurations,
  },
];

function writeTunnelMetrics(
  writer: PrometheusWriter,
  groups: ReadonlyMap<string, readonly ListenerView[]>,
): void {
  if (groups.size === 0) return;
  for (const { name, type, help, value } of tunnelRows) {
    writer.family(`envoy_tcp_${name}`, type, help);
    for (const [prefix, listeners] of groups)
      writer.sample({ envoy_tcp_prefix: prefix }, total(listeners, value));
  }
}

function groupByPrefix(listeners: readonly ListenerView[]): ReadonlyMap<string, readonly ListenerView[]> {
  const groups = new Map<string, ListenerView[]>();
  for (const listener of listeners) {
    const { statPrefix } = listener.config;
    const group = groups.get(statPrefix);
    if (group === undefined) groups.set(statPrefix, [listener]);
    else group.push(listener);
  }
  return groups;
}

function total(listeners: readonly ListenerView[], value: (stats: ListenerStats) => number): number {
  return listeners.reduce((sum, listener) => sum + value(listener.stats), 0);
}

function mergedDurations(listeners: readonly ListenerView[]): Histogram {
  const merged = new Histogram(latencyBoundsSeconds);
  for (const { traffic } of listeners) {
    for (const { durations } of traffic.series) {
      for (const histogram of durations) if (histogram !== null) merged.merge(histogram);
    }
  }
  return merged;
}

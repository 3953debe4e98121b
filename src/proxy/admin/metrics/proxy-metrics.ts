// Metrics of the proxy itself: process, event loop, configuration, control plane.

import { noLabels, type PrometheusWriter } from '../../../observe/index.ts';
import type { AdminContext } from '../context.ts';

export function* writeProxyMetrics(writer: PrometheusWriter, context: AdminContext): Iterable<void> {
  writeProcess(writer, context);
  writer
    .family('weft_event_loop_stall_seconds', 'histogram', 'How late the event loop was, sampled.')
    .histogram(noLabels, context.stalls.histogram);
  gauge(
    writer,
    'weft_event_loop_stall_max_seconds',
    'The longest stall since the start.',
    context.stalls.maxMs / 1000,
  );
  if (context.threadRequests.length > 0) {
    writer.family('weft_thread_requests_total', 'counter', 'Requests begun, by the thread that serves them.');
    for (const [at, requests] of context.threadRequests.entries())
      writer.sample({ thread: `${at + 1}` }, requests);
  }
  counter(writer, 'weft_access_log_dropped_total', 'Access-log lines lost.', context.accessLogDropped());
  writeConfig(writer, context);
  yield;
}

function writeProcess(writer: PrometheusWriter, context: AdminContext): void {
  const { process, config, view } = context;
  writer.family('weft_build_info', 'gauge', 'Version.').sample({ version: context.version }, 1);
  gauge(
    writer,
    'envoy_server_live',
    '1 while requests may come.',
    context.readiness.state === 'LIVE' ? 1 : 0,
  );
  gauge(writer, 'envoy_server_uptime', 'Seconds since the start.', config.uptimeSeconds);
  gauge(writer, 'envoy_cluster_manager_active_clusters', 'Clusters in force.', view.clusters.size);
  gauge(
    writer,
    'envoy_cluster_manager_warming_clusters',
    'Clusters waiting for endpoints.',
    config.warmingNames.clusters.length,
  );
  gauge(writer, 'envoy_listener_manager_total_listeners_active', 'Listeners in force.', view.listeners.size);
  gauge(
    writer,
    'envoy_listener_manager_total_listeners_draining',
    'Listeners that have left and finish what runs.',
    view.drainingListeners,
  );
  gauge(
    writer,
    'envoy_listener_manager_total_listeners_warming',
    'Listeners waiting for routes.',
    config.warmingNames.listeners.length,
  );
  gauge(
    writer,
    'weft_config_issues',
    'Parts of the configuration that could not be put into force.',
    view.issues.length + countRefused(config.tables),
  );
  writeServer(writer, context);
  if (process === null) return;
  counter(writer, 'process_cpu_seconds_total', 'User and system CPU time.', process.cpuSeconds());
  gauge(writer, 'process_resident_memory_bytes', 'Resident memory.', process.residentBytes());
  gauge(writer, 'process_start_time_seconds', 'Unix time of the start.', process.startedWallMs / 1000);
}

/** Envoy's words for /ready: 0 live, 1 draining, 2 before initialisation, 3 initialising. */
const serverStates: Readonly<Record<string, number>> = { LIVE: 0, DRAINING: 1, PRE_INITIALIZING: 2 };

function writeServer(writer: PrometheusWriter, context: AdminContext): void {
  const { process, readiness, view } = context;
  gauge(writer, 'envoy_server_state', '0 live, 1 draining, 3 starting.', serverStates[readiness.state] ?? 3);
  let connections = 0;
  for (const { stats } of view.listeners.values()) connections += stats.connectionsActive;
  gauge(writer, 'envoy_server_total_connections', 'Connections of clients.', connections);
  gauge(writer, 'envoy_server_concurrency', 'Threads that serve.', context.threads);
  if (process === null) return;
  const { used, total } = process.heapBytes();
  gauge(writer, 'envoy_server_memory_allocated', 'Bytes of the heap in use.', used);
  gauge(writer, 'envoy_server_memory_heap_size', 'Bytes of the heap.', total);
  gauge(writer, 'envoy_server_memory_physical_size', 'Resident memory.', process.residentBytes());
}

/** Faults of what the control plane sent last, each field one. */
function countRefused(tables: AdminContext['config']['tables']): number {
  let count = 0;
  for (const table of tables.values())
    for (const { issues } of table.refused.values()) count += issues.length;
  return count;
}

/** The last word of a type URL, lower-case: `listener`, `routeconfiguration`. */
function shortType(typeUrl: string): string {
  return typeUrl.slice(typeUrl.lastIndexOf('.') + 1).toLowerCase();
}

function writeConfig(writer: PrometheusWriter, context: AdminContext): void {
  const { config, clock } = context;
  gauge(writer, 'weft_control_plane_connected', '1 while the ADS stream is up.', config.connected ? 1 : 0);
  const tables = [...config.tables].filter(([, table]) => table.updatedMs >= 0);
  writer.family(
    'weft_config_age_seconds',
    'gauge',
    'Time since the control plane last sent something, by type of resource.',
  );
  for (const [typeUrl, table] of tables) {
    writer.sample({ type: shortType(typeUrl) }, Math.max(0, (clock.now() - table.updatedMs) / 1000));
  }
  if (config.origin === 'last-good') {
    writer.sample({ type: 'last-good' }, Math.max(0, (clock.wall() - config.restoredFromMs) / 1000));
  }
  writer.family(
    'weft_config_updates_total',
    'counter',
    'Responses of the control plane, accepted whole or with refusals.',
  );
  for (const [typeUrl, table] of config.tables) {
    writer.sample({ type: shortType(typeUrl), result: 'accepted' }, table.updatesAccepted);
    writer.sample({ type: shortType(typeUrl), result: 'refused' }, table.updatesRejected);
  }
  writer.family('weft_config_refused', 'gauge', 'Resources whose newest version is refused.');
  for (const [typeUrl, table] of config.tables)
    writer.sample({ type: shortType(typeUrl) }, table.refused.size);
}

function gauge(writer: PrometheusWriter, name: string, help: string, value: number): void {
  writer.family(name, 'gauge', help).sample(noLabels, value);
}

function counter(writer: PrometheusWriter, name: string, help: string, value: number): void {
  writer.family(name, 'counter', help).sample(noLabels, value);
}

// The control plane's own metrics, `weft_control_*`, in Prometheus' text format.

import { noLabels, PrometheusWriter } from '../../observe/index.ts';
import type { ControlPlane } from '../control-plane.ts';
import { listFindings, reportObjects } from '../status/report.ts';

export function encodeMetrics(plane: ControlPlane): string {
  const writer = new PrometheusWriter();
  writeObjects(writer, plane);
  writeWork(writer, plane);
  writeProxies(writer, plane);
  writeLoads(writer, plane);
  return writer.toString();
}

function writeObjects(writer: PrometheusWriter, plane: ControlPlane): void {
  const { model, book } = plane.built;
  const entries = plane.catalog.entries();
  const byKind = new Map<string, number>();
  for (const { kind } of entries) byKind.set(kind, (byKind.get(kind) ?? 0) + 1);
  writer.family('weft_control_synced', 'gauge', 'Whether the first reading of the manifests is over.');
  writer.sample(noLabels, plane.synced ? 1 : 0);
  writer.family('weft_control_objects', 'gauge', 'Objects read, by kind.');
  for (const [kind, count] of byKind) writer.sample({ kind }, count);
  const findings = listFindings(reportObjects(entries, book), plane.faults);
  writer.family('weft_control_findings', 'gauge', 'Faults in manifests that somebody should mend.');
  writer.sample(noLabels, findings.length);
  writer.family('weft_control_endpoints', 'gauge', 'Endpoints in force, over all ports of all Services.');
  let endpoints = 0;
  for (const service of model.services.values())
    if (service.podOf === null) for (const port of service.ports) endpoints += port.endpoints.length;
  writer.sample(noLabels, endpoints);
}

function writeWork(writer: PrometheusWriter, plane: ControlPlane): void {
  const { events, builds, publishes } = plane.counters;
  writer
    .family('weft_control_events_total', 'counter', 'Changes of objects taken in.')
    .sample(noLabels, events);
  writer
    .family('weft_control_builds_total', 'counter', 'Times the model was built.')
    .sample(noLabels, builds);
  writer
    .family(
      'weft_control_snapshots_total',
      'counter',
      'Snapshots published; one for each scope that changed.',
    )
    .sample(noLabels, publishes);
  writer
    .family('weft_control_build_seconds', 'histogram', 'Building the model and compiling every scope.')
    .histogram(noLabels, plane.buildSeconds);
}

function writeProxies(writer: PrometheusWriter, plane: ControlPlane): void {
  const byRole = new Map<string, number>();
  for (const { entry, streams } of plane.proxies.list()) {
    const role = entry.scope?.role ?? 'unknown';
    byRole.set(role, (byRole.get(role) ?? 0) + (streams > 0 ? 1 : 0));
  }
  writer.family('weft_control_proxies', 'gauge', 'Proxies connected, by role.');
  for (const [role, count] of byRole) writer.sample({ role }, count);
  writer
    .family('weft_control_streams', 'gauge', 'Open ADS streams.')
    .sample(noLabels, plane.adsServer.streamCount);
  writer
    .family('weft_control_scopes', 'gauge', 'Distinct sets of resources that proxies hold.')
    .sample(noLabels, plane.snapshots.scopeCount);
  writer
    .family('weft_control_acks_total', 'counter', 'Responses that proxies took.')
    .sample(noLabels, plane.counters.acks);
  writer
    .family('weft_control_nacks_total', 'counter', 'Responses that proxies refused.')
    .sample(noLabels, plane.counters.nacks);
  writer.family(
    'weft_control_callers_total',
    'counter',
    'Streams whose caller was proven, and callers that were refused, by why.',
  );
  for (const [verdict, count] of Object.entries(plane.callers)) writer.sample({ verdict }, count);
  writer
    .family('weft_control_nacked', 'gauge', 'Types of resources that some proxy refuses now.')
    .sample(noLabels, plane.nacks.all().length);
  writer
    .family(
      'weft_control_change_to_sent_seconds',
      'histogram',
      'From a change at the source until it was sent to a proxy.',
    )
    .histogram(noLabels, plane.proxies.changeToSent);
  writer
    .family(
      'weft_control_change_to_ack_seconds',
      'histogram',
      'From a change at the source until a proxy took it.',
    )
    .histogram(noLabels, plane.proxies.changeToAck);
}

/** What clients themselves say of their requests: as true as they are. */
function writeLoads(writer: PrometheusWriter, plane: ControlPlane): void {
  const loads = plane.loads.list();
  writer
    .family('weft_control_load_streams', 'gauge', 'Open streams of clients that report their load (LRS).')
    .sample(noLabels, plane.loads.streamCount);
  writer
    .family(
      'weft_control_load_unknown_total',
      'counter',
      'Reports of a cluster that the mesh does not know, passed over.',
    )
    .sample(noLabels, plane.loads.unknown);
  writer.family(
    'weft_control_load_requests_total',
    'counter',
    'Requests that clients report, by cluster, locality of the endpoint, and what became of them.',
  );
  for (const { cluster, localities } of loads) {
    for (const [locality, { issued, succeeded, failed }] of localities) {
      writer.sample({ cluster, locality, outcome: 'issued' }, issued);
      writer.sample({ cluster, locality, outcome: 'success' }, succeeded);
      writer.sample({ cluster, locality, outcome: 'error' }, failed);
    }
  }
  writer.family(
    'weft_control_load_dropped_total',
    'counter',
    'Requests that clients report as dropped before they were sent, by cluster.',
  );
  for (const { cluster, dropped } of loads) writer.sample({ cluster }, dropped);
}

// LoadStatsRequest and LoadStatsResponse from the client's side
// (https://www.envoyproxy.io/docs/envoy/latest/api-v3/service/load_stats/v3/lrs.proto).

import { encodeNode, WireError, WireReader, WireWriter, type XdsNode } from '../../xds/index.ts';
import { encodeAddress } from '../encode-address.ts';
import { loadReportLimits } from './limits.ts';
import type { ClusterReport, EndpointReport, LoadSums, LocalityReport } from './tracked-loads.ts';

/** What the server wants to hear. */
export interface AskedLoads {
  /** By name, or all that there are. */
  readonly clusters: readonly string[] | '*';
  readonly intervalMs: number;
  readonly withEndpoints: boolean;
}

/** Throws WireError on what is no LoadStatsResponse, or lists too many clusters. */
export function parseAskedLoads(message: Uint8Array): AskedLoads {
  const { clustersMax, intervalMsMin, intervalMsMax } = loadReportLimits;
  const reader = new WireReader(message);
  const clusters: string[] = [];
  let [all, withEndpoints, intervalMs] = [false, false, 0];
  while (reader.next()) {
    if (reader.field === 1) clusters.push(reader.string());
    else if (reader.field === 2) intervalMs = parseDuration(reader.nested());
    else if (reader.field === 3) withEndpoints = reader.varint() !== 0;
    else if (reader.field === 4) all = reader.varint() !== 0;
    else reader.skip();
    if (clusters.length > clustersMax) throw new WireError(`lists more than ${clustersMax} clusters`);
  }
  return {
    clusters: all ? '*' : [...new Set(clusters)],
    intervalMs: Math.min(Math.max(intervalMs, intervalMsMin), intervalMsMax),
    withEndpoints,
  };
}

function parseDuration(reader: WireReader): number {
  let [seconds, nanos] = [0, 0];
  while (reader.next()) {
    if (reader.field === 1) seconds = reader.varint();
    else if (reader.field === 2) nanos = reader.varint();
    else reader.skip();
  }
  return seconds * 1_000 + Math.floor(nanos / 1e6);
}

export function encodeLoadReport(node: XdsNode, reports: readonly ClusterReport[]): Uint8Array {
  const writer = new WireWriter(1_024);
  writer.bytes(1, encodeNode(node));
  for (const report of reports) writer.bytes(2, encodeCluster(report));
  return writer.finish();
}

/** ClusterStats. */
function encodeCluster(report: ClusterReport): Uint8Array {
  const writer = new WireWriter(256);
  writer.string(1, report.cluster);
  for (const locality of report.localities) writer.bytes(2, encodeLocality(locality));
  writer.uint(3, report.dropped);
  const interval = new WireWriter(16);
  interval.uint(1, Math.floor(report.intervalMs / 1_000));
  interval.uint(2, Math.round((report.intervalMs % 1_000) * 1e6));
  writer.bytes(4, interval.finish());
  if (report.dropOverload > 0) {
    const dropped = new WireWriter(64);
    dropped.string(1, report.dropCategory);
    dropped.uint(2, report.dropOverload);
    writer.bytes(5, dropped.finish());
  }
  writer.string(6, report.service);
  return writer.finish();
}

/** UpstreamLocalityStats. */
function encodeLocality(report: LocalityReport): Uint8Array {
  const writer = new WireWriter(128);
  const place = new WireWriter(64);
  const [region = '', zone = '', ...subZone] = report.locality.split('/');
  place.string(1, region);
  place.string(2, zone);
  place.string(3, subZone.join('/'));
  writer.bytes(1, place.finish());
  writeSums(writer, report);
  writer.uint(6, report.priority);
  for (const endpoint of report.endpoints) writer.bytes(7, encodeEndpoint(endpoint));
  writer.uint(8, report.issued);
  return writer.finish();
}

/** UpstreamEndpointStats. */
function encodeEndpoint(report: EndpointReport): Uint8Array {
  const writer = new WireWriter(128);
  writer.bytes(1, encodeAddress(report.address));
  writeSums(writer, report);
  writer.uint(7, report.issued);
  return writer.finish();
}

function writeSums(writer: WireWriter, { succeeded, inProgress, failed, metrics }: LoadSums): void {
  writer.uint(2, succeeded);
  writer.uint(3, inProgress);
  writer.uint(4, failed);
  for (const [name, { count, total }] of metrics) {
    // EndpointLoadMetricStats.
    const metric = new WireWriter(64);
    metric.string(1, name);
    metric.uint(2, count);
    metric.double(3, total);
    writer.bytes(5, metric.finish());
  }
}

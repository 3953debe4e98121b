// LoadStatsRequest and LoadStatsResponse on the wire
// (https://www.envoyproxy.io/docs/envoy/latest/api-v3/service/load_stats/v3/lrs.proto). Endpoints and named metrics are
// passed over: nothing here uses them, and they are not asked for.

import { loadEntriesMax, nameLengthMax, nodeTextMax } from '../limits.ts';
import { WireError, WireReader } from '../protobuf/wire-reader.ts';
import { WireWriter } from '../protobuf/wire-writer.ts';
import type { ClusterLoad, LocalityLoad } from '../server/load-reports.ts';
import type { XdsNode } from '../types.ts';
import { parseNode } from './node.ts';

export interface LoadStatsRequest {
  /** Null: as in the stream's first request. */
  readonly node: XdsNode | null;
  readonly clusters: readonly ClusterLoad[];
}

/** What the entries of one request may still be. */
interface Room {
  entries: number;
}

/** Throws WireError on what is no LoadStatsRequest, or too much. */
export function parseLoadStatsRequest(message: Uint8Array): LoadStatsRequest {
  const reader = new WireReader(message);
  const room: Room = { entries: loadEntriesMax };
  const clusters: ClusterLoad[] = [];
  let node: XdsNode | null = null;
  while (reader.next()) {
    if (reader.field === 1) node = parseNode(reader.view());
    else if (reader.field === 2) clusters.push(parseCluster(reader.nested(), room));
    else reader.skip();
  }
  return { node, clusters };
}

function parseCluster(reader: WireReader, room: Room): ClusterLoad {
  takeRoom(room);
  const localities: LocalityLoad[] = [];
  let cluster = '';
  let dropped = 0;
  while (reader.next()) {
    if (reader.field === 1) cluster = reader.string(nameLengthMax);
    else if (reader.field === 2) localities.push(parseLocalityLoad(reader.nested(), room));
    else if (reader.field === 3) dropped = reader.varint();
    else reader.skip();
  }
  return { cluster, dropped, localities };
}

/** UpstreamLocalityStats; its priority is summed with the others of the locality. */
function parseLocalityLoad(reader: WireReader, room: Room): LocalityLoad {
  takeRoom(room);
  const load = { locality: '', issued: 0, succeeded: 0, failed: 0, inProgress: 0 };
  while (reader.next()) {
    if (reader.field === 1) load.locality = parseLocality(reader.nested());
    else if (reader.field === 2) load.succeeded = reader.varint();
    else if (reader.field === 3) load.inProgress = reader.varint();
    else if (reader.field === 4) load.failed = reader.varint();
    else if (reader.field === 8) load.issued = reader.varint();
    else reader.skip();
  }
  return load;
}

function parseLocality(reader: WireReader): string {
  const parts = ['', '', ''];
  while (reader.next()) {
    if (reader.field <= 3) parts[reader.field - 1] = reader.string(nodeTextMax);
    else reader.skip();
  }
  return parts.join('/').replace(/\/+$/, '');
}

function takeRoom(room: Room): void {
  room.entries--;
  if (room.entries < 0) throw new WireError(`has more than ${loadEntriesMax} clusters and localities`);
}

/** Asks for all clusters, each `intervalMs`, and for no endpoints. */
export function encodeLoadStatsResponse(intervalMs: number): Uint8Array {
  const interval = new WireWriter();
  interval.uint(1, Math.floor(intervalMs / 1_000));
  interval.uint(2, (intervalMs % 1_000) * 1_000_000);
  const writer = new WireWriter();
  writer.bytes(2, interval.finish());
  writer.bool(4, true);
  return writer.finish();
}

// What entries of both kinds have in common: envoy.data.accesslog.v3.AccessLogCommon.

import type { Address } from '../../net/index.ts';
import type { FormatSource, LogType, TimePoint } from '../../observe/index.ts';
import type { SpanTag } from '../../policy/index.ts';
import type { Head } from '../../wire/index.ts';
import { encodeStruct, WireWriter } from '../../xds/index.ts';
import type { LogServiceConfig } from '../config/types.ts';
import { encodeAddress } from '../encode-address.ts';
import { cut } from './cut.ts';
import { encodeFlags } from './encode-flags.ts';
import { encodeTls } from './encode-tls.ts';

export function encodeCommon(source: FormatSource, { of, tags }: LogServiceConfig): Uint8Array {
  const writer = new WireWriter(512);
  const { clientHost, downstream, upstream } = source;
  if (downstream !== null) {
    const client: Address = clientHost === '' ? downstream.remote : { kind: 'ip', host: clientHost, port: 0 };
    writer.bytes(2, encodeAddress(client));
    writer.bytes(3, encodeAddress(downstream.local));
    if (downstream.secure !== null) writer.bytes(4, encodeTls(downstream.secure));
  }
  writer.bytes(5, encodeTime(source.startedWallMs));
  if (of === 'http') writeTimes(writer, source);
  if (upstream !== null) {
    writer.bytes(13, encodeAddress(upstream.remote));
    writer.bytes(14, encodeAddress(upstream.local));
  }
  // As Envoy: of an endpoint, so that what found none names no cluster.
  if (source.upstreamHosts.length > 0) writer.string(15, source.upstreamClusterRaw);
  const flags = encodeFlags(source.flags);
  if (flags !== null) writer.bytes(16, flags);
  writeMetadata(writer, source);
  writer.string(18, cut(source.upstreamFailure));
  writer.string(19, source.routeName);
  if (downstream !== null) writer.bytes(20, encodeAddress(downstream.direct));
  for (const tag of tags) writeTag(writer, source, tag);
  const duration = source.timeOf('DS_TX_END') - source.timeOf('DS_RX_BEG');
  if (source.timeOf('DS_TX_END') >= 0) writer.bytes(23, encodeTime(duration));
  writer.uint(24, source.attempts);
  writer.string(25, cut(source.terminationDetails));
  writer.string(26, cut(source.streamId));
  if (intermediate.has(source.logType)) writer.bool(27, true);
  writer.uint(33, logTypes[source.logType]);
  return writer.finish();
}

/** Entries before the end of what they tell of. */
const intermediate: ReadonlySet<LogType> = new Set([
  'TcpUpstreamConnected',
  'TcpPeriodic',
  'DownstreamStart',
  'DownstreamPeriodic',
  'DownstreamTunnelSuccessfullyEstablished',
]);

/** AccessLogType. */
const logTypes: Readonly<Record<LogType, number>> = {
  NotSet: 0,
  TcpUpstreamConnected: 1,
  TcpPeriodic: 2,
  TcpConnectionEnd: 3,
  DownstreamStart: 4,
  DownstreamPeriodic: 5,
  DownstreamEnd: 6,
  DownstreamTunnelSuccessfullyEstablished: 10,
};

const times: readonly (readonly [number: number, point: TimePoint])[] = [
  [6, 'DS_RX_END'],
  [7, 'US_TX_BEG'],
  [8, 'US_TX_END'],
  [9, 'US_RX_BEG'],
  [10, 'US_RX_END'],
  [11, 'DS_TX_BEG'],
  [12, 'DS_TX_END'],
];

function writeTimes(writer: WireWriter, source: FormatSource): void {
  const begun = source.timeOf('DS_RX_BEG');
  for (const [number, point] of times) {
    const at = source.timeOf(point);
    if (at >= 0) writer.bytes(number, encodeTime(at - begun));
  }
}

/** google.protobuf.Timestamp and Duration alike. */
function encodeTime(ms: number): Uint8Array {
  const writer = new WireWriter(16);
  const whole = Math.max(ms, 0);
  const seconds = Math.floor(whole / 1000);
  writer.uint(1, seconds);
  writer.uint(2, Math.min(Math.round((whole - seconds * 1000) * 1e6), 999_999_999));
  return writer.finish();
}

/** Metadata: 1 filter_metadata, a map of Struct. */
function writeMetadata(writer: WireWriter, source: FormatSource): void {
  const map = source.metadata('DYNAMIC');
  const all = new WireWriter(256);
  for (const [namespace, values] of map ?? []) {
    const pair = new WireWriter(128);
    pair.string(1, namespace);
    pair.bytes(2, encodeStruct(values));
    all.bytes(1, pair.finish());
  }
  writer.bytes(17, all.finish());
}

function writeTag(writer: WireWriter, source: FormatSource, tag: SpanTag): void {
  const value = cut(tagValue(source, tag));
  if (value === '') return;
  const pair = new WireWriter(64);
  pair.string(1, tag.tag);
  pair.string(2, value);
  writer.bytes(22, pair.finish());
}

/** Of a field in several lines, as Envoy reads it for tags. */
function firstLine(head: Head | null, name: string): string | null {
  const at = head === null ? -1 : head.findName(name);
  return head === null || at < 0 ? null : head.valueAt(at);
}

function tagValue(source: FormatSource, tag: SpanTag): string {
  switch (tag.kind) {
    case 'literal':
      return tag.value;
    case 'environment':
      return source.environment(tag.name) || tag.absent;
    case 'header':
      return firstLine(source.request, tag.name) ?? tag.absent;
    case 'metadata': {
      const map = source.metadata(tag.source === 'request' ? 'DYNAMIC' : 'ROUTE');
      let value: unknown = map?.get(tag.at.namespace);
      for (const key of tag.at.path)
        value = typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined;
      if (value === undefined) return tag.absent;
      return typeof value === 'string' ? value : JSON.stringify(value);
    }
  }
}

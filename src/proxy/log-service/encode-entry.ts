// Entries as envoy.data.accesslog.v3 has them: HTTPAccessLogEntry and TCPAccessLogEntry.

import type { FormatSource } from '../../observe/index.ts';
import type { Head, RequestHead } from '../../wire/index.ts';
import { WireWriter } from '../../xds/index.ts';
import type { LogServiceConfig } from '../config/types.ts';
import { cut } from './cut.ts';
import { encodeCommon } from './encode-common.ts';

/** HTTPAccessLogEntry: 1 common_properties, 2 protocol_version, 3 request, 4 response. TCP: 2 connection_properties. */
export function encodeEntry(source: FormatSource, config: LogServiceConfig): Uint8Array {
  const entry = new WireWriter(1024);
  entry.bytes(1, encodeCommon(source, config));
  if (config.of === 'tcp') {
    const connection = new WireWriter(16);
    connection.uint(1, Math.max(source.bytesReceived, 0));
    connection.uint(2, Math.max(source.bytesSent, 0));
    entry.bytes(2, connection.finish());
    return entry.finish();
  }
  entry.uint(2, versions[source.protocol] ?? 0);
  entry.bytes(3, encodeRequest(source, config.requestHeaders));
  entry.bytes(4, encodeResponse(source, config));
  return entry.finish();
}

const versions: Readonly<Record<string, number>> = { 'HTTP/1.0': 1, 'HTTP/1.1': 2, 'HTTP/2': 3 };

/** envoy.config.core.v3.RequestMethod. */
const methods: Readonly<Record<string, number>> = {
  GET: 1,
  HEAD: 2,
  POST: 3,
  PUT: 4,
  DELETE: 5,
  CONNECT: 6,
  OPTIONS: 7,
  TRACE: 8,
  PATCH: 9,
};

function encodeRequest(source: FormatSource, named: readonly string[]): Uint8Array {
  const writer = new WireWriter(512);
  const { request } = source;
  if (request === null) return writer.finish();
  const field = (name: string) => textOf(request, name);
  const original = field('x-envoy-original-path');
  writer.uint(1, methods[request.method] ?? 0);
  writer.string(2, source.scheme);
  writer.string(3, cut(request.authority));
  writer.string(5, cut(request.path));
  writer.string(6, field('user-agent'));
  writer.string(7, field('referer'));
  writer.string(8, field('x-forwarded-for'));
  writer.string(9, field('x-request-id'));
  writer.string(10, original);
  writer.uint(11, targetBytes(request, source.scheme) + bytesOf(request));
  writer.uint(12, Math.max(source.bytesReceived, 0));
  writeFields(writer, 13, request, named);
  return writer.finish();
}

/** Of the fields that HTTP/2 would have it in. */
function targetBytes({ authority, method, path }: RequestHead, scheme: string): number {
  const names = ':authority:method:path:scheme'.length;
  return names + authority.length + method.length + path.length + scheme.length;
}

function encodeResponse(
  source: FormatSource,
  { responseHeaders, responseTrailers }: LogServiceConfig,
): Uint8Array {
  const writer = new WireWriter(256);
  const { response, trailers, status } = source;
  if (status > 0) {
    const code = new WireWriter(4);
    code.uint(1, status);
    writer.bytes(1, code.finish());
  }
  if (response !== null) writer.uint(2, `:status${status}`.length + bytesOf(response));
  writer.uint(3, Math.max(source.bytesSent, 0));
  if (response !== null) writeFields(writer, 4, response, responseHeaders);
  if (trailers !== null) writeFields(writer, 5, trailers, responseTrailers);
  writer.string(6, source.details);
  return writer.finish();
}

/** `map<string, string>`: those that are there, several lines of one name joined. */
function writeFields(writer: WireWriter, number: number, head: Head, names: readonly string[]): void {
  for (const name of names) {
    if (head.findName(name) < 0) continue;
    const pair = new WireWriter(128);
    pair.string(1, name);
    pair.string(2, cut(linesOf(head, name)));
    writer.bytes(number, pair.finish());
  }
}

/** Joined as Envoy joins them. */
function linesOf(head: Head, name: string): string {
  let text = '';
  for (let index = 0; index < head.count; index++)
    if (!head.isRemoved(index) && head.nameAt(index) === name)
      text += (text === '' ? '' : ',') + head.valueAt(index);
  return text;
}

function textOf(head: Head, name: string): string {
  return cut(head.getName(name) ?? '');
}

function bytesOf(head: Head): number {
  let bytes = 0;
  for (let index = 0; index < head.count; index++)
    if (!head.isRemoved(index) && head.nameAt(index) !== 'host')
      bytes += head.nameAt(index).length + head.valueAt(index).length;
  return bytes;
}

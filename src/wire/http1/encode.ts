// Heads out: a received head is spliced, that is, runs of kept lines are cut out of its text whole and edits go
// between; any other head is written line by line. Framing and connection fields are decided here and nowhere else.
// Pieces go to the sink one by one, because the sink gathers them anyway and joining them here costs a second copy: 350
// ns against 570 ns for a head of 500 bytes with two added lines.

import { assert } from '../../base/index.ts';
import { type Head, headerId, type RequestHead, type ResponseHead } from '../head.ts';
import type { ByteSink } from '../stream.ts';
import { assertFieldName, assertFieldValue, assertTargetText } from './assert-text.ts';
import { bodyChunked } from './framing.ts';
import { type FramedHead, ReceivedRequestHead, ReceivedResponseHead } from './head.ts';
import { internText } from './names.ts';
import { reasonPhrase } from './reason.ts';
import { lineStride, type ReceivedHead, removedName } from './received-head.ts';

/**
 * RFC 9110 section 7.6.1: what is for one hop alone. Content-Length and Host are added where the message needs them
 * changed.
 */
const hopBits =
  bit(headerId.connection) |
  bit(headerId['keep-alive']) |
  bit(headerId['proxy-connection']) |
  bit(headerId.te) |
  bit(headerId.upgrade);
const codingBit = bit(headerId['transfer-encoding']);
const lengthBit = bit(headerId['content-length']);
const hostBit = bit(headerId.host);
const expectBit = bit(headerId.expect);

const chunkedLine = 'transfer-encoding: chunked\r\n';
const lastLineChunked = `${chunkedLine}\r\n`;

/**
 * Writes the head of an HTTP/1.1 request, in origin form unless `absolute`. `bodyKind` says how the body will be framed
 * (framing.ts): a Content-Length of the head is kept unless the body is chunked.
 */
export function encodeRequestHead(
  sink: ByteSink,
  head: RequestHead,
  bodyKind: number,
  absolute = false,
): void {
  if (head instanceof ReceivedRequestHead) spliceRequest(sink, head, bodyKind, absolute);
  else writeRequest(sink, head, bodyKind, absolute);
}

/**
 * Writes a response head. `extra` is complete lines that the connection adds ("connection: close", a length of 0), or
 * ''. False: the sink is full.
 */
export function encodeResponseHead(
  sink: ByteSink,
  head: ResponseHead,
  bodyKind: number,
  keepLength: boolean,
  extra: string,
): boolean {
  if (head instanceof ReceivedResponseHead) return spliceResponse(sink, head, bodyKind, keepLength, extra);
  return writeResponse(sink, head, bodyKind, keepLength, extra);
}

/** The last chunk and the trailer section. */
export function encodeLastChunk(trailers: Head | null): string {
  if (trailers === null) return '0\r\n\r\n';
  return `0\r\n${writeFields(trailers, hopBits | codingBit | lengthBit | hostBit)}\r\n`;
}

function spliceRequest(sink: ByteSink, head: ReceivedRequestHead, bodyKind: number, absolute: boolean): void {
  let strip = hopBits | framingBits(head, bodyKind);
  // RFC 9110 section 10.1.1: an expectation in HTTP/1.0 is to be ignored.
  if (head.version === 0) strip |= expectBit;
  const keepsLine = head.editedPath === null && head.authorityEnd === 0 && head.version === 1 && !absolute;
  let prefix = keepsLine ? '' : `${head.method} ${targetOf(head, absolute)} HTTP/1.1\r\n`;
  // The received Host stands as it is in the common case; else it is written anew, first (RFC 9110 section 7.2).
  if (head.editedAuthority !== null || head.authorityEnd !== 0 || head.find(headerId.host) === -1) {
    strip |= hostBit;
    prefix += `host: ${head.authority}\r\n`;
  }
  if (head.tunnel) strip |= lengthBit;
  spliceFields(sink, head, keepsLine, prefix, strip);
  writeTail(sink, head, strip, bodyKind, head.tunnel ? upgradeLines(head.upgrade) : '');
}

/** Origin form, or authority form for CONNECT; absolute form where that is asked for (RFC 9112 section 3.2). */
function targetOf(head: RequestHead, absolute: boolean): string {
  if (head.upgrade === 'CONNECT') return head.authority;
  if (!absolute) return head.path;
  // What arrived in origin form has the scheme that the proxies before this one say.
  const scheme =
    head.scheme || (head.getName('x-forwarded-proto')?.toLowerCase() === 'https' ? 'https' : 'http');
  return `${scheme}://${head.authority}${head.path === '*' ? '' : head.path}`;
}

/** What a head says that asks for a tunnel, or agrees to one; CONNECT does so by its method and its status. */
export function upgradeLines(upgrade: string): string {
  return upgrade === '' || upgrade === 'CONNECT' ? '' : `connection: Upgrade\r\nupgrade: ${upgrade}\r\n`;
}

function spliceResponse(
  sink: ByteSink,
  head: ReceivedResponseHead,
  bodyKind: number,
  keepLength: boolean,
  extra: string,
): boolean {
  const strip = hopBits | framingBits(head, bodyKind) | (keepLength ? 0 : lengthBit);
  const prefix = head.statusLineKept ? '' : `HTTP/1.1 ${head.status} ${receivedReason(head)}\r\n`;
  spliceFields(sink, head, head.statusLineKept, prefix, strip);
  return writeTail(sink, head, strip, bodyKind, extra);
}

/** The received framing fields that do not say how the body goes out. */
function framingBits(head: FramedHead, bodyKind: number): number {
  if (bodyKind !== bodyChunked) return codingBit;
  return head.chunkedRespelled ? lengthBit | codingBit : lengthBit;
}

/**
 * Start line and kept fields. `prefix` replaces the start line unless `keepsLine`, and else stands between it and the
 * fields.
 */
function spliceFields(
  sink: ByteSink,
  head: ReceivedHead,
  keepsLine: boolean,
  prefix: string,
  strip: number,
): void {
  const { text, fieldsStart, fieldsEnd } = head;
  let runStart = keepsLine ? 0 : fieldsStart;
  if (prefix !== '') {
    if (keepsLine) sink.writeLatin1(text.slice(0, fieldsStart));
    sink.writeLatin1(prefix);
    runStart = fieldsStart;
  }
  if ((head.seen & strip) !== 0 || head.removedCount !== 0) {
    runStart = spliceRuns(sink, head, runStart, strip);
  }
  if (fieldsEnd > runStart) sink.writeLatin1(text.slice(runStart, fieldsEnd));
}

/** Writes all runs of kept lines but the last; returns where that one starts. */
function spliceRuns(sink: ByteSink, head: ReceivedHead, start: number, strip: number): number {
  const { text, lines, ids, removed, lineCount, fieldsEnd } = head;
  let runStart = start;
  for (let index = 0; index < lineCount; index++) {
    const id = ids[index]!;
    if (removed[index] === 0 && (id > 31 || (strip & (1 << id)) === 0)) continue;
    const lineStart = lines[index * lineStride]!;
    if (lineStart > runStart) sink.writeLatin1(text.slice(runStart, lineStart));
    runStart = index + 1 < lineCount ? lines[(index + 1) * lineStride]! : fieldsEnd;
  }
  return runStart;
}

/** Added lines, which were asserted when they were added, then what the connection adds, then the empty line. */
function writeTail(
  sink: ByteSink,
  head: ReceivedHead,
  strip: number,
  bodyKind: number,
  extra: string,
): boolean {
  const { addedCount, addedIds, addedLines } = head;
  for (let index = 0; index < addedCount; index++) {
    const id = addedIds[index]!;
    if (id === removedName || (id < 32 && (strip & (1 << id)) !== 0)) continue;
    sink.writeLatin1(addedLines[index]!);
  }
  if (extra !== '') sink.writeLatin1(extra);
  const chunkedKept =
    (head.seen & ~strip & codingBit) !== 0 && head.find(headerId['transfer-encoding']) !== -1;
  return sink.writeLatin1(bodyKind === bodyChunked && !chunkedKept ? lastLineChunked : '\r\n');
}

function writeRequest(sink: ByteSink, head: RequestHead, bodyKind: number, absolute: boolean): void {
  const { authority, upgrade } = head;
  const target = targetOf(head, absolute);
  // What is an extended CONNECT in HTTP/2 is a GET here (RFC 8441 section 5).
  const method = upgrade !== '' && upgrade !== 'CONNECT' ? 'GET' : head.method;
  assertFieldName(method.toLowerCase());
  assertTargetText(target);
  assertTargetText(authority);
  assertFieldValue(upgrade);
  assert(target !== '', 'a request has a target');
  const framing = bodyKind === bodyChunked || upgrade !== '' ? lengthBit : 0;
  const fields = writeFields(head, hopBits | codingBit | hostBit | framing);
  sink.writeLatin1(`${method} ${target} HTTP/1.1\r\nhost: ${authority}\r\n${fields}${upgradeLines(upgrade)}`);
  sink.writeLatin1(bodyKind === bodyChunked ? lastLineChunked : '\r\n');
}

function writeResponse(
  sink: ByteSink,
  head: ResponseHead,
  bodyKind: number,
  keepLength: boolean,
  extra: string,
): boolean {
  const fields = writeFields(head, hopBits | codingBit | (keepLength ? 0 : lengthBit));
  sink.writeLatin1(`HTTP/1.1 ${head.status} ${reasonPhrase(head.status)}\r\n${fields}${extra}`);
  return sink.writeLatin1(bodyKind === bodyChunked ? lastLineChunked : '\r\n');
}

function writeFields(head: Head, strip: number): string {
  let out = '';
  for (let index = 0; index < head.count; index++) {
    if (head.isRemoved(index)) continue;
    const name = head.nameAt(index);
    const id = internText(name);
    if (id < 32 && (strip & (1 << id)) !== 0) continue;
    const value = head.valueAt(index);
    assertFieldName(name);
    assertFieldValue(value);
    out += `${name}: ${value}\r\n`;
  }
  return out;
}

/** The reason phrase as received: bytes between the status and the end of its line. */
function receivedReason(head: ReceivedResponseHead): string {
  return head.text.slice(13, head.fieldsStart - 2);
}

function bit(id: number): number {
  assert(id < 32, 'hop-by-hop and framing ids fit a bit set');
  return 1 << id;
}

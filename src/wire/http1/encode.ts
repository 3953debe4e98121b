// Heads to text. A received head is spliced: runs of kept lines are cut out whole and edits go between, so that a head with nothing to
// remove costs one slice. Any other head is written line by line. Framing and connection fields are decided here and nowhere else.

import { assert } from '../../base/index.ts';
import { type Head, headerId, type RequestHead, type ResponseHead } from '../head.ts';
import { assertFieldName, assertFieldValue, assertTargetText } from './assert-text.ts';
import { bodyChunked } from './framing.ts';
import { lineStride, type ReceivedHead, ReceivedRequestHead, ReceivedResponseHead } from './head.ts';
import { internText } from './names.ts';
import { reasonPhrase } from './reason.ts';

/** RFC 9110 section 7.6.1: what is for one hop alone. Content-Length and Host are added where the message needs them changed. */
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

/**
 * Text of a request head for an origin-form HTTP/1.1 request. `bodyKind` says how the body will be framed (framing.ts): a Content-Length
 * of the head is kept unless the body is chunked.
 */
export function encodeRequestHead(head: RequestHead, bodyKind: number): string {
  return head instanceof ReceivedRequestHead ? spliceRequest(head, bodyKind) : writeRequest(head, bodyKind);
}

/** Text of a response head. `extra` is complete lines that the connection adds ("connection: close", a length of 0), or ''. */
export function encodeResponseHead(
  head: ResponseHead,
  bodyKind: number,
  keepLength: boolean,
  extra: string,
): string {
  return head instanceof ReceivedResponseHead
    ? spliceResponse(head, bodyKind, keepLength, extra)
    : writeResponse(head, bodyKind, keepLength, extra);
}

/** The last chunk and the trailer section. */
export function encodeLastChunk(trailers: Head | null): string {
  if (trailers === null) return '0\r\n\r\n';
  return `0\r\n${writeFields(trailers, hopBits | codingBit | lengthBit | hostBit)}\r\n`;
}

function spliceRequest(head: ReceivedRequestHead, bodyKind: number): string {
  let strip = hopBits;
  if (bodyKind === bodyChunked) strip |= lengthBit;
  else strip |= codingBit;
  // RFC 9110 section 10.1.1: an expectation in HTTP/1.0 is to be ignored.
  if (head.version === 0) strip |= expectBit;
  let lines = '';
  // The received Host stands as it is in the common case; else it is written anew, first (RFC 9110 section 7.2).
  if (head.editedAuthority !== null || head.schemeEnd !== 0 || head.find(headerId.host) === -1) {
    strip |= hostBit;
    lines = `host: ${head.authority}\r\n`;
  }
  const kept = head.editedPath === null && head.schemeEnd === 0 && head.version === 1;
  const start = kept ? '' : `${head.method} ${head.path} HTTP/1.1\r\n`;
  let tail = writeAdded(head, strip);
  if (bodyKind === bodyChunked && (head.seen & codingBit) === 0) tail += chunkedLine;
  return spliceFields(head, kept, start + lines, strip, tail);
}

function spliceResponse(
  head: ReceivedResponseHead,
  bodyKind: number,
  keepLength: boolean,
  extra: string,
): string {
  let strip = hopBits;
  if (bodyKind !== bodyChunked) strip |= codingBit;
  if (!keepLength) strip |= lengthBit;
  const kept = head.statusLineKept;
  const start = kept ? '' : `HTTP/1.1 ${head.status} ${receivedReason(head)}\r\n`;
  let tail = writeAdded(head, strip) + extra;
  if (bodyKind === bodyChunked && (head.seen & codingBit) === 0) tail += chunkedLine;
  return spliceFields(head, kept, start, strip, tail);
}

/** `prefix` replaces the start line unless `startKept`, and else stands between start line and fields. */
function spliceFields(
  head: ReceivedHead,
  startKept: boolean,
  prefix: string,
  strip: number,
  tail: string,
): string {
  const { text, fieldsStart, fieldsEnd } = head;
  if ((head.seen & strip) === 0 && head.removedCount === 0 && startKept && prefix === '') {
    return tail === '' ? text : `${text.slice(0, fieldsEnd)}${tail}\r\n`;
  }
  let runStart = startKept && prefix === '' ? 0 : fieldsStart;
  let out = startKept && prefix !== '' ? text.slice(0, fieldsStart) + prefix : prefix;
  const { lines, ids, removed, lineCount } = head;
  for (let index = 0; index < lineCount; index++) {
    const id = ids[index]!;
    if (removed[index] === 0 && (id > 31 || (strip & (1 << id)) === 0)) continue;
    const lineStart = lines[index * lineStride]!;
    if (lineStart > runStart) out += text.slice(runStart, lineStart);
    runStart = index + 1 < lineCount ? lines[(index + 1) * lineStride]! : fieldsEnd;
  }
  if (fieldsEnd > runStart) out += text.slice(runStart, fieldsEnd);
  return `${out}${tail}\r\n`;
}

/** Added lines. Names and values were asserted when they were added. */
function writeAdded(head: ReceivedHead, strip: number): string {
  let out = '';
  for (let index = head.lineCount; index < head.count; index++) {
    const id = head.idAt(index);
    if (head.isRemoved(index) || (id < 32 && (strip & (1 << id)) !== 0)) continue;
    out += `${head.nameAt(index)}: ${head.valueAt(index)}\r\n`;
  }
  return out;
}

function writeRequest(head: RequestHead, bodyKind: number): string {
  const { method, path, authority } = head;
  assertFieldName(method.toLowerCase());
  assertTargetText(path);
  assertTargetText(authority);
  assert(path !== '', 'a request has a path');
  const framing = bodyKind === bodyChunked ? lengthBit : 0;
  const fields = writeFields(head, hopBits | codingBit | hostBit | framing);
  return `${method} ${path} HTTP/1.1\r\nhost: ${authority}\r\n${fields}${bodyKind === bodyChunked ? chunkedLine : ''}\r\n`;
}

function writeResponse(head: ResponseHead, bodyKind: number, keepLength: boolean, extra: string): string {
  const fields = writeFields(head, hopBits | codingBit | (keepLength ? 0 : lengthBit));
  const framing = bodyKind === bodyChunked ? chunkedLine : '';
  return `HTTP/1.1 ${head.status} ${reasonPhrase(head.status)}\r\n${fields}${extra}${framing}\r\n`;
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

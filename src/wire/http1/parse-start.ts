// The machines of the request line and the status line (RFC 9112 sections 3 and 4).

import { type Cursor, complete, failWith, needMore, phase } from './cursor.ts';
import { fault } from './errors.ts';
import { isAuthority } from './framing.ts';
import type { ReceivedRequestHead, ReceivedResponseHead } from './head.ts';
import { latin1Slice } from './latin1.ts';
import { internMethod, isCommonMethod } from './methods.ts';
import { COLON, CR, LF, SP, targetTable, tokenTable, valueTable } from './tables.ts';

const slash = 47;
const asterisk = 42;
const questionMark = 63;
const versionPrefix = [72, 84, 84, 80, 47];
/** "HTTP/1.1" */
const versionLength = 8;
const dot = 46;

/** Reads a request line up to its LF. */
export function parseRequestLine(
  cursor: Cursor,
  head: ReceivedRequestHead,
  bytes: Uint8Array,
  base: number,
  end: number,
): number {
  let at = base + cursor.position;
  if (cursor.phase === phase.method) {
    while (at < end && tokenTable[bytes[at]!] !== 0) at++;
    cursor.position = at - base;
    if (at - base > cursor.limits.methodBytesMax) return failWith(cursor, fault.methodTooLong);
    if (at === end) return needMore;
    if (bytes[at] !== SP || at === base) return failWith(cursor, fault.methodInvalid);
    head.methodEnd = at - base;
    head.knownMethod = internMethod(bytes, base, head.methodEnd);
    if (head.knownMethod === '' && !cursor.limits.rules.customMethods) {
      if (!isCommonMethod(latin1Slice(bytes, base, at))) return failWith(cursor, fault.methodUnknown);
    }
    at++;
    cursor.phase = phase.target;
  }
  if (cursor.phase === phase.target) {
    while (at < end && targetTable[bytes[at]!] !== 0) at++;
    cursor.position = at - base;
    if (at - base - head.methodEnd - 1 > cursor.limits.targetBytesMax) {
      return failWith(cursor, fault.targetTooLong);
    }
    if (at === end) return needMore;
    if (bytes[at] !== SP) return failWith(cursor, fault.targetInvalid);
    head.targetEnd = at - base;
    const code = parseTarget(head, bytes, base);
    if (code !== fault.none) return failWith(cursor, code);
    at++;
    cursor.lineStart = at - base;
    cursor.phase = phase.requestVersion;
  }
  cursor.position = at - base;
  if (cursor.phase === phase.requestVersion) {
    const outcome = parseVersion(cursor, bytes, base, end);
    if (outcome !== complete) return outcome;
    // Only a preface may say PRI, and it says HTTP/2.0 (RFC 9113 section 3.4).
    if (head.knownMethod === 'PRI') return failWith(cursor, fault.targetForm);
    head.version = bytes[base + cursor.lineStart + 7]! - 48;
    if (head.version === 0 && !cursor.limits.rules.http10) return failWith(cursor, fault.http10Refused);
    if (head.schemeEnd !== 0 && !cursor.limits.rules.absoluteForm)
      return failWith(cursor, fault.targetAbsolute);
    cursor.phase = phase.requestLf;
  }
  return parseRequestLineEnd(cursor, head, bytes, base, end);
}

function parseRequestLineEnd(
  cursor: Cursor,
  head: ReceivedRequestHead,
  bytes: Uint8Array,
  base: number,
  end: number,
): number {
  const crAt = cursor.lineStart + versionLength;
  while (cursor.position < crAt + 2) {
    if (base + cursor.position === end) return needMore;
    if (bytes[base + cursor.position] !== (cursor.position === crAt ? CR : LF)) {
      return failWith(cursor, fault.lineEnding);
    }
    cursor.position++;
  }
  head.fieldsStart = cursor.position;
  cursor.phase = phase.lineStart;
  return complete;
}

/** Reads "HTTP/1.x" from `cursor.lineStart` on. */
function parseVersion(cursor: Cursor, bytes: Uint8Array, base: number, end: number): number {
  const start = cursor.lineStart;
  while (cursor.position < start + versionLength) {
    if (base + cursor.position === end) return needMore;
    const byte = bytes[base + cursor.position]!;
    const index = cursor.position - start;
    if (index < 5) {
      if (byte !== versionPrefix[index]) return failWith(cursor, fault.versionInvalid);
    } else if (index === 6) {
      if (byte !== dot) return failWith(cursor, fault.versionInvalid);
    } else if (byte < 48 || byte > 57) return failWith(cursor, fault.versionInvalid);
    cursor.position++;
  }
  const major = bytes[base + start + 5]!;
  const minor = bytes[base + start + 7]!;
  if (major === 49 && (minor === 48 || minor === 49)) return complete;
  return failWith(cursor, isPreface(cursor, bytes, base) ? fault.http2Preface : fault.versionUnsupported);
}

/** "PRI * HTTP/2.0" (RFC 9113 section 3.4). */
function isPreface(cursor: Cursor, bytes: Uint8Array, base: number): boolean {
  const toStar = cursor.request?.knownMethod === 'PRI' && cursor.request.targetEnd === 5;
  return toStar && bytes[base + cursor.lineStart + 5] === 50;
}

/** Which of the four forms the target has (RFC 9112 section 3.2), and whether the method allows it. */
function parseTarget(head: ReceivedRequestHead, bytes: Uint8Array, base: number): number {
  const start = base + head.methodEnd + 1;
  const end = base + head.targetEnd;
  const method = head.knownMethod;
  if (method === 'CONNECT') return parseAuthorityForm(head, bytes, base, start, end);
  if (bytes[start] === slash && end > start) return fault.none;
  if (end - start === 1 && bytes[start] === asterisk) {
    return method === 'OPTIONS' || method === 'PRI' ? fault.none : fault.targetForm;
  }
  return parseAbsoluteForm(head, bytes, base, start, end);
}

/** RFC 9110 section 9.3.6: a port must be there. */
function parseAuthorityForm(
  head: ReceivedRequestHead,
  bytes: Uint8Array,
  base: number,
  start: number,
  end: number,
): number {
  const digit = bytes[end - 1]!;
  if (digit < 48 || digit > 57 || !isAuthority(bytes, start, end) || !hasPort(bytes, start, end))
    return fault.targetForm;
  head.authorityEnd = end - base;
  return fault.none;
}

/** Of an authority that ends in a digit. */
function hasPort(bytes: Uint8Array, start: number, end: number): boolean {
  let at = end - 1;
  while (at > start && bytes[at]! >= 48 && bytes[at]! <= 57) at--;
  return bytes[at] === COLON;
}

function parseAbsoluteForm(
  head: ReceivedRequestHead,
  bytes: Uint8Array,
  base: number,
  start: number,
  end: number,
): number {
  const schemeEnd = start + schemeLength(bytes, start, end);
  const separated =
    schemeEnd > start &&
    end - schemeEnd > 3 &&
    bytes[schemeEnd] === COLON &&
    bytes[schemeEnd + 1] === slash &&
    bytes[schemeEnd + 2] === slash;
  if (!separated) return fault.targetForm;
  let at = schemeEnd + 3;
  while (at < end && bytes[at] !== slash && bytes[at] !== questionMark) at++;
  if (!isAuthority(bytes, schemeEnd + 3, at)) return fault.hostInvalid;
  head.schemeEnd = schemeEnd - base;
  head.authorityEnd = at - base;
  return fault.none;
}

/** 4 for http, 5 for https in any case, else 0. */
function schemeLength(bytes: Uint8Array, start: number, end: number): number {
  const scheme = 'https';
  let length = 0;
  while (
    length < 5 &&
    start + length < end &&
    (bytes[start + length]! | 0x20) === scheme.charCodeAt(length)
  ) {
    length++;
  }
  return length >= 4 ? length : 0;
}

/** Reads a status line up to its LF. */
export function parseStatusLine(
  cursor: Cursor,
  head: ReceivedResponseHead,
  bytes: Uint8Array,
  base: number,
  end: number,
): number {
  if (cursor.phase === phase.statusVersion) {
    cursor.lineStart = 0;
    const outcome = parseVersion(cursor, bytes, base, end);
    if (outcome !== complete) return outcome;
    head.version = bytes[base + 7]! - 48;
    cursor.phase = phase.status;
  }
  if (cursor.phase === phase.status) {
    const outcome = parseStatus(cursor, head, bytes, base, end);
    if (outcome !== complete) return outcome;
    cursor.phase = phase.reason;
  }
  let at = base + cursor.position;
  if (cursor.phase === phase.reason) {
    while (at < end && valueTable[bytes[at]!] !== 0) at++;
    cursor.position = at - base;
    if (at === end) return needMore;
    // Some servers leave out the space before an empty reason; the encoder puts it back.
    if (at - base === statusEnd) head.statusLineKept = false;
    else if (bytes[base + statusEnd] !== SP) return failWith(cursor, fault.statusInvalid);
    if (bytes[at] !== CR) return failWith(cursor, fault.lineEnding);
    cursor.position++;
    cursor.phase = phase.reasonLf;
  }
  at = base + cursor.position;
  if (at === end) return needMore;
  if (bytes[at] !== LF) return failWith(cursor, fault.lineEnding);
  cursor.position++;
  head.fieldsStart = cursor.position;
  if (head.version === 0) head.statusLineKept = false;
  cursor.phase = phase.lineStart;
  return complete;
}

/** "HTTP/1.1 200" */
const statusEnd = 12;

function parseStatus(
  cursor: Cursor,
  head: ReceivedResponseHead,
  bytes: Uint8Array,
  base: number,
  end: number,
): number {
  while (cursor.position < statusEnd) {
    if (base + cursor.position === end) return needMore;
    const byte = bytes[base + cursor.position]!;
    if (cursor.position === versionLength) {
      if (byte !== SP) return failWith(cursor, fault.statusInvalid);
    } else {
      if (byte < 48 || byte > 57) return failWith(cursor, fault.statusInvalid);
      head.status = head.status * 10 + byte - 48;
    }
    cursor.position++;
  }
  return head.status >= 100 && head.status < 600 ? complete : failWith(cursor, fault.statusInvalid);
}

// What the framing fields may say (RFC 9112 sections 6 and 9, RFC 9110 section 7.6.1), and nothing else: two readers of
// one message must never see two lengths, so everything that any reader could take differently is refused.

import { assert } from '../../base/index.ts';
import { type Head, headerId, headerNames } from '../head.ts';
import { fault } from './errors.ts';
import type { FramedHead, ReceivedRequestHead, ReceivedResponseHead } from './head.ts';
import { latin1Slice } from './latin1.ts';
import type { Http1Limits } from './limits.ts';
import { COLON, HTAB, hostTable, ipv6Table, SP, tokenTable } from './tables.ts';

/** How a body ends. */
export const bodyNone = 0;
export const bodyLength = 1;
export const bodyChunked = 2;
export const bodyUntilClose = 3;

const bracketOpen = 91;
const bracketClose = 93;

/**
 * Checks Host, Content-Length, Transfer-Encoding or Connection while its line is read. Returns a fault or `fault.none`.
 */
export function parseSpecialField(
  head: FramedHead,
  id: number,
  bytes: Uint8Array,
  start: number,
  end: number,
): number {
  switch (id) {
    case headerId.host:
      if (head.find(headerId.host) !== -1) return fault.hostRepeated;
      return isAuthority(bytes, start, end) ? fault.none : fault.hostInvalid;
    case headerId['content-length']:
      if (head.contentLength !== -1) return fault.lengthRepeated;
      head.contentLength = parseLength(bytes, start, end);
      return head.contentLength === -1 ? fault.lengthInvalid : fault.none;
    case headerId['transfer-encoding']:
      if (head.chunked) return fault.codingRepeated;
      return parseCoding(head, latin1Slice(bytes, start, end));
    default:
      assert(id === headerId.connection, 'a special field');
      return parseConnection(head, latin1Slice(bytes, start, end).toLowerCase());
  }
}

/** Faults that only the whole request head shows. */
export function validateRequest(head: ReceivedRequestHead, limits: Http1Limits): number {
  // RFC 9112 section 3.2 asks HTTP/1.0 for no Host, but a request must leave as HTTP/1.1, and that needs one.
  if (head.find(headerId.host) === -1 && (head.version === 1 || head.authorityEnd === 0)) {
    if (head.version === 1 || limits.rules.hostForHttp10 === '') return fault.hostMissing;
    head.authority = limits.rules.hostForHttp10;
  }
  const code = validateFraming(head, limits);
  if (code !== fault.none) return code;
  const hasBody = head.chunked || head.contentLength > 0;
  if (head.knownMethod === 'CONNECT' && hasBody) return fault.connectWithBody;
  head.tunnel = head.knownMethod === 'CONNECT' || (head.upgradeOption && !hasBody && isUpgrade(head));
  return head.contentLength > limits.bodyBytesMax ? fault.bodyTooLong : fault.none;
}

/**
 * Whether Upgrade asks for anything. HTTP/1.0 has no upgrades (RFC 9110 section 7.8), h2c is not offered (RFC 9113 has
 * given it up), and a request with a body is served as what it is: its bytes must have one meaning alone.
 */
function isUpgrade(head: ReceivedRequestHead): boolean {
  if (head.version === 0) return false;
  const wanted = head.get(headerId.upgrade) ?? '';
  return wanted !== '' && wanted.toLowerCase() !== 'h2c';
}

/** The same for a response. */
export function validateResponse(head: ReceivedResponseHead, limits: Http1Limits): number {
  const code = validateFraming(head, limits);
  if (code !== fault.none) return code;
  const { status } = head;
  if (head.chunked && (status < 200 || status === 204)) return fault.responseFraming;
  return fault.none;
}

/** RFC 9112 section 6.3 for requests: without a framing field there is no body. */
export function requestBodyKind(head: ReceivedRequestHead): number {
  if (head.chunked) return bodyChunked;
  return head.contentLength > 0 ? bodyLength : bodyNone;
}

/** RFC 9112 section 6.3 for responses. `toHead`: the request was a HEAD. */
export function responseBodyKind(head: ReceivedResponseHead, toHead: boolean): number {
  const { status } = head;
  if (toHead || status < 200 || status === 204 || status === 304) return bodyNone;
  if (head.chunked) return bodyChunked;
  if (head.contentLength === -1) return bodyUntilClose;
  return head.contentLength > 0 ? bodyLength : bodyNone;
}

/**
 * Content-Length of any head that has one, edits included. Asserts that it is a length: codecs check what they receive.
 */
export function declaredLength(head: Head): number {
  const value = head.get(headerId['content-length']) ?? '';
  assert(/^[0-9]{1,15}$/.test(value), 'a content-length is a number');
  return Number(value);
}

/**
 * host [ ":" port ] with a port of up to 5 digits below 65536 (none is the scheme's own, RFC 3986 3.2.3); no user, no
 * empty host.
 */
export function isAuthority(bytes: Uint8Array, start: number, end: number): boolean {
  let at = start;
  if (bytes[at] === bracketOpen && at < end) {
    at++;
    while (at < end && ipv6Table[bytes[at]!] !== 0) at++;
    if (at === end || at < start + 3 || bytes[at] !== bracketClose) return false;
    at++;
  } else {
    while (at < end && hostTable[bytes[at]!] !== 0) at++;
    if (at === start) return false;
  }
  if (at === end) return true;
  return bytes[at] === COLON && isPort(bytes, at + 1, end);
}

function isPort(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start > 5) return false;
  let port = 0;
  for (let at = start; at < end; at++) {
    const digit = bytes[at]! - 48;
    if (digit < 0 || digit > 9) return false;
    port = port * 10 + digit;
  }
  return port < 65536;
}

/**
 * A plain decimal number below 2^53 without a leading zero, or -1. "010" is legal and read as octal by somebody:
 * refused.
 */
function parseLength(bytes: Uint8Array, start: number, end: number): number {
  const digits = end - start;
  if (digits < 1 || digits > 16 || (digits > 1 && bytes[start] === 48)) return -1;
  let length = 0;
  for (let at = start; at < end; at++) {
    const digit = bytes[at]! - 48;
    if (digit < 0 || digit > 9) return -1;
    length = length * 10 + digit;
  }
  return length <= Number.MAX_SAFE_INTEGER ? length : -1;
}

function parseCoding(head: FramedHead, value: string): number {
  if (value === 'chunked' || value.toLowerCase() === 'chunked') {
    head.chunked = true;
    head.chunkedRespelled = value !== 'chunked';
    return fault.none;
  }
  const codings = value.toLowerCase().split(',');
  let last = '';
  for (const coding of codings) {
    // A parameter, an empty element or a quoted form is not a coding that anybody uses, only one that parsers differ
    // about.
    last = trimSpace(coding);
    if (!isToken(last)) return fault.codingInvalid;
  }
  const chunkedAt = codings.findIndex((coding) => trimSpace(coding) === 'chunked');
  return chunkedAt === -1 || chunkedAt === codings.length - 1 ? fault.codingUnsupported : fault.codingInvalid;
}

function parseConnection(head: FramedHead, value: string): number {
  if (value === 'keep-alive') head.keepAliveOption = true;
  else if (value === 'close') head.closeOption = true;
  else return parseConnectionList(head, value);
  return fault.none;
}

function parseConnectionList(head: FramedHead, value: string): number {
  for (const element of value.split(',')) {
    const option = trimSpace(element);
    // RFC 9110 section 5.6.1.2: empty list elements are to be ignored.
    if (option === '') continue;
    if (!isToken(option)) return fault.connectionInvalid;
    if (option === 'close') head.closeOption = true;
    else if (option === 'keep-alive') head.keepAliveOption = true;
    else if (option === 'upgrade') head.upgradeOption = true;
    else if (isNeverNominated(option)) return fault.connectionInvalid;
    else head.nominates = true;
  }
  return fault.none;
}

/** To have these removed on the way would change what the message is, or where it goes. */
function isNeverNominated(option: string): boolean {
  return option === 'host' || option === 'content-length' || option === 'transfer-encoding';
}

/** Removes the received fields that Connection names, once the head is complete; they are for this hop alone. */
export function removeNominated(head: FramedHead): void {
  const value = head.getName(headerNames[headerId.connection]!) ?? '';
  for (const element of value.toLowerCase().split(',')) {
    const option = trimSpace(element);
    // Upgrade is read, and never passed on as it came.
    if (option !== '' && option !== 'close' && option !== 'connection' && option !== 'upgrade')
      head.removeName(option);
  }
}

function validateFraming(head: FramedHead, limits: Http1Limits): number {
  if (!head.chunked) return fault.none;
  if (head.version === 0) return fault.codingInHttp10;
  if (head.contentLength === -1) return fault.none;
  if (!limits.rules.lengthBesideChunks) return fault.codingWithLength;
  head.remove(headerId['content-length']);
  head.contentLength = -1;
  head.closeOption = true;
  return fault.none;
}

function isToken(text: string): boolean {
  for (let index = 0; index < text.length; index++) {
    if (tokenTable[text.charCodeAt(index)] !== 1) return false;
  }
  return text.length > 0;
}

/** Strips SP and HTAB alone; `trim` would also take bytes that are no white space in HTTP, such as 0xa0. */
function trimSpace(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isSpace(text.charCodeAt(start))) start++;
  while (end > start && isSpace(text.charCodeAt(end - 1))) end--;
  return text.slice(start, end);
}

function isSpace(code: number): boolean {
  return code === SP || code === HTAB;
}

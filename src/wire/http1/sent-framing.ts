// How the bodies that we send are framed (RFC 9112 section 6), decided before their heads are encoded.

import { headerId, type RequestHead, type ResponseHead } from '../head.ts';
import { bodyChunked, bodyLength, bodyNone, bodyUntilClose } from './framing.ts';
import type { ReceivedRequestHead } from './head.ts';

/** A declared length is kept; a body of unknown length is chunked, which every HTTP/1.1 server has to read. */
export function sentRequestKind(head: RequestHead, endStream: boolean): number {
  if (head.find(headerId['content-length']) !== -1) return bodyLength;
  return endStream ? bodyNone : bodyChunked;
}

/** An HTTP/1.0 client reads no chunks: without a length its body lasts until the connection ends. */
export function sentResponseKind(
  head: ResponseHead,
  request: ReceivedRequestHead,
  endStream: boolean,
): number {
  if (isBodiless(head, request)) return bodyNone;
  if (head.find(headerId['content-length']) !== -1) return bodyLength;
  if (endStream) return bodyNone;
  return request.version === 1 ? bodyChunked : bodyUntilClose;
}

/** What a response says of its connection, and of a body that is empty without being forbidden. */
export function responseLines(
  head: ResponseHead,
  request: ReceivedRequestHead,
  keepAlive: boolean,
  emptyBody: boolean,
): string {
  let lines = '';
  if (!keepAlive) lines = 'connection: close\r\n';
  else if (request.version === 0) lines = 'connection: keep-alive\r\n';
  if (emptyBody && !isBodiless(head, request)) lines += 'content-length: 0\r\n';
  return lines;
}

/** RFC 9110 sections 6.4.1 and 9.3.2: these have no body, whatever their fields say. */
function isBodiless(head: ResponseHead, request: ReceivedRequestHead): boolean {
  return head.status === 204 || head.status === 304 || request.method === 'HEAD';
}

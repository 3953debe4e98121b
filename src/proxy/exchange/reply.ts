// Answers of the proxy's own: errors by the table, direct answers and redirects by the route. An inbound listener's errors carry the
// marker that tells the caller's proxy whether the application saw the request (docs/xds.md).

import type { ErrorCode } from '../../base/index.ts';
import type { Route } from '../../policy/index.ts';
import { createResponseHead } from '../../wire/index.ts';
import { responseFlags } from '../stats/index.ts';
import { applyEdits, redirectLocation } from './apply-edits.ts';
import type { Exchange } from './exchange.ts';
import { localReplies } from './local-replies.ts';
import { encodeRefusal, refusedHeader } from './refusal.ts';
import { settle } from './settle.ts';

type Field = readonly [name: string, value: string];

/** `sent`: something of the request reached the endpoint. `status`: what the route says instead of the table. */
export function replyError(exchange: Exchange, code: ErrorCode, sent: boolean, status?: number): void {
  const { flag, body, status: usual } = localReplies[code];
  exchange.flags = exchange.flags === responseFlags.none ? flag : `${flag},${exchange.flags}`;
  const inbound = exchange.listener.config.direction === 'inbound';
  write(exchange, status ?? usual, body, inbound ? [[refusedHeader, encodeRefusal(sent, code)]] : []);
}

export function answer(exchange: Exchange, status: number, body: string): void {
  const misdirected = status === 421 && exchange.listener.config.direction === 'inbound';
  write(exchange, status, body, misdirected ? [[refusedHeader, encodeRefusal(false, 'misdirected')]] : []);
}

export function answerRedirect(exchange: Exchange, route: Route): void {
  if (route.action.kind !== 'redirect') return;
  write(exchange, route.action.status, '', [['location', redirectLocation(exchange.head!, route)]]);
}

function write(exchange: Exchange, status: number, text: string, extra: readonly Field[]): void {
  const { context, listener, route } = exchange;
  const bytes = encoder.encode(text);
  const fields: Field[] = [['date', context.dates.now()]];
  fields.push(['server', listener.http.serverName === '' ? 'weft' : listener.http.serverName]);
  if (bytes.length > 0) fields.push(['content-type', 'text/plain']);
  // 204 and 304 have no body and say no length (RFC 9110 section 8.6).
  const bodiless = status === 204 || status === 304;
  if (!bodiless) fields.push(['content-length', `${bytes.length}`]);
  const head = createResponseHead(status, [...fields, ...extra]);
  if (route?.responseEdits) applyEdits(head, route.responseEdits);
  const withBody = bytes.length > 0 && !bodiless && exchange.method !== 'HEAD';
  exchange.status = status;
  if (withBody) exchange.bytesSent += bytes.length;
  const stream = exchange.stream!;
  settle(exchange, context.clock.now());
  stream.sendResponse(head, !withBody);
  if (withBody) {
    stream.sendBody(bytes, 0, bytes.length);
    stream.sendEnd(null);
  }
  exchange.connection.onAnswered();
}

const encoder = new TextEncoder();

// Answers of the proxy's own: errors by the table, direct answers and redirects by the route. An inbound listener's
// errors carry the marker that tells the caller's proxy whether the application saw the request (docs/xds.md).

import { copyBytes, type ErrorCode } from '../../base/index.ts';
import type { HeaderEdits, Route } from '../../policy/index.ts';
import { createResponseHead } from '../../wire/index.ts';
import { type ResponseFlag, responseFlags } from '../stats/index.ts';
import { applyEdits, redirectLocation } from './apply-edits.ts';
import type { BodyTransform } from './body-transform.ts';
import { encodeGrpcMessage, grpcStatusFor, grpcUnsaid, isGrpc } from './grpc.ts';
import { mapAnswer } from './local-answer.ts';
import { localReplies } from './local-replies.ts';
import { settle } from './phases.ts';
import { consultAnswerers } from './prepare-response.ts';
import { proxyStatusOf } from './proxy-status.ts';
import { encodeRefusal, refusedHeader } from './refusal.ts';
import type { Denial, RequestState } from './request-state.ts';
import { countAnswer } from './tally.ts';

type Field = readonly [name: string, value: string];

/** Fields that tell a caller that it was not the application. */
const toldOf: Partial<Record<ErrorCode, string>> = {
  overflow: 'x-envoy-overloaded',
  dropped: 'x-envoy-drop-overload',
  'all-dropped': 'x-envoy-unconditional-drop-overload',
};

/** `status`: what the route says instead of the table. */
export function replyError(request: RequestState, code: ErrorCode, status?: number): void {
  const { flag, body, details, status: listed } = localReplies[code];
  const late = code === 'request-timeout' || code === 'attempt-timeout';
  const usual = late && request.wishes?.quietTimeouts === true ? 204 : listed;
  addFlag(request, flag);
  request.details = details;
  request.failed = true;
  // Envoy's way: what is answered in an endpoint's place counts as that cluster's answer, so that a 503 and a 504 can
  // be told apart.
  if (request.cluster !== null) countAnswer(request, status ?? usual);
  const extra: Field[] = request.inbound ? [[refusedHeader, encodeRefusal(request.sent, code)]] : [];
  // Envoy's word to callers that a limit answered, not the application.
  const told = toldOf[code];
  if (told !== undefined && !request.listener.http.router.quiet) extra.push([told, 'true']);
  write(request, status ?? usual, body, extra, code);
}

function addFlag(request: RequestState, flag: ResponseFlag): void {
  if (flag === responseFlags.none) return;
  request.flags = request.flags === responseFlags.none ? flag : `${flag},${request.flags}`;
}

export function answer(request: RequestState, status: number, body: string): void {
  const misdirected = status === 421 && request.inbound;
  request.details = 'direct_response';
  write(request, status, body, misdirected ? [[refusedHeader, encodeRefusal(false, 'misdirected')]] : []);
}

/** What a filter says instead of the endpoint. */
export function deny(request: RequestState, denial: Denial): void {
  addFlag(request, denial.flag);
  request.details = denial.details;
  if (denial.grpcStatus !== undefined) request.grpcStatus = denial.grpcStatus;
  write(request, denial.status, denial.body, denial.fields);
}

/** Of a head that breaks rules of its listener: what its client sends behind it is not read, as in Envoy. */
export function refuseMalformed(request: RequestState, denial: Denial): void {
  if (denial.status === 400 && request.listener.http.special?.keepsMalformed !== true)
    request.owner.endWithAnswer();
  deny(request, denial);
}

/** Where forwarding fields must name the client, and do not. */
export function unknownClient(status: number): Denial {
  const details = 'rejecting because detection failed';
  return { status, body: '', flag: responseFlags.none, details, fields: [] };
}

/** Envoy's answer and flag; a caller's Weft proxy reads that this request may be sent elsewhere. */
export function overloaded(request: RequestState): Denial {
  request.listener.stats.overloadRefusals += 1;
  const fields: Field[] = request.inbound ? [[refusedHeader, encodeRefusal(false, 'overflow')]] : [];
  if (request.listener.http.special?.tellsOverload === true)
    fields.push(['x-envoy-local-overloaded', 'true']);
  const { overloaded: flag } = responseFlags;
  return { status: 503, body: 'overloaded', flag, details: 'overload', fields };
}

export function answerRedirect(request: RequestState, route: Route): void {
  if (route.action.kind !== 'redirect') return;
  request.details = 'direct_response';
  write(request, route.action.status, '', [['location', redirectLocation(request.head, route)]]);
}

function write(
  request: RequestState,
  status: number,
  text: string | Uint8Array,
  extra: readonly Field[],
  code: ErrorCode | null = null,
): void {
  const options = request.listener.http.special?.proxyStatus ?? null;
  const told = options === null ? null : proxyStatusOf(request, options);
  if (told === null) map(request, status, text, extra, code);
  else {
    const recommended = options?.recommendedStatus === true ? told.status : null;
    map(request, recommended ?? status, text, [...extra, ['proxy-status', told.value]], code);
  }
}

function map(
  request: RequestState,
  status: number,
  text: string | Uint8Array,
  extra: readonly Field[],
  code: ErrorCode | null,
): void {
  const config = request.listener.http.localReplies;
  if (config === null) {
    send(request, status, text, extra, code, null);
    return;
  }
  const body = typeof text === 'string' ? encoder.encode(text) : text;
  const { edits, ...mapped } = mapAnswer(config, request, status, body);
  const { contentType } = mapped;
  const others = extra.filter(([name]) => contentType === '' || name !== 'content-type');
  const fields = contentType === '' ? extra : [...others, ['content-type', contentType] as const];
  send(request, mapped.status, mapped.body, fields, code, edits);
}

/** `edits`: what a mapper says beside the route's own, and after them. */
function send(
  request: RequestState,
  status: number,
  text: string | Uint8Array,
  extra: readonly Field[],
  code: ErrorCode | null,
  edits: HeaderEdits | null,
): void {
  const said = request.grpcStatus === grpcUnsaid ? null : request.grpcStatus;
  if ((status >= 400 || said !== null) && isGrpc(request.head)) {
    const reason = typeof text === 'string' ? text : Buffer.from(text).toString();
    sendGrpc(request, status, said ?? grpcStatusFor(status, code), reason, extra, edits);
    return;
  }
  request.grpcStatus = grpcUnsaid;
  const { context, listener, route, steps } = request;
  let bytes = typeof text === 'string' ? encoder.encode(text) : text;
  const fields: Field[] = [['date', context.dates.now()]];
  fields.push(['server', listener.http.serverName === '' ? 'weft' : listener.http.serverName]);
  if (listener.http.requestIdInResponse) fields.push(['x-request-id', request.requestId]);
  if (bytes.length > 0 && !extra.some(([name]) => name === 'content-type'))
    fields.push(['content-type', 'text/plain']);
  // 204 and 304 have no body and say no length (RFC 9110 section 8.6).
  const bodiless = status === 204 || status === 304;
  if (!bodiless) fields.push(['content-length', `${bytes.length}`]);
  const head = createResponseHead(status, [...fields, ...extra]);
  request.status = status;
  request.responseHead = head;
  if (request.span !== null) request.span.onAnswer(head);
  if (route?.responseEdits) applyEdits(head, route.responseEdits, request);
  if (edits !== null) applyEdits(head, edits, request);
  const withBody = bytes.length > 0 && !bodiless && request.method !== 'HEAD';
  // What a filter says against an answer of our own is not heard: there is nothing better to say.
  if (steps !== null) consultAnswerers(request, steps.answerers, head, !withBody);
  if (withBody && request.responseTransform !== null)
    bytes = transformWhole(request.responseTransform, bytes);
  if (withBody) request.bytesSent += bytes.length;
  const { owner, stream } = request;
  settle(request, context.clock.now());
  stream.sendResponse(head, !withBody);
  if (withBody) {
    stream.sendBody(bytes, 0, bytes.length);
    stream.sendEnd(null);
  }
  owner.onAnswered();
}

function transformWhole(transform: BodyTransform, bytes: Uint8Array): Uint8Array {
  const first = transform.write(bytes, 0, bytes.length);
  return Buffer.concat([copyBytes(first, 0, first.length), transform.end(null)]);
}

/** A head alone, with 200: clients of gRPC read nothing else. Books and log keep the status that says what happened. */
function sendGrpc(
  request: RequestState,
  status: number,
  grpcStatus: number,
  text: string,
  extra: readonly Field[],
  edits: HeaderEdits | null,
): void {
  const { context, listener, owner, stream } = request;
  const head = createResponseHead(200, [
    ['date', context.dates.now()],
    ['server', listener.http.serverName === '' ? 'weft' : listener.http.serverName],
    ['content-type', 'application/grpc'],
    ['grpc-status', `${grpcStatus}`],
    ...(text === '' ? [] : [['grpc-message', encodeGrpcMessage(text)] as const]),
    ...extra.filter(([name]) => name !== 'content-type'),
  ]);
  request.status = status;
  request.grpcStatus = grpcStatus;
  request.responseHead = head;
  if (request.span !== null) request.span.onAnswer(head);
  if (request.route?.responseEdits) applyEdits(head, request.route.responseEdits, request);
  if (edits !== null) applyEdits(head, edits, request);
  if (request.steps !== null) consultAnswerers(request, request.steps.answerers, head, true);
  settle(request, context.clock.now());
  stream.sendResponse(head, true);
  owner.onAnswered();
}

const encoder = new TextEncoder();

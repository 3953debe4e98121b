// What a request head gets on its way through: ids, forwarding fields, and the mesh's own headers cleaned of what callers forged.

import { formatAddress, isLoopback } from '../../net/index.ts';
import { ensureRequestId, propagateTrace } from '../../observe/index.ts';
import { headerId, type RequestHead } from '../../wire/index.ts';
import type { Endpoint } from '../upstream/index.ts';
import { applyEdits, rewritePath } from './apply-edits.ts';
import { forwardClientCertificate } from './client-certificate.ts';
import { shortenGrpcTimeout } from './grpc.ts';
import { type RequestState, traceKey } from './request-state.ts';

/** Once per request, after the match: the match must see what the client sent. */
export function prepareRequest(request: RequestState): void {
  const { head } = request;
  const { http } = request.listener;
  const { random } = request.context;
  // Nobody but a callee's proxy may speak of refusals, and only in responses.
  if (head.find(headerId['x-weft-refused']) >= 0) head.remove(headerId['x-weft-refused']);
  if (head.find(headerId['x-weft-peer']) >= 0) head.remove(headerId['x-weft-peer']);
  request.requestId = ensureRequestId(head, http.keepRequestId, random);
  request.traceId = propagateTrace(head, random);
  readRetryMark(request);
  forwardedFields(request, head, http.useRemoteAddress);
  forwardClientCertificate(head, request.owner.secure, http.clientCertificate);
  if (request.inbound) return;
  if (head.find(headerId['x-envoy-attempt-count']) >= 0) head.remove(headerId['x-envoy-attempt-count']);
}

/** The most specific edits first, as Envoy applies them: the weighted cluster's, then the route's. */
export function prepareForward(request: RequestState): void {
  const { head, route, weighted } = request;
  if (weighted?.requestEdits) applyEdits(head, weighted.requestEdits);
  if (route?.requestEdits) applyEdits(head, route.requestEdits);
  if (route?.action.kind !== 'forward') return;
  if (route.action.rewritePath !== null) {
    request.receivedPath = head.path;
    head.path = rewritePath(head.path, route, route.action.rewritePath);
  }
  if (route.action.rewriteAuthority !== null) head.authority = route.action.rewriteAuthority;
}

/** What differs between attempts: their number, and our name for a proxied endpoint (docs/xds.md). */
export function prepareAttempt(request: RequestState, endpoint: Endpoint): void {
  const { head } = request;
  // The time spent here is the caller's too.
  if (request.callerMs > 0) shortenGrpcTimeout(head, request.callerMs - request.context.clock.now());
  if (request.inbound) return;
  if (request.attempts > 1) {
    head.remove(headerId['x-envoy-attempt-count']);
    head.remove(headerId['x-weft-peer']);
    head.remove(headerId['x-weft-retry']);
  }
  head.add('x-envoy-attempt-count', attemptTexts[request.attempts] ?? '17');
  const again = request.retriedAbove || (request.attempts > 1 && request.sent);
  if (endpoint.proxied && again) head.add('x-weft-retry', '1');
  const { peer } = request.context;
  if (endpoint.proxied && peer !== '') head.add('x-weft-peer', peer);
}

/**
 * x-weft-retry: a proxy above makes this request again. Believed from this machine and from proven peers, else only taken off; noted for
 * the calls that the application will make because of it.
 */
function readRetryMark(request: RequestState): void {
  const { context, head } = request;
  const marked = head.find(headerId['x-weft-retry']) >= 0;
  if (marked) head.remove(headerId['x-weft-retry']);
  if (marked && isTrusted(request)) {
    request.retriedAbove = true;
    if (request.inbound) context.retriedAbove.note(traceKey(request), request.startedMs);
  } else if (!request.inbound && context.retriedAbove.size > 0) {
    request.retriedAbove = context.retriedAbove.has(traceKey(request), request.startedMs);
  }
}

function isTrusted(request: RequestState): boolean {
  const { remote, secure } = request.owner;
  return secure?.verified === true || isLoopback(remote);
}

const attemptTexts: readonly string[] = Array.from({ length: 18 }, (_, count) => `${count}`);

/** What Envoys behind an edge believe, and an outsider must not say: who is internal, and how often and long to try. */
const trustedNames: readonly string[] = [
  'x-envoy-internal',
  'x-envoy-external-address',
  'x-envoy-original-path',
  'x-envoy-retry-on',
  'x-envoy-retry-grpc-on',
  'x-envoy-max-retries',
  'x-envoy-upstream-rq-timeout-ms',
  'x-envoy-upstream-rq-per-try-timeout-ms',
  'x-envoy-expected-rq-timeout-ms',
];

/**
 * x-forwarded-for and -proto by Envoy's rules: with `useRemoteAddress` the connection is the truth (edges, sidecars that ask for it),
 * without it a received chain is passed on untouched.
 */
function forwardedFields(request: RequestState, head: RequestHead, useRemoteAddress: boolean): void {
  const scheme = request.owner.secure === null ? 'http' : 'https';
  if (useRemoteAddress) {
    for (const name of trustedNames) head.removeName(name);
    const { remote } = request.owner;
    const host = remote.kind === 'ip' ? remote.host : formatAddress(remote);
    const received = head.getName('x-forwarded-for');
    if (received !== null) head.remove(headerId['x-forwarded-for']);
    head.add('x-forwarded-for', received === null || received === '' ? host : `${received},${host}`);
    if (head.find(headerId['x-forwarded-proto']) >= 0) head.remove(headerId['x-forwarded-proto']);
    head.add('x-forwarded-proto', scheme);
    return;
  }
  if (head.find(headerId['x-forwarded-proto']) < 0) head.add('x-forwarded-proto', scheme);
}

// What a request head gets on its way through: ids, forwarding fields, and the mesh's own headers cleaned of what
// callers forged.

import { isLoopback } from '../../net/index.ts';
import { clearTraceReason, ensureRequestId, propagateTrace } from '../../observe/index.ts';
import { authorityFault, type RouteAction } from '../../policy/index.ts';
import { type Head, headerId, type RequestHead } from '../../wire/index.ts';
import type { Endpoint } from '../upstream/index.ts';
import { applyEdits, rewritePath } from './apply-edits.ts';
import type { Attempt } from './attempt.ts';
import { expectedTimeout, readWishes } from './caller-wishes.ts';
import { forwardClientCertificate } from './client-certificate.ts';
import { detect } from './detect-origin.ts';
import { firstValue } from './first-value.ts';
import { shortenGrpcTimeout } from './grpc.ts';
import { applyHeadRules } from './head-rules.ts';
import { sanitizeRequest } from './request-origin.ts';
import { type RequestState, traceKey } from './request-state.ts';
import { tellTime } from './request-times.ts';
import { markRequest } from './special.ts';
import { ensureWebSocketKey } from './tunnel.ts';

/** Once per request, before the match: a route must not believe what a stranger says of itself. */
export function prepareRequest(request: RequestState): void {
  const { head, owner } = request;
  const { http } = request.listener;
  const { random } = request.context;
  if (head.find(headerId['x-weft-peer']) >= 0) head.remove(headerId['x-weft-peer']);
  if (http.headRules !== null) {
    const { address } = request.listener.config;
    request.rejection = applyHeadRules(head, http.headRules, address.kind === 'ip' ? address.port : 0);
  }
  if (http.internalRanges !== null) request.wishes = readWishes(head, http.router.strictHeaders);
  const expectedMs = http.router.believesExpected ? expectedTimeout(head) : -1;
  const { special } = http;
  if (special !== null && special.earlyEdits !== null) applyEdits(head, special.earlyEdits, request);
  if (http.detections !== null) request.detected = detect(head, http.detections, owner.remote);
  const origin = sanitizeRequest(head, owner, http, request.detected);
  if (origin !== 'edge') request.expectedMs = expectedMs;
  if (origin !== 'internal') {
    request.wishes = null;
    removeInternal(head, request.listener.routes.internalOnly);
  }
  if (special !== null) markRequest(request, special);
  request.requestId =
    special === null || special.makesRequestId
      ? ensureRequestId(head, origin !== 'edge' || http.keepRequestId, random)
      : (head.get(headerId['x-request-id']) ?? '');
  if (origin === 'edge' && http.keepRequestId && http.tracing?.packsReason !== false)
    request.requestId = clearTraceReason(head, request.requestId);
  request.traceId = propagateTrace(head, random);
  readRetryMark(request);
  forwardClientCertificate(head, request.owner.secure, http.clientCertificate);
  if (http.via !== '') appendVia(head, http.via);
  if (request.inbound) return;
  if (head.find(headerId['x-envoy-attempt-count']) >= 0) head.remove(headerId['x-envoy-attempt-count']);
}

function removeInternal(head: RequestHead, names: readonly string[] | null): void {
  if (names === null) return;
  for (const name of names) if (head.findName(name) >= 0) head.removeName(name);
}

/** The most specific edits first, as Envoy applies them: the weighted cluster's, then the route's. */
export function prepareForward(request: RequestState): void {
  const { head, route, weighted } = request;
  if (weighted?.requestEdits) applyEdits(head, weighted.requestEdits, request);
  if (route?.requestEdits) applyEdits(head, route.requestEdits, request);
  if (request.upgrade !== '') ensureWebSocketKey(request);
  if (route?.action.kind !== 'forward') return;
  const { quiet } = request.listener.http.router;
  // The host first: it may be made of the path as it came.
  rewriteAuthority(head, route.action, weighted?.rewriteAuthority, quiet);
  // CONNECT has no path.
  if (route.action.rewritePath === null || head.path === '') return;
  const path = rewritePath(head.path, route, route.action.rewritePath);
  if (path === null) return;
  // As it was received, for whom the request goes to and for the log.
  if (!quiet) head.set(headerId['x-envoy-original-path'], head.path);
  head.path = path;
}

/** `weighted`: what the drawn cluster says; the route has the last word. */
function rewriteAuthority(
  head: RequestHead,
  action: Forward,
  weighted: string | undefined,
  quiet: boolean,
): void {
  if (weighted !== undefined) head.authority = weighted;
  const authority = newAuthority(head, action);
  if (authority !== null) replaceAuthority(head, action, authority, quiet);
}

function replaceAuthority(head: RequestHead, action: Forward, authority: string, quiet: boolean): void {
  if (action.appendForwardedHost) appendForwardedHost(head);
  // As it was received, for whom the request goes to (Envoy's updateAuthority).
  if (!quiet) head.set(headerId['x-envoy-original-host'], head.authority);
  head.authority = authority;
}

type Forward = Extract<RouteAction, { kind: 'forward' }>;

/** null: it stays. What a header says, or a path, must be one. */
function newAuthority(head: RequestHead, action: Forward): string | null {
  const { rewriteAuthorityByPath: byPath, rewriteAuthorityHeader: header } = action;
  if (action.rewriteAuthority !== null) return action.rewriteAuthority;
  if (header === undefined && byPath === undefined) return null;
  const named =
    byPath === undefined ? firstValue(head, header ?? '') : byPath.replaceAll(pathOnly(head.path));
  return named !== null && authorityFault(named) === null ? named : null;
}

function pathOnly(path: string): string {
  const query = path.indexOf('?');
  return query < 0 ? path : path.slice(0, query);
}

/** A host that is the last in the list already is not said again. */
function appendForwardedHost(head: RequestHead): void {
  const before = head.getName('x-forwarded-host');
  if (before?.slice(before.lastIndexOf(',') + 1).trim() === head.authority) return;
  const hosts = before === null ? head.authority : `${before},${head.authority}`;
  head.set(headerId['x-forwarded-host'], hosts);
}

/** RFC 9110 section 7.6.3: after those who passed it on before. */
export function appendVia(head: Head, name: string): void {
  const before = head.getName('via');
  head.set(headerId.via, before === null ? name : `${before}, ${name}`);
}

/**
 * What differs between attempts: their number, and our name for a proxied endpoint (docs/xds.md). Called as the head is
 * sent, which reads it at once: so attempts share one head, whichever of them gets its connection first.
 */
export function prepareAttempt(request: RequestState, { endpoint, number }: Attempt): void {
  const { head } = request;
  nameEndpoint(request, endpoint);
  // The time spent here is the caller's too.
  if (request.callerMs > 0) shortenGrpcTimeout(head, request.callerMs - request.context.clock.now());
  tellTime(request, number);
  if (number > 1 && request.route?.marksTimeoutRetries)
    head.set(headerId['x-envoy-is-timeout-retry'], `${request.afterTimeout}`);
  if (request.inbound) return;
  if (request.attempts > 1) {
    head.remove(headerId['x-weft-peer']);
    head.remove(headerId['x-weft-retry']);
  }
  head.set(headerId['x-envoy-attempt-count'], attemptTexts[number] ?? '17');
  const again = request.retriedAbove || (number > 1 && request.sent);
  const proxied = endpoint?.proxied === true;
  if (proxied && again) head.set(headerId['x-weft-retry'], '1');
  const { peer } = request.context;
  if (proxied && peer !== '') head.set(headerId['x-weft-peer'], peer);
}

/** Where the host is the endpoint's own: what was received is told once, whatever the number of attempts. */
function nameEndpoint(request: RequestState, endpoint: Endpoint | null): void {
  const { head, listener, route } = request;
  if (route?.action.kind !== 'forward' || route.action.rewriteAuthorityByEndpoint === undefined) return;
  const { host = '' } = endpoint ?? {};
  if (host === '') return;
  if (request.hostReplaced) head.authority = host;
  else replaceAuthority(head, route.action, host, listener.http.router.quiet);
  request.hostReplaced = true;
}

/**
 * x-weft-retry: a proxy above makes this request again. Believed from this machine and from proven peers, else only
 * taken off; noted for the calls that the application will make because of it.
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

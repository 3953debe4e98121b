// Redirects that are followed here, in the client's place (Envoy's internal_redirect_policy): an answer that points
// elsewhere becomes the same request again, from its start, with another host and path. Only a request that is here as
// a whole can be made again. What cannot be followed is passed on, and counted by its reason.

import {
  allowsRedirect,
  type InternalRedirects,
  parseLocation,
  RedirectHistory,
  type RedirectTarget,
} from '../../policy/index.ts';
import { createRequestHead, type RequestHead, type ResponseHead } from '../../wire/index.ts';
import type { HeadRules } from '../config/types.ts';
import { copyFields } from './copy-head.ts';
import { applyHeadRules } from './head-rules.ts';
import { clusterOf, type RequestState } from './request-state.ts';

/** The request's next head; null: the answer is for the client. */
export function followRedirect(
  request: RequestState,
  policy: InternalRedirects,
  head: ResponseHead,
): RequestHead | null {
  if (!policy.statuses.includes(head.status)) return null;
  const next = nextHead(request, policy, head);
  const { stats } = clusterOf(request);
  if (next === null) stats.redirectsFailed += 1;
  else stats.redirectsFollowed += 1;
  if (next !== null && next.method !== request.head.method) request.body.reset();
  return next;
}

function nextHead(request: RequestState, policy: InternalRedirects, head: ResponseHead): RequestHead | null {
  const { redirects: faults } = request.listener.stats;
  const location = head.getName('location');
  if (!request.requestEnded || request.upgrade !== '' || !request.body.complete || location === null)
    return null;
  const target = parseLocation(location);
  if (target === null) {
    faults.badLocation += 1;
    return null;
  }
  const isHttps = schemeOf(request) === 'https';
  if (!policy.crossScheme && isHttps !== (target.scheme !== 'http')) {
    faults.unsafeScheme += 1;
    return null;
  }
  request.redirects ??= new RedirectHistory();
  if (request.redirects.count >= policy.max) {
    faults.tooMany += 1;
    return null;
  }
  const next = createNext(request, policy, head, target);
  if (!spellAsRules(request, next)) {
    faults.badLocation += 1;
    return null;
  }
  if (!mayFollow(request, policy, next, isHttps)) return null;
  request.redirects.count += 1;
  return next;
}

/**
 * What the listener makes of every head: a route or a filter must not judge another path than the endpoint reads. Names
 * with underscores are ours here, or were let in. False: the rules let it in no further.
 */
function spellAsRules({ listener }: RequestState, next: RequestHead): boolean {
  const { headRules } = listener.http;
  if (headRules === null) return true;
  const { address } = listener.config;
  const rules: HeadRules = { ...headRules, underscores: 'allow' };
  return applyHeadRules(next, rules, address.kind === 'ip' ? address.port : 0) === null;
}

/** The new route is asked for; that it leads there again is the second match's affair. */
function mayFollow(
  request: RequestState,
  policy: InternalRedirects,
  next: RequestHead,
  fromHttps: boolean,
): boolean {
  const { listener, route, redirects: history } = request;
  const hit = listener.routes.match(next, request.context.random, request);
  if (hit === null) {
    listener.stats.redirects.noRoute += 1;
    return false;
  }
  const step = { from: route!.name, to: hit.route.name, fromHttps, toHttps: next.scheme !== 'http' };
  if (allowsRedirect(policy, step, history!)) return true;
  listener.stats.redirects.predicate += 1;
  return false;
}

/** As Envoy: http where the request says so, or came without TLS. */
function schemeOf({ head, owner }: RequestState): 'http' | 'https' {
  return head.scheme === 'http' || owner.secure === null ? 'http' : 'https';
}

function createNext(
  request: RequestState,
  policy: InternalRedirects,
  answer: ResponseHead,
  target: RedirectTarget,
): RequestHead {
  const { head } = request;
  // RFC 9110 section 15.4.4.
  const becomesGet = answer.status === 303 && head.method !== 'GET' && head.method !== 'HEAD';
  const fields = copyFields(head).filter(([name]) => {
    if (ofAttempt.has(name) || policy.copied.includes(name)) return false;
    return !(becomesGet && name === 'content-length');
  });
  for (let index = 0; index < answer.count; index++)
    if (!answer.isRemoved(index) && policy.copied.includes(answer.nameAt(index)))
      fields.push([answer.nameAt(index), answer.valueAt(index)]);
  fields.push(['x-envoy-original-url', `${schemeOf(request)}://${head.authority}${head.path}`]);
  const { authority, path, scheme } = target;
  const method = becomesGet ? 'GET' : head.method;
  return createRequestHead(method, authority, path, fields, { scheme, version: head.version });
}

/** Written anew for what comes next. */
const ofAttempt: ReadonlySet<string> = new Set([
  'x-envoy-attempt-count',
  'x-envoy-is-timeout-retry',
  'x-envoy-original-url',
  'x-weft-peer',
  'x-weft-retry',
]);

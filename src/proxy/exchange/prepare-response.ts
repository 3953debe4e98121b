// What a response head gets on its way back.

import { headerId, type ResponseHead } from '../../wire/index.ts';
import { applyEdits } from './apply-edits.ts';
import { appendVia } from './prepare-request.ts';
import { type Answerer, type Denial, type RequestState, traceKey } from './request-state.ts';

/** `serviceTimeMs`: from sending the attempt to this head. */
export function prepareResponse(
  request: RequestState,
  head: ResponseHead,
  endStream: boolean,
  serviceTimeMs: number,
): Denial | null {
  const { http } = request.listener;
  // Refusals are between two proxies: believed or not, they end here.
  if (head.find(headerId['x-weft-refused']) >= 0) head.remove(headerId['x-weft-refused']);
  if (head.find(headerId['x-weft-gave-up']) >= 0) head.remove(headerId['x-weft-gave-up']);
  if (request.inbound && head.status >= 500 && wasRetriedBelow(request))
    head.set(headerId['x-weft-gave-up'], '1');
  if (!http.router.quiet)
    head.set(headerId['x-envoy-upstream-service-time'], smallNumber(Math.round(serviceTimeMs)));
  // RFC 9110 section 6.6.1: who passes on an answer without a Date says when it came.
  if (head.find(headerId.date) < 0) head.set(headerId.date, request.context.dates.now());
  if (http.serverName !== '' && !(http.serverIfAbsent && head.find(headerId.server) >= 0))
    head.set(headerId.server, http.serverName);
  if (http.via !== '') appendVia(head, http.via);
  if (request.route?.attemptsInAnswer) head.set(headerId['x-envoy-attempt-count'], `${request.attempts}`);
  if (http.requestIdInResponse) head.set(headerId['x-request-id'], request.requestId);
  if (request.setCookie !== '') head.add('set-cookie', request.setCookie);
  if (request.span !== null) request.span.onAnswer(head);
  const { route, weighted } = request;
  if (weighted?.responseEdits) applyEdits(head, weighted.responseEdits, request);
  if (route?.responseEdits) applyEdits(head, route.responseEdits, request);
  return request.steps === null ? null : consultAnswerers(request, request.steps.answerers, head, endStream);
}

/** Answers pass the chain from its end to its start. */
export function consultAnswerers(
  request: RequestState,
  answerers: readonly Answerer[],
  head: ResponseHead,
  endStream: boolean,
): Denial | null {
  for (let index = answerers.length - 1; index >= 0; index--) {
    const denial = answerers[index]!.onAnswer(request, head, endStream);
    if (denial !== null) return denial;
  }
  return null;
}

/**
 * Something that the application called for this request was given up after retries, or for want of a budget for them.
 */
function wasRetriedBelow(request: RequestState): boolean {
  const { clock, retriedBelow } = request.context;
  return retriedBelow.size > 0 && retriedBelow.has(traceKey(request), clock.now());
}

/** Most answers take less than this many ms; their texts are made once. */
const smallTexts: readonly string[] = Array.from({ length: 256 }, (_, value) => `${value}`);

function smallNumber(value: number): string {
  return smallTexts[value] ?? `${value}`;
}

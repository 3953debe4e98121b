// Upgrades and CONNECT (RFC 9110 sections 7.8 and 9.3.6): who may have one, and what becomes of a request once both
// ends have agreed to speak something else. The bytes then take the way of bodies, with the same backpressure and the
// same idle timeout; what differs is that each half ends by itself, and the exchange when both have.

import type { ResponseHead } from '../../wire/index.ts';
import { responseFlags } from '../stats/index.ts';
import type { Attempt } from './attempt.ts';
import { pauseRequest, resumeRequest } from './pacing.ts';
import { clusterOf, type Denial, type RequestState } from './request-state.ts';
import { closeTransforms } from './transform.ts';
import { webSocketAccept } from './websocket-accept.ts';

const never = Number.POSITIVE_INFINITY;

/** Envoy's answer; the connection ends with it, because what follows may be meant as bytes of a tunnel. */
export const upgradeRefused: Denial = {
  status: 403,
  body: '',
  flag: responseFlags.none,
  details: 'upgrade_failed',
  fields: [],
};

/**
 * Envoy's rule: the route's word on this protocol holds, else the listener's. Without a route there is nothing to ask.
 */
export function admitUpgrade(request: RequestState): boolean {
  const { listener, route, upgrade } = request;
  if (route === null) return true;
  const protocol = upgrade.toLowerCase();
  const said = route.action.kind === 'forward' ? route.action.upgrades?.get(protocol) : undefined;
  if (!(said ?? listener.http.upgrades.get(protocol) ?? false)) {
    listener.stats.upgradesRefused += 1;
    return false;
  }
  const { upgradeSteps } = listener;
  if (upgradeSteps !== null) request.steps = upgradeSteps.get(protocol) ?? request.steps;
  request.upgradeAdmitted = true;
  listener.stats.upgradesTotal += 1;
  listener.stats.upgradesActive += 1;
  return true;
}

/** A CONNECT that ends here: its bytes go to an endpoint as they come. Else it is for the next proxy. */
export function endsConnect({ route, upgrade }: RequestState): boolean {
  return upgrade === 'CONNECT' && route?.action.kind === 'forward' && route.action.connect === 'terminate';
}

/**
 * A client of HTTP/2 sends no key (RFC 8441 section 5), and a server of HTTP/1.1 asks for one (RFC 6455 section 4.1).
 */
export function ensureWebSocketKey(request: RequestState): void {
  const { context, head, upgrade } = request;
  if (upgrade.toLowerCase() !== 'websocket' || head.findName('sec-websocket-key') >= 0) return;
  const key = Uint8Array.from({ length: 16 }, () => context.random.below(256));
  head.add('sec-websocket-key', Buffer.from(key).toString('base64'));
}

/** A server of HTTP/2 proves nothing of the key (RFC 8441 section 5), and a client of HTTP/1.1 waits for the proof. */
function ensureWebSocketAccept(request: RequestState, head: ResponseHead): void {
  if (request.upgrade.toLowerCase() !== 'websocket' || request.head.version === 2) return;
  const key = request.head.getName('sec-websocket-key');
  if (key === null || head.findName('sec-websocket-accept') >= 0) return;
  head.add('sec-websocket-accept', webSocketAccept(key));
}

/** Both ends agree. What the client sent ahead goes first; times for an answer are over, idleness still counts. */
export function openTunnel(request: RequestState, attempt: Attempt, head: ResponseHead): void {
  const { body, deadlines, stream } = request;
  request.tunnelOpen = true;
  // What filters make of bodies they make of messages; these are bytes.
  closeTransforms(request);
  request.state = 'relaying';
  deadlines.requestMs = never;
  ensureWebSocketAccept(request, head);
  deadlines.attemptIdleSpanMs = 0;
  stream.openTunnel(head);
  let writable = true;
  if (body.length > 0) {
    clusterOf(request).stats.bytesSent += body.length;
    writable = body.sendTo(attempt);
  }
  body.release();
  if (request.requestEnded) attempt.sendEnd(null);
  else if (writable) resumeRequest(request);
  else pauseRequest(request);
}

/**
 * The client's half is over; true: so is the tunnel. Before the answer there is nobody to tell: it opens with its end.
 */
export function endClientHalf(request: RequestState, attempt: Attempt): boolean {
  if (request.state !== 'relaying') return false;
  attempt.sendEnd(null);
  if (request.answerEnded) attempt.endTunnel();
  return request.answerEnded;
}

/** The endpoint's half is over; true: so is the tunnel, and its end is still to be passed on. */
export function endEndpointHalf(request: RequestState, attempt: Attempt): boolean {
  request.answerEnded = true;
  if (request.requestEnded) attempt.endTunnel();
  else request.stream.sendEnd(null);
  return request.requestEnded;
}

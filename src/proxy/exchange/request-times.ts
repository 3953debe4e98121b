// How long a request and its attempts may take: the caller's word where it is believed, the route's, the cluster's;
// when that time begins; and what the endpoint is told of it (Envoy's x-envoy-expected-rq-timeout-ms).

import type { Route } from '../../policy/index.ts';
import { headerId } from '../../wire/index.ts';
import { grpcTimeoutMs, isGrpc, setGrpcTimeout } from './grpc.ts';
import { clusterOf, type RequestState } from './request-state.ts';
import { hedges } from './retry.ts';

/** For the whole answer; 0: no limit. */
export function requestTimeMs(request: RequestState): number {
  const { expectedMs, head, route, wishes } = request;
  if (expectedMs >= 0) return expectedMs;
  if (wishes !== null && wishes.requestMs !== null) return wishes.requestMs;
  if (route?.timeouts.callMs !== undefined && isGrpc(head)) return route.timeouts.callMs;
  if (route?.grpcTimes !== undefined && isGrpc(head)) return grpcTimeMs(grpcTimeoutMs(head), route.grpcTimes);
  return route?.timeouts.requestMs ?? clusterOf(request).config.timeouts.requestMs ?? 0;
}

/** Envoy's max_grpc_timeout and grpc_timeout_offset; an offset that would leave nothing is not taken off. */
function grpcTimeMs(saidMs: number, { maxMs, offsetMs }: NonNullable<Route['grpcTimes']>): number {
  const leftMs = offsetMs < saidMs ? saidMs - offsetMs : saidMs;
  return maxMs !== 0 && (leftMs === 0 || leftMs > maxMs) ? maxMs : Math.ceil(leftMs);
}

function attemptTimeMs({ cluster, head, route, wishes }: RequestState): number {
  const callMs = route?.timeouts.callAttemptMs;
  if (callMs !== undefined && wishes?.attemptMs == null && isGrpc(head)) return callMs;
  return wishes?.attemptMs ?? route?.timeouts.attemptMs ?? cluster?.config.timeouts.attemptMs ?? 0;
}

/** Envoy's rule: the time for the answer runs from the end of the request, so a slow upload does not eat it. */
export function startDeadlines(request: RequestState, nowMs: number): void {
  if (request.requestMs > 0) request.deadlines.requestMs = nowMs + request.requestMs;
  limitByCaller(request);
}

/** A caller of gRPC says when it will have given up; nothing is worth doing for it after that. */
export function limitByCaller(request: RequestState): void {
  const { route } = request;
  if (route?.grpcTimes !== undefined) return;
  // Once: what is sent on says how much of it is left by then.
  if (request.callerMs === 0) {
    const callerMs = cappedCall(grpcTimeoutMs(request.head), route);
    if (callerMs === 0) return;
    request.callerMs = request.startedMs + callerMs;
  }
  if (request.callerMs < request.deadlines.requestMs) request.deadlines.requestMs = request.callerMs;
}

/**
 * An endpoint that gives up a call gives it up by its own clock, and was told of the caller's time rounded down to a
 * millisecond: its reset may come before our time is over, and is the end of that time all the same.
 */
export function isCallOver({ callerMs, deadlines, head, route }: RequestState, nowMs: number): boolean {
  const isTold = callerMs > 0 || (route?.grpcTimes !== undefined && isGrpc(head));
  return isTold && nowMs >= (callerMs > 0 ? callerMs : deadlines.requestMs) - endpointEarlyMs;
}

/** The rounding, and the tick of a timer. */
const endpointEarlyMs = 2;

/** Envoy's grpc_timeout_header_max and _offset; a call with no time left has one millisecond. */
function cappedCall(callerMs: number, route: Route | null): number {
  const duration = route?.duration;
  if (callerMs === 0 || duration === undefined || duration.grpcMaxMs === null) return callerMs;
  const capped = duration.grpcMaxMs > 0 ? Math.min(callerMs, duration.grpcMaxMs) : callerMs;
  return Math.max(capped - duration.grpcOffsetMs, 1);
}

/** Begins when the request is complete and has its connection, and lasts until the answer is. */
export function startAttemptIdle(request: RequestState, nowMs: number): void {
  const idleMs = request.retry?.attemptIdleMs ?? 0;
  if (idleMs === 0) return;
  request.deadlines.attemptIdleSpanMs = idleMs;
  request.deadlines.activityMs = nowMs;
  request.deadlines.arm(nowMs);
}

export function startAttemptDeadline(request: RequestState, nowMs: number): void {
  const attemptMs = attemptTimeMs(request);
  if (attemptMs > 0) request.deadlines.attemptMs = nowMs + attemptMs;
  if (request.state === 'forwarding') startAttemptIdle(request, nowMs);
}

/** `number`: of the attempt. Where nothing limits it, nothing is said. */
export function tellTime(request: RequestState, number: number): void {
  const expectedMs = expectedTimeMs(request, number);
  if (expectedMs === 0) return;
  const { head, listener, route } = request;
  if (!listener.http.router.quiet) head.set(headerId['x-envoy-expected-rq-timeout-ms'], textOf(expectedMs));
  if (route?.grpcTimes !== undefined && isGrpc(head)) setGrpcTimeout(head, expectedMs);
}

function expectedTimeMs(request: RequestState, number: number): number {
  const { requestEndedMs, requestMs } = request;
  let attemptMs = attemptTimeMs(request);
  // Envoy has no time for attempts that is longer than that of the request.
  if (attemptMs > 0 && ((requestMs > 0 && attemptMs >= requestMs) || hedges(request))) attemptMs = 0;
  const wholeMs = attemptMs === 0 ? requestMs : attemptMs;
  if (requestMs === 0 || number === 1 || requestEndedMs < 0) return wholeMs;
  const leftMs = Math.floor(requestMs - (request.context.clock.now() - requestEndedMs));
  return Math.max(Math.min(wholeMs, leftMs), 1);
}

/** Most requests of a route are told the same. */
let lastMs = 0;
let lastText = '0';

function textOf(ms: number): string {
  if (ms !== lastMs) {
    lastMs = ms;
    lastText = `${ms}`;
  }
  return lastText;
}

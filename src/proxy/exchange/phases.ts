// The phases of a request, one function each, in their order: the table of contents of the data path. A phase does its
// part and says what came of it; exchange.ts calls the next one, or answers. accept, detect and read head come before
// (proxy/downstream).

import type { ErrorCode } from '../../base/index.ts';
import type { LogType } from '../../observe/index.ts';
import type { Route, RouteHit, WeightedCluster } from '../../policy/index.ts';
import {
  type ClientStream,
  createResponseHead,
  headerId,
  opensTunnel,
  type RequestHead,
  type ResponseHead,
} from '../../wire/index.ts';
import { writeLogs } from '../access-logger.ts';
import { proxyLimits } from '../limits.ts';
import { responseFlags } from '../stats/index.ts';
import type { Cluster, Endpoint, UpstreamConnection } from '../upstream/index.ts';
import { askedHost, nameDestination } from './asked-host.ts';
import { type Attempt, statusClass } from './attempt.ts';
import { wishedRetry } from './caller-wishes.ts';
import { firstValue } from './first-value.ts';
import { grpcClass, grpcStatusOf, versionFor } from './grpc.ts';
import { hashRequest } from './hash-request.ts';
import { openMirrors } from './mirror.ts';
import { pauseRequest, resumeRequest, stopPaces } from './pacing.ts';
import { PeriodicLog } from './periodic-log.ts';
import { prepareAttempt, prepareForward, prepareRequest } from './prepare-request.ts';
import { prepareResponse } from './prepare-response.ts';
import { factsOf } from './request-facts.ts';
import { clusterOf, type Denial, type RequestState } from './request-state.ts';
import {
  limitByCaller,
  requestTimeMs,
  startAttemptDeadline,
  startAttemptIdle,
  startDeadlines,
} from './request-times.ts';
import { endRetry } from './retry.ts';
import { pickForRetry } from './retry-selection.ts';
import { markForward } from './special.ts';
import { countAnswer, openTallies } from './tally.ts';
import { closeTransforms } from './transform.ts';
import { endsConnect, openTunnel } from './tunnel.ts';

/**
 * Makes the head fit to go on, cleaned of what its sender must not say, then finds the route. null: there is no route.
 */
export function match(request: RequestState): RouteHit | null {
  const { listener } = request;
  listener.stats.requests += 1;
  listener.stats.active += 1;
  // What an answer sent elsewhere was cleaned at its start.
  if (request.redirects === null) {
    if (request.inbound) request.peer = listener.peerOf(request.head);
    prepareRequest(request);
  }
  const hit = listener.routes.match(request.head, request.context.random, request, askedHost(request));
  if (hit === null) {
    if (listener.tracer !== null) request.span ??= listener.tracer.begin(request);
    return null;
  }
  request.route = hit.route;
  request.weighted = hit.cluster;
  request.virtualHost = hit.virtualHost;
  if (listener.tracer !== null) request.span ??= listener.tracer.begin(request);
  limitDuration(request, hit.route);
  return hit;
}

/** The route's word on how long a stream lasts, or the listener's. */
function limitDuration({ deadlines, listener, startedMs }: RequestState, route: Route): void {
  const durationMs = route.duration?.maxMs ?? listener.http.streamDurationMs;
  if (durationMs === 0) return;
  // One that an answer sent here has the end that it had, or a sooner one.
  deadlines.endMs = Math.min(deadlines.endMs, startedMs + durationMs);
  deadlines.arm(startedMs);
}

/** Finds the route anew, after a filter changed what routes look at. */
export function rematch(request: RequestState): void {
  const hit = request.listener.routes.match(
    request.head,
    request.context.random,
    request,
    askedHost(request),
  );
  request.route = hit?.route ?? null;
  request.weighted = hit?.cluster ?? null;
  request.virtualHost = hit?.virtualHost ?? '';
  if (hit !== null) limitDuration(request, hit.route);
}

/** Asks those who have not agreed yet, in their order. */
export function authorize(request: RequestState): 'allow' | 'wait' | Denial {
  const { steps } = request;
  if (steps === null) return 'allow';
  const { authorizers } = steps;
  request.phase = 'authorize';
  while (request.authorized < authorizers.length) {
    const outcome = authorizers[request.authorized]!.authorize(request);
    if (outcome === 'wait') limitWait(request);
    if (outcome !== 'allow') return outcome;
    request.authorized += 1;
  }
  return 'allow';
}

/** While it is held it has no cluster yet, whose word on this comes with `limit`. */
function limitWait({ context, deadlines, listener, requestEnded, route, startedMs }: RequestState): void {
  deadlines.idleSpanMs = route?.timeouts.idleMs ?? proxyLimits.streamIdleMs;
  const receiveMs = listener.http.requestTimeoutMs;
  if (!requestEnded && receiveMs > 0) deadlines.receiveMs = startedMs + receiveMs;
  deadlines.arm(context.clock.now());
}

/** What the route names, or the header that it names. */
export function clusterNamed({ head }: RequestState, { cluster, clusterHeader }: WeightedCluster): string {
  return clusterHeader === undefined ? cluster : (firstValue(head, clusterHeader) ?? '');
}

/** Opens the cluster's books, if it exists and is below its limit of requests. null: it may go on. */
export function limit(request: RequestState): ErrorCode | null {
  request.phase = 'limit';
  const { context, listener, route, startedMs, weighted } = request;
  const cluster = weighted === null ? undefined : context.clusters.get(clusterNamed(request, weighted));
  if (cluster === undefined) {
    listener.stats.noCluster += 1;
    return 'no-cluster';
  }
  const { config, stats } = cluster;
  if (route?.tally !== undefined) openTallies(request, route.tally);
  if (cluster.dropShare > 0 && context.random.float() < cluster.dropShare) {
    stats.dropped += 1;
    countAnswer(request, 503, cluster);
    return cluster.dropShare < 1 ? 'dropped' : 'all-dropped';
  }
  const lane = cluster.laneOf(route?.high === true);
  stats.requests += 1;
  if (!lane.breaker.tryRequest()) {
    stats.requestOverflow += 1;
    countAnswer(request, 503, cluster);
    return 'overflow';
  }
  request.cluster = cluster;
  request.lane = lane;
  stats.active += 1;
  lane.retryLimit?.onRequest(startedMs);
  request.retry = route?.retry ?? config.retry;
  if (request.wishes !== null) request.retry = wishedRetry(request.retry, request.wishes);
  const bufferBytesMax = route?.bufferBytesMax ?? listener.http.bufferBytesMax;
  const followed = route?.action.kind === 'forward' && route.action.redirects !== undefined;
  request.replayBytesMax =
    request.retry === null && !followed
      ? Math.min(bufferBytesMax, proxyLimits.replayBytesUnasked)
      : bufferBytesMax;
  request.requestMs = requestTimeMs(request);
  const { deadlines } = request;
  deadlines.idleSpanMs = route?.timeouts.idleMs ?? config.timeouts.idleMs ?? proxyLimits.streamIdleMs;
  const receiveMs = listener.http.requestTimeoutMs;
  if (!request.requestEnded && receiveMs > 0) deadlines.receiveMs = startedMs + receiveMs;
  if (request.complete) startDeadlines(request, startedMs);
  else limitByCaller(request);
  if (!request.requestEnded && request.head.find(headerId.expect) >= 0) answerExpectation(request);
  // Of the request as it was received: a rewrite must not move a client to another endpoint.
  if (route?.action.kind === 'forward' && route.action.hashPolicies !== undefined)
    request.hash = hashRequest(request, route.action.hashPolicies);
  nameDestination(request);
  prepareForward(request);
  if (route?.action.kind === 'forward' && route.action.mirrors !== undefined && request.upgrade === '')
    request.mirrors = openMirrors(request, route.action.mirrors);
  return null;
}

/**
 * Says 100 itself and keeps the expectation to itself, as Envoy does: many a server never answers one, and its client
 * would wait for a timeout of its own. What is refused before is refused without the body having been asked for.
 */
function answerExpectation(request: RequestState): void {
  if (request.listener.http.special?.passesExpectation === true) return;
  request.stream.sendInformational(createResponseHead(100, []));
  request.head.remove(headerId.expect);
  request.continued = true;
}

/** Chooses an endpoint, for retries another one where there is one. null: there is none. */
export function pick(request: RequestState, nowMs: number): Endpoint | null {
  request.phase = 'pick';
  request.nowMs = nowMs;
  const cluster = clusterOf(request);
  const { wanted } = request;
  const endpoint =
    request.attempts > 0
      ? pickAgain(request, cluster)
      : wanted === null
        ? cluster.pick(request)
        : cluster.pickWanted(request, wanted);
  if (endpoint === null) cluster.stats.noEndpoint += 1;
  return endpoint;
}

function pickAgain(request: RequestState, cluster: Cluster): Endpoint | null {
  const selection = request.retry?.selection;
  return selection === undefined ? cluster.pick(request) : pickForRetry(cluster, request, selection);
}

/** Begins an attempt: over a pooled connection it is forwarded at once. False: the queue for connections is full. */
export function connect(
  request: RequestState,
  attempt: Attempt,
  endpoint: Endpoint,
  freshConnection: boolean,
): boolean {
  request.phase = 'connect';
  request.state = 'connecting';
  request.attempts += 1;
  request.tried.push(endpoint);
  request.endpoint = endpoint;
  const { deadlines, nowMs } = request;
  deadlines.backoffMs = Number.POSITIVE_INFINITY;
  deadlines.attemptMs = Number.POSITIVE_INFINITY;
  deadlines.attemptIdleSpanMs = 0;
  if (request.complete) startAttemptDeadline(request, nowMs);
  deadlines.arm(nowMs);
  attempt.number = request.attempts;
  attempt.hedged = false;
  const cluster = clusterOf(request);
  if (endsConnect(request)) return attempt.beginRaw(cluster, endpoint, request.owner, nowMs);
  return attempt.begin(
    cluster,
    endpoint,
    endpoint.poolFor(
      versionFor(request.head, cluster.config),
      request.route?.high === true,
      request.owner,
      request.head,
    ),
    freshConnection,
    nowMs,
  );
}

/** Sends the head and what is here of the body. */
export function forward(
  request: RequestState,
  connection: UpstreamConnection,
  attempt: Attempt,
): ClientStream {
  request.phase = 'forward';
  request.state = 'forwarding';
  prepareAttempt(request, attempt);
  const { special } = request.listener.http;
  if (special !== null) markForward(request, special, connection.secure !== null);
  if (request.complete) startAttemptIdle(request, attempt.startedMs);
  const { body, requestTrailers } = request;
  // What the client sends ahead of the answer waits: until both ends agree it could be taken for another request.
  if (request.upgrade !== '') return connection.start(request.head, false, attempt);
  const endStream = request.requestEnded && body.length === 0 && requestTrailers === null;
  request.upstream = connection;
  request.forwardedMs = attempt.startedMs;
  if (request.tallies !== null) for (const tally of request.tallies) tally.attempts += 1;
  const stream = connection.start(request.head, endStream, attempt);
  if (endStream) return stream;
  const { stats } = clusterOf(request);
  request.deadlines.activityMs = attempt.startedMs;
  const writable = body.length === 0 || body.sendTo(stream);
  stats.bytesSent += body.length;
  if (!body.canKeep(0, request.replayBytesMax)) body.release();
  if (request.requestEnded) stream.sendEnd(requestTrailers);
  else if (writable) resumeRequest(request);
  else pauseRequest(request);
  return stream;
}

function countRetrySuccess(request: RequestState): void {
  clusterOf(request).stats.retrySuccess += 1;
  if (request.tallies !== null) for (const tally of request.tallies) tally.retrySuccess += 1;
}

/**
 * Passes the answer's head on; with `endStream` that was all of it, and the request is over. A denial: a filter does
 * not let it pass, and nothing was sent.
 */
export function relay(
  request: RequestState,
  attempt: Attempt,
  head: ResponseHead,
  endStream: boolean,
  nowMs: number,
): Denial | null {
  request.phase = 'relay';
  const { deadlines, owner, stream } = request;
  deadlines.attemptMs = Number.POSITIVE_INFINITY;
  deadlines.activityMs = nowMs;
  deadlines.receiveMs = Number.POSITIVE_INFINITY;
  countAnswer(request, head.status);
  if (request.tallies !== null)
    for (const { latency } of request.tallies) latency.record((nowMs - attempt.startedMs) / 1000);
  request.status = head.status;
  request.answeredMs = nowMs;
  request.responseHead = head;
  if (request.details === '') request.details = 'via_upstream';
  if (request.attempts > 1 && head.status < 500 && !attempt.hedged) countRetrySuccess(request);
  const denial = prepareResponse(request, head, endStream, nowMs - attempt.startedMs);
  if (denial !== null) return denial;
  if (opensTunnel(request.upgrade, head.status)) {
    openTunnel(request, attempt, head);
    if (request.listener.http.accessLogOptions.atTunnel)
      log(request, 'DownstreamTunnelSuccessfullyEstablished');
    return null;
  }
  if (endStream) {
    request.grpcStatus = grpcStatusOf(head);
    // The books are closed first: sending the end may begin the client's next request at once.
    settle(request, nowMs);
    stream.sendResponse(head, true);
    owner.onAnswered();
    return null;
  }
  request.state = 'relaying';
  request.body.release();
  stream.sendResponse(head, false);
  return null;
}

/**
 * The end, whatever the outcome. Every request passes here exactly once, before its last byte is sent.
 */
export function settle(request: RequestState, nowMs: number): void {
  closeBooks(
    request,
    request.grpcStatus > 0 ? grpcClass(request.grpcStatus) : statusClass(request.status),
    nowMs,
  );
  request.state = 'idle';
  request.body.reset();
  request.owner.onSettled(nowMs, request.requestEnded);
}

/** Its answer sends it elsewhere: that was one request, and nobody was answered; the same client waits for the next. */
export function sendElsewhere(
  request: RequestState,
  answer: ResponseHead,
  head: RequestHead,
  nowMs: number,
): void {
  request.status = answer.status;
  request.responseHead = answer;
  request.details = 'internal_redirect';
  closeBooks(request, 0, nowMs);
  request.restart(head);
}

/** Limits are released, what happened is counted and logged. */
function closeBooks(request: RequestState, answerClass: number, nowMs: number): void {
  const { cluster, listener } = request;
  const durationMs = nowMs - request.startedMs;
  const { stats } = listener;
  if (request.waiter !== null) {
    request.waiter.onAbandoned(request);
    request.waiter = null;
  }
  if (request.mirrors !== null) {
    request.mirrors.drop();
    request.mirrors = null;
  }
  if (request.requestTransform !== null || request.responseTransform !== null) closeTransforms(request);
  if (request.requestPace !== null || request.responsePace !== null) stopPaces(request);
  stats.active -= 1;
  if (request.upgradeAdmitted) stats.upgradesActive -= 1;
  stats.responses[answerClass]! += 1;
  stats.bytesReceived += request.bytesReceived;
  stats.bytesSent += request.bytesSent;
  if (request.failed) stats.failedPhases[request.phase] += 1;
  if (request.retrying !== null) endRetry(request);
  if (cluster !== null) {
    request.lane!.breaker.releaseRequest();
    cluster.stats.active -= 1;
    cluster.stats.responses[answerClass]! += 1;
    cluster.stats.bytesReceived += request.bytesSent;
    if (cluster.promises && isAnsweredFor(request, answerClass))
      cluster.onRequestEnd(answerClass === 5 || request.failed, durationMs, nowMs);
  }
  const route = request.route === null ? '' : request.route.name;
  const service = cluster === null ? serviceAsked(request) : cluster.config.service;
  listener.traffic.find(route, service, request.peer).record(answerClass, durationMs / 1000);
  request.settledMs = nowMs;
  if (request.span !== null) request.span.end(request, nowMs);
  if (request.periodic !== null) request.periodic.stop();
  if (listener.accessLogs !== null) log(request, 'DownstreamEnd');
}

/** A client that left, broke the protocol or did not send all of its request in time says nothing of the service. */
function isAnsweredFor({ failed, flags, status }: RequestState, answerClass: number): boolean {
  const client = flags === responseFlags.downstreamClosed || flags === responseFlags.downstreamProtocolError;
  return !(failed && (client || status === 408)) && (status !== 0 || answerClass !== 0);
}

/**
 * What a fault answered for is counted for the Service that was asked: the route says it, behind a gateway too; virtual
 * hosts of the mesh are named `<namespace>/<service>:<port>`.
 */
function serviceAsked({ route, virtualHost }: RequestState): string {
  if (route?.service !== undefined) return route.service;
  const end = virtualHost.lastIndexOf(':');
  return end > 0 && virtualHost.lastIndexOf('/', end) > 0 ? virtualHost.slice(0, end) : '';
}

/** Before the end: a line now, and one again and again, where the configuration wants them. */
export function beginLog(request: RequestState): void {
  const { accessLogs, http } = request.listener;
  const { atStart, intervalMs } = http.accessLogOptions;
  if (accessLogs === null) return;
  if (atStart) log(request, 'DownstreamStart');
  if (intervalMs === 0) return;
  request.periodic ??= new PeriodicLog(request.context.clock, () => log(request, 'DownstreamPeriodic'));
  request.periodic.start(intervalMs);
}

/** Its line in every access log of the listener that takes it. */
export function log(request: RequestState, type: LogType): void {
  const { accessLogs } = request.listener;
  if (accessLogs !== null) writeLogs(accessLogs, factsOf(request, type));
}

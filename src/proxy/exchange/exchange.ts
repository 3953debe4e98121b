// One request from head to log: the phases of docs/ARCHITECTURE.md (match, limit, pick, connect, forward, relay, settle, log) over the
// streams of two codecs. An HTTP/1.1 connection owns one exchange and uses it for all its requests, so a request allocates none of this.

import { assert, MeshError, type TimerHandler } from '../../base/index.ts';
import type { RetryPolicy, Route, WeightedCluster } from '../../policy/index.ts';
import type {
  ClientStream,
  Head,
  RequestHead,
  RequestReceiver,
  ResponseHead,
  ServerStream,
} from '../../wire/index.ts';
import type { DownstreamConnection } from '../downstream/connection.ts';
import type { RuntimeListener } from '../downstream/listener.ts';
import { proxyLimits } from '../limits.ts';
import { type ResponseFlag, responseFlags } from '../stats/index.ts';
import type { Cluster, Endpoint, UpstreamConnection } from '../upstream/index.ts';
import { Attempt } from './attempt.ts';
import { BodyBuffer } from './body-buffer.ts';
import type { ExchangeContext } from './context.ts';
import { Deadlines } from './deadlines.ts';
import { applyRequestEdits, prepareAttempt, prepareRequest } from './prepare-request.ts';
import { prepareResponse } from './prepare-response.ts';
import { answer, answerRedirect, replyError } from './reply.ts';
import { tryRetryAnswer, tryRetryFailure } from './retry.ts';
import { settle } from './settle.ts';

/**
 * idle -> connecting (an attempt waits for its connection) -> forwarding (request sent, no answer yet) -> relaying (answer's head passed
 * on) -> idle. backing-off: between two attempts. From every state but idle a failure, a timeout or a leaving client ends in idle.
 */
export type ExchangeState = 'idle' | 'connecting' | 'forwarding' | 'backing-off' | 'relaying';

const never = Number.POSITIVE_INFINITY;

export class Exchange implements RequestReceiver, TimerHandler {
  state: ExchangeState = 'idle';
  readonly context: ExchangeContext;
  readonly connection: DownstreamConnection;
  listener: RuntimeListener;
  stream: ServerStream | null = null;
  head: RequestHead | null = null;
  route: Route | null = null;
  weighted: WeightedCluster | null = null;
  cluster: Cluster | null = null;
  retry: RetryPolicy | null = null;
  method = '';
  /** Before a route rewrote it, for the log; null: it was not. */
  receivedPath: string | null = null;
  /** Who calls, on inbound listeners; '' where nobody said. */
  peer = '';
  requestId = '';
  traceId: string | null = null;
  startedMs = 0;
  startedWallMs = 0;
  /** Attempts begun, the current one included. */
  attempts = 0;
  readonly tried: Endpoint[] = [];
  attempt: Attempt;
  readonly body = new BodyBuffer();
  requestEnded = false;
  requestTrailers: Head | null = null;
  paused = false;
  bytesReceived = 0;
  bytesSent = 0;
  /** Status passed on or answered; 0: none. */
  status = 0;
  /** Envoy's response flags, joined by commas. */
  flags: string = responseFlags.none;
  readonly deadlines: Deadlines;

  constructor(context: ExchangeContext, connection: DownstreamConnection, listener: RuntimeListener) {
    this.context = context;
    this.connection = connection;
    this.listener = listener;
    this.deadlines = new Deadlines(context.clock, this);
    this.attempt = new Attempt(this);
  }

  /** Phases read head and match. */
  begin(stream: ServerStream, head: RequestHead, endStream: boolean): void {
    assert(this.state === 'idle', 'a connection runs one exchange at a time');
    this.reset(stream, head, endStream);
    const { listener } = this;
    listener.stats.requests += 1;
    listener.stats.active += 1;
    this.state = 'connecting';
    this.method = head.method;
    if (listener.config.direction === 'inbound') this.peer = listener.peerOf(head);
    const hit = listener.routes.match(head, this.context.random);
    prepareRequest(this, head);
    if (hit === null) {
      listener.stats.noRoute += 1;
      replyError(this, 'no-route', false);
      return;
    }
    this.route = hit.route;
    this.weighted = hit.cluster;
    const { action } = hit.route;
    if (action.kind === 'forward') this.limit(hit.route, hit.cluster);
    else if (action.kind === 'redirect') answerRedirect(this, hit.route);
    else answer(this, action.status, action.body);
  }

  /** Phases limit and pick. */
  private limit(route: Route, weighted: WeightedCluster | null): void {
    const cluster = weighted === null ? undefined : this.context.clusters.get(weighted.cluster);
    if (cluster === undefined) {
      this.listener.stats.noCluster += 1;
      const { action } = route;
      replyError(this, 'no-cluster', false, action.kind === 'forward' ? action.notFoundStatus : undefined);
      return;
    }
    const { stats, config } = cluster;
    stats.requests += 1;
    if (!cluster.breaker.tryRequest()) {
      stats.requestOverflow += 1;
      replyError(this, 'overflow', false);
      return;
    }
    this.cluster = cluster;
    stats.active += 1;
    cluster.budget?.onRequest(this.startedMs);
    this.retry = route.retry ?? config.retry;
    this.deadlines.idleSpanMs = route.timeouts.idleMs ?? config.timeouts.idleMs ?? proxyLimits.streamIdleMs;
    const receiveMs = this.listener.http.requestTimeoutMs;
    if (!this.requestEnded && receiveMs > 0) this.deadlines.receiveMs = this.startedMs + receiveMs;
    if (this.requestEnded) this.startDeadlines(this.startedMs);
    applyRequestEdits(this, this.head!);
    this.startAttempt(this.startedMs);
  }

  /** Phases pick and connect; for retries too. */
  startAttempt(nowMs: number): void {
    const cluster = this.cluster!;
    const endpoint = cluster.pick(nowMs, this.tried.length === 0 ? null : this.tried);
    if (endpoint === null) {
      cluster.stats.noEndpoint += 1;
      replyError(this, 'no-endpoint', false);
      return;
    }
    this.state = 'connecting';
    this.attempts += 1;
    this.tried.push(endpoint);
    this.deadlines.backoffMs = never;
    this.deadlines.attemptMs = this.requestEnded ? nowMs + (this.attemptMs() || never) : never;
    this.deadlines.arm(nowMs);
    prepareAttempt(this, this.head!, endpoint);
    if (this.attempt.begin(cluster, endpoint, nowMs)) return;
    replyError(this, 'overflow', false);
  }

  /** Phase forward: the attempt has its connection. */
  sendRequest(connection: UpstreamConnection, attempt: Attempt): ClientStream {
    this.state = 'forwarding';
    const { body } = this;
    const endStream = this.requestEnded && body.length === 0 && this.requestTrailers === null;
    const stream = connection.start(this.head!, endStream, attempt);
    if (endStream) return stream;
    this.deadlines.activityMs = attempt.startedMs;
    const writable = body.length === 0 || stream.sendBody(body.bytes, 0, body.length);
    this.cluster!.stats.bytesSent += body.length;
    if (body.length > this.cluster!.config.replayBytesMax) body.release();
    if (this.requestEnded) stream.sendEnd(this.requestTrailers);
    else if (writable) this.resumeRequest();
    else this.pauseRequest();
    return stream;
  }

  onBody(bytes: Uint8Array, start: number, end: number): void {
    const count = end - start;
    this.bytesReceived += count;
    const { body } = this;
    if (this.state === 'forwarding' || this.state === 'relaying') {
      this.keepForReplay(bytes, start, end);
      this.cluster!.stats.bytesSent += count;
      if (this.deadlines.idleSpanMs > 0) this.deadlines.activityMs = this.context.clock.now();
      if (!this.attempt.stream!.sendBody(bytes, start, end)) this.pauseRequest();
    } else if (this.state !== 'idle') {
      body.append(bytes, start, end);
      if (body.length > proxyLimits.heldBodyBytesMax) this.pauseRequest();
    }
  }

  onEnd(trailers: Head | null): void {
    this.requestEnded = true;
    this.requestTrailers = trailers;
    this.deadlines.receiveMs = never;
    if (this.state === 'idle') return;
    const now = this.context.clock.now();
    this.startDeadlines(now);
    if (this.state === 'connecting' || this.state === 'forwarding') {
      const attemptMs = this.attemptMs();
      if (attemptMs > 0) this.deadlines.attemptMs = now + attemptMs;
    }
    this.deadlines.arm(now);
    if (this.state === 'forwarding' || this.state === 'relaying') this.attempt.stream!.sendEnd(trailers);
  }

  /** The client left, or broke the protocol within its body. */
  onReset(error: MeshError): void {
    if (this.state === 'idle') return;
    const now = this.context.clock.now();
    const broken = error.source === 'downstream' && (error.code === 'protocol' || error.code === 'too-large');
    this.flags = broken ? responseFlags.downstreamProtocolError : responseFlags.downstreamClosed;
    if (!broken) {
      this.listener.stats.cancelled += 1;
      if (this.cluster !== null) this.cluster.stats.cancelled += 1;
    }
    this.attempt.cancel(now);
    settle(this, now);
  }

  onWritable(): void {
    if (this.state === 'relaying') this.attempt.stream!.resume();
  }

  // What the attempt tells.

  onAttemptInformational(head: ResponseHead): void {
    // A second 100 after a retry would answer nothing: the body is here.
    if (head.status === 100 && this.bytesReceived > 0) return;
    this.stream!.sendInformational(head);
  }

  /** Phase relay, or settle and try again. */
  onAttemptHead(attempt: Attempt, head: ResponseHead, endStream: boolean, nowMs: number): void {
    if (tryRetryAnswer(this, attempt, head, endStream, nowMs)) return;
    this.deadlines.attemptMs = never;
    this.deadlines.activityMs = nowMs;
    this.status = head.status;
    if (this.attempts > 1 && head.status < 500) this.cluster!.stats.retrySuccess += 1;
    prepareResponse(this, head, nowMs - attempt.startedMs);
    const stream = this.stream!;
    if (endStream) {
      // The books are closed first: sending the end may begin the client's next request at once.
      settle(this, nowMs);
      stream.sendResponse(head, true);
      this.connection.onAnswered();
      return;
    }
    this.state = 'relaying';
    this.body.release();
    stream.sendResponse(head, false);
  }

  onAttemptBody(bytes: Uint8Array, start: number, end: number): void {
    const count = end - start;
    this.bytesSent += count;
    if (this.deadlines.idleSpanMs > 0) this.deadlines.activityMs = this.context.clock.now();
    if (!this.stream!.sendBody(bytes, start, end)) this.attempt.stream!.pause();
  }

  onAttemptEnd(trailers: Head | null): void {
    const stream = this.stream!;
    settle(this, this.context.clock.now());
    stream.sendEnd(trailers);
    this.connection.onAnswered();
  }

  /** `unsent`: nothing of the attempt reached the endpoint. */
  onAttemptFailed(attempt: Attempt, error: MeshError, unsent: boolean, nowMs: number): void {
    if (this.state === 'relaying') {
      this.truncate(error, nowMs);
      return;
    }
    if (tryRetryFailure(this, attempt, error, unsent, nowMs)) return;
    replyError(this, error.code, !unsent);
  }

  onAttemptWritable(): void {
    this.resumeRequest();
  }

  onTimer(_kind: number, nowMs: number): void {
    if (this.state === 'idle') return;
    const over = this.deadlines.expired(nowMs);
    if (over === 'request') this.timeOut('request-timeout', nowMs);
    else if (over === 'receive') this.timeOut('head-timeout', nowMs);
    else if (over === 'attempt') this.timeOutAttempt(nowMs);
    else if (over === 'backoff') this.startAttempt(nowMs);
    else if (over === 'idle') this.timeOut('idle-timeout', nowMs);
    else this.deadlines.arm(nowMs);
  }

  /** Waits `delayMs`, then tries again; at once when it is 0. */
  scheduleRetry(delayMs: number, nowMs: number): void {
    this.deadlines.attemptMs = never;
    if (delayMs <= 0) {
      this.startAttempt(nowMs);
      return;
    }
    this.state = 'backing-off';
    this.deadlines.backoffMs = nowMs + delayMs;
    this.deadlines.arm(nowMs);
  }

  /** The connection is gone for good. */
  close(): void {
    this.deadlines.stop();
  }

  private timeOutAttempt(nowMs: number): void {
    this.cluster!.stats.attemptTimeouts += 1;
    const sent = this.attempt.state !== 'waiting';
    const error = new MeshError(
      'attempt-timeout',
      'upstream',
      sent ? 'no' : 'yes',
      'the attempt took too long',
    );
    this.attempt.timeOut(error, nowMs);
    if (!tryRetryFailure(this, this.attempt, error, !sent, nowMs)) replyError(this, 'attempt-timeout', sent);
  }

  private timeOut(code: 'request-timeout' | 'idle-timeout' | 'head-timeout', nowMs: number): void {
    const { stats } = this.cluster!;
    if (code === 'request-timeout') stats.requestTimeouts += 1;
    else stats.idleTimeouts += 1;
    const error = new MeshError(code, 'internal', 'no', 'the request took too long');
    const sent = this.attempt.state === 'sent' || this.attempt.state === 'answered';
    // Whose fault it was: an endpoint that owes an answer, or a client that owes the rest of its request.
    if (code === 'request-timeout' || this.requestEnded) this.attempt.timeOut(error, nowMs);
    else this.attempt.cancel(nowMs);
    if (this.state === 'relaying') this.truncate(error, nowMs);
    else replyError(this, code === 'idle-timeout' && !this.requestEnded ? 'head-timeout' : code, sent);
  }

  /** The answer has begun and cannot be completed: the client must see that, so its connection is reset. */
  private truncate(error: MeshError, nowMs: number): void {
    const stream = this.stream!;
    this.cluster!.stats.truncated += 1;
    this.flags = truncatedFlags(error);
    settle(this, nowMs);
    stream.reset(error);
  }

  private keepForReplay(bytes: Uint8Array, start: number, end: number): void {
    const { body } = this;
    if (!body.complete) return;
    if (body.length + end - start <= this.cluster!.config.replayBytesMax) body.append(bytes, start, end);
    else body.release();
  }

  private pauseRequest(): void {
    if (this.paused || this.requestEnded) return;
    this.paused = true;
    this.stream!.pause();
  }

  private resumeRequest(): void {
    if (!this.paused) return;
    this.paused = false;
    this.stream?.resume();
  }

  private attemptMs(): number {
    return this.route!.timeouts.attemptMs ?? this.cluster!.config.timeouts.attemptMs ?? 0;
  }

  /** Envoy's rule: the time for the answer runs from the end of the request, so a slow upload does not eat it. */
  private startDeadlines(nowMs: number): void {
    const requestMs = this.route!.timeouts.requestMs ?? this.cluster!.config.timeouts.requestMs ?? 0;
    if (requestMs > 0) this.deadlines.requestMs = nowMs + requestMs;
  }

  private reset(stream: ServerStream, head: RequestHead, endStream: boolean): void {
    const { clock } = this.context;
    this.stream = stream;
    this.head = head;
    this.receivedPath = null;
    this.requestEnded = endStream;
    this.startedMs = clock.now();
    this.deadlines.reset(this.startedMs);
    this.startedWallMs = this.listener.accessLog === null ? 0 : clock.wall();
    this.route = null;
    this.weighted = null;
    this.cluster = null;
    this.retry = null;
    this.peer = '';
    this.attempts = 0;
    this.tried.length = 0;
    this.requestTrailers = null;
    this.paused = false;
    this.bytesReceived = 0;
    this.bytesSent = 0;
    this.status = 0;
    this.flags = responseFlags.none;
    if (this.attempt.state !== 'idle') this.attempt = new Attempt(this);
  }
}

function truncatedFlags(error: MeshError): ResponseFlag {
  if (error.code === 'request-timeout') return responseFlags.upstreamTimeout;
  if (error.code === 'idle-timeout') return responseFlags.streamIdle;
  return error.code === 'protocol' ? responseFlags.upstreamProtocolError : responseFlags.upstreamClosed;
}

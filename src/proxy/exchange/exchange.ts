// The machine that moves one request through its phases (phases.ts) over the streams of two codecs, and says what
// follows when one of them fails. An HTTP/1.1 connection uses one exchange for all its requests, so a request allocates
// none of this.

import { assert, type Clock, type ErrorCode, MeshError, type TimerHandler } from '../../base/index.ts';
import {
  type ClientStream,
  type Head,
  headerId,
  type RequestHead,
  type RequestReceiver,
  type ResponseHead,
  type ServerStream,
} from '../../wire/index.ts';
import { proxyLimits } from '../limits.ts';
import { type RetryReason, responseFlags } from '../stats/index.ts';
import type { UpstreamConnection } from '../upstream/index.ts';
import { Attempt, type AttemptOwner } from './attempt.ts';
import { type BodyTransform, TransformError } from './body-transform.ts';
import type { ExchangeContext } from './context.ts';
import { Deadlines } from './deadlines.ts';
import { createGrpcTrailers, grpcStatusFor, grpcStatusOf, grpcUnknown, grpcUnsaid } from './grpc.ts';
import { durationOver, localReplies, truncatedFlags } from './local-replies.ts';
import type { ExchangeOwner } from './owner.ts';
import {
  authorize,
  beginLog,
  connect,
  forward,
  limit,
  match,
  pick,
  relay,
  settle,
  startAttemptDeadline,
  startDeadlines,
} from './phases.ts';
import { answer, answerRedirect, deny, overloaded, replyError, unknownClient } from './reply.ts';
import {
  clusterOf,
  type Denial,
  type ExchangeListener,
  type ExchangeState,
  pauseRequest,
  type RequestCopies,
  RequestState,
  resumeRequest,
  traceKey,
} from './request-state.ts';
import { answerReason, judgeAnswer, judgeFailure } from './retry.ts';
import { transformed, transformedEnd, unreadableBody } from './transform.ts';
import { admitUpgrade, endClientHalf, endEndpointHalf, upgradeRefused } from './tunnel.ts';

const never = Number.POSITIVE_INFINITY;

export class Exchange implements RequestReceiver, AttemptOwner, TimerHandler {
  readonly clock: Clock;
  private readonly deadlines: Deadlines;
  private readonly request: RequestState;
  private attempt: Attempt;
  /** While backing off: the next attempt wants a connection that has carried nothing yet. */
  private freshConnection = false;

  constructor(context: ExchangeContext, owner: ExchangeOwner, listener: ExchangeListener) {
    this.clock = context.clock;
    this.deadlines = new Deadlines(context.clock, this);
    this.request = new RequestState(context, owner, listener, this.deadlines, this);
    this.attempt = new Attempt(this);
  }

  get state(): ExchangeState {
    return this.request.state;
  }

  get inbound(): boolean {
    return this.request.inbound;
  }

  /** Of the request's body, for its connection or a retry. */
  get heldBytes(): number {
    return this.request.state === 'idle' ? 0 : this.request.body.length;
  }

  get upgrade(): string {
    return this.request.upgrade;
  }

  begin(stream: ServerStream, head: RequestHead, endStream: boolean): void {
    const { request } = this;
    assert(request.state === 'idle', 'an exchange runs one request at a time');
    if (this.attempt.state !== 'idle') this.attempt = new Attempt(this);
    request.reset(stream, head, endStream);
    request.state = 'authorizing';
    match(request);
    if (request.listener.accessLogs !== null) beginLog(request);
    const { overload } = request.context;
    if (request.rejectStatus > 0) deny(request, unknownClient(request.rejectStatus));
    else if (request.rejection !== null) deny(request, request.rejection);
    else if (overload.refuseRequests > 0 && request.context.random.float() < overload.refuseRequests)
      deny(request, overloaded(request));
    else if (request.upgrade !== '' && !admitUpgrade(request)) deny(request, upgradeRefused);
    else this.proceed();
  }

  /** Goes on after the match; again when an authorizer that had to wait agrees. */
  proceed(): void {
    const { request } = this;
    const outcome = this.ask();
    if (outcome === 'wait') return;
    if (outcome !== 'allow') {
      deny(request, outcome);
      return;
    }
    const { route } = request;
    if (route === null) {
      request.phase = 'match';
      replyError(request, 'no-route');
      return;
    }
    const { action } = route;
    if (action.kind === 'redirect') answerRedirect(request, route);
    else if (action.kind === 'respond') answer(request, action.status, action.body);
    else this.enter(action.notFoundStatus);
  }

  /** What is held of a body may pass through a transform here. */
  private ask(): 'allow' | 'wait' | Denial {
    try {
      return authorize(this.request);
    } catch (error) {
      if (error instanceof TransformError) return unreadableBody(error);
      throw error;
    }
  }

  onBody(bytes: Uint8Array, start: number, end: number): void {
    const { request } = this;
    const { requestTransform } = request;
    request.bytesReceived += end - start;
    if (requestTransform === null || request.upgrade !== '') {
      this.takeBody(bytes, start, end);
      return;
    }
    const made = transformed(requestTransform, bytes, start, end);
    if (made instanceof TransformError) this.failTransform(made);
    else if (made.length > 0) this.takeBody(made, 0, made.length);
  }

  private failTransform(error: TransformError): void {
    const { attempt, request } = this;
    const now = this.clock.now();
    if (request.state === 'idle') return;
    attempt.cancel(now);
    if (request.state !== 'relaying') deny(request, unreadableBody(error));
    else this.truncate(new MeshError('protocol', 'downstream', 'no', error.message), now);
  }

  private takeBody(bytes: Uint8Array, start: number, end: number): void {
    const { request } = this;
    const count = end - start;
    if (request.mirrors !== null) request.mirrors.onBody(bytes, start, end);
    const passes = request.state === 'relaying' || (request.state === 'forwarding' && request.upgrade === '');
    if (passes) {
      const cluster = clusterOf(request);
      const { body } = request;
      if (body.complete) {
        if (body.canKeep(count, request.replayBytesMax)) body.append(bytes, start, end);
        else body.release();
      }
      cluster.stats.bytesSent += count;
      this.deadlines.touch();
      if (!this.attempt.sendBody(bytes, start, end)) pauseRequest(request);
    } else if (request.state !== 'idle') {
      request.body.append(bytes, start, end);
      if (request.body.length > request.heldBytesMax) pauseRequest(request);
      if (request.waiter !== null) request.waiter.onHeldBody?.(request);
    }
  }

  onEnd(trailers: Head | null): void {
    const { request, deadlines } = this;
    if (request.requestTransform !== null && !this.endTransform(request.requestTransform, trailers)) return;
    request.requestEnded = true;
    request.requestTrailers = trailers;
    deadlines.receiveMs = never;
    const now = this.clock.now();
    request.requestEndedMs = now;
    const { state } = request;
    if (state === 'authorizing' && request.waiter !== null) request.waiter.onHeldEnd?.(request);
    if (state === 'idle' || state === 'authorizing') return;
    if (request.upgrade !== '') {
      if (endClientHalf(request, this.attempt)) settle(request, now);
      return;
    }
    const { mirrors } = request;
    request.mirrors = null;
    startDeadlines(request, now);
    if (state === 'connecting' || state === 'forwarding') startAttemptDeadline(request, now);
    deadlines.arm(now);
    if (state === 'forwarding' || state === 'relaying') this.attempt.sendEnd(trailers);
    if (mirrors !== null) mirrors.send();
  }

  /** The codec refused the rest of the request and answered `status` (0: an answer had begun); `onReset` follows. */
  onRefused(status: number, reason: string): void {
    const { request } = this;
    if (request.state === 'idle') return;
    if (request.status === 0) request.status = status;
    request.details = reason;
  }

  /** False: there was no end to make. */
  private endTransform(transform: BodyTransform, trailers: Head | null): boolean {
    const made = transformedEnd(transform, trailers);
    if (made instanceof TransformError) this.failTransform(made);
    else if (made.length > 0) this.takeBody(made, 0, made.length);
    return !(made instanceof TransformError);
  }

  /** The client left, or broke the protocol within its body. */
  onReset(error: MeshError): void {
    const { request } = this;
    if (request.state === 'idle') return;
    const now = this.clock.now();
    const broken = error.source === 'downstream' && (error.code === 'protocol' || error.code === 'too-large');
    request.flags = broken ? responseFlags.downstreamProtocolError : responseFlags.downstreamClosed;
    if (!broken) request.details = 'downstream_remote_disconnect';
    request.failed = true;
    if (broken) request.details = error.message;
    else {
      request.listener.stats.cancelled += 1;
      if (request.cluster !== null) request.cluster.stats.cancelled += 1;
      // Who called has gone, perhaps to try elsewhere: what its request made the application call need not be tried
      // again.
      if (request.inbound) request.context.retriedAbove.note(traceKey(request), now);
    }
    this.attempt.cancel(now);
    settle(request, now);
  }

  onWritable(): void {
    if (this.request.state === 'relaying') this.attempt.resume();
  }

  // What attempts tell.

  sendRequest(connection: UpstreamConnection, attempt: Attempt): ClientStream {
    return forward(this.request, connection, attempt);
  }

  onAttemptInformational(_attempt: Attempt, head: ResponseHead): void {
    // A second 100 after a retry would answer nothing: the body is here.
    const { request } = this;
    if (head.status === 100 && (request.continued || request.bytesReceived > 0)) return;
    request.stream.sendInformational(head);
  }

  onAttemptHead(attempt: Attempt, head: ResponseHead, endStream: boolean, nowMs: number): void {
    const { request } = this;
    const { refusal } = attempt;
    if (refusal === 'unsent') clusterOf(request).stats.refusedUnsent += 1;
    else request.sent = true;
    if (refusal === 'sent') clusterOf(request).stats.refusedSent += 1;
    const verdict = judgeAnswer(request, attempt, head, nowMs);
    if (verdict?.decision === 'retry') {
      this.leave(attempt, head, endStream, nowMs);
      this.retry(answerReason(attempt, head), verdict.delayMs, false, nowMs);
      return;
    }
    if (refusal === 'unsent' && head.status === 421) {
      // A stale address answered for another service. That is no answer for this client.
      this.leave(attempt, head, endStream, nowMs);
      replyError(request, 'misdirected');
      return;
    }
    if (verdict?.decision === 'exhausted') request.flags = responseFlags.retryLimit;
    const denial = relay(request, attempt, head, endStream, nowMs);
    if (denial === null) return;
    this.leave(attempt, head, endStream, nowMs);
    request.steps = null;
    deny(request, denial);
  }

  onAttemptBody(attempt: Attempt, bytes: Uint8Array, start: number, end: number): void {
    const { request, deadlines } = this;
    deadlines.touch();
    const { responseTransform } = request;
    if (responseTransform === null) {
      request.bytesSent += end - start;
      if (!request.stream.sendBody(bytes, start, end)) attempt.pause();
    } else this.sendTransformed(transformed(responseTransform, bytes, start, end));
  }

  /** False: there was nothing to send, because the answer cannot be read. */
  private sendTransformed(made: Uint8Array | TransformError): boolean {
    const { attempt, request } = this;
    if (made instanceof TransformError) {
      const now = this.clock.now();
      attempt.cancel(now);
      this.truncate(new MeshError('protocol', 'upstream', 'no', made.message), now);
      return false;
    }
    request.bytesSent += made.length;
    if (made.length > 0 && !request.stream.sendBody(made, 0, made.length) && attempt.running) attempt.pause();
    return true;
  }

  onAttemptEnd(attempt: Attempt, trailers: Head | null): void {
    const { request } = this;
    const { owner, stream } = request;
    if (request.tunnelOpen && !endEndpointHalf(request, attempt)) return;
    const { responseTransform } = request;
    if (responseTransform !== null && !this.sendTransformed(transformedEnd(responseTransform, trailers)))
      return;
    if (trailers !== null) request.grpcStatus = grpcStatusOf(trailers);
    request.responseTrailers = trailers;
    if (attempt.answersGrpc && request.grpcStatus === grpcUnsaid) request.grpcStatus = grpcUnknown;
    settle(request, this.clock.now());
    stream.sendEnd(responseTransform?.takesTrailers ? null : trailers);
    owner.onAnswered();
  }

  onAttemptFailed(attempt: Attempt, error: MeshError, unsent: boolean, nowMs: number): void {
    const { request } = this;
    if (!unsent) request.sent = true;
    if (request.state === 'relaying') {
      this.truncate(error, nowMs);
      return;
    }
    const verdict = judgeFailure(request, attempt, error, unsent, nowMs);
    if (verdict.decision === 'retry') {
      this.retry(error.code, verdict.delayMs, verdict.freshConnection, nowMs);
      return;
    }
    if (verdict.decision === 'exhausted') request.flags = responseFlags.retryLimit;
    replyError(request, error.code);
  }

  onAttemptWritable(): void {
    resumeRequest(this.request);
  }

  onTimer(_kind: number, nowMs: number): void {
    if (this.request.state === 'idle') return;
    const over = this.deadlines.expired(nowMs);
    if (over === 'end') this.timeOutStream(nowMs);
    else if (over === 'request') this.timeOut('request-timeout', nowMs);
    else if (over === 'receive') this.timeOut('head-timeout', nowMs);
    else if (over === 'attempt' || over === 'attempt-idle') this.timeOutAttempt(over, nowMs);
    else if (over === 'backoff') this.goOn(nowMs);
    else if (over === 'idle') this.timeOut('idle-timeout', nowMs);
    else this.deadlines.arm(nowMs);
  }

  /** The connection is gone for good. */
  close(): void {
    this.deadlines.stop();
  }

  /** The time of a back-off, or of a filter's delay, is over. */
  private goOn(nowMs: number): void {
    const { deadlines, request } = this;
    if (request.state === 'backing-off') {
      this.startAttempt(this.freshConnection, nowMs);
      return;
    }
    deadlines.backoffMs = never;
    if (request.state === 'authorizing') this.proceed();
  }

  private enter(notFoundStatus: number | undefined): void {
    const { request } = this;
    const refused = limit(request);
    if (refused === null && request.mirrors !== null) this.startMirrored(request.mirrors);
    else if (refused === null) this.startAttempt(false, request.startedMs);
    else replyError(request, refused, refused === 'no-cluster' ? notFoundStatus : undefined);
  }

  /** Copies leave when the request is complete and on its way. */
  private startMirrored(mirrors: RequestCopies): void {
    const { request } = this;
    const whole = request.requestEnded;
    if (whole) request.mirrors = null;
    this.startAttempt(false, request.startedMs);
    if (whole) mirrors.send();
  }

  private startAttempt(freshConnection: boolean, nowMs: number): void {
    const { request } = this;
    const endpoint = pick(request, nowMs);
    if (endpoint === null) replyError(request, 'no-endpoint');
    else if (!connect(request, this.attempt, endpoint, freshConnection)) replyError(request, 'overflow');
  }

  private retry(reason: RetryReason, delayMs: number, freshConnection: boolean, nowMs: number): void {
    const { request, deadlines } = this;
    clusterOf(request).stats.countRetry(reason);
    deadlines.attemptMs = never;
    request.phase = 'settle';
    if (delayMs <= 0) {
      this.startAttempt(freshConnection, nowMs);
      return;
    }
    this.freshConnection = freshConnection;
    request.state = 'backing-off';
    deadlines.backoffMs = nowMs + delayMs;
    deadlines.arm(nowMs);
  }

  /** Goes off an answer that is not passed on. A short one is read to its end, so that the connection stays. */
  private leave(attempt: Attempt, head: ResponseHead, endStream: boolean, nowMs: number): void {
    if (endStream) return;
    const length = Number(head.get(headerId['content-length']) ?? proxyLimits.discardBytesMax + 1);
    if (this.request.requestEnded && length <= proxyLimits.discardBytesMax) {
      attempt.discard();
      this.attempt = new Attempt(this);
    } else {
      attempt.cancel(nowMs);
    }
  }

  private timeOutAttempt(over: 'attempt' | 'attempt-idle', nowMs: number): void {
    const { attempt, request } = this;
    const { stats } = clusterOf(request);
    if (over === 'attempt') stats.attemptTimeouts += 1;
    else stats.attemptIdleTimeouts += 1;
    this.deadlines.attemptIdleSpanMs = 0;
    const sent = attempt.sent;
    const retry = sent ? 'if-unsent' : 'yes';
    const error = new MeshError('attempt-timeout', 'upstream', retry, 'the attempt took too long');
    attempt.timeOut(error, nowMs);
    this.onAttemptFailed(attempt, error, !sent, nowMs);
  }

  private timeOut(code: 'request-timeout' | 'idle-timeout' | 'head-timeout', nowMs: number): void {
    const { attempt, request } = this;
    const { stats } = clusterOf(request);
    if (code === 'request-timeout') stats.requestTimeouts += 1;
    else if (code === 'idle-timeout') request.listener.stats.requestIdleTimeouts += 1;
    else request.listener.stats.requestTimeouts += 1;
    const error = new MeshError(code, 'internal', 'no', 'the request took too long');
    if (attempt.sent) request.sent = true;
    // Whose fault it was: an endpoint that owes an answer, or a client that owes the rest of its request.
    if (code === 'request-timeout' || request.requestEnded) attempt.timeOut(error, nowMs);
    else attempt.cancel(nowMs);
    if (request.state === 'relaying') {
      this.truncate(error, nowMs);
      return;
    }
    const told: ErrorCode = code === 'idle-timeout' && !request.requestEnded ? 'head-timeout' : code;
    replyError(request, told);
  }

  private timeOutStream(nowMs: number): void {
    const { attempt, request } = this;
    request.listener.stats.requestsTooLong += 1;
    if (attempt.sent) request.sent = true;
    attempt.cancel(nowMs);
    if (request.state === 'relaying') {
      this.truncate(
        new MeshError('cancelled', 'internal', 'no', 'the stream lasted as long as it may'),
        nowMs,
      );
      return;
    }
    request.failed = true;
    deny(request, durationOver(request.requestEnded));
  }

  /**
   * The answer has begun and cannot be completed: the client must see that, so its connection is reset. To a caller of
   * gRPC it is said in the trailers that it waits for.
   */
  private truncate(error: MeshError, nowMs: number): void {
    const { request } = this;
    const { owner, stream } = request;
    clusterOf(request).stats.truncated += 1;
    request.flags = truncatedFlags(error);
    request.failed = true;
    const { responseTransform: transform } = request;
    const inBody = transform?.takesTrailers === true;
    const { body, status } = localReplies[error.code];
    const trailers = createGrpcTrailers(grpcStatusFor(status, error.code), body);
    const rest = transform === null ? nothing : transformedEnd(transform, trailers);
    const canEnd = this.attempt.answersGrpc && (inBody || request.head.version === 2);
    if (!canEnd || rest instanceof TransformError) {
      settle(request, nowMs);
      stream.reset(error);
      return;
    }
    request.grpcStatus = grpcStatusOf(trailers);
    if (rest.length > 0) stream.sendBody(rest, 0, rest.length);
    settle(request, nowMs);
    stream.sendEnd(inBody ? null : trailers);
    owner.onAnswered();
  }
}

const nothing = new Uint8Array(0);

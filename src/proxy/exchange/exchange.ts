// The machine that moves one request through its phases (phases.ts) over the streams of two codecs, and says what
// follows when one of them fails. Bodies have pumps of their own (pump-request.ts, pump-response.ts). An exchange is
// lent to a connection while it has a request (idle-exchanges.ts), so a request allocates none of this.

import { assert, type Clock, type ErrorCode, MeshError, type TimerHandler } from '../../base/index.ts';
import type {
  ClientStream,
  Head,
  RequestHead,
  RequestReceiver,
  ResponseHead,
  ServerStream,
} from '../../wire/index.ts';
import { type RetryReason, responseFlags } from '../stats/index.ts';
import type { UpstreamConnection } from '../upstream/index.ts';
import type { Attempt, AttemptOwner } from './attempt.ts';
import { Attempts } from './attempts.ts';
import type { PacedBody } from './body-pace.ts';
import { TransformError } from './body-transform.ts';
import type { ExchangeContext } from './context.ts';
import { Deadlines } from './deadlines.ts';
import { nobody } from './detect-origin.ts';
import { followRedirect } from './follow-redirect.ts';
import { badWish, localReplies } from './local-replies.ts';
import type { ExchangeOwner } from './owner.ts';
import { PacedRequestBody, PacedResponseBody } from './paced-bodies.ts';
import { resumeRequest } from './pacing.ts';
import {
  authorize,
  beginLog,
  connect,
  forward,
  limit,
  match,
  pick,
  relay,
  sendElsewhere,
  settle,
} from './phases.ts';
import { endRequest, finishRequestBody, pumpRequestBody } from './pump-request.ts';
import { endResponse, pumpResponseBody, truncate } from './pump-response.ts';
import {
  answer,
  answerRedirect,
  deny,
  overloaded,
  refuseMalformed,
  replyError,
  unknownClient,
} from './reply.ts';
import {
  clusterOf,
  type Denial,
  type ExchangeListener,
  type ExchangeState,
  type RequestCopies,
  RequestState,
  traceKey,
} from './request-state.ts';
import { isCallOver } from './request-times.ts';
import { answerReason, hedges, isUnwelcome, judgeAnswer, judgeFailure, judgeHedge } from './retry.ts';
import { codeToTell, countAnswer } from './tally.ts';
import { endLongStream, timeOut } from './time-out.ts';
import { unreadableBody } from './transform.ts';
import { admitUpgrade, endClientHalf, endEndpointHalf, upgradeRefused } from './tunnel.ts';

const never = Number.POSITIVE_INFINITY;

export class Exchange implements RequestReceiver, AttemptOwner, TimerHandler {
  readonly clock: Clock;
  private readonly deadlines: Deadlines;
  private readonly request: RequestState;
  private readonly attempts: Attempts;
  /** While backing off: the next attempt wants a connection that has carried nothing yet. */
  private freshConnection = false;

  constructor(context: ExchangeContext, listener: ExchangeListener) {
    this.clock = context.clock;
    this.deadlines = new Deadlines(context.clock, this);
    this.request = new RequestState(context, listener, this.deadlines, this);
    this.attempts = new Attempts(this.request, this);
  }

  /** Whose requests it runs from here on. */
  serve(owner: ExchangeOwner): void {
    this.request.owner = owner;
  }

  /** Lets go of all that its last request was about: what waits for the next one keeps nothing alive. */
  forget(): void {
    assert(this.state === 'idle', 'a request that runs is not forgotten');
    this.request.forget();
    this.attempts.forgetAll();
  }

  get state(): ExchangeState {
    return this.request.state;
  }

  get inbound(): boolean {
    return this.request.inbound;
  }

  /** Of its bodies: for a connection or a retry, or because they are paced. */
  get heldBytes(): number {
    const { body, requestPace, responsePace, state } = this.request;
    return state === 'idle' ? 0 : body.length + (requestPace?.held ?? 0) + (responsePace?.held ?? 0);
  }

  get upgrade(): string {
    return this.request.upgrade;
  }

  begin(stream: ServerStream, head: RequestHead, endStream: boolean): void {
    const { request } = this;
    assert(request.state === 'idle', 'an exchange runs one request at a time');
    this.attempts.reset();
    request.reset(stream, head, endStream);
    this.start();
  }

  private start(): void {
    const { request } = this;
    request.state = 'authorizing';
    match(request);
    if (request.listener.accessLogs !== null) beginLog(request);
    const { overload } = request.context;
    const { rejectStatus } = request.detected ?? nobody;
    const rejection = rejectStatus > 0 ? unknownClient(rejectStatus) : request.rejection;
    if (rejection !== null) refuseMalformed(request, rejection);
    else if (overload.refuseRequests > 0 && request.context.random.float() < overload.refuseRequests)
      deny(request, overloaded(request));
    else if (request.upgrade !== '' && !admitUpgrade(request)) deny(request, upgradeRefused);
    else this.proceed();
  }

  pacedBody(side: 'request' | 'response'): PacedBody {
    const { attempts, request } = this;
    if (side === 'response') return new PacedResponseBody(request, attempts);
    return new PacedRequestBody(request, attempts, (trailers) => this.onWhole(trailers));
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
      request.listener.stats.noRoute += 1;
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
    pumpRequestBody(this.request, this.attempts, bytes, start, end);
  }

  onEnd(trailers: Head | null): void {
    const { attempts, request } = this;
    const { requestPace, requestTransform, stream } = request;
    if (requestTransform !== null && !finishRequestBody(request, attempts, requestTransform, trailers))
      return;
    // Who was given the last of it may have answered, and another request run here.
    if (request.stream !== stream) return;
    this.deadlines.receiveMs = never;
    if (!requestPace?.end(trailers)) this.onWhole(trailers);
  }

  /** All of its body went where it can go. */
  private onWhole(trailers: Head | null): void {
    const { attempts, request } = this;
    const now = this.clock.now();
    request.requestEnded = true;
    request.requestTrailers = trailers;
    request.requestEndedMs = now;
    const { state } = request;
    if (state === 'authorizing' && request.waiter !== null) request.waiter.onHeldEnd?.(request);
    if (state === 'idle' || state === 'authorizing') return;
    if (request.upgrade === '') endRequest(request, attempts, now);
    else if (endClientHalf(request, attempts.current)) settle(request, now);
  }

  /** The codec refused the rest of the request and answered `status` (0: an answer had begun); `onReset` follows. */
  onRefused(status: number, reason: string): void {
    const { request } = this;
    if (request.state === 'idle') return;
    if (request.status === 0) request.status = status;
    request.details = reason;
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
    this.attempts.cancel(now);
    settle(request, now);
  }

  onWritable(): void {
    const { responsePace, state } = this.request;
    if (responsePace !== null) responsePace.onWritable();
    else if (state === 'relaying') this.attempts.current.resume();
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
    if (attempt.hedged) {
      const waits = this.attempts.othersRun(attempt) && isUnwelcome(request, attempt, head, nowMs);
      if (waits) this.drop(attempt, head, endStream, nowMs);
      else this.answerWith(attempt, head, endStream, nowMs);
      return;
    }
    const verdict = judgeAnswer(request, attempt, head, nowMs);
    if (verdict?.decision === 'retry') {
      if (!endStream) this.attempts.leave(attempt, head, nowMs);
      clusterOf(request).stats.retriedAnswers.count(codeToTell(request, head.status));
      this.retry(answerReason(attempt, head), verdict.delayMs, false, nowMs);
      return;
    }
    if (verdict?.decision === 'exhausted') request.flags = responseFlags.retryLimit;
    const unwelcome = verdict !== null && (verdict.decision !== 'not-retryable' || refusal === 'unsent');
    if (unwelcome && this.attempts.othersRun(attempt)) this.drop(attempt, head, endStream, nowMs);
    else this.answerWith(attempt, head, endStream, nowMs);
  }

  /** Another one may still do better. */
  private drop(attempt: Attempt, head: ResponseHead, endStream: boolean, nowMs: number): void {
    if (!endStream) this.attempts.leave(attempt, head, nowMs);
    this.attempts.forget(attempt);
    if (!attempt.hedged) this.waitForRivals();
  }

  /** None runs but those that took too long already. */
  private waitForRivals(): void {
    const { deadlines, request } = this;
    request.state = 'forwarding';
    deadlines.attemptMs = never;
    deadlines.attemptIdleSpanMs = 0;
    deadlines.backoffMs = never;
  }

  private answerWith(attempt: Attempt, head: ResponseHead, endStream: boolean, nowMs: number): void {
    const { attempts, request } = this;
    attempts.choose(attempt, nowMs);
    if (attempt.refusal === 'unsent' && head.status === 421) {
      // A stale address answered for another service. That is no answer for this client.
      if (!endStream) attempts.leave(attempt, head, nowMs);
      replyError(request, 'misdirected');
      return;
    }
    if (this.redirect(attempt, head, endStream, nowMs)) return;
    const denial = relay(request, attempt, head, endStream, nowMs);
    if (denial === null) return;
    if (!endStream) attempts.leave(attempt, head, nowMs);
    request.steps = null;
    deny(request, denial);
  }

  /** False: the answer is for the client. */
  private redirect(attempt: Attempt, head: ResponseHead, endStream: boolean, nowMs: number): boolean {
    const { attempts, request } = this;
    const action = request.route?.action;
    if (action?.kind !== 'forward' || action.redirects === undefined) return false;
    const next = followRedirect(request, action.redirects, head);
    if (next === null) return false;
    if (!endStream) attempts.leave(attempt, head, nowMs);
    sendElsewhere(request, head, next, nowMs);
    attempts.reset();
    this.start();
    return true;
  }

  onAttemptBody(attempt: Attempt, bytes: Uint8Array, start: number, end: number): void {
    pumpResponseBody(this.request, attempt, bytes, start, end);
  }

  onAttemptEnd(attempt: Attempt, trailers: Head | null): void {
    const { request } = this;
    if (request.tunnelOpen && !endEndpointHalf(request, attempt)) return;
    endResponse(request, attempt, trailers);
  }

  onAttemptFailed(attempt: Attempt, error: MeshError, unsent: boolean, nowMs: number): void {
    const { attempts, request } = this;
    if (!unsent) request.sent = true;
    if (!unsent && isCallOver(request, nowMs)) {
      timeOut(request, attempts, 'request-timeout', nowMs);
      return;
    }
    if (request.state === 'relaying') {
      truncate(request, attempt, error, nowMs);
      return;
    }
    const verdict = attempt.hedged ? null : judgeFailure(request, attempt, error, unsent, nowMs);
    if (verdict?.decision === 'retry') {
      this.retry(error.code, verdict.delayMs, verdict.freshConnection, nowMs);
      return;
    }
    if (verdict?.decision === 'exhausted') request.flags = responseFlags.retryLimit;
    this.fail(attempt, error.code);
  }

  /** Nothing follows this one: the client is told, unless another may still answer. */
  private fail(attempt: Attempt, code: ErrorCode): void {
    const { attempts, request } = this;
    const waits = attempts.othersRun(attempt);
    attempts.forget(attempt);
    if (!waits) {
      replyError(request, code, code === 'no-endpoint' ? missingStatus(request) : undefined);
      return;
    }
    countAnswer(request, localReplies[code].status);
    if (!attempt.hedged) this.waitForRivals();
  }

  onAttemptWritable(): void {
    resumeRequest(this.request);
  }

  onTimer(_kind: number, nowMs: number): void {
    const { attempts, request } = this;
    if (request.state === 'idle') return;
    const over = this.deadlines.expired(nowMs);
    if (over === 'end') endLongStream(request, attempts, nowMs);
    else if (over === 'request') timeOut(request, attempts, 'request-timeout', nowMs);
    else if (over === 'receive') timeOut(request, attempts, 'head-timeout', nowMs);
    else if (over === 'attempt' || over === 'attempt-idle') this.timeOutAttempt(over, nowMs);
    else if (over === 'backoff') this.goOn(nowMs);
    else if (over === 'idle') timeOut(request, attempts, 'idle-timeout', nowMs);
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
    if (request.wishes !== null && request.wishes.fault !== null) {
      deny(request, badWish(request.wishes.fault));
      return;
    }
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
    const { attempts, request } = this;
    const { current } = attempts;
    if (!attempts.admit()) {
      clusterOf(request).stats.pendingOverflow += 1;
      this.fail(current, 'overflow');
      return;
    }
    const endpoint = pick(request, nowMs);
    if (endpoint === null) this.fail(current, 'no-endpoint');
    else if (!connect(request, current, endpoint, freshConnection)) this.fail(current, 'overflow');
  }

  private retry(reason: RetryReason, delayMs: number, freshConnection: boolean, nowMs: number): void {
    const { request, deadlines } = this;
    clusterOf(request).stats.countRetry(reason);
    if (request.tallies !== null) for (const tally of request.tallies) tally.retries += 1;
    request.afterTimeout = reason === 'attempt-timeout' || reason === 'hedge';
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

  private timeOutAttempt(over: 'attempt' | 'attempt-idle', nowMs: number): void {
    const { request } = this;
    const attempt = this.attempts.current;
    const { stats } = clusterOf(request);
    if (attempt.sent && request.state === 'forwarding' && hedges(request)) {
      this.hedge(attempt, nowMs);
      return;
    }
    if (over === 'attempt') stats.attemptTimeouts += 1;
    else stats.attemptIdleTimeouts += 1;
    this.deadlines.attemptIdleSpanMs = 0;
    const sent = attempt.sent;
    const retry = sent ? 'if-unsent' : 'yes';
    const error = new MeshError('attempt-timeout', 'upstream', retry, 'the attempt took too long');
    attempt.timeOut(error, nowMs);
    this.onAttemptFailed(attempt, error, !sent, nowMs);
  }

  /** It took too long: another may run beside it. */
  private hedge(attempt: Attempt, nowMs: number): void {
    const { deadlines, request } = this;
    attempt.beSlow(nowMs);
    deadlines.attemptMs = never;
    deadlines.attemptIdleSpanMs = 0;
    const verdict = judgeHedge(request, nowMs);
    if (verdict.decision === 'exhausted') request.flags = responseFlags.retryLimit;
    if (verdict.decision !== 'retry') {
      deadlines.arm(nowMs);
      return;
    }
    this.attempts.hedge();
    this.retry('hedge', verdict.delayMs, false, nowMs);
  }
}

/** Of an answer for want of the one endpoint that would do: as in Envoy, only where there is none of that address. */
function missingStatus(request: RequestState): number | undefined {
  const { attempts, wanted } = request;
  if (wanted?.strict !== true || attempts > 0) return undefined;
  return clusterOf(request).findAddress(wanted.address) === undefined ? wanted.missingStatus : undefined;
}

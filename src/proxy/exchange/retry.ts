// Between a failed attempt and the next one: gathers the facts and asks policy. Nothing is put into force here: the
// machine in exchange.ts follows the verdict, and answers what is not tried again.

import type { MeshError } from '../../base/index.ts';
import {
  type AttemptFailure,
  isRetryWorthy,
  judgeRetry,
  type RetryDecision,
  type RetryFacts,
  type RetryVerdict,
} from '../../policy/index.ts';
import { isStreamReset } from '../../wire/http2/index.ts';
import type { ResponseHead } from '../../wire/index.ts';
import type { RetryReason } from '../stats/index.ts';
import type { Attempt } from './attempt.ts';
import { grpcStatusOf, grpcUnsaid } from './grpc.ts';
import { clusterOf, type RequestState, traceKey } from './request-state.ts';

const grpcUnavailable = 14;

/** What becomes of an answer; null: it is for the client. */
export function judgeAnswer(
  request: RequestState,
  attempt: Attempt,
  head: ResponseHead,
  nowMs: number,
): RetryVerdict | null {
  const facts = factsOfAnswer(request, attempt, head, nowMs);
  return facts === null ? null : judge(request, facts);
}

/** An answer that the client is not to have while a better one may come. */
export function isUnwelcome(
  request: RequestState,
  attempt: Attempt,
  head: ResponseHead,
  nowMs: number,
): boolean {
  const facts = factsOfAnswer(request, attempt, head, nowMs);
  return facts !== null && (facts.unsent || isRetryWorthy(request.retry, facts));
}

/** May another attempt be made beside one that takes too long? */
export function judgeHedge(request: RequestState, nowMs: number): RetryVerdict {
  return judge(request, fillFacts(request, 'slow', false, nowMs));
}

/** Envoy's hedge_on_per_try_timeout, or its caller's word. A tunnel is opened once. */
export function hedges({ retry, route, upgrade, wishes }: RequestState): boolean {
  return retry !== null && upgrade === '' && (wishes?.hedges ?? route?.hedges === true);
}

/** null: nobody would try again because of it. */
function factsOfAnswer(
  request: RequestState,
  attempt: Attempt,
  head: ResponseHead,
  nowMs: number,
): RetryFacts | null {
  const { refusal } = attempt;
  const grpcStatus = grpcStatusOf(head);
  const grpcFailed =
    grpcStatus === grpcUnavailable || request.retry?.grpcStatuses?.includes(grpcStatus) === true;
  const judged = grpcFailed || refusal !== 'none' || request.retry?.judgesAll === true;
  if (head.status < 400 && !judged) return null;
  const facts = fillFacts(request, 'status', refusal === 'unsent', nowMs);
  facts.status = head.status;
  facts.grpcStatus = grpcStatus;
  facts.retriedBelow = attempt.retriedBelow;
  facts.responseMatches = request.retry?.responseRule?.matches(head) === true;
  facts.rateLimited = head.findName('x-envoy-ratelimited') >= 0;
  facts.resetMs = resetOf(request, head);
  return facts;
}

/** What becomes of a request whose attempt got no answer. `unsent`: nothing of the attempt reached the endpoint. */
export function judgeFailure(
  request: RequestState,
  attempt: Attempt,
  error: MeshError,
  unsent: boolean,
  nowMs: number,
): RetryVerdict {
  const facts = fillFacts(request, failureKind(error), unsent, nowMs);
  facts.repeatable = error.retry !== 'no';
  facts.unprocessed = unsent && attempt.refusedStream;
  const ended = error.code === 'peer-closed' || (error.code === 'peer-reset' && !isStreamReset(error));
  facts.stale = attempt.reused && ended;
  return judge(request, facts);
}

/** When the answer says that asking again makes sense; -1: it does not, or longer than is believed. */
function resetOf({ context, retry }: RequestState, head: ResponseHead): number {
  const reset = retry?.resetBackoff;
  if (reset === undefined) return -1;
  for (const { format, name } of reset.headers) {
    const text = head.getName(name);
    if (text === null || !/^\d{1,12}$/.test(text)) continue;
    const waitMs = Number(text) * 1000 - (format === 'seconds' ? 0 : context.clock.wall());
    if (waitMs >= 0 && waitMs <= reset.maxMs) return waitMs;
  }
  return -1;
}

/** Label of weft_retries_total. */
export function answerReason(attempt: Attempt, head: ResponseHead): RetryReason {
  if (attempt.refusal === 'unsent') return 'unsent';
  return head.status < 500 ? 'status-4xx' : 'status-5xx';
}

function judge(request: RequestState, facts: RetryFacts): RetryVerdict {
  const { random, retryVerdict } = request.context;
  endRetry(request);
  const verdict = judgeRetry(request.retry, facts, random, retryVerdict);
  if (verdict.decision === 'retry') {
    request.retrying = facts.limit;
    if (facts.unprocessed) request.requeues += 1;
  }
  if (verdict.decision !== 'retry') {
    clusterOf(request).stats.countRefusedRetry(verdict.decision);
    if (request.tallies !== null) {
      for (const tally of request.tallies) {
        if (verdict.decision === 'exhausted') tally.retryExhausted += 1;
        else if (verdict.decision === 'no-budget') tally.retryOverflow += 1;
      }
    }
    // What is only slow still runs, and may be answered.
    if (facts.failure !== 'slow' && givenUp.has(verdict.decision) && !request.inbound)
      request.context.retriedBelow.note(traceKey(request), facts.nowMs);
  }
  return verdict;
}

/** Noted by the other side of this proxy, perhaps while this call was running. */
function isRetriedAbove(request: RequestState, nowMs: number): boolean {
  const notes = request.context.retriedAbove;
  return !request.inbound && notes.size > 0 && notes.has(traceKey(request), nowMs);
}

/** Whoever called us must not begin anew what ended in one of these. */
const givenUp: ReadonlySet<RetryDecision> = new Set([
  'exhausted',
  'no-budget',
  'retried-above',
  'retried-below',
]);

/** The running attempt was a retry, and is over. */
export function endRetry(request: RequestState): void {
  request.retrying?.onDone();
  request.retrying = null;
}

function failureKind(error: MeshError): AttemptFailure {
  switch (error.code) {
    case 'connect-refused':
    case 'connect-timeout':
    case 'connect-failed':
      return 'connect';
    case 'attempt-timeout':
      return 'attempt-timeout';
    default:
      return 'reset';
  }
}

function fillFacts(
  request: RequestState,
  failure: AttemptFailure,
  unsent: boolean,
  nowMs: number,
): RetryFacts {
  const cluster = clusterOf(request);
  const { breaker, retryLimit } = request.lane!;
  const facts = request.context.retryFacts;
  facts.failure = failure;
  facts.status = 0;
  facts.grpcStatus = grpcUnsaid;
  facts.unsent = unsent;
  facts.method = request.method;
  const header = request.retry?.idempotencyHeader ?? null;
  facts.hasIdempotencyHeader = header !== null && request.head.findName(header) >= 0;
  facts.retries = request.attempts - 1 - request.requeues;
  facts.bodyReplayable = request.body.complete;
  facts.remainingMs = request.deadlines.requestMs - nowMs;
  facts.limit = retryLimit;
  facts.active = breaker.requests;
  facts.retriedAbove = request.retriedAbove || isRetriedAbove(request, nowMs);
  facts.repeatable = true;
  facts.requestMatches = request.retry?.requestRule?.matches(request.head) !== false;
  facts.responseMatches = false;
  facts.rateLimited = false;
  facts.resetMs = -1;
  facts.untried = cluster.hasOther(request.tried);
  facts.stale = false;
  facts.unprocessed = false;
  facts.requeues = request.requeues;
  facts.retriedBelow = false;
  facts.nowMs = nowMs;
  return facts;
}

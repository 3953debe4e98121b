// Between a failed attempt and the next one: gathers the facts, asks policy, and puts the decision into force and into the books. What is
// not retried is the caller's to answer.

import type { MeshError } from '../../base/index.ts';
import {
  type AttemptFailure,
  backoffMs,
  decideRetry,
  type RetryFacts,
  type RetryPolicy,
} from '../../policy/index.ts';
import { headerId, type ResponseHead } from '../../wire/index.ts';
import { proxyLimits } from '../limits.ts';
import { type RetryReason, responseFlags } from '../stats/index.ts';
import { Attempt } from './attempt.ts';
import type { Exchange } from './exchange.ts';
import { replyError } from './reply.ts';

const noBackoff = { baseMs: 0, maxMs: 0 };

/**
 * Holds where no policy does: a request that never left, or never reached the application, goes to another endpoint. A policy of 0
 * attempts switches this off too.
 */
const unsentPolicy: RetryPolicy = {
  on: ['ConnectFailure'],
  statusCodes: [],
  methods: [],
  idempotencyHeader: null,
  attempts: 2,
  backoff: noBackoff,
};

/** RFC 9110 section 9.2.2: an idempotent request that met the end of a pooled connection is sent again on a new one. */
const stalePolicy: RetryPolicy = {
  on: ['Reset'],
  statusCodes: [],
  methods: ['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE', 'TRACE'],
  idempotencyHeader: null,
  attempts: 1,
  backoff: noBackoff,
};

/** True: the answer is not for the client; another attempt is under way, or a better answer was given. */
export function tryRetryAnswer(
  exchange: Exchange,
  attempt: Attempt,
  head: ResponseHead,
  endStream: boolean,
  nowMs: number,
): boolean {
  const { refusal } = attempt;
  const grpcUnavailable = isGrpcUnavailable(head);
  if (head.status < 400 && !grpcUnavailable && refusal === 'none') return false;
  const facts = fillFacts(exchange, 'status', refusal === 'unsent', nowMs);
  facts.status = head.status;
  facts.grpcUnavailable = grpcUnavailable;
  if (refusal === 'unsent') exchange.cluster!.stats.refusedUnsent += 1;
  else if (refusal === 'sent') exchange.cluster!.stats.refusedSent += 1;
  const retry = decide(exchange, facts, false);
  // A stale address answered for another service. That is no answer for this client.
  const misdirected = !retry && refusal === 'unsent' && head.status === 421;
  if (!retry && !misdirected) return false;
  const reason = refusal === 'unsent' ? 'unsent' : head.status < 500 ? 'status-4xx' : 'status-5xx';
  leaveAnswer(exchange, attempt, head, endStream, nowMs);
  if (misdirected) replyError(exchange, 'misdirected', false);
  else retryNow(exchange, reason, facts.backoffMs, nowMs);
  return true;
}

/** True: another attempt is under way. */
export function tryRetryFailure(
  exchange: Exchange,
  attempt: Attempt,
  error: MeshError,
  unsent: boolean,
  nowMs: number,
): boolean {
  const facts = fillFacts(exchange, failureKind(error), unsent, nowMs);
  const stale = attempt.reused && (error.code === 'peer-closed' || error.code === 'peer-reset');
  if (!decide(exchange, facts, stale)) return false;
  retryNow(exchange, error.code, facts.backoffMs, nowMs);
  return true;
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

function fillFacts(exchange: Exchange, failure: AttemptFailure, unsent: boolean, nowMs: number): RetryFacts {
  const facts = exchange.context.retryFacts;
  facts.failure = failure;
  facts.status = 0;
  facts.grpcUnavailable = false;
  facts.unsent = unsent;
  facts.method = exchange.method;
  const header = exchange.retry?.idempotencyHeader ?? null;
  facts.hasIdempotencyHeader = header !== null && exchange.head!.findName(header) >= 0;
  facts.retries = exchange.attempts - 1;
  facts.bodyReplayable = exchange.body.complete;
  facts.remainingMs = exchange.deadlines.requestMs - nowMs;
  facts.budget = exchange.cluster!.budget;
  facts.nowMs = nowMs;
  // Nothing was loaded by an attempt that reached nobody: another endpoint can have it at once.
  const atOnce = unsent && hasUntried(exchange);
  facts.backoffMs =
    atOnce || exchange.retry === null
      ? 0
      : backoffMs(exchange.retry, exchange.attempts, exchange.context.random);
  return facts;
}

function decide(exchange: Exchange, facts: RetryFacts, stale: boolean): boolean {
  const { retry } = exchange;
  let decision = decideRetry(retry, facts);
  if (decision === 'not-retryable' && retry?.attempts !== 0) {
    if (facts.unsent && hasUntried(exchange)) decision = decideRetry(unsentPolicy, facts);
    else if (stale) {
      facts.backoffMs = 0;
      decision = decideRetry(stalePolicy, facts);
    }
  }
  if (decision === 'retry') return true;
  const { stats } = exchange.cluster!;
  if (decision === 'no-budget') stats.retryOverBudget += 1;
  if (decision === 'exhausted') {
    stats.retryLimitExceeded += 1;
    exchange.flags = responseFlags.retryLimit;
  }
  return false;
}

function hasUntried(exchange: Exchange): boolean {
  return exchange.tried.length < exchange.cluster!.candidateCount;
}

function retryNow(exchange: Exchange, reason: RetryReason, delayMs: number, nowMs: number): void {
  exchange.cluster!.stats.countRetry(reason);
  exchange.scheduleRetry(delayMs, nowMs);
}

/** Takes the exchange off an answer that it will not pass on. A short one is read to its end, so that the connection stays. */
function leaveAnswer(
  exchange: Exchange,
  attempt: Attempt,
  head: ResponseHead,
  endStream: boolean,
  nowMs: number,
): void {
  if (endStream) return;
  const length = Number(head.get(headerId['content-length']) ?? proxyLimits.discardBytesMax + 1);
  if (exchange.requestEnded && length <= proxyLimits.discardBytesMax) {
    attempt.discard();
    exchange.attempt = new Attempt(exchange);
  } else {
    attempt.cancel(nowMs);
  }
}

function isGrpcUnavailable(head: ResponseHead): boolean {
  const at = head.find(headerId['grpc-status']);
  return at >= 0 && head.valueAt(at) === '14';
}

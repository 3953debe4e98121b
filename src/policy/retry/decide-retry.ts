// May a failed attempt be made again? The answer names the first rule that forbids it, so that
// weft_retries_refused_total{reason} can say which. Safety comes before policy limits, and the budget is asked last,
// because asking it spends.

import { unreachable } from '../../base/index.ts';
import type { RetryCondition, RetryLimit, RetryPolicy } from './types.ts';

export type RetryDecision =
  /** Do it; one retry was taken from the budget. */
  | 'retry'
  /** No policy, not a condition of the policy, or not safe to repeat. */
  | 'not-retryable'
  /** All attempts are used. */
  | 'exhausted'
  | 'no-budget'
  /** The request's own deadline would pass first. */
  | 'no-time'
  /** The request's body is not kept any more: it was larger than the buffer for it. */
  | 'body-gone'
  /** A proxy above does the retrying. */
  | 'retried-above'
  /** A proxy below has retried, or was not allowed to: trying again here would multiply its attempts. */
  | 'retried-below';

/**
 * How an attempt failed. `status`: a response came, and its status decides. `slow`: it took too long and goes on; the
 * next one is to run beside it.
 */
export type AttemptFailure = 'connect' | 'reset' | 'attempt-timeout' | 'slow' | 'status';

/** What is known of a request and its last attempt. One per exchange, filled in place. */
export class RetryFacts {
  failure: AttemptFailure = 'status';
  /** HTTP status of the response; 0 without one. */
  status = 0;
  /** grpc-status of the response's head; -1 without one. */
  grpcStatus = -1;
  /** No byte of this attempt reached the application: not connected, nothing written, or a believed marker said so. */
  unsent = false;
  method = '';
  /** The policy's rules about the request and about this answer hold. */
  requestMatches = true;
  responseMatches = false;
  /** The answer has x-envoy-ratelimited. */
  rateLimited = false;
  /** The answer says when to come back; -1: it does not. */
  resetMs = -1;
  /** The request carries the policy's idempotencyHeader. */
  hasIdempotencyHeader = false;
  /** Retries made so far. */
  retries = 0;
  /** The request body can be sent again from its start (also when there is none). */
  bodyReplayable = true;
  /** Until the request's deadline; Infinity without one. */
  remainingMs = Number.POSITIVE_INFINITY;
  /** The wait that was drawn for this retry (see judgeRetry). */
  backoffMs = 0;
  /** False: trying again cannot help (our own fault, or our own end). */
  repeatable = true;
  /** An endpoint is left that this request has not tried. */
  untried = false;
  /** The attempt went over a connection that had lain idle, and met its end. */
  stale = false;
  /** The peer said that it has not looked at it: its connection took no more, in order. */
  unprocessed = false;
  /** How often that was so already. */
  requeues = 0;
  /** null: nothing limits the cluster's retries. */
  limit: RetryLimit | null = null;
  /** Requests of the cluster that run or wait. */
  active = 0;
  /**
   * A proxy above has made this request again already, after it had reached somebody: here it is not multiplied once
   * more.
   */
  retriedAbove = false;
  /** The answer's proxy says that what failed was tried again below, or could not be. */
  retriedBelow = false;
  nowMs = 0;
}

const grpcUnavailable = 14;

export function decideRetry(policy: RetryPolicy | null, facts: RetryFacts): RetryDecision {
  if (policy === null || policy.attempts === 0 || !facts.repeatable) return 'not-retryable';
  if (!isConditionMet(policy, facts) || !isSafe(policy, facts)) return 'not-retryable';
  if (facts.retriedAbove && !facts.unsent) return 'retried-above';
  if (facts.retriedBelow && !facts.unsent) return 'retried-below';
  if (facts.retries >= policy.attempts) return 'exhausted';
  if (!facts.bodyReplayable) return 'body-gone';
  if (facts.remainingMs <= facts.backoffMs) return 'no-time';
  if (facts.limit !== null && !facts.limit.tryRetry(facts.nowMs, facts.active)) return 'no-budget';
  return 'retry';
}

/** Another attempt would be worth making, if one might be made. */
export function isRetryWorthy(policy: RetryPolicy | null, facts: RetryFacts): boolean {
  return policy !== null && isConditionMet(policy, facts);
}

/** Never sent, or harmless to repeat by its method or by the caller's word. */
function isSafe(policy: RetryPolicy, facts: RetryFacts): boolean {
  if (facts.unsent) return true;
  if (policy.requestRule !== undefined && facts.requestMatches) return true;
  const everyMethod = policy.methods === null && policy.requestRule === undefined;
  if (everyMethod || policy.methods?.includes(facts.method) === true) return true;
  return policy.idempotencyHeader !== null && facts.hasIdempotencyHeader;
}

function isConditionMet(policy: RetryPolicy, facts: RetryFacts): boolean {
  const { grpcStatuses, on } = policy;
  // Envoy hedges wherever it retries anything at all: no condition is for what has not failed.
  if (facts.failure === 'slow') return on.length > 0 || grpcStatuses !== undefined;
  // A limit below said no: it would say so again, unless the policy knows better.
  if (facts.rateLimited) return on.includes('RateLimited');
  if (grpcStatuses?.includes(facts.grpcStatus)) return true;
  for (let index = 0; index < on.length; index++) if (holds(on[index]!, policy, facts)) return true;
  return false;
}

function holds(condition: RetryCondition, policy: RetryPolicy, facts: RetryFacts): boolean {
  const { status } = facts;
  switch (condition) {
    case 'ConnectFailure':
      return facts.unsent || facts.failure === 'connect';
    case 'Reset':
      return facts.failure === 'reset';
    case 'Unavailable':
      return status === 503 || facts.grpcStatus === grpcUnavailable;
    case 'GatewayError':
      return status === 502 || status === 503 || status === 504;
    case 'ServerError':
      // Envoy's `5xx` also covers attempts without any response.
      return facts.failure !== 'status' || (status >= 500 && status <= 599);
    case 'Conflict':
      return status === 409;
    case 'StatusCodes':
      return policy.statusCodes.includes(status);
    case 'AttemptTimeout':
      return facts.failure === 'attempt-timeout';
    case 'Headers':
      return facts.responseMatches;
    case 'RateLimited':
      return facts.rateLimited;
    default:
      return unreachable(condition);
  }
}

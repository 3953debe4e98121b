// What becomes of a failed attempt: the service's own policy first, then two rules that hold where no policy does. The
// verdict says everything that the caller has to do; nothing here knows an exchange, so the simulator and the tests ask
// the same judge.

import type { Random } from '../../base/index.ts';
import { backoffMs } from './backoff-ms.ts';
import { decideRetry, type RetryDecision, type RetryFacts } from './decide-retry.ts';
import type { RetryPolicy } from './types.ts';

export class RetryVerdict {
  decision: RetryDecision = 'not-retryable';
  /** Wait before the next attempt; 0: at once. */
  delayMs = 0;
  /**
   * The next attempt must not use a pooled connection: others of the pool may have ended together with the last one.
   */
  freshConnection = false;
}

const noBackoff = { baseMs: 0, maxMs: 0 };

/**
 * A request that never left, or never reached the application, goes to another endpoint. A policy of 0 attempts
 * switches this off.
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

/** A server that ends its connections one after another, or refuses every stream, does not keep a request for ever. */
const requeuesMax = 10;

/** Fills `verdict`. `facts.backoffMs` is set here: the wait is drawn once, for the decision and for the deed. */
export function judgeRetry(
  policy: RetryPolicy | null,
  facts: RetryFacts,
  random: Random,
  verdict: RetryVerdict,
): RetryVerdict {
  if (facts.unprocessed && policy?.attempts !== 0) {
    requeue(facts, verdict);
    return verdict;
  }
  // Nothing was loaded by an attempt that reached nobody: another endpoint can have it at once.
  const atOnce = policy === null || (facts.unsent && facts.untried);
  facts.backoffMs = atOnce ? 0 : backoffMs(policy, facts.retries + 1, random);
  // Envoy's spread: those who were told the same moment do not all come back in it.
  if (facts.resetMs >= 0) facts.backoffMs = facts.resetMs * (1 + random.float() / 2);
  verdict.decision = decideRetry(policy, facts);
  if (verdict.decision === 'not-retryable' && policy?.attempts !== 0) judgeWithoutPolicy(facts, verdict);
  verdict.delayMs = facts.backoffMs;
  verdict.freshConnection = facts.stale;
  return verdict;
}

/**
 * What an HTTP/2 server did not look at (GOAWAY, REFUSED_STREAM) was on its way and nothing more: it goes on over
 * another connection, whatever its method, and loads nobody twice, so that no budget is asked.
 */
function requeue(facts: RetryFacts, verdict: RetryVerdict): void {
  facts.limit = null;
  verdict.delayMs = 0;
  verdict.freshConnection = false;
  if (facts.requeues >= requeuesMax) verdict.decision = 'exhausted';
  else if (!facts.bodyReplayable) verdict.decision = 'body-gone';
  else verdict.decision = facts.remainingMs > 0 ? 'retry' : 'no-time';
}

function judgeWithoutPolicy(facts: RetryFacts, verdict: RetryVerdict): void {
  if (facts.unsent && facts.untried) {
    verdict.decision = decideRetry(unsentPolicy, facts);
  } else if (facts.stale) {
    facts.backoffMs = 0;
    verdict.decision = decideRetry(stalePolicy, facts);
  }
}

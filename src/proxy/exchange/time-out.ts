// The end of a request that took too long as a whole, and what its client is told. An attempt that took too long is not
// the request's end: exchange.ts decides what follows it.

import { MeshError } from '../../base/index.ts';
import type { Attempts } from './attempts.ts';
import { durationOver } from './local-replies.ts';
import { truncate } from './pump-response.ts';
import { deny, replyError } from './reply.ts';
import { clusterOf, type RequestState } from './request-state.ts';

/** No answer, no whole request, or nothing at all within its time. */
export function timeOut(
  request: RequestState,
  attempts: Attempts,
  code: 'request-timeout' | 'idle-timeout' | 'head-timeout',
  nowMs: number,
): void {
  const { listener } = request;
  if (code === 'request-timeout') {
    clusterOf(request).stats.requestTimeouts += attempts.count;
    if (request.tallies !== null) for (const tally of request.tallies) tally.timeouts += attempts.count;
  } else if (code === 'idle-timeout') listener.stats.requestIdleTimeouts += 1;
  else listener.stats.requestTimeouts += 1;
  const error = new MeshError(code, 'internal', 'no', 'the request took too long');
  if (attempts.sent) request.sent = true;
  // Whose fault it was: an endpoint that owes an answer, or a client that owes the rest of its request.
  if (code === 'request-timeout' || request.received) attempts.timeOut(error, nowMs);
  else attempts.cancel(nowMs);
  if (request.state === 'relaying') {
    truncate(request, attempts.current, error, nowMs);
    return;
  }
  if (request.received) replyError(request, code);
  else {
    // What is left of a request that nobody sends is not waited for.
    request.owner.endWithAnswer();
    replyError(request, code, code === 'idle-timeout' ? 408 : undefined);
  }
}

/** The stream lasted as long as it may, whatever it was doing. */
export function endLongStream(request: RequestState, attempts: Attempts, nowMs: number): void {
  request.listener.stats.requestsTooLong += 1;
  if (attempts.sent) request.sent = true;
  attempts.cancel(nowMs);
  if (request.state === 'relaying') {
    const message = 'the stream lasted as long as it may';
    truncate(request, attempts.current, new MeshError('cancelled', 'internal', 'no', message), nowMs);
    return;
  }
  request.failed = true;
  if (!request.received) request.owner.endWithAnswer();
  deny(request, durationOver(request.received));
}

// The request's body on its way: through a filter's transform, to the attempt that runs, into the buffer that waits for
// one, and to the copies for mirrors.

import type { Head } from '../../wire/index.ts';
import type { Attempts } from './attempts.ts';
import type { BodyTransform } from './body-transform.ts';
import { TransformError } from './body-transform.ts';
import { pauseRequest } from './pacing.ts';
import { truncateUnreadable } from './pump-response.ts';
import { deny } from './reply.ts';
import { clusterOf, type RequestState } from './request-state.ts';
import { startAttemptDeadline, startDeadlines } from './request-times.ts';
import { transformed, transformedEnd, unreadableBody } from './transform.ts';

export function pumpRequestBody(
  request: RequestState,
  attempts: Attempts,
  bytes: Uint8Array,
  start: number,
  end: number,
): void {
  const { requestTransform } = request;
  request.bytesReceived += end - start;
  if (requestTransform === null || request.upgrade !== '') {
    deliver(request, attempts, bytes, start, end);
    return;
  }
  const made = transformed(requestTransform, bytes, start, end);
  if (made instanceof TransformError) giveUp(request, attempts, made);
  else if (made.length > 0) deliver(request, attempts, made, 0, made.length);
}

/** The body is complete: what a transform still holds goes out. False: it was no body, and the request is answered. */
export function finishRequestBody(
  request: RequestState,
  attempts: Attempts,
  transform: BodyTransform,
  trailers: Head | null,
): boolean {
  const made = transformedEnd(transform, trailers);
  if (made instanceof TransformError) giveUp(request, attempts, made);
  else if (made.length > 0) deliver(request, attempts, made, 0, made.length);
  return !(made instanceof TransformError);
}

/** Tells whoever has the request that this was all of it; times for its answer begin. */
export function endRequest(request: RequestState, attempts: Attempts, nowMs: number): void {
  const { deadlines, mirrors, state } = request;
  request.mirrors = null;
  // An answer that is whole and only paced has no endpoint to wait for.
  if (!request.responsePace?.ended) startDeadlines(request, nowMs);
  if (state === 'connecting' || state === 'forwarding') startAttemptDeadline(request, nowMs);
  deadlines.arm(nowMs);
  if (state === 'forwarding' || state === 'relaying') attempts.current.sendEnd(request.requestTrailers);
  if (mirrors !== null) mirrors.send();
}

function deliver(
  request: RequestState,
  attempts: Attempts,
  bytes: Uint8Array,
  start: number,
  end: number,
): void {
  if (request.requestPace === null) takeRequestBody(request, attempts, bytes, start, end);
  else request.requestPace.write(bytes, start, end);
}

/** False: no more can be taken for now, and the client was asked to wait. */
export function takeRequestBody(
  request: RequestState,
  attempts: Attempts,
  bytes: Uint8Array,
  start: number,
  end: number,
): boolean {
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
    request.deadlines.touch();
    if (attempts.current.sendBody(bytes, start, end)) return true;
    pauseRequest(request);
    return false;
  }
  if (request.state !== 'idle') {
    request.deadlines.touch();
    request.body.append(bytes, start, end);
    const full = request.body.length > request.heldBytesMax;
    if (full) pauseRequest(request);
    if (request.waiter !== null) request.waiter.onHeldBody?.(request);
    return !full;
  }
  return true;
}

function giveUp(request: RequestState, attempts: Attempts, error: TransformError): void {
  if (request.state === 'idle') return;
  const now = request.context.clock.now();
  attempts.cancel(now);
  if (request.state === 'relaying')
    truncateUnreadable(request, attempts.current, 'downstream', error.message, now);
  else deny(request, unreadableBody(error));
}

// The answer's body on its way to the client, through a filter's transform, and the end that an answer has which cannot
// be completed.

import { MeshError } from '../../base/index.ts';
import { copyResponseHead, copyTrailers, type Head } from '../../wire/index.ts';
import type { Attempt } from './attempt.ts';
import { TransformError } from './body-transform.ts';
import { createGrpcTrailers, grpcStatusFor, grpcStatusOf, grpcUnknown, grpcUnsaid } from './grpc.ts';
import { localReplies, truncatedDetails, truncatedFlags } from './local-replies.ts';
import { settle } from './phases.ts';
import { clusterOf, type RequestState } from './request-state.ts';
import { transformed, transformedEnd } from './transform.ts';

export function pumpResponseBody(
  request: RequestState,
  attempt: Attempt,
  bytes: Uint8Array,
  start: number,
  end: number,
): void {
  const { responsePace, responseTransform } = request;
  request.deadlines.touch();
  if (responseTransform === null && responsePace === null) {
    request.bytesSent += end - start;
    if (!request.stream.sendBody(bytes, start, end)) attempt.pause();
  } else if (responseTransform === null) responsePace!.write(bytes, start, end);
  else sendMade(request, attempt, transformed(responseTransform, bytes, start, end));
}

/** The answer is complete. */
export function endResponse(request: RequestState, attempt: Attempt, trailers: Head | null): void {
  const { deadlines, responsePace, responseTransform } = request;
  if (responseTransform !== null && !sendMade(request, attempt, transformedEnd(responseTransform, trailers)))
    return;
  if (responsePace !== null && responsePace.held > 0) {
    responsePace.end(trailers === null ? null : copyTrailers(trailers));
    if (request.responseHead !== null) request.responseHead = copyResponseHead(request.responseHead);
    // The endpoint has done its part in time.
    deadlines.requestMs = Number.POSITIVE_INFINITY;
    deadlines.attemptIdleSpanMs = 0;
    return;
  }
  responsePace?.end(trailers);
  completeResponse(request, attempt, trailers);
}

/** All of its body was sent. */
export function completeResponse(request: RequestState, attempt: Attempt, trailers: Head | null): void {
  const { owner, responseTransform, stream } = request;
  if (trailers !== null) request.grpcStatus = grpcStatusOf(trailers);
  request.responseTrailers = trailers;
  if (attempt.answersGrpc && request.grpcStatus === grpcUnsaid) request.grpcStatus = grpcUnknown;
  settle(request, request.context.clock.now());
  stream.sendEnd(responseTransform?.takesTrailers ? null : trailers);
  owner.onAnswered();
}

/** False: there was nothing to send, because the answer cannot be read. */
function sendMade(request: RequestState, attempt: Attempt, made: Uint8Array | TransformError): boolean {
  if (made instanceof TransformError) {
    const now = request.context.clock.now();
    attempt.cancel(now);
    truncateUnreadable(request, attempt, 'upstream', made.message, now);
    return false;
  }
  if (request.responsePace !== null) {
    if (made.length > 0) request.responsePace.write(made, 0, made.length);
    return true;
  }
  request.bytesSent += made.length;
  if (made.length > 0 && !request.stream.sendBody(made, 0, made.length) && attempt.running) attempt.pause();
  return true;
}

/** A body on either side is none. */
export function truncateUnreadable(
  request: RequestState,
  attempt: Attempt,
  source: 'downstream' | 'upstream',
  message: string,
  nowMs: number,
): void {
  truncate(request, attempt, new MeshError('protocol', source, 'no', message), nowMs);
}

/**
 * The answer has begun and cannot be completed: the client must see that, so its connection is reset. To a caller of
 * gRPC it is said in the trailers that it waits for.
 */
export function truncate(request: RequestState, attempt: Attempt, error: MeshError, nowMs: number): void {
  const { owner, stream } = request;
  clusterOf(request).stats.truncated += 1;
  const framed = request.upstream?.protocol === 'HTTP/1.1';
  request.flags = truncatedFlags(error, framed);
  request.details = truncatedDetails(error, framed);
  request.failed = true;
  const { responseTransform: transform } = request;
  const inBody = transform?.takesTrailers === true;
  const { body, status } = localReplies[error.code];
  const trailers = createGrpcTrailers(grpcStatusFor(status, error.code), body);
  const rest = transform === null ? nothing : transformedEnd(transform, trailers);
  const canEnd = attempt.answersGrpc && (inBody || request.head.version === 2);
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

const nothing = new Uint8Array(0);

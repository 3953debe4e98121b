// Who asks the client to wait, and when it need not any more; and bodies that filters let pass no faster than they may.

import { BodyPace, type PaceLimit } from './body-pace.ts';
import type { RequestState } from './request-state.ts';

export function pauseRequest(request: RequestState): void {
  // Who has sent all of it could not send less.
  if (request.paused || request.received) return;
  request.paused = true;
  request.stream.pause();
}

/** Who comes after the client can take more. */
export function resumeRequest(request: RequestState): void {
  if (request.requestPace === null) resumeClient(request);
  else request.requestPace.onWritable();
}

export function resumeClient(request: RequestState): void {
  if (!request.paused) return;
  request.paused = false;
  request.stream.resume();
}

/**
 * What is not here yet of the request's body passes no faster than this lets it. False: there is no such thing, or it
 * becomes a tunnel, which nobody paces.
 */
export function paceRequest(request: RequestState, limit: PaceLimit): boolean {
  if (request.requestEnded || request.upgrade !== '') return false;
  request.requestPace ??= new BodyPace(request.context.clock, request.machine.pacedBody('request'));
  request.requestPace.add(limit);
  return true;
}

/** The body of an endpoint's answer passes no faster than this lets it, behind all that transforms it. */
export function paceResponse(request: RequestState, limit: PaceLimit): boolean {
  if (request.upgrade !== '') return false;
  request.responsePace ??= new BodyPace(request.context.clock, request.machine.pacedBody('response'));
  request.responsePace.add(limit);
  return true;
}

/** The request is over, whole or not. */
export function stopPaces(request: RequestState): void {
  const { requestPace, responsePace } = request;
  // The client has sent all of it, though it was not passed on.
  if (requestPace?.ended) request.requestEnded = true;
  request.requestPace = null;
  request.responsePace = null;
  requestPace?.stop();
  responsePace?.stop();
}

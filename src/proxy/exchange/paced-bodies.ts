// The two bodies of a request that filters may pace: where each goes when it may, and whom it makes wait.

import type { Head } from '../../wire/index.ts';
import type { Attempts } from './attempts.ts';
import type { PacedBody } from './body-pace.ts';
import { pauseRequest, resumeClient } from './pacing.ts';
import { takeRequestBody } from './pump-request.ts';
import { completeResponse } from './pump-response.ts';
import type { RequestState } from './request-state.ts';

/** The client's, on its way to attempts. */
export class PacedRequestBody implements PacedBody {
  private readonly request: RequestState;
  private readonly attempts: Attempts;
  private readonly onWhole: (trailers: Head | null) => void;

  constructor(request: RequestState, attempts: Attempts, onWhole: (trailers: Head | null) => void) {
    this.request = request;
    this.attempts = attempts;
    this.onWhole = onWhole;
  }

  send(bytes: Uint8Array, start: number, end: number): boolean {
    return takeRequestBody(this.request, this.attempts, bytes, start, end);
  }

  finish(trailers: Head | null): void {
    this.onWhole(trailers);
  }

  pauseSource(): void {
    pauseRequest(this.request);
  }

  resumeSource(): void {
    resumeClient(this.request);
  }
}

/** The endpoint's, on its way to the client. */
export class PacedResponseBody implements PacedBody {
  private readonly request: RequestState;
  private readonly attempts: Attempts;

  constructor(request: RequestState, attempts: Attempts) {
    this.request = request;
    this.attempts = attempts;
  }

  send(bytes: Uint8Array, start: number, end: number): boolean {
    const { request } = this;
    request.deadlines.touch();
    request.bytesSent += end - start;
    return request.stream.sendBody(bytes, start, end);
  }

  finish(trailers: Head | null): void {
    completeResponse(this.request, this.attempts.current, trailers);
  }

  pauseSource(): void {
    const { current } = this.attempts;
    if (current.running) current.pause();
  }

  resumeSource(): void {
    const { current } = this.attempts;
    if (current.running) current.resume();
  }
}

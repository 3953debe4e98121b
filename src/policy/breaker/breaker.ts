// Counters against hard limits: connections, requests waiting for one, requests in flight. Each `try` either counts one
// more and says true, or says false; each true is followed by exactly one release.

import { assert } from '../../base/index.ts';
import type { CircuitBreaker, LimitsConfig } from './types.ts';

export class Breaker implements CircuitBreaker {
  requests = 0;
  pending = 0;
  connections = 0;
  private bounds: LimitsConfig;

  constructor(limits: LimitsConfig) {
    this.bounds = limits;
  }

  get limits(): LimitsConfig {
    return this.bounds;
  }

  update(limits: LimitsConfig): void {
    this.bounds = limits;
  }

  tryRequest(): boolean {
    if (this.requests >= this.bounds.requests) return false;
    this.requests += 1;
    return true;
  }

  releaseRequest(): void {
    assert(this.requests > 0, 'a request is released once');
    this.requests -= 1;
  }

  tryPending(): boolean {
    if (this.pending >= this.bounds.pending) return false;
    this.pending += 1;
    return true;
  }

  releasePending(): void {
    assert(this.pending > 0, 'a pending request is released once');
    this.pending -= 1;
  }

  tryConnection(): boolean {
    if (this.connections >= this.bounds.connections) return false;
    this.connections += 1;
    return true;
  }

  forceConnection(): void {
    this.connections += 1;
  }

  releaseConnection(): void {
    assert(this.connections > 0, 'a connection is released once');
    this.connections -= 1;
  }

  /** The pool that frees a slot looks for itself who waits. */
  awaitConnection(): void {}

  dispose(): void {}
}

// The circuit breaker of a cluster whose requests run on several threads: the counts are shared, so a limit of 100 is
// 100 in the proxy. A count goes up by compare and exchange, so that it never stands above its limit, and nobody is
// refused for another's failed try.

import { assert } from '../../base/index.ts';
import type { CircuitBreaker, LimitsConfig } from '../breaker/index.ts';
import type { SharedMemory } from './shared-memory.ts';

const requestsAt = 0;
const pendingAt = 1;
const connectionsAt = 2;
/** 1: somebody waits for a slot under the limit of connections. */
const awaitedAt = 3;
export const breakerWords = 4;

export class SharedBreaker implements CircuitBreaker {
  limits: LimitsConfig;
  private readonly memory: SharedMemory;
  private readonly words: Int32Array;
  private readonly at: number;
  private readonly onSlot: () => void;

  /** `onSlot` is called when a slot came free that is awaited, perhaps on another thread. */
  constructor(memory: SharedMemory, at: number, limits: LimitsConfig, onSlot: () => void) {
    this.memory = memory;
    this.words = memory.words;
    this.at = at;
    this.limits = limits;
    this.onSlot = onSlot;
  }

  get requests(): number {
    return Atomics.load(this.words, this.at + requestsAt);
  }

  get pending(): number {
    return Atomics.load(this.words, this.at + pendingAt);
  }

  get connections(): number {
    return Atomics.load(this.words, this.at + connectionsAt);
  }

  update(limits: LimitsConfig): void {
    this.limits = limits;
  }

  tryRequest(): boolean {
    return addBelow(this.words, this.at + requestsAt, this.limits.requests);
  }

  releaseRequest(): void {
    subtract(this.words, this.at + requestsAt);
  }

  tryPending(): boolean {
    return addBelow(this.words, this.at + pendingAt, this.limits.pending);
  }

  releasePending(): void {
    subtract(this.words, this.at + pendingAt);
  }

  tryConnection(): boolean {
    return addBelow(this.words, this.at + connectionsAt, this.limits.connections);
  }

  forceConnection(): void {
    Atomics.add(this.words, this.at + connectionsAt, 1);
  }

  releaseConnection(): void {
    subtract(this.words, this.at + connectionsAt);
    const awaited = this.at + awaitedAt;
    if (Atomics.load(this.words, awaited) !== 0 && Atomics.exchange(this.words, awaited, 0) !== 0)
      this.onSlot();
  }

  awaitConnection(): void {
    Atomics.store(this.words, this.at + awaitedAt, 1);
    // The last slot may have come free between the failed try and this.
    if (
      this.connections < this.limits.connections &&
      Atomics.exchange(this.words, this.at + awaitedAt, 0) !== 0
    )
      this.onSlot();
  }

  dispose(): void {
    this.memory.release(this.at);
  }
}

/** One more, if that is not above `max`. */
export function addBelow(words: Int32Array, at: number, max: number): boolean {
  let count = Atomics.load(words, at);
  while (count < max) {
    const seen = Atomics.compareExchange(words, at, count, count + 1);
    if (seen === count) return true;
    count = seen;
  }
  return false;
}

function subtract(words: Int32Array, at: number): void {
  const before = Atomics.sub(words, at, 1);
  assert(before > 0, 'what is counted is released once');
}

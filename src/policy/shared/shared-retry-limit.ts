// How many retries a cluster may make when its requests run on several threads: the rules of retry/, over shared
// words. A retry is counted before it is judged and taken back where it was too much, so that two threads never both
// take the last one.

import { assert, unreachable } from '../../base/index.ts';
import type { RetryBudgetConfig, RetryLimit, RetryLimitConfig } from '../retry/index.ts';
import { addBelow } from './shared-breaker.ts';
import type { SharedMemory } from './shared-memory.ts';
import { SharedWindow, windowWords } from './shared-window.ts';

export const retryLimitWords = 3 * windowWords;

export function createSharedRetryLimit(
  memory: SharedMemory,
  at: number,
  config: RetryLimitConfig,
): RetryLimit {
  switch (config.kind) {
    case 'window':
      return new SharedRetryBudget(memory, at, config);
    case 'concurrency':
      return new SharedConcurrentRetries(memory, at, 0, config.max);
    case 'share':
      return new SharedConcurrentRetries(memory, at, config.percent, config.minConcurrency);
    default:
      return unreachable(config);
  }
}

class SharedRetryBudget implements RetryLimit {
  private readonly memory: SharedMemory;
  private readonly at: number;
  private readonly config: RetryBudgetConfig;
  private readonly requests: SharedWindow;
  private readonly retries: SharedWindow;
  private readonly floor: SharedWindow;

  constructor(memory: SharedMemory, at: number, config: RetryBudgetConfig) {
    const { words } = memory;
    this.memory = memory;
    this.at = at;
    this.config = config;
    this.requests = new SharedWindow(words, at, config.intervalMs);
    this.retries = new SharedWindow(words, at + windowWords, config.intervalMs);
    this.floor = new SharedWindow(words, at + 2 * windowWords, config.minRetries.intervalMs);
  }

  onRequest(nowMs: number): void {
    this.requests.add(nowMs);
  }

  tryRetry(nowMs: number): boolean {
    this.retries.add(nowMs);
    this.floor.add(nowMs);
    if (this.left(nowMs) >= 0) return true;
    this.retries.add(nowMs, -1);
    this.floor.add(nowMs, -1);
    return false;
  }

  onDone(): void {}

  remaining(nowMs: number): number {
    return Math.max(0, this.left(nowMs));
  }

  dispose(): void {
    this.memory.release(this.at);
  }

  /** Below 0: more were taken than there are. */
  private left(nowMs: number): number {
    const { percent, minRetries } = this.config;
    const share = Math.floor((percent * this.requests.read(nowMs)) / 100) - this.retries.read(nowMs);
    return Math.max(share, minRetries.count - this.floor.read(nowMs));
  }
}

class SharedConcurrentRetries implements RetryLimit {
  private readonly memory: SharedMemory;
  private readonly at: number;
  private readonly percent: number;
  private readonly least: number;
  /** Of this thread. */
  private running = 0;
  private disposed = false;

  constructor(memory: SharedMemory, at: number, percent: number, least: number) {
    this.memory = memory;
    this.at = at;
    this.percent = percent;
    this.least = least;
  }

  onRequest(): void {}

  tryRetry(_nowMs: number, active: number): boolean {
    if (!addBelow(this.memory.words, this.at, this.allowed(active))) return false;
    this.running += 1;
    return true;
  }

  onDone(): void {
    const before = Atomics.sub(this.memory.words, this.at, 1);
    assert(before > 0, 'a retry is over once');
    this.running -= 1;
    if (this.disposed && this.running === 0) this.memory.release(this.at);
  }

  remaining(_nowMs: number, active: number): number {
    return Math.max(0, this.allowed(active) - Atomics.load(this.memory.words, this.at));
  }

  /** Retries that run still have to be counted off. */
  dispose(): void {
    this.disposed = true;
    if (this.running === 0) this.memory.release(this.at);
  }

  private allowed(active: number): number {
    return Math.max(this.least, Math.floor((this.percent * active) / 100));
  }
}

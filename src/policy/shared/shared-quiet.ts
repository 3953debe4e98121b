// How long nothing has happened in a proxy of several threads: each says it of itself, and the least holds for all.

import type { SharedMemory } from './shared-memory.ts';

export class SharedQuiet {
  private readonly words: Int32Array;
  private readonly at: number;
  private readonly thread: number;
  private readonly threads: number;

  /** `thread` counts from 0. */
  constructor(memory: SharedMemory, thread: number, threads: number) {
    this.words = memory.words;
    this.at = memory.acquire('quiet', threads);
    this.thread = thread;
    this.threads = threads;
  }

  /** Takes this thread's time and returns the least of all; 0 while another one has not said any. */
  leastMs(ownMs: number): number {
    // Without room for it no thread waits for another.
    if (this.at < 0) return ownMs;
    Atomics.store(this.words, this.at + this.thread, Math.floor(ownMs));
    let least = ownMs;
    for (let thread = 0; thread < this.threads; thread++)
      least = Math.min(least, Atomics.load(this.words, this.at + thread));
    return least;
  }
}

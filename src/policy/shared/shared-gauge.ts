// A gauge in which all threads count.

import type { Gauge } from '../limit/index.ts';
import { addBelow } from './shared-breaker.ts';

export class SharedGauge implements Gauge {
  private readonly words: Int32Array;
  private readonly at: number;

  constructor(words: Int32Array, at: number) {
    this.words = words;
    this.at = at;
  }

  get value(): number {
    return Atomics.load(this.words, this.at);
  }

  add(by: number): void {
    Atomics.add(this.words, this.at, by);
  }

  tryAdd(max: number): boolean {
    return addBelow(this.words, this.at, max);
  }
}

// Exponential decay over real time, not over samples: a value's weight falls by e every `tauMs`, however often it is observed.

import { assert } from './errors.ts';

/** The share of an old value that is left after `elapsedMs`: e^(-elapsed/tau), 1 for no or negative elapsed time. */
export function decayFactor(elapsedMs: number, tauMs: number): number {
  return elapsedMs <= 0 ? 1 : Math.exp(-elapsedMs / tauMs);
}

/** A mean of irregular observations in which newer ones weigh more. */
export class Ewma {
  value: number;
  readonly #tauMs: number;
  #atMs = -1;

  /** `tauMs` > 0. `initial` stands until the first observation replaces it. */
  constructor(tauMs: number, initial = 0) {
    assert(tauMs > 0, 'a decay takes time');
    this.#tauMs = tauMs;
    this.value = initial;
  }

  observe(value: number, nowMs: number): void {
    if (this.#atMs < 0) {
      this.value = value;
      this.#atMs = nowMs;
      return;
    }
    const kept = decayFactor(nowMs - this.#atMs, this.#tauMs);
    this.value = this.value * kept + value * (1 - kept);
    this.#atMs = nowMs;
  }
}

/** A sum that fades: with a steady rate r per ms it settles at r * tauMs. */
export class DecayingSum {
  readonly #tauMs: number;
  #value = 0;
  #atMs = 0;

  /** `tauMs` > 0. */
  constructor(tauMs: number) {
    assert(tauMs > 0, 'a decay takes time');
    this.#tauMs = tauMs;
  }

  add(amount: number, nowMs: number): void {
    this.#value = this.read(nowMs) + amount;
    this.#atMs = nowMs;
  }

  read(nowMs: number): number {
    return this.#value * decayFactor(nowMs - this.#atMs, this.#tauMs);
  }
}

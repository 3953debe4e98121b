// What the checks of one endpoint found, for all threads of a proxy: the first thread checks, the others read. An
// endpoint is asked once an interval, whatever the number of threads, and all agree on it.
//
// Words: 0 changes so far; 1 findings, as bits; 2 somebody wants it left out; 3 some thread has used its cluster.

import type { HealthJudge } from '../health/index.ts';
import type { SharedMemory } from './shared-memory.ts';

const versionAt = 0;
const findingsAt = 1;
const failAt = 2;
const usedAt = 3;
const words = 4;

const bits = { known: 1, healthy: 2, degraded: 4, timedOut: 8, excluded: 16 } as const;

export interface CheckBoard {
  /** This thread checks; else it reads. */
  readonly leads: boolean;
  /** Some thread has had a connection to the cluster. */
  readonly used: boolean;
  markUsed(): void;
  /** The leader's findings, for the others. */
  post(judge: HealthJudge): void;
  /** False: nothing is new since the last time. */
  read(judge: HealthJudge): boolean;
  /** To the leader, by who reads: an answer said that the endpoint is to be left out. */
  requestFailure(): void;
  takeFailure(): boolean;
  release(): void;
}

export class SharedCheck implements CheckBoard {
  readonly leads: boolean;
  private readonly memory: SharedMemory;
  private readonly at: number;
  private readonly onChange: () => void;
  private seen = 0;

  /** null: the memory is full. */
  static open(memory: SharedMemory, name: string, leads: boolean, onChange: () => void): SharedCheck | null {
    const at = memory.acquire(name, words);
    return at < 0 ? null : new SharedCheck(memory, at, leads, onChange);
  }

  private constructor(memory: SharedMemory, at: number, leads: boolean, onChange: () => void) {
    this.memory = memory;
    this.at = at;
    this.leads = leads;
    this.onChange = onChange;
  }

  get used(): boolean {
    return Atomics.load(this.memory.words, this.at + usedAt) !== 0;
  }

  markUsed(): void {
    if (!this.used) Atomics.store(this.memory.words, this.at + usedAt, 1);
  }

  post(judge: HealthJudge): void {
    const findings =
      (judge.pending ? 0 : bits.known) |
      (judge.healthy ? bits.healthy : 0) |
      (judge.degraded ? bits.degraded : 0) |
      (judge.timedOut ? bits.timedOut : 0) |
      (judge.excluded ? bits.excluded : 0);
    const { words: shared } = this.memory;
    if (Atomics.exchange(shared, this.at + findingsAt, findings) === findings) return;
    Atomics.add(shared, this.at + versionAt, 1);
    this.onChange();
  }

  read(judge: HealthJudge): boolean {
    const { words: shared } = this.memory;
    const version = Atomics.load(shared, this.at + versionAt);
    if (version === this.seen) return false;
    this.seen = version;
    const findings = Atomics.load(shared, this.at + findingsAt);
    judge.pending = (findings & bits.known) === 0;
    judge.healthy = (findings & bits.healthy) !== 0;
    judge.degraded = (findings & bits.degraded) !== 0;
    judge.timedOut = (findings & bits.timedOut) !== 0;
    judge.excluded = (findings & bits.excluded) !== 0;
    return true;
  }

  requestFailure(): void {
    Atomics.store(this.memory.words, this.at + failAt, 1);
    this.onChange();
  }

  takeFailure(): boolean {
    return Atomics.exchange(this.memory.words, this.at + failAt, 0) !== 0;
  }

  release(): void {
    this.memory.release(this.at);
  }
}

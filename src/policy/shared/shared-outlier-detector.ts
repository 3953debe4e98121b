// Outlier detection over what all threads saw. The rules are those of outlier/, applied to a mirror: under the
// cluster's lock a thread takes over what the others wrote, decides, and writes back, so that five failures in a row
// are five in the proxy, one of them ejects, and the share that may be ejected is the proxy's. Successes, the many,
// take no lock: they reset what is not 0 and count.

import type { Random } from '../../base/index.ts';
import type { EndpointLoad, Outcome } from '../balance/index.ts';
import { type Detector, type OutlierConfig, type OutlierCounts, OutlierDetector } from '../outlier/index.ts';
import { lock, unlock } from './mutex.ts';
import type { SharedMemory } from './shared-memory.ts';

/** Of the cluster. A change of any ejection moves the generation on. */
const lockAt = 0;
const generationAt = 1;
/** A 64-bit number. */
const sweptAt = 2;
const clusterWords = 4;

/** Of an endpoint. */
const rowFields = ['consecutiveFailures', 'consecutiveGatewayFailures', 'consecutiveLocalFailures'] as const;
const successesAt = 3;
const failuresAt = 4;
const ejectionsAt = 5;
/** A 64-bit number; 0: it is not ejected. */
const untilAt = 6;
const localFailuresAt = 8;
const endpointWords = 10;

/** Each thread's timer is a little off the others': whose is due this soon after a sweep leaves it. */
const ownTurn = 0.9;

export class SharedOutlierDetector<E extends EndpointLoad> implements Detector<E> {
  private readonly memory: SharedMemory;
  private readonly name: string;
  private readonly at: number;
  private readonly config: OutlierConfig;
  private readonly inner: OutlierDetector<E>;
  private readonly onOwn: () => void;
  private readonly onOthers: () => void;
  private blocks = new Map<E, number>();
  private endpoints: readonly E[] = [];
  private generation = 0;
  /** By block: what `pull` read, until `push` writes the difference. */
  private readonly pulledSuccesses = new Map<number, number>();

  /** Null: the memory is full. `onOwn`: other threads are to look; `onOthers`: what they decided was taken over. */
  static open<E extends EndpointLoad>(
    memory: SharedMemory,
    name: string,
    config: OutlierConfig,
    counts: OutlierCounts,
    random: Random,
    onOwn: () => void,
    onOthers: () => void,
  ): SharedOutlierDetector<E> | null {
    const at = memory.acquire(name, clusterWords);
    if (at < 0) return null;
    const inner = new OutlierDetector<E>(config, counts, random);
    return new SharedOutlierDetector(memory, name, at, config, inner, onOwn, onOthers);
  }

  private constructor(
    memory: SharedMemory,
    name: string,
    at: number,
    config: OutlierConfig,
    inner: OutlierDetector<E>,
    onOwn: () => void,
    onOthers: () => void,
  ) {
    this.memory = memory;
    this.name = name;
    this.at = at;
    this.config = config;
    this.inner = inner;
    this.onOwn = onOwn;
    this.onOthers = onOthers;
  }

  update(endpoints: readonly E[]): void {
    if (endpoints === this.endpoints) return;
    const blocks = new Map<E, number>();
    for (const endpoint of endpoints) {
      const known = this.blocks.get(endpoint);
      blocks.set(endpoint, known ?? this.memory.acquire(`${this.name}/${endpoint.key}`, endpointWords));
      if (known === undefined) this.pullEjection(endpoint, blocks.get(endpoint)!);
    }
    for (const [endpoint, at] of this.blocks) if (!blocks.has(endpoint)) this.memory.release(at);
    this.blocks = blocks;
    this.endpoints = endpoints;
    this.inner.update(endpoints);
  }

  onOutcome(endpoint: E, outcome: Outcome, nowMs: number): boolean {
    if (outcome === 'unreached') return false;
    const at = this.blocks.get(endpoint) ?? -1;
    if (at < 0) return false;
    if (outcome === 'success') {
      this.onSuccess(at);
      return false;
    }
    let others = false;
    const ejected = this.locked(() => {
      others = this.takeOver();
      this.pull(endpoint, at);
      const over = this.inner.onOutcome(endpoint, outcome, nowMs);
      this.push(endpoint, at);
      if (over) this.moveOn();
      return over;
    });
    if (others) this.onOthers();
    if (ejected) this.onOwn();
    return ejected;
  }

  /** One thread sweeps in an interval, for all; the others find their turn taken. */
  sweep(endpoints: readonly E[], nowMs: number): readonly E[] {
    this.update(endpoints);
    const { numbers } = this.memory;
    return this.apply(() => {
      const swept = (this.at + sweptAt) / 2;
      if (nowMs - numbers[swept]! < this.config.intervalMs * ownTurn) return [];
      numbers[swept] = nowMs;
      for (const [endpoint, at] of this.blocks) this.pull(endpoint, at);
      const changed = this.inner.sweep(endpoints, nowMs);
      for (const [endpoint, at] of this.blocks) this.push(endpoint, at);
      return changed;
    });
  }

  returnDue(nowMs: number): readonly E[] {
    return this.apply(() => {
      for (const [endpoint, at] of this.blocks) if (isDue(endpoint, nowMs)) this.pull(endpoint, at);
      const changed = this.inner.returnDue(nowMs);
      for (const endpoint of changed) this.push(endpoint, this.blocks.get(endpoint) ?? -1);
      return changed;
    });
  }

  onCheckPassed(endpoint: E, nowMs: number): boolean {
    const at = this.blocks.get(endpoint) ?? -1;
    if (endpoint.ejectedUntilMs <= nowMs) return false;
    const changed = this.apply(() => {
      this.pull(endpoint, at);
      const returned = this.inner.onCheckPassed(endpoint, nowMs);
      this.push(endpoint, at);
      return returned ? [endpoint] : [];
    });
    return changed.length > 0;
  }

  nextReturnMs(): number {
    return this.inner.nextReturnMs();
  }

  /** Another thread said that something changed. */
  look(): void {
    if (this.locked(() => this.takeOver())) this.onOthers();
  }

  dispose(): void {
    for (const at of this.blocks.values()) this.memory.release(at);
    this.blocks.clear();
    this.endpoints = [];
    this.memory.release(this.at);
  }

  private onSuccess(at: number): void {
    const { words } = this.memory;
    for (let field = 0; field < rowFields.length; field++)
      if (Atomics.load(words, at + field) !== 0) Atomics.store(words, at + field, 0);
    Atomics.add(words, at + successesAt, 1);
  }

  private apply(decide: () => readonly E[]): readonly E[] {
    let others = false;
    const changed = this.locked(() => {
      others = this.takeOver();
      const own = decide();
      if (own.length > 0) this.moveOn();
      return own;
    });
    if (others) this.onOthers();
    if (changed.length > 0) this.onOwn();
    return changed;
  }

  private locked<T>(work: () => T): T {
    const { words } = this.memory;
    lock(words, this.at + lockAt);
    try {
      return work();
    } finally {
      unlock(words, this.at + lockAt);
    }
  }

  private moveOn(): void {
    this.generation = Atomics.add(this.memory.words, this.at + generationAt, 1) + 1;
  }

  /** Ejections that others made or ended. True: there were some. */
  private takeOver(): boolean {
    const generation = Atomics.load(this.memory.words, this.at + generationAt);
    if (generation === this.generation) return false;
    this.generation = generation;
    let changed = false;
    for (const [endpoint, at] of this.blocks) if (this.pullEjection(endpoint, at)) changed = true;
    return changed;
  }

  private pullEjection(endpoint: E, at: number): boolean {
    if (at < 0) return false;
    const shared = this.memory.numbers[(at + untilAt) / 2]!;
    const untilMs = shared > 0 ? shared : -1;
    endpoint.ejections = this.memory.words[at + ejectionsAt]!;
    if (endpoint.ejectedUntilMs === untilMs) return false;
    endpoint.ejectedUntilMs = untilMs;
    return true;
  }

  private pull(endpoint: E, at: number): void {
    if (at < 0) return;
    const { words } = this.memory;
    for (const [field, name] of rowFields.entries()) endpoint[name] = Atomics.load(words, at + field);
    endpoint.successes = Atomics.load(words, at + successesAt);
    endpoint.failures = words[at + failuresAt]!;
    endpoint.localFailures = words[at + localFailuresAt]!;
    endpoint.ejections = words[at + ejectionsAt]!;
    this.pulledSuccesses.set(at, endpoint.successes);
  }

  private push(endpoint: E, at: number): void {
    if (at < 0) return;
    const { words, numbers } = this.memory;
    for (const [field, name] of rowFields.entries()) Atomics.store(words, at + field, endpoint[name]);
    // Others count successes meanwhile: the difference is what was decided here.
    const pulled = this.pulledSuccesses.get(at) ?? endpoint.successes;
    this.pulledSuccesses.delete(at);
    Atomics.add(words, at + successesAt, endpoint.successes - pulled);
    words[at + failuresAt] = endpoint.failures;
    words[at + localFailuresAt] = endpoint.localFailures;
    words[at + ejectionsAt] = endpoint.ejections;
    numbers[(at + untilAt) / 2] = Math.max(0, endpoint.ejectedUntilMs);
  }
}

function isDue(endpoint: EndpointLoad, nowMs: number): boolean {
  return endpoint.ejectedUntilMs >= 0 && endpoint.ejectedUntilMs <= nowMs;
}

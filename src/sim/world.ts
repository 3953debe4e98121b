// The simulated world: one clock, one network, one source of randomness, one trace. Everything random in it comes from
// the seed, so a seed is a complete description of a run.

import { type Random, VirtualClock, Xoshiro128 } from '../base/index.ts';
import {
  createMemoryNetwork,
  formatAddress,
  type LinkConditions,
  type MemoryNetwork,
  type MemoryProcess,
} from '../net/index.ts';
import { forgetSharedFields } from '../wire/http2/index.ts';
import { ProcessClock } from './process-clock.ts';
import { Trace } from './trace.ts';
import type { Troubles } from './troubles.ts';

/** Fine enough that a loopback hop is not rounded up to a millisecond. */
const tickMs = 0.125;

/** A running program of the world: its own clock and sockets, which end together when it crashes. */
export interface SimProcess {
  readonly name: string;
  readonly clock: ProcessClock;
  readonly network: MemoryProcess;
  readonly random: Random;
  kill(): void;
}

export class World {
  readonly seed: number;
  readonly clock = new VirtualClock({ tickMs });
  readonly trace = new Trace(this.clock);
  readonly network: MemoryNetwork;
  private readonly random: Xoshiro128;
  /** Who keeps books of what the network breaks; null: nobody. */
  troubles: Troubles | null = null;

  constructor(seed: number, conditions: Partial<LinkConditions> = {}) {
    this.seed = seed;
    forgetSharedFields();
    this.random = new Xoshiro128(seed);
    this.network = createMemoryNetwork({
      clock: this.clock,
      random: this.forkRandom(),
      conditions,
      observer: {
        onSegment: (kind, from, to, bytes) => {
          this.trace.add(`${kind} ${formatAddress(from)} ${formatAddress(to)} ${bytes}`);
          this.troubles?.onSegment(kind, from, to, this.clock.now());
        },
      },
    });
  }

  /** A generator of its own for each user, so that one more draw here does not shift all draws there. */
  forkRandom(): Random {
    const high = BigInt(this.random.uint32());
    return new Xoshiro128((high << 32n) | BigInt(this.random.uint32()));
  }

  startProcess(name: string, host: string): SimProcess {
    const clock = new ProcessClock(this.clock, tickMs);
    const network = this.network.createProcess(name, host);
    this.trace.add(`start ${name}`);
    return {
      name,
      clock,
      network,
      random: this.forkRandom(),
      kill: () => {
        this.trace.add(`kill ${name}`);
        clock.kill();
        network.kill();
      },
    };
  }

  /** Cuts two hosts off from each other for this long. */
  async partitionFor(
    hostA: string,
    hostB: string,
    ms: number,
    run: (ms: number) => Promise<void>,
  ): Promise<void> {
    this.trace.add(`partition ${hostA} ${hostB}`);
    const fromMs = this.clock.now();
    this.network.partition(hostA, hostB);
    await run(ms);
    this.network.heal(hostA, hostB);
    this.trace.add(`heal ${hostA} ${hostB}`);
    for (const host of [hostA, hostB]) this.troubles?.note(host, fromMs, this.clock.now());
  }

  /** Plays until `untilMs`. After every instant all promises that it settled are run, as an event loop would. */
  async runUntil(untilMs: number): Promise<void> {
    await settlePromises();
    while (this.clock.runNext(untilMs)) await settlePromises();
    this.clock.advanceTo(untilMs);
    await settlePromises();
  }

  runFor(ms: number): Promise<void> {
    return this.runUntil(this.clock.now() + ms);
  }
}

/** A turn of the real event loop: it begins when no promise is left to run. No time is read. */
function settlePromises(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

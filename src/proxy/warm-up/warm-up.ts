// The first requests of a process cost ten times what later ones do: nothing is compiled yet. A data path of its own,
// of which the real one knows nothing, carries requests between two unix sockets of this process until the code that a
// request takes is compiled: real sockets and the real composition, so that what is compiled is what will run.

import { type Clock, type Random, silentLog, Timer, type TimerHandler } from '../../base/index.ts';
import type { Network, Resolver, Store } from '../../net/index.ts';
import { ConfigSource } from '../config/index.ts';
import { DataPlane } from '../data-plane.ts';
import { warmUpBootstrap } from './bootstrap.ts';
import { WarmCaller } from './caller.ts';
import { WarmOrigin } from './origin.ts';

export interface WarmUpOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly network: Network;
  readonly resolver: Resolver;
  readonly store: Store;
  /** How many requests pass. */
  readonly requests: number;
  /** Told apart from those of other threads and processes: two names of unix sockets begin with it. */
  readonly name: string;
}

/** It is over by then, whatever came of it. */
const warmUpMaxMs = 5_000;

/** Begins at once and gives the loop back after each request; resolves with the number of requests answered. */
export function warmUp(options: WarmUpOptions): Promise<number> {
  return new Promise((resolve) => new WarmUp(options, resolve).start());
}

class WarmUp implements TimerHandler {
  private readonly options: WarmUpOptions;
  private readonly done: (answered: number) => void;
  private readonly plane: DataPlane;
  private readonly config: ConfigSource;
  private readonly origins: WarmOrigin;
  private readonly caller: WarmCaller;
  private readonly deadline = new Timer(this, 0);
  private over = false;

  constructor(options: WarmUpOptions, done: (answered: number) => void) {
    const { clock, network, store, name } = options;
    this.options = options;
    this.done = done;
    // Abstract names: nothing is left of them when their sockets close.
    const entrance = `\0${name}`;
    const origins = [1, 2, 3].map((at) => `\0${name}-origin-${at}`);
    this.plane = new DataPlane({ ...options, log: silentLog });
    this.config = new ConfigSource({
      clock,
      log: silentLog,
      store,
      stateDir: null,
      bootstrap: warmUpBootstrap(entrance, origins),
      drainTimeoutMs: 0,
      target: this.plane,
      createClient: () => {
        throw new Error('a warm-up has no control plane');
      },
    });
    this.origins = new WarmOrigin(network, origins);
    this.caller = new WarmCaller({
      network,
      address: { kind: 'unix', path: entrance },
      requests: options.requests,
      onDone: () => this.finish(),
    });
  }

  start(): void {
    this.options.clock.arm(this.deadline, warmUpMaxMs);
    this.config.start();
    this.caller.start();
  }

  onTimer(): void {
    this.finish();
  }

  private finish(): void {
    if (this.over) return;
    this.over = true;
    this.options.clock.cancel(this.deadline);
    this.caller.stop();
    this.origins.stop();
    void Promise.all([this.config.stop(), this.plane.stop()]).then(() => this.done(this.caller.answered));
  }
}

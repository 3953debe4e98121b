// The hand-over between a proxy and its successor, as the process sees it: who is asked for the listeners at the start,
// when the predecessor is told, and under which name the own listeners are offered (docs/upgrade.md).

import type { Log } from '../base/index.ts';
import {
  announceReady,
  closeInherited,
  type InheritedDescriptors,
  offerListeners,
  takeListeners,
} from '../net/index.ts';
import { Exit, exitCode } from './command.ts';

/** How often a starting proxy is asked whether it serves. */
const lookMs = 50;

export class HotRestart {
  readonly inherited: InheritedDescriptors;
  readonly #baseId: number;
  readonly #epoch: number;
  readonly #log: Log;

  /** Null when neither flag was given. Ends the process when the predecessor cannot be reached. */
  static from(baseId: number | undefined, epoch: number | undefined, log: Log): HotRestart | null {
    return baseId === undefined && epoch === undefined ? null : new HotRestart(baseId ?? 0, epoch ?? 0, log);
  }

  private constructor(baseId: number, epoch: number, log: Log) {
    this.#baseId = baseId;
    this.#epoch = epoch;
    this.#log = log;
    const taken = epoch === 0 ? new Map<string, number>() : takeListeners(this.#nameOf(epoch - 1));
    if (!(taken instanceof Map)) throw new Exit(exitCode.usage, `--restart-epoch ${epoch}: ${taken.message}`);
    this.inherited = taken;
    if (epoch > 0) log.write('info', 'listeners taken over', { listeners: taken.size, epoch });
  }

  /** From the start on: tells the predecessor as soon as this proxy serves, then waits for a successor. */
  watch(proxy: { readonly ready: boolean }, onSuccessor: () => void): void {
    const timer = setInterval(() => {
      if (!proxy.ready) return;
      clearInterval(timer);
      void this.#settle(onSuccessor);
    }, lookMs);
  }

  async #settle(onSuccessor: () => void): Promise<void> {
    if (this.#epoch > 0) await announceReady(this.#nameOf(this.#epoch - 1));
    closeInherited(this.inherited);
    const name = this.#nameOf(this.#epoch);
    try {
      offerListeners({ name, log: this.#log, onSuccessor });
    } catch (error) {
      this.#log.write('error', 'listeners not offered: --base-id is in use', { name, error: String(error) });
    }
  }

  #nameOf(epoch: number): string {
    return `weft-hot-restart-${this.#baseId}-${epoch}`;
  }
}

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
import type { Proxy as MeshProxy } from '../proxy/index.ts';
import { Exit, exitCode } from './command.ts';

/** How often a starting proxy is asked whether it serves. */
const lookMs = 50;

export interface HotRestartFlags {
  readonly baseId?: number;
  readonly restartEpoch?: number;
  readonly parentShutdownTimeS?: number;
  readonly disableHotRestart?: true;
  readonly skipHotRestartOnNoParent?: true;
}

/** A proxy that is succeeded. */
type HandedOver = Pick<MeshProxy, 'ready' | 'otherListeners'>;

export class HotRestart {
  readonly inherited: InheritedDescriptors;
  private readonly baseId: number;
  private readonly epoch: number;
  /** There was a predecessor. */
  private readonly succeeds: boolean;
  /** `--parent-shutdown-time-s`; null: the predecessor's own drain time holds. */
  private readonly parentEndsSeconds: number | null;
  private readonly log: Log;

  /**
   * Null when neither flag was given. Ends the process when the predecessor cannot be reached, unless the flags say
   * that it may be missing.
   */
  static from(flags: HotRestartFlags, log: Log): HotRestart | null {
    const { baseId, restartEpoch, disableHotRestart } = flags;
    if (disableHotRestart === true || (baseId === undefined && restartEpoch === undefined)) return null;
    return new HotRestart(baseId ?? 0, restartEpoch ?? 0, flags, log);
  }

  private constructor(baseId: number, epoch: number, flags: HotRestartFlags, log: Log) {
    this.baseId = baseId;
    this.epoch = epoch;
    this.parentEndsSeconds = flags.parentShutdownTimeS ?? null;
    this.log = log;
    const taken = epoch === 0 ? new Map<string, readonly number[]>() : takeListeners(this.nameOf(epoch - 1));
    this.succeeds = epoch > 0 && taken instanceof Map;
    if (!(taken instanceof Map)) {
      if (flags.skipHotRestartOnNoParent !== true)
        throw new Exit(exitCode.usage, `--restart-epoch ${epoch}: ${taken.message}`);
      log.write('warn', 'no proxy before this one', { epoch, error: taken.message });
      this.inherited = new Map();
      return;
    }
    this.inherited = taken;
    if (epoch > 0)
      log.write('info', 'listeners taken over', { listeners: [...taken.values()].flat().length, epoch });
  }

  /** From the start on: tells the predecessor as soon as this proxy serves, then waits for a successor. */
  watch(proxy: HandedOver, onSuccessor: (endsWithinMs: number | null) => void): void {
    const timer = setInterval(() => {
      if (!proxy.ready) return;
      clearInterval(timer);
      void this.settle(proxy, onSuccessor);
    }, lookMs);
  }

  private async settle(proxy: HandedOver, onSuccessor: (endsWithinMs: number | null) => void): Promise<void> {
    if (this.succeeds) await announceReady(this.nameOf(this.epoch - 1), this.parentEndsSeconds);
    closeInherited(this.inherited);
    const name = this.nameOf(this.epoch);
    try {
      offerListeners({ name, log: this.log, otherListeners: () => proxy.otherListeners, onSuccessor });
    } catch (error) {
      this.log.write('error', 'listeners not offered: --base-id is in use', { name, error: String(error) });
    }
  }

  private nameOf(epoch: number): string {
    return `weft-hot-restart-${this.baseId}-${epoch}`;
  }
}

// Keeps the last good configuration in the state folder: writes it some quiet time after changes, reads it when asked.
// A file that cannot be used is named in the log and otherwise ignored: it is a help, never a condition.

import { type Clock, type Log, type MeshError, Timer, type TimerHandler } from '../../base/index.ts';
import type { Store } from '../../net/index.ts';
import {
  encodeLastGood,
  type LastGood,
  lastGoodFileOf,
  parseLastGood,
  type SavedResource,
} from './last-good.ts';
import { configLimits } from './limits.ts';

export interface LastGoodKeeperOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly store: Store;
  readonly stateDir: string;
  readonly nodeId: string;
  /** What is to be written, asked when it is. */
  readonly collect: () => readonly SavedResource[];
}

export class LastGoodKeeper implements TimerHandler {
  private readonly options: LastGoodKeeperOptions;
  private readonly path: string;
  private readonly timer = new Timer(this, 0);
  private savedAtMs = Number.NEGATIVE_INFINITY;
  private writing: Promise<void> = Promise.resolve();

  constructor(options: LastGoodKeeperOptions) {
    this.options = options;
    this.path = `${options.stateDir}/${lastGoodFileOf(options.nodeId)}`;
  }

  /** Something changed: it will be written soon, once for a burst. */
  saveSoon(): void {
    if (this.timer.armed) return;
    const { clock } = this.options;
    const sinceMs = clock.now() - this.savedAtMs;
    clock.arm(this.timer, Math.max(configLimits.saveAfterMs, configLimits.saveEveryMs - sinceMs));
  }

  onTimer(): void {
    this.save();
  }

  /** Writes what is still to be written. */
  async close(): Promise<void> {
    if (this.timer.armed) this.save();
    await this.writing;
  }

  /** Null where there is none that can be used. */
  async read(): Promise<LastGood | null> {
    const { log, store, nodeId } = this.options;
    try {
      const bytes = await store.read(this.path);
      if (bytes === null) {
        log.write('warn', 'no last good configuration', { path: this.path });
        return null;
      }
      const parsed = parseLastGood(bytes, nodeId);
      if (parsed.ok) return parsed.value;
      log.write('error', 'last good configuration ignored', { path: this.path, reason: parsed.error });
    } catch (error) {
      log.write('error', 'last good configuration not read', { path: this.path, reason: reasonOf(error) });
    }
    return null;
  }

  private save(): void {
    const { clock, store, log, nodeId, collect } = this.options;
    clock.cancel(this.timer);
    this.savedAtMs = clock.now();
    const bytes = encodeLastGood({ nodeId, savedAtMs: clock.wall(), resources: collect() });
    // One after the other: an older state must not come last.
    this.writing = this.writing
      .then(() => store.write(this.path, bytes))
      .catch((error: unknown) => {
        log.write('error', 'last good configuration not saved', { path: this.path, reason: reasonOf(error) });
      });
  }
}

/** A Store rejects with a MeshError, which is no Error. */
function reasonOf(error: unknown): string {
  return (error as MeshError | Error).message;
}

// Keeps the last good configuration in the state folder: writes it some quiet time after changes, reads it when asked.
// A small one is written whole; of a large one what changed, behind what was written before, and all of it again when
// the changes have become as large. A file that cannot be used is named in the log and otherwise ignored: it is a
// help, never a condition.

import { type Clock, type Log, type MeshError, Timer, type TimerHandler } from '../../base/index.ts';
import type { Store } from '../../net/index.ts';
import type { XdsResource } from '../../xds/index.ts';
import {
  applyChanges,
  changesFileOf,
  type LastGood,
  lastGoodFileOf,
  parseLastGood,
  type SavedChanges,
  type SavedResource,
} from './last-good.ts';
import { LastGoodText } from './last-good-text.ts';
import { configLimits } from './limits.ts';

/** What is to be written, asked when it is. */
export interface SavedTables {
  /** Those too that are not kept. */
  all(): readonly SavedResource[];
  isKept(resource: XdsResource): boolean;
  /** Since either of the two was asked. */
  changes(): SavedChanges;
}

export interface LastGoodKeeperOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly store: Store;
  readonly stateDir: string;
  readonly nodeId: string;
  readonly tables: SavedTables;
}

/** The file that this process wrote. */
interface Base {
  readonly digest: string;
  readonly bytes: number;
  changesBytes: number;
}

const timerKind = { save: 0, slice: 1 } as const;

/** idle -> (changes) waiting -> encoding, a slice a turn -> idle, while what was encoded is written. */
export class LastGoodKeeper implements TimerHandler {
  private readonly options: LastGoodKeeperOptions;
  private readonly path: string;
  private readonly changesPath: string;
  private readonly timer = new Timer(this, timerKind.save);
  private readonly sliceTimer = new Timer(this, timerKind.slice);
  private savedAtMs = Number.NEGATIVE_INFINITY;
  private text: LastGoodText | null = null;
  /** Null: all has to be written. */
  private base: Base | null = null;
  private writing: Promise<void> = Promise.resolve();
  private retired = false;

  constructor(options: LastGoodKeeperOptions) {
    const { nodeId, stateDir } = options;
    this.options = options;
    this.path = `${stateDir}/${lastGoodFileOf(nodeId)}`;
    this.changesPath = `${stateDir}/${changesFileOf(nodeId)}`;
  }

  /** Something changed: it will be written soon, once for a burst. */
  saveSoon(): void {
    if (this.timer.armed || this.retired) return;
    const { clock } = this.options;
    const sinceMs = clock.now() - this.savedAtMs;
    clock.arm(this.timer, Math.max(configLimits.saveAfterMs, configLimits.saveEveryMs - sinceMs));
  }

  onTimer(kind: number): void {
    if (kind === timerKind.slice) this.encodeSlice();
    // Still at the one before, of a configuration without measure.
    else if (this.text !== null) this.options.clock.arm(this.timer, configLimits.saveEveryMs);
    else this.begin();
  }

  /** Another process writes it from now on. */
  retire(): void {
    this.retired = true;
    this.options.clock.cancel(this.timer);
    this.options.clock.cancel(this.sliceTimer);
    this.text = null;
  }

  /** Writes what is still to be written. */
  async close(): Promise<void> {
    this.finish();
    if (this.timer.armed) {
      this.begin();
      this.finish();
    }
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
      if (!parsed.ok) {
        log.write('error', 'last good configuration ignored', { path: this.path, reason: parsed.error });
        return null;
      }
      const changes = await store.read(this.changesPath);
      if (changes === null) return parsed.value;
      const { saved, fault } = applyChanges(parsed.value, changes);
      if (fault !== null)
        log.write('warn', 'later changes of the last good configuration ignored', {
          path: this.changesPath,
          reason: fault,
        });
      return saved;
    } catch (error) {
      log.write('error', 'last good configuration not read', { path: this.path, reason: reasonOf(error) });
    }
    return null;
  }

  private begin(): void {
    const { clock, nodeId, tables } = this.options;
    clock.cancel(this.timer);
    this.savedAtMs = clock.now();
    const about = { nodeId, savedAtMs: clock.wall() };
    const { base } = this;
    const changes = base === null ? null : tables.changes();
    if (changes !== null && changes.changed.length + changes.removed.length === 0) return;
    if (base !== null && changes !== null && isWorthIt(base, changes))
      this.text = LastGoodText.ofChanges(base.digest, { ...about, ...changes });
    else {
      this.base = null;
      const saved = { ...about, resources: tables.all() };
      this.text = LastGoodText.ofAll(saved, (resource) => tables.isKept(resource));
    }
    this.encodeSlice();
  }

  private encodeSlice(): void {
    if (this.text === null) return;
    if (this.text.encode(configLimits.saveSliceBytes)) this.write(this.text);
    else this.options.clock.arm(this.sliceTimer, 0);
  }

  private finish(): void {
    this.options.clock.cancel(this.sliceTimer);
    while (this.text !== null) if (this.text.encode(Number.POSITIVE_INFINITY)) this.write(this.text);
  }

  private write({ bytes, digest, pieces }: LastGoodText): void {
    const { store } = this.options;
    this.text = null;
    if (this.base === null) {
      this.base = { digest, bytes, changesBytes: 0 };
      this.queue(async () => {
        await store.write(this.path, pieces);
        await store.remove(this.changesPath);
      });
    } else {
      this.base.changesBytes += bytes;
      this.queue(() => store.append(this.changesPath, pieces));
    }
  }

  /** One after the other: an older state must not come last. */
  private queue(work: () => Promise<void>): void {
    const { log } = this.options;
    this.writing = this.writing.then(work).catch((error: unknown) => {
      this.base = null;
      log.write('error', 'last good configuration not saved', { path: this.path, reason: reasonOf(error) });
    });
  }
}

/** Changes are read one by one at the next start: they may take as much as the file that they save to write. */
function isWorthIt({ bytes, changesBytes }: Base, { changed, removed }: SavedChanges): boolean {
  if (bytes <= configLimits.savedWholeBytesMax) return false;
  let size = changesBytes;
  for (const { resource } of changed) size += resource.bytes.length * 1.4 + 200;
  for (const [typeUrl, name] of removed) size += typeUrl.length + name.length + 10;
  return size < bytes;
}

/** A Store rejects with a MeshError, which is no Error. */
function reasonOf(error: unknown): string {
  return (error as MeshError | Error).message;
}

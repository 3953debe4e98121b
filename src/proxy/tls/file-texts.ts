// The text of files that hold certificates, read anew when they change; whoever depends on a text is told only when it
// became another one. The files of a folder are read together and put into force together: a certificate and its key
// are of the same generation, also while Kubernetes replaces the Secret that is mounted there. One reading of a folder
// runs at a time, and a change during it asks for another: an older text never follows a newer one.

import { dirname } from 'node:path';
import { type Log, MeshError } from '../../base/index.ts';
import type { Store } from '../../net/index.ts';

export interface TextWatcher {
  onText(): void;
}

interface Entry {
  /** Null: not read yet, or not there. */
  text: string | null;
  fault: string;
  readonly watchers: Set<TextWatcher>;
  /** Ends the watch. */
  readonly stop: () => void;
}

interface Folder {
  /** Moves on with each change that was told. */
  turn: number;
  /** Settles when all changes that were told are read; null: it has not begun. */
  reading: Promise<void> | null;
}

/** What was read of a file. */
type Loaded = Pick<Entry, 'text' | 'fault'>;

const missing: Loaded = { text: null, fault: 'does not exist' };

/** A certificate file of more than this is none. */
const fileBytesMax = 1024 * 1024;

export class FileTexts {
  private readonly store: Store;
  private readonly log: Log;
  private readonly entries = new Map<string, Entry>();
  private readonly folders = new Map<string, Folder>();

  constructor(store: Store, log: Log) {
    this.store = store;
    this.log = log;
  }

  /** Starts reading when the path is new; the watcher is told when the text is there, and whenever it changes. */
  watch(path: string, watcher: TextWatcher): void {
    const known = this.entries.get(path);
    if (known !== undefined) {
      known.watchers.add(watcher);
      return;
    }
    const folder = dirname(path);
    const stop = this.store.watchFile(path, { onChange: () => this.onChange(folder) });
    this.entries.set(path, { text: null, fault: 'is being read', watchers: new Set([watcher]), stop });
    this.onChange(folder);
  }

  forget(watcher: TextWatcher): void {
    for (const [path, entry] of this.entries) {
      entry.watchers.delete(watcher);
      if (entry.watchers.size > 0) continue;
      entry.stop();
      this.entries.delete(path);
    }
  }

  /** What it is now; a fault says why there is none. */
  textOf(path: string): { readonly text: string | null; readonly fault: string } {
    const entry = this.entries.get(path);
    return entry ?? { text: null, fault: 'is not read' };
  }

  /** All files that are watched by now were read, and those that watchers then asked for. */
  async whenRead(): Promise<void> {
    while (this.folders.size > 0) await Promise.all([...this.folders.values()].map(({ reading }) => reading));
  }

  stop(): void {
    for (const { stop } of this.entries.values()) stop();
    this.entries.clear();
  }

  private onChange(path: string): void {
    let folder = this.folders.get(path);
    if (folder === undefined) {
      folder = { turn: 0, reading: null };
      this.folders.set(path, folder);
    }
    folder.turn += 1;
    folder.reading ??= this.readFolder(path, folder);
  }

  private async readFolder(path: string, folder: Folder): Promise<void> {
    let read = -1;
    while (read !== folder.turn) {
      // Who asked in this turn of the loop is in the same reading.
      await Promise.resolve();
      read = folder.turn;
      const paths = [...this.entries.keys()].filter((one) => dirname(one) === path);
      const results = await this.load(paths);
      this.settle(paths, results);
    }
    this.folders.delete(path);
  }

  /** All texts first, then those who are told: each of them once. */
  private settle(paths: readonly string[], results: readonly Loaded[]): void {
    const told = new Set<TextWatcher>();
    for (const [index, path] of paths.entries()) {
      const entry = this.entries.get(path);
      const { text, fault } = results[index] ?? missing;
      if (entry === undefined || (entry.text === text && entry.fault === fault)) continue;
      // What vanished or cannot be read leaves the last text in use, and is said.
      if (text === null && entry.text !== null) {
        this.log.write('warn', 'certificate file not read, the last one stays', { path, fault });
        continue;
      }
      entry.text = text;
      entry.fault = fault;
      for (const watcher of entry.watchers) told.add(watcher);
    }
    for (const watcher of told) watcher.onText();
  }

  private async load(paths: readonly string[]): Promise<readonly Loaded[]> {
    const results = await this.store.readTogether(paths, fileBytesMax);
    return results.map((result) => {
      if (result === null) return missing;
      if (result instanceof MeshError) return { text: null, fault: result.message };
      return { text: Buffer.from(result).toString('utf8'), fault: '' };
    });
  }
}

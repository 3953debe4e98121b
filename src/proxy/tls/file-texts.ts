// The text of files that hold certificates, read anew when they change. A folder is watched, not a file, because that
// is what Kubernetes and certificate tools replace; whoever depends on a text is told only when it became another one.

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
}

/** A certificate file of more than this is none. */
const fileBytesMax = 1024 * 1024;

export class FileTexts {
  private readonly store: Store;
  private readonly log: Log;
  private readonly entries = new Map<string, Entry>();
  private readonly folders = new Map<string, () => void>();

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
    this.entries.set(path, { text: null, fault: 'is being read', watchers: new Set([watcher]) });
    const folder = dirname(path);
    if (!this.folders.has(folder))
      this.folders.set(folder, this.store.watch(folder, { onChange: () => this.readFolder(folder) }));
    void this.read(path);
  }

  forget(watcher: TextWatcher): void {
    for (const [path, { watchers }] of this.entries) {
      watchers.delete(watcher);
      if (watchers.size === 0) this.entries.delete(path);
    }
    for (const [folder, stop] of this.folders) {
      if ([...this.entries.keys()].some((path) => dirname(path) === folder)) continue;
      stop();
      this.folders.delete(folder);
    }
  }

  /** What it is now; a fault says why there is none. */
  textOf(path: string): { readonly text: string | null; readonly fault: string } {
    const entry = this.entries.get(path);
    return entry ?? { text: null, fault: 'is not read' };
  }

  stop(): void {
    for (const stop of this.folders.values()) stop();
    this.folders.clear();
    this.entries.clear();
  }

  private readFolder(folder: string): void {
    for (const path of this.entries.keys()) if (dirname(path) === folder) void this.read(path);
  }

  private async read(path: string): Promise<void> {
    const { text, fault } = await this.load(path);
    const entry = this.entries.get(path);
    if (entry === undefined || (entry.text === text && entry.fault === fault)) return;
    // What vanished or cannot be read leaves the last text in use, and is said.
    if (text === null && entry.text !== null) {
      this.log.write('warn', 'certificate file not read, the last one stays', { path, fault });
      return;
    }
    entry.text = text;
    entry.fault = fault;
    for (const watcher of [...entry.watchers]) watcher.onText();
  }

  private async load(path: string): Promise<{ text: string | null; fault: string }> {
    try {
      const bytes = await this.store.read(path);
      if (bytes === null) return { text: null, fault: 'does not exist' };
      if (bytes.length > fileBytesMax) return { text: null, fault: `has more than ${fileBytesMax} bytes` };
      return { text: Buffer.from(bytes).toString('utf8'), fault: '' };
    } catch (error) {
      return { text: null, fault: error instanceof MeshError ? error.message : String(error) };
    }
  }
}

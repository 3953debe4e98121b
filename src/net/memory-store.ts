// The Store seam without a disk. Its owner keeps it over a simulated restart, as a disk would be kept, and can make it
// fail.

import type { MeshError } from '../base/index.ts';
import { type ReadResult, tooLarge } from './read-together.ts';
import type { Store, StoreWatcher } from './store.ts';

export interface MemoryStore extends Store {
  /** While set, every operation rejects with it: a full or broken disk. */
  fault: MeshError | null;
  /** Whether a program is said to have any of the files open for writing; null: it cannot be told. */
  openForWriting: boolean | null;
}

export function createMemoryStore(files: Readonly<Record<string, string>> = {}): MemoryStore {
  const store = new FilesInMemory();
  for (const [path, text] of Object.entries(files)) store.put(path, new TextEncoder().encode(text));
  return store;
}

interface Watch {
  readonly concerns: (path: string) => boolean;
  readonly watcher: StoreWatcher;
  pending: boolean;
  stopped: boolean;
}

class FilesInMemory implements MemoryStore {
  fault: MeshError | null = null;
  openForWriting: boolean | null = false;
  private readonly files = new Map<string, Uint8Array>();
  private readonly watches = new Set<Watch>();

  async read(path: string): Promise<Uint8Array | null> {
    this.check();
    return this.files.get(clean(path))?.slice() ?? null;
  }

  async readTogether(paths: readonly string[], bytesMax: number): Promise<readonly ReadResult[]> {
    return paths.map((path) => {
      if (this.fault !== null) return this.fault;
      const bytes = this.files.get(clean(path))?.slice() ?? null;
      return bytes !== null && bytes.length > bytesMax ? tooLarge(path, bytesMax) : bytes;
    });
  }

  async write(path: string, bytes: Uint8Array | readonly Uint8Array[]): Promise<void> {
    this.check();
    this.put(path, bytes instanceof Uint8Array ? bytes : Buffer.concat(bytes));
    this.notify(clean(path));
  }

  async append(path: string, pieces: readonly Uint8Array[]): Promise<void> {
    this.check();
    this.put(path, Buffer.concat([this.files.get(clean(path)) ?? new Uint8Array(), ...pieces]));
    this.notify(clean(path));
  }

  async remove(path: string): Promise<void> {
    this.check();
    if (this.files.delete(clean(path))) this.notify(clean(path));
  }

  async isOpenForWriting(): Promise<boolean | null> {
    this.check();
    return this.openForWriting;
  }

  async list(path: string): Promise<readonly string[]> {
    this.check();
    const prefix = `${clean(path)}/`;
    const below = [...this.files.keys()].filter((file) => file.startsWith(prefix));
    const relative = below.map((file) => file.slice(prefix.length));
    return relative.filter((file) => !file.split('/').some((part) => part.startsWith('.'))).sort();
  }

  watch(path: string, watcher: StoreWatcher): () => void {
    const prefix = `${clean(path)}/`;
    return this.watchWhere((changed) => changed.startsWith(prefix), watcher);
  }

  watchFile(path: string, watcher: StoreWatcher): () => void {
    const file = clean(path);
    return this.watchWhere((changed) => changed === file, watcher);
  }

  private watchWhere(concerns: Watch['concerns'], watcher: StoreWatcher): () => void {
    const watch = { concerns, watcher, pending: false, stopped: false };
    this.watches.add(watch);
    return () => {
      watch.stopped = true;
      this.watches.delete(watch);
    };
  }

  put(path: string, bytes: Uint8Array): void {
    this.files.set(clean(path), new Uint8Array(bytes));
  }

  private check(): void {
    if (this.fault !== null) throw this.fault;
  }

  /** After the writer's own turn, once for all writes of it, as a kernel would tell. */
  private notify(path: string): void {
    for (const watch of this.watches) {
      if (watch.pending || !watch.concerns(path)) continue;
      watch.pending = true;
      queueMicrotask(() => {
        watch.pending = false;
        if (!watch.stopped) watch.watcher.onChange();
      });
    }
  }
}

function clean(path: string): string {
  return path.replace(/\/+/g, '/').replace(/\/$/, '');
}

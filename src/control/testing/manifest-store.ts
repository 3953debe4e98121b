// A Store of manifests in memory for tests: files are set as text, watchers are told at once, and a read can be made to fail.

import { MeshError } from '../../base/index.ts';
import type { Store, StoreWatcher } from '../../net/index.ts';

export class ManifestStore implements Store {
  failing = false;
  readonly #files = new Map<string, Uint8Array>();
  readonly #watchers = new Set<StoreWatcher>();

  constructor(files: Readonly<Record<string, string>> = {}) {
    for (const [path, text] of Object.entries(files)) this.#files.set(`dir/${path}`, encode(text));
  }

  /** Writes a manifest below `dir`. */
  set(path: string, text: string): void {
    this.#files.set(`dir/${path}`, encode(text));
    this.#tell();
  }

  delete(path: string): void {
    this.#files.delete(`dir/${path}`);
    this.#tell();
  }

  async read(path: string): Promise<Uint8Array | null> {
    if (this.failing) throw new MeshError('storage', 'internal', 'yes', 'the disk is on fire');
    return this.#files.get(path) ?? null;
  }

  async write(path: string, bytes: Uint8Array): Promise<void> {
    this.#files.set(path, bytes);
    this.#tell();
  }

  async remove(path: string): Promise<void> {
    this.#files.delete(path);
    this.#tell();
  }

  async list(path: string): Promise<readonly string[]> {
    const prefix = `${path}/`;
    const names = [...this.#files.keys()].filter((name) => name.startsWith(prefix));
    return names.map((name) => name.slice(prefix.length)).sort();
  }

  watch(_path: string, watcher: StoreWatcher): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  #tell(): void {
    for (const watcher of this.#watchers) watcher.onChange();
  }
}

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** Lets promises that are ready run, however many follow from one another within reason. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 200; i++) await Promise.resolve();
}

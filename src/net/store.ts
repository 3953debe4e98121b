// The Store seam: small files that are read whole, replaced atomically and watched. The control plane's manifest
// directory and the proxy's last good snapshot are Stores, so that a simulated restart finds what a real one would.

import type { ReadResult } from './read-together.ts';

export interface StoreWatcher {
  /** Something below the watched path changed; read again. Bursts may be merged, a change is never missed. */
  onChange(): void;
}

export interface Store {
  /** The file's bytes, or null where there is none. Rejects with a MeshError (`storage`) on anything else. */
  read(path: string): Promise<Uint8Array | null>;
  /**
   * Those files as they were at one moment, in the order of the paths: none is of before a change that another one is
   * of after. One of more than `bytesMax` is an error, as is what else cannot be read.
   */
  readTogether(paths: readonly string[], bytesMax: number): Promise<readonly ReadResult[]>;
  /**
   * Replaces the file so that a reader, also after a crash, sees the old or the new bytes whole (write aside, fsync,
   * rename).
   */
  write(path: string, bytes: Uint8Array | readonly Uint8Array[]): Promise<void>;
  /**
   * Adds to the end of the file, which need not be there yet; resolves when it is on disk. After a crash, or where it
   * is rejected, a part of it may be there.
   */
  append(path: string, pieces: readonly Uint8Array[]): Promise<void>;
  remove(path: string): Promise<void>;
  /** Does some program have the file open for writing, so that more of it may come? Null where that cannot be told. */
  isOpenForWriting(path: string): Promise<boolean | null>;
  /**
   * Paths of the regular files below `path`, recursively, relative to it, sorted; hidden files and folders are left
   * out.
   */
  list(path: string): Promise<readonly string[]>;
  /** Watches everything below `path`; the returned function stops it. */
  watch(path: string, watcher: StoreWatcher): () => void;
  /** Watches one file, which need not be there yet, or be a link; the same otherwise. */
  watchFile(path: string, watcher: StoreWatcher): () => void;
}

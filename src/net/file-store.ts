// The Store seam over files. A write goes aside, is synced, renamed and its folder synced, so that after a crash the
// old or the new bytes are there whole. Watching listens to the kernel and looks again now and then, because fs.watch
// cannot see a folder that comes later and forgets events when its queue runs over.

import { type FSWatcher, watch as watchFolder } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { MeshError } from '../base/index.ts';
import { isOpenForWriting } from './native/index.ts';
import { readTogether } from './read-together.ts';
import type { Store, StoreWatcher } from './store.ts';
import { createStorageError, systemCodeOf } from './system-errors.ts';

export interface FileStoreOptions {
  /** How often a watched folder is looked at without an event. Default 5,000. */
  readonly rescanIntervalMs?: number;
}

/** Events of one burst (an editor saves, a folder is copied) are merged for this long. */
const mergeMs = 10;

export function createFileStore(options: FileStoreOptions = {}): Store {
  const rescanIntervalMs = options.rescanIntervalMs ?? 5000;
  return {
    read,
    readTogether: (paths, bytesMax) => readTogether(paths, bytesMax),
    write,
    append,
    remove,
    isOpenForWriting: (path) => wrap('read', path, () => askWriters(path)),
    list: (path) => wrap('list', path, () => listBelow(path, '')),
    watch: (path, watcher) => {
      const watch = new Watch(everythingBelow(path), watcher, rescanIntervalMs);
      return () => watch.stop();
    },
    watchFile: (path, watcher) => {
      const watch = new Watch(oneFile(path), watcher, rescanIntervalMs);
      return () => watch.stop();
    },
  };
}

function read(path: string): Promise<Uint8Array | null> {
  return wrap('read', path, async () => {
    try {
      return await readFile(path);
    } catch (cause) {
      if (isMissing(cause)) return null;
      throw cause;
    }
  });
}

let writes = 0;

function write(path: string, bytes: Uint8Array | readonly Uint8Array[]): Promise<void> {
  return wrap('write', path, async () => {
    const folder = dirname(path);
    await mkdir(folder, { recursive: true });
    // Hidden, so that neither list nor a reader of the folder takes it for a file.
    const aside = join(folder, `.${basename(path)}.${process.pid}.${writes++}.tmp`);
    try {
      await writeSynced(aside, 'w', bytes instanceof Uint8Array ? [bytes] : bytes);
      await rename(aside, path);
    } catch (cause) {
      await rm(aside, { force: true });
      throw cause;
    }
    await syncFolder(folder);
  });
}

function append(path: string, pieces: readonly Uint8Array[]): Promise<void> {
  return wrap('write', path, async () => {
    const folder = dirname(path);
    await mkdir(folder, { recursive: true });
    await writeSynced(path, 'a', pieces);
    await syncFolder(folder);
  });
}

function remove(path: string): Promise<void> {
  return wrap('remove', path, async () => {
    await rm(path, { force: true });
    await syncFolder(dirname(path));
  });
}

async function askWriters(path: string): Promise<boolean | null> {
  try {
    const file = await open(path, 'r');
    try {
      return isOpenForWriting(file.fd);
    } finally {
      await file.close();
    }
  } catch (cause) {
    if (isMissing(cause)) return false;
    throw cause;
  }
}

async function writeSynced(path: string, flags: 'w' | 'a', pieces: readonly Uint8Array[]): Promise<void> {
  const file = await open(path, flags, 0o600);
  try {
    for (const piece of pieces) await writeAll(file, piece);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** A write may take a part only. */
async function writeAll(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length; ) at += (await file.write(bytes, at)).bytesWritten;
}

async function syncFolder(path: string): Promise<void> {
  try {
    const folder = await open(path, 'r');
    await folder.sync().finally(() => folder.close());
  } catch (cause) {
    if (!isMissing(cause)) throw cause;
  }
}

async function listBelow(root: string, below: string): Promise<readonly string[]> {
  const found: string[] = [];
  for (const entry of await readFolder(join(root, below))) {
    if (entry.name.startsWith('.')) continue;
    const path = below === '' ? entry.name : `${below}/${entry.name}`;
    if (entry.isDirectory()) found.push(...(await listBelow(root, path)));
    else if (entry.isFile() || (entry.isSymbolicLink() && (await isFile(join(root, path))))) found.push(path);
  }
  return found.sort();
}

async function readFolder(path: string) {
  try {
    return await readdir(path, { withFileTypes: true });
  } catch (cause) {
    if (isMissing(cause)) return [];
    throw cause;
  }
}

/**
 * Kubernetes mounts ConfigMaps as links to files in a hidden folder. A link to a folder is not followed: it may lead
 * back.
 */
async function isFile(path: string): Promise<boolean> {
  return (await stat(path).catch(() => null))?.isFile() ?? false;
}

/** What a watch listens to, and how it tells that something changed. */
interface Watched {
  readonly folder: string;
  readonly recursive: boolean;
  /** Every event of the kernel is one of what is watched. */
  readonly eventsTell: boolean;
  fingerprint(): Promise<string>;
}

function everythingBelow(folder: string): Watched {
  return {
    folder,
    recursive: true,
    eventsTell: true,
    async fingerprint() {
      if ((await stat(folder).catch(() => null)) === null) return absent;
      const paths = await listBelow(folder, '').catch(() => []);
      const lines = await Promise.all(paths.map((path) => describeFile(join(folder, path))));
      return lines.join('\n');
    },
  };
}

/** Its folder alone is listened to: what it is a link to changes by a link beside it, as Kubernetes mounts have it. */
function oneFile(path: string): Watched {
  const folder = dirname(path);
  return {
    folder,
    recursive: false,
    eventsTell: false,
    async fingerprint() {
      if ((await stat(folder).catch(() => null)) === null) return absent;
      return describeFile(path);
    },
  };
}

class Watch {
  private readonly watched: Watched;
  private readonly watcher: StoreWatcher;
  private events: FSWatcher | null = null;
  private rescan: ReturnType<typeof setInterval>;
  private pending: ReturnType<typeof setTimeout> | null = null;
  /** What the last look saw. */
  private seen = '';
  private stopped = false;

  constructor(watched: Watched, watcher: StoreWatcher, rescanIntervalMs: number) {
    this.watched = watched;
    this.watcher = watcher;
    this.listen();
    // What changed between the caller's last read and the first look is unknown, so the first look always tells.
    void this.look(true);
    this.rescan = setInterval(() => void this.look(false), rescanIntervalMs);
    this.rescan.unref();
  }

  stop(): void {
    this.stopped = true;
    this.events?.close();
    clearInterval(this.rescan);
    if (this.pending !== null) clearTimeout(this.pending);
  }

  private listen(): void {
    if (this.events !== null || this.stopped) return;
    const { folder, recursive } = this.watched;
    try {
      this.events = watchFolder(folder, { recursive, persistent: false }, () => this.onEvent());
      this.events.on('error', () => this.forget());
    } catch {
      // Not there yet: the next look finds it.
      this.events = null;
    }
  }

  private forget(): void {
    this.events?.close();
    this.events = null;
  }

  private onEvent(): void {
    this.pending ??= setTimeout(() => {
      this.pending = null;
      void this.look(this.watched.eventsTell);
    }, mergeMs);
  }

  /**
   * Tells the watcher, without an event only when files differ from the last look by name, size, time or inode.
   */
  private async look(tell: boolean): Promise<void> {
    const seen = await this.watched.fingerprint();
    if (this.stopped) return;
    const changed = tell || seen !== this.seen;
    this.seen = seen;
    if (seen === absent) this.forget();
    else this.listen();
    if (changed) this.watcher.onChange();
  }
}

const absent = 'absent';

async function describeFile(path: string): Promise<string> {
  const facts = await stat(path, { bigint: true }).catch(() => null);
  return facts === null ? `${path} gone` : `${path} ${facts.ino} ${facts.size} ${facts.mtimeNs}`;
}

function isMissing(cause: unknown): boolean {
  const code = systemCodeOf(cause);
  return code === 'ENOENT' || code === 'ENOTDIR';
}

async function wrap<T>(action: string, path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    throw cause instanceof MeshError ? cause : createStorageError(action, path, cause);
  }
}

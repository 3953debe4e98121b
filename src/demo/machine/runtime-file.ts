// Where the running demo leaves its address and token, so that `weft demo kill …` in another terminal finds it. Readable by its owner
// alone.

import { chmodSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { removeFile, writeFileAtomic } from './atomic-file.ts';
import { isAlive } from './process.ts';

export interface RunningDemo {
  readonly pid: number;
  /** Base of the demo's control interface: `http://127.0.0.1:PORT`. */
  readonly url: string;
  readonly token: string;
  readonly edgeUrl: string;
  readonly consoleUrl: string;
}

/** `folder`: the user's runtime folder (XDG_RUNTIME_DIR), or the folder for temporary files. */
export function runtimeFilePath(folder: string): string {
  const owner = process.getuid?.() ?? 0;
  return join(folder, `weft-${owner}`, 'demo.json');
}

export function writeRuntimeFile(path: string, demo: RunningDemo): void {
  const folder = join(path, '..');
  mkdirSync(folder, { recursive: true });
  chmodSync(folder, 0o700);
  writeFileAtomic(path, JSON.stringify(demo), 0o600);
}

/** Null when no demo runs, also when one died without removing its file. */
export function readRuntimeFile(path: string): RunningDemo | null {
  try {
    const demo: RunningDemo = JSON.parse(readFileSync(path, 'utf8'));
    return isAlive(demo.pid) ? demo : null;
  } catch {
    return null;
  }
}

/** Removes the file if it is this process's own: a second demo may have replaced it. */
export function removeRuntimeFile(path: string): void {
  if (readRuntimeFile(path)?.pid === process.pid) removeFile(path);
}

// Where a running demo leaves its address and token, so that `weft demo kill …` in another terminal finds it. A file
// for each demo, named by its process: one that starts or ends never touches another's. Readable by its owner alone.

import { chmodSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
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
export function runtimeFolder(folder: string): string {
  const owner = process.getuid?.() ?? 0;
  return join(folder, `weft-${owner}`);
}

export function writeRuntimeFile(folder: string, demo: RunningDemo): void {
  mkdirSync(folder, { recursive: true });
  chmodSync(folder, 0o700);
  writeFileAtomic(pathOf(folder, demo.pid), JSON.stringify(demo), 0o600);
}

/** The demos that run. The file of one that died without removing it is removed. */
export function listRunningDemos(folder: string): readonly RunningDemo[] {
  return listFolder(folder).flatMap((name) => {
    const pid = Number(/^demo-(\d+)\.json$/.exec(name)?.[1]);
    if (Number.isNaN(pid)) return [];
    if (!isAlive(pid)) {
      removeFile(pathOf(folder, pid));
      return [];
    }
    return readDemo(pathOf(folder, pid)) ?? [];
  });
}

export function removeRuntimeFile(folder: string): void {
  removeFile(pathOf(folder, process.pid));
}

function pathOf(folder: string, pid: number): string {
  return join(folder, `demo-${pid}.json`);
}

function listFolder(folder: string): readonly string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    return [];
  }
}

function readDemo(path: string): RunningDemo | null {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return null;
  }
}

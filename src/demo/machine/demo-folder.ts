// The demo's folder of temporary files. It names its process, so that the next demo can remove what one that was killed
// left behind; a folder that is kept for its logs names none.

import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isAlive } from './process.ts';

const prefix = 'weft-demo-';
const ownerFile = 'owner.pid';

/** A new folder below `parent`, owned by this process. */
export function createDemoFolder(parent: string): string {
  const folder = mkdtempSync(join(parent, prefix));
  writeFileSync(join(folder, ownerFile), String(process.pid));
  return folder;
}

/** From now on it belongs to whoever reads its logs. */
export function keepDemoFolder(folder: string): void {
  rmSync(join(folder, ownerFile), { force: true });
}

export function removeDemoFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
}

/** Removes the folders of this user's demos that are dead; returns how many. */
export function sweepDemoFolders(parent: string): number {
  const left = readdirSync(parent)
    .filter((name) => name.startsWith(prefix))
    .map((name) => join(parent, name))
    .filter(isAbandoned);
  for (const folder of left) removeDemoFolder(folder);
  return left.length;
}

function isAbandoned(folder: string): boolean {
  try {
    if (statSync(folder).uid !== process.getuid?.()) return false;
    const pid = Number(readFileSync(join(folder, ownerFile), 'utf8'));
    return Number.isInteger(pid) && pid > 0 && !isAlive(pid);
  } catch {
    return false;
  }
}

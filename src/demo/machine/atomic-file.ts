// Files that others read while the demo writes them: written aside, then renamed, so that a reader sees the old or the
// new whole.

import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

/**
 * Replaces `path`; its folder is made where missing. The name aside is hidden, so that watchers of the folder pass it
 * over.
 */
export function writeFileAtomic(path: string, text: string, mode = 0o644): void {
  const folder = dirname(path);
  mkdirSync(folder, { recursive: true });
  const aside = join(folder, `.${basename(path)}.${process.pid}`);
  writeFileSync(aside, text, { mode });
  renameSync(aside, path);
}

export function removeFile(path: string): void {
  rmSync(path, { force: true });
}

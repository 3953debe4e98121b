// The files that `weft check` is asked about: folders read as the control plane reads them, links followed, each file
// once.

import { existsSync, readdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { Finding, ManifestFile } from '../control/index.ts';
import { Exit, exitCode } from './command.ts';

export interface FilesRead {
  readonly files: readonly ManifestFile[];
  /** Files that are there and cannot be read: a link to nothing, no permission. */
  readonly unread: readonly Finding[];
}

const suffixes = ['.yaml', '.yml', '.json'];

/** `program` is who says that a path is not there. */
export function readFiles(program: string, paths: readonly string[]): FilesRead {
  const files: ManifestFile[] = [];
  const unread: Finding[] = [];
  const seen = new Set<string>();
  for (const path of paths) {
    if (path === '-') files.push({ path: '-', text: readFileSync(0, 'utf8') });
    else if (!existsSync(path)) throw new Exit(exitCode.usage, `${program}: there is no ${path}`);
    else readPath(path, paths.length > 1, seen, files, unread);
  }
  return { files, unread };
}

/** `inFull`: with more than one path a file is shown with the folder it was found in. */
function readPath(
  path: string,
  inFull: boolean,
  seen: Set<string>,
  files: ManifestFile[],
  unread: Finding[],
): void {
  const folder = statSync(path).isDirectory();
  for (const file of folder ? listFolder(path, new Set()).sort() : [path]) {
    const shown = folder && !inFull ? relative(path, file) : file;
    try {
      const real = realpathSync(file);
      if (seen.has(real)) continue;
      seen.add(real);
      files.push({ path: shown, text: decode(readFileSync(file)) });
    } catch (error) {
      const rule = `cannot be read: ${error instanceof Error ? error.message : String(error)}`;
      if (!folder) throw new Exit(exitCode.usage, `${path}: ${rule}`);
      unread.push({ file: shown, line: 0, issue: { object: shown, field: '', rule, value: '' } });
    }
  }
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new Error('it is not UTF-8');
  }
}

/**
 * Hidden files and folders are left out, as the control plane leaves them out. `above`: folders that lead here, so that
 * no link leads round.
 */
function listFolder(folder: string, above: ReadonlySet<string>): string[] {
  const real = realpathSync(folder);
  if (above.has(real)) return [];
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.name.startsWith('.')) return [];
    const linked = entry.isSymbolicLink() && existsSync(path) && statSync(path).isDirectory();
    if (entry.isDirectory() || linked) return listFolder(path, new Set([...above, real]));
    const read = entry.isFile() || entry.isSymbolicLink();
    return read && suffixes.some((suffix) => entry.name.endsWith(suffix)) ? [path] : [];
  });
}

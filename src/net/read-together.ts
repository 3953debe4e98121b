// Files that belong together (a certificate and its key) read as of one moment: Kubernetes replaces a mounted Secret by
// turning one link (`..data`), and a reader that is in between would have the key of one and the certificate of the
// other. What each path leads to is looked at before and after; where that changed, all are read again.

import { open, stat } from 'node:fs/promises';
import { MeshError } from '../base/index.ts';
import { createStorageError, systemCodeOf } from './system-errors.ts';

/** A file's bytes; null: there is none; or why it cannot be read. */
export type ReadResult = Uint8Array | null | MeshError;

/** Who still changes them after so many looks is not a Secret that was replaced: the next change is told anyway. */
const looksMax = 8;

const pageBytes = 4_096;

/** `onRead` is for tests: called when all are read, before they are looked at again. */
export async function readTogether(
  paths: readonly string[],
  bytesMax: number,
  onRead: (look: number) => void | Promise<void> = () => {},
): Promise<readonly ReadResult[]> {
  for (let look = 1; ; look++) {
    const before = await describeAll(paths);
    const results = await Promise.all(paths.map((path) => readBounded(path, bytesMax)));
    await onRead(look);
    if ((await describeAll(paths)) === before) return results;
    if (look >= looksMax) return paths.map((path) => changing(path));
  }
}

function changing(path: string): MeshError {
  return new MeshError('storage', 'internal', 'yes', `read ${path}: it changes all the time`);
}

async function describeAll(paths: readonly string[]): Promise<string> {
  const lines = await Promise.all(
    paths.map(async (path) => {
      const facts = await stat(path, { bigint: true }).catch(() => null);
      return facts === null ? 'none' : `${facts.dev} ${facts.ino} ${facts.size} ${facts.mtimeNs}`;
    }),
  );
  return lines.join('\n');
}

/** Of a file that is larger nothing is read, and of one that says to be smaller than it is no more than the bound. */
async function readBounded(path: string, bytesMax: number): Promise<ReadResult> {
  try {
    const { size } = await stat(path);
    if (size > bytesMax) return tooLarge(path, bytesMax);
    const file = await open(path, 'r');
    try {
      let bytes = new Uint8Array(size + 1);
      let length = 0;
      for (;;) {
        const { bytesRead } = await file.read(bytes, length, bytes.length - length);
        if (bytesRead === 0) return bytes.slice(0, length);
        length += bytesRead;
        if (length > bytesMax) return tooLarge(path, bytesMax);
        // It grew, or never had a size.
        if (length === bytes.length) {
          const larger = new Uint8Array(Math.min(length * 2 + pageBytes, bytesMax + 1));
          larger.set(bytes);
          bytes = larger;
        }
      }
    } finally {
      await file.close();
    }
  } catch (cause) {
    const code = systemCodeOf(cause);
    return code === 'ENOENT' || code === 'ENOTDIR' ? null : createStorageError('read', path, cause);
  }
}

export function tooLarge(path: string, bytesMax: number): MeshError {
  return new MeshError('storage', 'internal', 'no', `${path}: has more than ${bytesMax} bytes`);
}

// A directory of real files, written by a shell: what is being written is waited for, what is gone goes at once.

import { afterAll, describe, expect, test } from 'bun:test';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLog } from '../../base/index.ts';
import { createFileStore, createSystemClock } from '../../net/index.ts';
import { until } from '../../testing/until.ts';
import { service } from '../testing/manifests.ts';
import { DirectorySource } from './directory.ts';
import { sourceLimits } from './limits.ts';
import type { ObjectKey } from './types.ts';

const folders: string[] = [];
const sources: DirectorySource[] = [];
afterAll(async () => {
  for (const source of sources) source.stop();
  for (const folder of folders) await rm(folder, { recursive: true, force: true });
});

interface Watched {
  readonly folder: string;
  readonly keys: Set<ObjectKey>;
  readonly removed: ObjectKey[];
}

async function watch(text: string): Promise<Watched> {
  const folder = await mkdtemp(join(tmpdir(), 'weft-directory-'));
  folders.push(folder);
  await Bun.write(join(folder, 'm.yaml'), text);
  const watched: Watched = { folder, keys: new Set(), removed: [] };
  const clock = createSystemClock();
  const source = new DirectorySource({ store: createFileStore(), clock, log: silentLog, directory: folder });
  sources.push(source);
  source.start({
    onUpsert: ({ key }) => watched.keys.add(key),
    onRemove: (key) => {
      watched.keys.delete(key);
      watched.removed.push(key);
    },
    onFaults: () => {},
    onSynced: () => {},
  });
  await until('the manifests are read', () => watched.keys.size > 0);
  return watched;
}

describe('a directory of files', () => {
  const both = service('a') + service('b');

  test('one object of a file is gone without waiting for more of it', async () => {
    const { folder, keys } = await watch(both);
    const startedMs = performance.now();
    await Bun.write(join(folder, 'm.yaml'), service('a'));
    await until('it is gone', () => keys.size === 1);
    expect(performance.now() - startedMs).toBeLessThan(sourceLimits.shrinkQuietMs);
  });

  test('a file that a shell writes slowly loses nothing, not even beyond the quiet time', async () => {
    const { folder, keys, removed } = await watch(both);
    await Bun.write(join(folder, 'next'), both + service('c'));
    const shell = Bun.spawn(['sh', '-c', '(head -c 100 next; sleep 4; tail -c +101 next) > m.yaml'], {
      cwd: folder,
    });
    await until('it is written', () => keys.size === 3);
    expect([await shell.exited, removed]).toEqual([0, []]);
  }, 15_000);
});

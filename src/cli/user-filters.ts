// `--filter FILE`: loads filters of the user's own and loads them again when their files change. A version that cannot
// be loaded leaves the one before in force.

import { dirname, resolve } from 'node:path';
import type { Log } from '../base/index.ts';
import type { Store } from '../net/index.ts';
import { UserFilters } from '../proxy/index.ts';
import { Exit, exitCode } from './command.ts';

/** Ends with what is wrong where one of the files cannot be used at all. */
export async function loadUserFilters(
  paths: readonly string[],
  store: Store,
  log: Log,
): Promise<UserFilters> {
  const filters = new UserFilters();
  for (const given of paths) {
    const path = resolve(given);
    const fault = await load(filters, path, 0);
    if (fault !== null) throw new Exit(exitCode.usage, `--filter ${given}: ${fault}`);
    watch(filters, path, store, log);
  }
  return filters;
}

/** The module cache keeps what it has: each version has an address of its own (of a `file:` URL it drops the query). */
async function load(filters: UserFilters, path: string, version: number): Promise<string | null> {
  try {
    return filters.install(path, await import(`${path}?version=${version}`));
  } catch (error) {
    return filters.fail(path, error instanceof Error ? error.message : String(error));
  }
}

function watch(filters: UserFilters, path: string, store: Store, log: Log): void {
  let version = 0;
  let before: Uint8Array | null = null;
  const reload = async (): Promise<void> => {
    const bytes = await store.read(path).catch(() => null);
    if (bytes === null || (before !== null && Buffer.compare(before, bytes) === 0)) return;
    before = bytes;
    version += 1;
    const fault = await load(filters, path, version);
    if (fault === null) log.write('info', 'filter loaded', { path, version });
    else log.write('error', 'filter not loaded: the version before stays', { path, fault });
  };
  void store.read(path).then((bytes) => {
    before = bytes;
    store.watch(dirname(path), { onChange: () => void reload() });
  });
}

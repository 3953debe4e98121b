// Networks of pods that run already, found by their processes: a cgroup of a pod has its UID in its name, whichever
// driver made it (`pod1f2e-…`, `pod1f2e_….slice`).

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Pod's UID to a path of its network, of those in `uids` that have a process. */
export function findPodNetworks(uids: ReadonlySet<string>, proc = '/proc'): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const pid of readdirSync(proc).filter((name) => /^\d+$/.test(name))) {
    const uid = podOfCgroup(readCgroup(join(proc, pid)));
    if (uid !== null && uids.has(uid) && !found.has(uid)) found.set(uid, join(proc, pid, 'ns/net'));
  }
  return found;
}

/** null: it is of no pod. */
export function podOfCgroup(text: string): string | null {
  const [, uid] = /pod([\da-f]{8}(?:[-_][\da-f]{4}){3}[-_][\da-f]{12})/.exec(text) ?? [];
  return uid?.replaceAll('_', '-') ?? null;
}

function readCgroup(folder: string): string {
  try {
    return readFileSync(join(folder, 'cgroup'), 'latin1');
  } catch {
    // It ended.
    return '';
  }
}

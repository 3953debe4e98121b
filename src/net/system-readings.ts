// What the system says of this process's memory and descriptors, for whoever acts before they run out. Read from /proc
// and the cgroup file system; null where the system does not say.

import { readdirSync, readFileSync, statSync } from 'node:fs';
import { readOpenFilesMax } from './open-files.ts';

export interface MemoryReading {
  readonly usedBytes: number;
  readonly limitBytes: number;
}

export interface SystemReadings {
  residentBytes(): number;
  /** The working set of the process's cgroup, and its limit; null where there is none. */
  cgroupMemory(): MemoryReading | null;
  openFiles(): { readonly open: number; readonly max: number } | null;
  /** Gives back what the heap holds and does not use. */
  releaseMemory(): void;
}

/** Where the two versions keep a group's figures. */
interface Layout {
  readonly used: string;
  readonly limit: string;
  /** Of memory.stat: page cache that the kernel takes back before anybody is killed. */
  readonly inactive: string;
}

const layouts = {
  v2: { used: 'memory.current', limit: 'memory.max', inactive: 'inactive_file' },
  v1: { used: 'memory.usage_in_bytes', limit: 'memory.limit_in_bytes', inactive: 'total_inactive_file' },
} as const satisfies Readonly<Record<string, Layout>>;

/** Version 1 writes a number near 2^63 for no limit. */
const noLimitBytes = 2 ** 60;

export function createSystemReadings(root = '/'): SystemReadings {
  const group = findGroup(root);
  const openFilesMax = readOpenFilesMax();
  return {
    residentBytes: () => process.memoryUsage.rss(),
    cgroupMemory: () => (group === null ? null : readGroup(group)),
    openFiles() {
      if (!Number.isFinite(openFilesMax)) return null;
      const open = countOpenFiles();
      return open === null ? null : { open, max: openFilesMax };
    },
    releaseMemory: () => Bun.gc(true),
  };
}

interface Group {
  readonly folder: string;
  readonly layout: Layout;
}

/** The nearest group with a limit: in a container its own, which the cgroup namespace shows as the root. */
function findGroup(root: string): Group | null {
  const lines = (readText(`${root}proc/self/cgroup`) ?? '').trim().split('\n');
  for (const line of lines) {
    const [, controllers = '', path = ''] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    const version = controllers === '' ? 'v2' : controllers.split(',').includes('memory') ? 'v1' : null;
    if (version === null) continue;
    const mount = `${root}sys/fs/cgroup${version === 'v2' ? '' : '/memory'}`;
    for (let own = path; ; own = own.slice(0, Math.max(0, own.lastIndexOf('/')))) {
      const group = { folder: `${mount}${own === '/' ? '' : own}`, layout: layouts[version] };
      if (readGroup(group) !== null) return group;
      if (own === '' || own === '/') break;
    }
  }
  return null;
}

function readGroup({ folder, layout }: Group): MemoryReading | null {
  const limitBytes = Number.parseInt(readText(`${folder}/${layout.limit}`) ?? '', 10);
  const current = Number.parseInt(readText(`${folder}/${layout.used}`) ?? '', 10);
  if (!(limitBytes < noLimitBytes) || !(current >= 0)) return null;
  const inactive = new RegExp(`^${layout.inactive} (\\d+)`, 'm').exec(
    readText(`${folder}/memory.stat`) ?? '',
  );
  return { usedBytes: Math.max(0, current - Number(inactive?.[1] ?? 0)), limitBytes };
}

/** Kernels from 6.2 on say the count as the size of the folder. */
function countOpenFiles(): number | null {
  try {
    const { size } = statSync('/proc/self/fd');
    return size > 0 ? size : readdirSync('/proc/self/fd').length;
  } catch {
    return null;
  }
}

function readText(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}

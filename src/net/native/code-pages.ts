// Half of what a proxy has resident is the program itself, its code, constants and modules, and much of that is needed
// for nothing but starting. The kernel keeps such pages mapped until it is short of memory; given back, those in use
// come back by themselves.

import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import { findElfSection, type SectionPlace } from './elf-section.ts';
import { libc } from './libc.ts';

/** MADV_DONTNEED of madvise(2): of a file's pages, mapped and never written, nothing is lost. */
const dontNeed = 4;
/** Where a compiled program has text and bytecode of its modules. The runtime may write there, and does not. */
const moduleSection = '.bun';

/** One private mapping of a file, in /proc/self/maps (proc(5)). */
const mappingLine = /^([0-9a-f]+)-([0-9a-f]+) (r..)p ([0-9a-f]+) \S+ (\d+) +(\S.*)$/;

export interface Pages {
  readonly start: bigint;
  readonly end: bigint;
}

/** Of the program at `program`, without libraries: what nobody may write, and its modules, `modules` in its file. */
export function programPages(maps: string, program: string, modules: SectionPlace | null): readonly Pages[] {
  return maps.split('\n').flatMap((line) => {
    const [, from, to, access, fileOffset, inode, path] = mappingLine.exec(line) ?? [];
    if (path !== program || inode === '0') return [];
    const mapping = { start: BigInt(`0x${from}`), end: BigInt(`0x${to}`) };
    if (access?.[1] !== 'w') return [mapping];
    if (modules === null) return [];
    const start = mapping.start + BigInt(modules.offset) - BigInt(`0x${fileOffset}`);
    const end = start + BigInt(modules.length);
    return start >= mapping.start && end <= mapping.end ? [{ start, end }] : [];
  });
}

/** For the end of a start: gives the pages of the program back that were needed to get here. 2 ms. On Linux only. */
export function releaseCodePages(): void {
  const system = libc();
  if (system === null) return;
  try {
    const pageBytes = system.getpagesize();
    const modules = findElfSection(process.execPath, moduleSection);
    const maps = readFileSync('/proc/self/maps', 'utf8');
    const states = openSync('/proc/self/pagemap', 'r');
    for (const pages of programPages(maps, process.execPath, modules)) {
      const { start, end } = wholePages(pages, BigInt(pageBytes));
      if (end > start && areUnwritten(states, start, end, pageBytes))
        system.madvise(start, end - start, dontNeed);
    }
    closeSync(states);
  } catch {
    // No /proc: the pages stay.
  }
}

function wholePages({ start, end }: Pages, pageBytes: bigint): Pages {
  return { start: ((start + pageBytes - 1n) / pageBytes) * pageBytes, end: (end / pageBytes) * pageBytes };
}

/** `states` is /proc/self/pagemap, 64 bits a page (kernel, admin-guide/mm/pagemap): what was written is no file's. */
function areUnwritten(states: number, start: bigint, end: bigint, pageBytes: number): boolean {
  const first = Number(start) / pageBytes;
  const words = Buffer.alloc((Number(end) / pageBytes - first) * 8);
  if (readSync(states, words, 0, words.length, first * 8) !== words.length) return false;
  for (let at = 7; at < words.length; at += 8) {
    // Of the uppermost bits: present, swapped, and of a file.
    const state = words[at]! >> 5;
    if ((state & 0b110) !== 0 && (state & 1) === 0) return false;
  }
  return true;
}

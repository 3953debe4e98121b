import { describe, expect, test } from 'bun:test';
import { readFileSync } from 'node:fs';
import { programPages, releaseCodePages } from './code-pages.ts';

const program = '/usr/bin/weft';
const maps = [
  '00200000-013c4000 r--p 00000000 fe:00 1310 /usr/bin/weft',
  '013c4000-05fb0000 r-xp 011c4000 fe:00 1310 /usr/bin/weft',
  '05fb0000-06340000 rw-p 05dac000 fe:00 1310 /usr/bin/weft',
  '06340000-06740000 rwxp 00000000 00:00 0 ',
  '7f0000000000-7f0000160000 r-xp 00026000 fe:00 2011 /usr/lib/x86_64-linux-gnu/libc.so.6',
  '7f0000160000-7f0000170000 r-xs 00026000 fe:00 1310 /usr/bin/weft',
  '7ffd6c5d9000-7ffd6c5db000 r-xp 00000000 00:00 0 [vdso]',
  '',
].join('\n');
const fixed = [
  { start: 0x20_0000n, end: 0x13c_4000n },
  { start: 0x13c_4000n, end: 0x5fb_0000n },
];

describe('pages of a program', () => {
  test('are those that nobody may write', () => {
    expect(programPages(maps, program, null)).toEqual(fixed);
    expect(programPages(maps, '[vdso]', null)).toEqual([]);
    expect(programPages(maps, '/usr/bin/other', null)).toEqual([]);
  });

  test('and of those that somebody may write its modules, where all of them are mapped', () => {
    const modules = { offset: 0x5e0_0000, length: 0x10_0001 };
    const place = { start: 0x600_4000n, end: 0x610_4001n };
    expect(programPages(maps, program, modules)).toEqual([...fixed, place]);
    expect(programPages(maps, program, { ...modules, length: 0x100_0000 })).toEqual(fixed);
    expect(programPages(maps, program, { ...modules, offset: 0x1000 })).toEqual(fixed);
  });

  test.skipIf(process.platform !== 'linux')(
    'given back, are no longer resident, and the program goes on',
    () => {
      const before = residentKb();
      releaseCodePages();
      const after = residentKb();
      expect(before.code).toBeGreaterThan(after.code);
      expect(before.constants).toBeGreaterThan(after.constants);
      expect(Array.from({ length: 1000 }, (_, at) => at * at).at(-1)).toBe(999 * 999);
    },
  );
});

function residentKb(): { readonly code: number; readonly constants: number } {
  const smaps = readFileSync('/proc/self/smaps', 'utf8');
  const parts = smaps.split(/^(?=[0-9a-f]+-[0-9a-f]+ )/m).filter((part) => part.includes(process.execPath));
  const sum = (access: string): number =>
    parts
      .filter((part) => part.includes(access))
      .reduce((total, part) => total + Number(/^Rss: +(\d+) kB/m.exec(part)?.[1] ?? 0), 0);
  return { code: sum(' r-xp '), constants: sum(' r--p ') };
}

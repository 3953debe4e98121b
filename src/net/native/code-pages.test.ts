import { describe, expect, test } from 'bun:test';
import { readFileSync } from 'node:fs';
import { codeMappings, releaseCodePages } from './code-pages.ts';

const maps = [
  '00200000-013c4000 r--p 00000000 fe:00 1310 /usr/bin/weft',
  '013c4000-05fb0000 r-xp 011c4000 fe:00 1310 /usr/bin/weft',
  '05fb0000-06340000 rw-p 05dac000 fe:00 1310 /usr/bin/weft',
  '06340000-06740000 rwxp 00000000 00:00 0 ',
  '7f0000000000-7f0000160000 r-xp 00026000 fe:00 2011 /usr/lib/x86_64-linux-gnu/libc.so.6',
  '7ffd6c5d9000-7ffd6c5db000 r-xp 00000000 00:00 0 [vdso]',
  '',
].join('\n');

describe('pages of code', () => {
  test('are those of the program that nobody may write', () => {
    expect(codeMappings(maps, '/usr/bin/weft')).toEqual([
      { start: 0x13c4000n, end: 0x5fb0000n, path: '/usr/bin/weft' },
    ]);
    expect(codeMappings(maps, '[vdso]')).toEqual([]);
    expect(codeMappings(maps, '/usr/bin/other')).toEqual([]);
  });

  test.skipIf(process.platform !== 'linux')(
    'given back, are no longer resident, and the program goes on',
    () => {
      const before = residentCodeKb();
      releaseCodePages();
      const after = residentCodeKb();
      expect(before).toBeGreaterThan(0);
      expect(after).toBeLessThan(before);
      expect(Array.from({ length: 1000 }, (_, at) => at * at).at(-1)).toBe(999 * 999);
    },
  );
});

function residentCodeKb(): number {
  const smaps = readFileSync('/proc/self/smaps', 'utf8');
  const parts = smaps.split(/^(?=[0-9a-f]+-[0-9a-f]+ )/m);
  const code = parts.filter((part) => / r-xp /.test(part) && part.includes(process.execPath));
  return code.reduce((total, part) => total + Number(/^Rss: +(\d+) kB/m.exec(part)?.[1] ?? 0), 0);
}

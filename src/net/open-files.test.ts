import { afterAll, beforeAll, expect, test } from 'bun:test';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readOpenFilesMax } from './open-files.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'weft-limits-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const cases: readonly (readonly [name: string, line: string, expected: number])[] = [
  ['the soft limit', 'Max open files            1024                 524288               files', 1024],
  [
    'no limit',
    'Max open files            unlimited            unlimited            files',
    Number.POSITIVE_INFINITY,
  ],
  ['no such line', 'Max pending signals 7 7 signals', Number.POSITIVE_INFINITY],
];
for (const [name, line, expected] of cases) {
  test(name, () => {
    const path = join(folder, 'limits');
    writeFileSync(
      path,
      `Limit                     Soft Limit           Hard Limit           Units\n${line}\n`,
    );
    expect(readOpenFilesMax(path)).toBe(expected);
  });
}

test('no such file', () => expect(readOpenFilesMax(join(folder, 'none'))).toBe(Number.POSITIVE_INFINITY));

// docs/kubernetes.md is what the story's first half teaches, command by command: each of its blocks is run by a test
// against a real cluster, as it stands.

import { expect, test } from 'bun:test';
import { join } from 'node:path';
import { listBlocks, listUnplayed, readPage } from './testing/kubernetes-page.ts';

const plays = await Promise.all(
  ['kubernetes.peer.test.ts', 'chart.peer.test.ts'].map((name) =>
    Bun.file(join(import.meta.dir, name)).text(),
  ),
);

test('every block of commands is run by a test', async () => {
  const page = await readPage();
  expect(listBlocks(page).length).toBeGreaterThan(5);
  expect(listUnplayed(page, plays)).toEqual([]);
});

test('a block that nobody runs is found, whatever shell it is for, and a run of what is not there', () => {
  const markdown =
    '## Install\n```sh\nweft install # it\n```\n### More\n```bash\nweft check\n```\n```yaml\na: 1\n```\n';
  const run = (heading: string, begin: string) => `await playDocument(\n  '${heading}', '${begin}')`;
  expect(listUnplayed(markdown, [run('Install', 'weft install')])).toEqual([
    { heading: 'More', text: 'weft check\n' },
  ]);
  expect(listUnplayed(markdown, [run('Install', 'weft install'), run('More', 'weft')])).toEqual([]);
  expect(() => listUnplayed(markdown, [run('Install', 'weft check')])).toThrow(
    'no block begins with weft check',
  );
});

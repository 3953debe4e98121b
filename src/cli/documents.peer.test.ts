// The pages for users say what works: their commands are run as they stand.

import { expect, test } from 'bun:test';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { findBlocks, runDocument } from '../testing/documents.ts';
import { describeWith } from '../testing/programs.ts';

const root = join(import.meta.dir, '../..');
const runTimeoutMs = 90_000;

const runnable = readdirSync(join(root, 'docs')).filter((name) => {
  if (!name.endsWith('.md')) return false;
  return findBlocks(readFileSync(join(root, 'docs', name), 'utf8')).some(({ mark }) => mark === 'run');
});

describeWith(['bash', 'curl', 'python3'], 'the commands of docs/', () => {
  test.each(runnable)(
    '%s',
    async (name) => {
      const ended = await runDocument(join(root, 'docs', name), join(root, 'bin/weft'), runTimeoutMs);
      expect(ended).toMatchObject({ code: 0 });
    },
    2 * runTimeoutMs,
  );

  test('are not none', () => {
    expect(runnable.length).toBeGreaterThanOrEqual(2);
  });
});

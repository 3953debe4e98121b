// The benches run, however briefly, so that they do not rot; the rivals only where they are installed.

import { expect, setDefaultTimeout, test } from 'bun:test';
import { join } from 'node:path';
import { run } from '../src/testing/programs.ts';

setDefaultTimeout(60_000);

const bench = (...words: readonly string[]) =>
  run([process.execPath, join(import.meta.dir, 'main.ts'), ...words]);

const cases: readonly (readonly [name: string, words: string])[] = [
  ['policy', 'round-robin: pick'],
  ['http1', 'checksum'],
  ['exchange', 'answered 200 of 40000'],
];

test.each(cases)('%s', async (name, words) => {
  const { code, out } = await bench(name, '--quick');
  expect(out).toContain(words);
  expect(code).toBe(0);
});

test('an unknown name is refused with those that are known', async () => {
  const { code, err } = await bench('nope');
  expect(err).toMatch(/'nope' is not one of (\w+, )+all\n/);
  for (const [name] of cases) expect(err).toContain(`${name}, `);
  expect(code).toBe(64);
});

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
  expect(err).toMatch(/there is no case 'nope'\n.*\ncases: (\w+ )+all\n/);
  for (const [name] of cases) expect(err).toContain(`${name} `);
  expect(code).toBe(64);
});

test('an unknown flag, and rounds that are none, are refused with the usage', async () => {
  for (const flags of [['--fast'], ['--rounds', '0'], ['--rounds', 'x']]) {
    const { code, err } = await bench(...flags);
    expect([code, err.includes('Usage: npm run bench')]).toEqual([64, true]);
  }
});

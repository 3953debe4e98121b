import { afterAll, expect, setDefaultTimeout, test } from 'bun:test';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../src/testing/programs.ts';
import { runTests, sum } from './steps.ts';

// Each case of `npm test` starts the runner.
setDefaultTimeout(60_000);

const folder = mkdtempSync(join(tmpdir(), 'weft-steps-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** `npm test` over one file with these tests. */
async function runFile(name: string, body: string) {
  const path = join(folder, `${name}.test.ts`);
  writeFileSync(path, `import { describe, expect, test } from 'bun:test';\n${body}\n`);
  return await run([process.execPath, join(import.meta.dir, 'test.ts'), path]);
}

test('a green run prints its count alone', async () => {
  const body = "test.each(Array(50).fill(['x']))('case %s', () => { console.log('hello'); });";
  expect(await runFile('green', body)).toEqual({ code: 0, out: '\n50 passed, 0 failed\n', err: '' });
});

test('what was skipped says why, once', async () => {
  const skip = "console.log('Envoy: skipped, envoy is not installed'); describe.skip('Envoy', () => {";
  const body = `${skip} test('a', () => {}); }); test('b', () => {});`;
  expect((await runFile('skip', body)).out).toBe(
    'Envoy: skipped, envoy is not installed\n\n1 passed, 0 failed, 1 skipped\n',
  );
});

test('a failure is shown whole, with what the test printed', async () => {
  const body = "test('fine', () => {}); test('broken', () => { console.log('seen'); expect(1).toBe(2); });";
  const { code, out } = await runFile('red', body);
  expect(code).toBe(1);
  for (const part of ['seen', 'Expected: 2', '(fail) broken']) expect(out).toContain(part);
  expect(out).not.toContain('(pass)');
  expect(out.trimEnd().split('\n').at(-1)).toBe('1 passed, 1 failed');
});

test('a file that cannot be loaded is a failure', async () => {
  const { code, out } = await runFile('crash', "import './nowhere.ts';");
  expect(code).toBe(1);
  expect(out).toContain('nowhere.ts');
});

test('a failure is told again at the end, and what happened outside of a test', async () => {
  const stray =
    "test('waits', () => { setTimeout(() => { throw new Error('stray'); }); return Bun.sleep(500); });";
  const body = `test('broken', () => { expect([1, 2]).toEqual([1]); }); ${stray}`;
  const { out } = await runFile('again', body);
  const told = out.slice(out.indexOf('== failed'));
  expect(told).toMatch(/again\.test\.ts:2 broken\n {4}expect\(received\).*\n {4}\+ {3}2,\n/);
  expect(told).toMatch(/again\.test\.ts:2 waits\n {4}stray\n/);
  const crash = await runFile('nowhere', "import './nowhere.ts';");
  expect(crash.out.slice(crash.out.indexOf('== failed'))).toMatch(
    /nowhere\.test\.ts outside of a test\n {4}error: /,
  );
});

test('files that run beside the others are left out there, and counted once', async () => {
  const [one, other] = ['src/base/ip.test.ts', 'src/base/ip-range.test.ts'];
  const counts = await Promise.all([runTests([one, other]), runTests([one]), runTests([one, other], [one])]);
  const [both, alone, rest] = counts.map(({ passed }) => passed);
  expect(rest).toBeGreaterThan(0);
  expect(both).toBe((alone ?? 0) + (rest ?? 0));
});

test('counts add up', () => {
  const one = { passed: 1, failed: 0, skipped: 2, reasons: ['b'] };
  expect(sum([one, one, { passed: 0, failed: 1, skipped: 0, reasons: ['a'] }])).toEqual({
    passed: 2,
    failed: 1,
    skipped: 4,
    reasons: ['b', 'b', 'a'],
  });
});

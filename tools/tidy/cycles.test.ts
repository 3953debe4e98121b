import { expect, test } from 'bun:test';
import { checkCycles } from './cycles.ts';
import { createSource } from './source.ts';

/** Files by what they import. */
function tree(imports: Readonly<Record<string, readonly string[]>>) {
  return Object.entries(imports).map(([name, targets]) =>
    createSource(
      `src/base/${name}.ts`,
      targets.map((to) => `import type { T } from './${to}.ts';`).join('\n'),
    ),
  );
}

const messages = (imports: Readonly<Record<string, readonly string[]>>, exceptions: readonly string[] = []) =>
  checkCycles(tree(imports), new Set(exceptions.map((name) => `src/base/${name}.ts`))).map(
    ({ message }) => message,
  );

test('a line and a diamond are no circle', () => {
  expect(messages({ a: ['b', 'c'], b: ['d'], c: ['d'], d: [] })).toEqual([]);
});

test('types count, however long the way round', () => {
  expect(messages({ a: ['b'], b: ['c'], c: ['a'], d: ['a'] })).toEqual([
    'import each other: src/base/a.ts, src/base/b.ts, src/base/c.ts',
  ]);
});

test('two circles are two findings', () => {
  expect(messages({ a: ['b'], b: ['a', 'c'], c: ['d'], d: ['c'] })).toHaveLength(2);
});

test('a known circle is let be, and its row must go with it', () => {
  expect(messages({ a: ['b'], b: ['a'] }, ['a'])).toEqual([]);
  expect(messages({ a: ['b'], b: [] }, ['a'])[0]).toContain('in no circle any more');
});

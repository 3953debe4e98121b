// There is a proxy beside every replica: what it loads without being asked is paid for thousands of times.

import { expect, test } from 'bun:test';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

const root = join(import.meta.dir, '..');
const transpiler = new Bun.Transpiler({ loader: 'ts' });

/** What a file loads at once, with all that that loads; paths from src/, and packages by their names. */
function loadedBy(entry: string): ReadonlySet<string> {
  const loaded = new Set<string>();
  const visit = (path: string): void => {
    const name = relative(root, path);
    if (loaded.has(name) || !existsSync(path)) return;
    loaded.add(name);
    if (!name.endsWith('.ts')) return;
    for (const { kind, path: target } of transpiler.scanImports(readFileSync(path, 'utf8'))) {
      if (kind !== 'import-statement') continue;
      if (target.startsWith('.')) visit(join(dirname(path), target));
      else loaded.add(target);
    }
  };
  visit(entry);
  return loaded;
}

test('weft proxy loads nothing of what manages it, and no descriptor', () => {
  const loaded = [...loadedBy(join(root, 'cli/proxy.ts'))];
  expect(loaded).toContain('proxy/index.ts');
  const strange =
    /^(control|deploy|demo|console|load|sim|testing|xds\/gen)\/|^(zod|@bufbuild|protobufjs|preact)/;
  expect(loaded.filter((path) => strange.test(path))).toEqual([]);
});

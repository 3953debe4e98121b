import { expect, test } from 'bun:test';
import type { XdsNode } from '../../xds/index.ts';
import { MeshCompiler } from '../compile/mesh.ts';
import { buildModel } from '../model/build.ts';
import { SnapshotBook } from './snapshot-book.ts';

const node = (id: string, app: string): XdsNode => ({
  id,
  cluster: '',
  metadata: { labels: { app } },
  locality: { region: '', zone: '', subZone: '' },
  userAgent: '',
  clientFeatures: [],
});

test('our own mistake over one scope is said, and stops no other', () => {
  const lines: string[] = [];
  const write = (_level: string, message: string) => lines.push(message);
  const book = new SnapshotBook({ debugEnabled: false, write });
  const compiler = new MeshCompiler(buildModel([]).model);
  const { compile } = compiler;
  compiler.compile = (scope) => {
    if (scope.role === 'agent') throw new Error('a mistake');
    return compile.call(compiler, scope);
  };
  const [broken, sound] = [book.sourceFor(node('agent~n', '')), book.sourceFor(node('sidecar~a.bank', 'a'))];
  for (const entry of [broken, sound]) entry.watch({ onSnapshot() {} });
  expect(book.publish(compiler, 0)).toBe(1);
  expect([broken.current(), sound.current() !== null]).toEqual([null, true]);
  expect(lines).toEqual(['a scope could not be compiled']);
});

import { expect, test } from 'bun:test';
import { addPlugin, chooseConfig, removePlugin } from './conflist.ts';

const list = (...types: readonly string[]) =>
  JSON.stringify({ cniVersion: '1.0.0', name: 'net', extra: [1], plugins: types.map((type) => ({ type })) });
const typesOf = (text: string) =>
  (JSON.parse(text) as { plugins: { type: string }[] }).plugins.map(({ type }) => type);
const value = (result: ReturnType<typeof addPlugin>) => (result.ok ? result.value : result.error);

test('ours comes last, and everything else stays', () => {
  const added = value(addPlugin(list('calico', 'portmap')));
  expect(typesOf(added)).toEqual(['calico', 'portmap', 'weft-cni']);
  expect(JSON.parse(added)).toMatchObject({ cniVersion: '1.0.0', name: 'net', extra: [1] });
  expect(added).toEndWith('}\n');
});

test('twice is once, wherever behind the first it stands', () => {
  const added = value(addPlugin(list('calico')));
  expect(value(addPlugin(added))).toBe('same');
  expect(value(addPlugin(list('calico', 'weft-cni', 'other')))).toBe('same');
});

test('one that is not as it should be is put right: the first, two of them, another socket', () => {
  expect(typesOf(value(addPlugin(list('weft-cni', 'calico'))))).toEqual(['calico', 'weft-cni']);
  expect(typesOf(value(addPlugin(list('calico', 'weft-cni', 'weft-cni'))))).toEqual(['calico', 'weft-cni']);
  const moved = value(addPlugin(list('calico', 'weft-cni'), '/elsewhere'));
  expect(JSON.parse(moved)).toMatchObject({ plugins: [{}, { type: 'weft-cni', socket: '/elsewhere' }] });
});

test('taken out it is as it was', () => {
  const before = list('calico', 'portmap');
  const after = value(removePlugin(value(addPlugin(before))));
  expect(JSON.parse(after)).toEqual(JSON.parse(before));
  expect(value(removePlugin(before))).toBe('same');
});

test.each([
  ['{', 'it is no JSON: '],
  ['[]', 'it is no object'],
  ['{"type":"calico"}', 'it is one plugin, not a list of them (.conflist)'],
  ['{"plugins":[]}', 'it has no plugin that makes a network'],
  ['{"plugins":[{"type":"weft-cni"}]}', 'it has no plugin that makes a network'],
])('%s is left alone', (text, reason) => {
  expect(value(addPlugin(text))).toStartWith(reason);
});

test('the runtime’s choice is the first by name', () => {
  expect(chooseConfig(['20-b.conflist', '10-a.conf', '.10-a.weft-new', '05-x.txt'])).toBe('10-a.conf');
  expect(chooseConfig(['readme'])).toBeNull();
});

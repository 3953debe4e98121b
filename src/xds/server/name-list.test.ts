import { expect, test } from 'bun:test';
import { ResourceSet } from '../snapshot/resource-set.ts';
import type { XdsResource } from '../types.ts';
import { NameList } from './name-list.ts';

const hundred = Array.from({ length: 100 }, (_, i) => `bank/s${i}:80`);

function resourceOf(name: string, version = '1'): XdsResource {
  return { name, version, typeUrl: 't', bytes: new Uint8Array(1) };
}

test('equal names are one list, whatever their order', () => {
  const list = NameList.of(hundred)!;
  expect(list.names).toEqual(hundred);
  expect(NameList.of([...hundred].reverse())).toBe(list);
  expect(NameList.of(hundred.with(7, 'other'))).not.toBe(list);
  expect(NameList.of([...hundred, 'one more'])?.size).toBe(101);
});

test('few names, or one of them twice, make no list', () => {
  expect(NameList.of(hundred.slice(0, 63))).toBeNull();
  expect(NameList.of(hundred.with(7, hundred[8]!))).toBeNull();
  expect(NameList.of([...hundred, hundred[0]!])).toBeNull();
});

test('names that are there twice do not pass for those of a list that is known', () => {
  const pair = Array.from({ length: 128 }, (_, i) => `n${i}`);
  const list = NameList.of(pair)!;
  // Of equal length, and all of them known.
  expect(NameList.of([...pair.slice(0, 64), ...pair.slice(0, 64)])).toBeNull();
  expect(NameList.of([...pair])).toBe(list);
});

test('have nothing in common, or something', () => {
  const list = NameList.of(hundred)!;
  const others = NameList.of(hundred.map((name) => `x${name}`))!;
  for (let i = 0; i < 2; i++) expect(list.isDisjointFrom(others)).toBe(true);
  for (let i = 0; i < 2; i++) expect(list.isDisjointFrom(list)).toBe(false);
  expect(list.isDisjointFrom(new NameList(['x', hundred[99]!]))).toBe(false);
  expect(list.isDisjointFrom(new NameList(['x']))).toBe(true);
});

test('what is listed of a set that scopes share is found once, and for its own by itself', () => {
  const list = new NameList([...hundred, 'absent']);
  const shared = ResourceSet.of(hundred.map((name) => resourceOf(name)));
  const scope = ResourceSet.over(shared, [resourceOf('inbound')]);
  expect(list.resourcesOf(scope)).toBe(list.resourcesOf(shared));
  expect(list.resourcesOf(shared).absent).toEqual([100]);
  const own = resourceOf(hundred[70]!, '2');
  const other = ResourceSet.over(shared, [own, resourceOf('absent')]);
  const { pages, absent } = list.resourcesOf(other);
  expect(absent).toEqual([]);
  expect(pages.flatMap(({ page }) => page.members).map(({ name }) => name)).toEqual([...list.names]);
  expect(pages.flatMap(({ page }) => page.members)[70]).toBe(own);
  // The page in which nothing differs is the same one.
  expect(pages[0]?.page).toBe(list.resourcesOf(shared).pages[0]?.page);
});

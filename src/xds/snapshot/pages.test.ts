import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import type { XdsResource } from '../types.ts';
import { cutPages, pageLength, pagesFrom, pagesOf } from './pages.ts';
import { ResourceSet } from './resource-set.ts';

function resourceOf(name: string, version = '1', length = 1): XdsResource {
  return { name, version, typeUrl: 't', bytes: new Uint8Array(length) };
}

function numbered(count: number): XdsResource[] {
  return Array.from({ length: count }, (_, i) => resourceOf(`r${String(i).padStart(4, '0')}`));
}

function membersOf(set: ResourceSet): readonly XdsResource[] {
  return pagesOf(set).flatMap(({ members }) => members);
}

const few = fc.array(fc.integer({ min: 0, max: 300 }), { maxLength: 40 });

describe('pagesOf', () => {
  test('are the resources of any set in their order, in whatever layers they lie', () => {
    fc.assert(
      fc.property(few, few, few, (first, changed, own) => {
        const nameOf = (number: number) => `r${number}`;
        const base = ResourceSet.of([...new Set(first)].map((one) => resourceOf(nameOf(one))));
        pagesOf(base);
        const gone = first.slice(0, 5).map(nameOf);
        const kept = new Map(changed.map(nameOf).map((name) => [name, resourceOf(name, '2')]));
        const next = base.with(
          kept.values(),
          gone.filter((name) => !kept.has(name)),
        );
        const over = [...new Map(own.map(nameOf).map((name) => [name, resourceOf(name, '3')])).values()];
        const scope = ResourceSet.over(next, over);
        expect(membersOf(next)).toEqual([...next.values()]);
        expect(membersOf(scope)).toEqual([...scope.values()]);
        for (const { members } of pagesOf(scope)) expect(members.length).toBeWithin(1, pageLength + 1);
      }),
      { numRuns: 200 },
    );
  });

  test('a change, or what one scope has of its own, leaves the other pages as they are', () => {
    const base = ResourceSet.of(numbered(1_000));
    const before = new Set(pagesOf(base));
    const next = base.with([resourceOf('r0500', '2')], []);
    const changed = pagesOf(next).filter((page) => !before.has(page));
    expect(changed.map(({ members }) => members.length)).toEqual([pageLength]);
    expect(changed.every(({ shared }) => shared)).toBe(true);
    const scope = ResourceSet.over(next, [resourceOf('inbound'), resourceOf('r0100x')]);
    const own = pagesOf(scope).filter((page) => !pagesOf(next).includes(page));
    expect(own.every(({ shared }) => !shared)).toBe(true);
    expect(own.length).toBe(4);
  });

  test('large resources make small pages', () => {
    const large = ['a', 'b', 'c'].map((name) => resourceOf(name, '1', 150 * 1024));
    expect(cutPages(large, true).map(({ members }) => members.length)).toEqual([1, 1, 1]);
  });
});

test('pagesFrom begins at any name, there or not', () => {
  const all = numbered(200);
  const pages = pagesOf(ResourceSet.of(all));
  for (const name of ['', 'r0000', 'r0063', 'r0064', 'r0100', 'r0100x', 'r0199', 'z'])
    expect(pagesFrom(pages, name).flatMap(({ members }) => members)).toEqual(
      all.filter((one) => one.name >= name),
    );
});

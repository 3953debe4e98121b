import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { shareEqual } from './share-equal.ts';

describe('shareEqual', () => {
  test('what is equal is what was there', () => {
    const before = { a: [1, { b: 'x' }], map: new Map([['k', { c: 1 }]]), n: null };
    expect(shareEqual(before, structuredClone(before))).toBe(before);
  });

  test('of what differs, the equal parts are what was there', () => {
    const before = { a: { x: 1 }, b: { y: 1 }, map: new Map([['k', { c: 1 }]]) };
    const after = { a: { x: 1 }, b: { y: 2 }, map: new Map([['k', { c: 1 }]]) };
    const shared = shareEqual(before, after);
    expect(shared).toEqual(after);
    expect(shared.a).toBe(before.a);
    expect(shared.map).toBe(before.map);
    expect(shared.b).not.toBe(before.b);
  });

  test.each([
    ['a field that is undefined and one that is not there', { a: undefined }, {}],
    ['the order of a map', new Map([['a', 1]]).set('b', 2), new Map([['b', 2]]).set('a', 1)],
    ['a list and an object', { a: [] }, { a: {} }],
    ['a shorter list', [1, 2], [1]],
    ['a longer list', [1], [1, 2]],
    ['null and an object', { a: null }, { a: {} }],
  ])('%s differ', (_, before, after) => {
    expect(shareEqual<unknown>(before, after)).not.toBe(before);
    expect(shareEqual<unknown>(after, before)).not.toBe(after);
  });

  test('any two values: the result is equal to the second', () => {
    const plain = fc.object({ maxDepth: 3, values: [fc.integer({ max: 3 }), fc.constant(null)] });
    const value = plain.map((one) => ({ one, map: new Map(Object.entries(one)) }));
    fc.assert(
      fc.property(value, value, (before, after) => {
        expect(shareEqual<unknown>(before, after)).toEqual(after);
        expect(shareEqual(after, structuredClone(after))).toBe(after);
      }),
    );
  });
});

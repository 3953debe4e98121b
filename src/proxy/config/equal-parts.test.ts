import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { sharePart, shareParts } from './equal-parts.ts';
import { NamesByKey } from './names-by-key.ts';

const plain = fc.letrec((tie) => ({
  value: fc.oneof(
    // So that all are small enough to be remembered.
    { depthSize: 'small', maxDepth: 2 },
    fc.constantFrom(
      null,
      true,
      false,
      undefined,
      Number.POSITIVE_INFINITY,
      Number.NaN,
      -0,
      0,
      1,
      '',
      '1',
      'null',
    ),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom('a', 'b', 'c'), tie('value'), { noNullPrototype: true }),
  ),
})).value;
const part = fc.dictionary(fc.constantFrom('a', 'b', 'c'), plain, { noNullPrototype: true });

describe('equal parts', () => {
  test('are one object, and different ones are not', () => {
    fc.assert(
      fc.property(part, part, (one, other) => {
        const first = sharePart(one);
        // At once: anything more may be the one with which remembering begins anew.
        expect(sharePart(structuredClone(one))).toBe(first);
        expect(first).toStrictEqual(one);
        expect(sharePart(other)).toStrictEqual(other);
      }),
      { numRuns: 200 },
    );
  });

  test.each([
    ['a function', { a: () => 1 }],
    ['a map', { a: new Map() }],
    ['bytes', { a: new Uint8Array(1) }],
    ['an object of a class', { a: new NamesByKey() }],
  ])('%s is shared with nobody', (_, held) => {
    expect(sharePart({ ...held })).not.toBe(sharePart({ ...held }));
  });

  test('what is large stays by itself, and so many are remembered at most', () => {
    const large = () => ({ a: 'x'.repeat(2_000) });
    expect(sharePart(large())).not.toBe(sharePart(large()));
    const first = sharePart({ a: 'first' });
    for (let index = 0; index < 2_000; index++) sharePart({ a: index });
    expect(sharePart({ a: 'first' })).not.toBe(first);
  });

  test('of a whole the named fields alone', () => {
    const whole = () => shareParts({ a: { x: 1 }, b: { x: 1 }, c: null, d: 1 }, 'a', 'c', 'd');
    const [one, other] = [whole(), whole()];
    expect(one.a).toBe(other.a);
    expect(one.b).not.toBe(other.b);
  });
});

test('names by a key, one or several', () => {
  const step = fc.record({
    add: fc.boolean(),
    key: fc.constantFrom('k', 'l'),
    name: fc.constantFrom('a', 'b', 'c'),
  });
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      const names = new NamesByKey();
      const plainly = new Set<string>();
      for (const { add, key, name } of steps) {
        if (add) names.add(key, name);
        else names.remove(key, name);
        if (add) plainly.add(`${key}${name}`);
        else plainly.delete(`${key}${name}`);
      }
      const told = ['k', 'l'].flatMap((key) => [...names.of(key)].map((name) => `${key}${name}`));
      expect(told.sort()).toEqual([...plainly].sort());
    }),
  );
});

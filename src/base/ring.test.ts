import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { Ring } from './ring.ts';

describe('Ring', () => {
  test('refuses what is over its bound and keeps the rest', () => {
    const ring = new Ring<number>(2);
    expect([ring.push(1), ring.push(2), ring.push(3)]).toEqual([true, true, false]);
    expect([ring.shift(), ring.shift(), ring.shift()]).toEqual([1, 2, null]);
  });

  test('any sequence of operations agrees with an array', () => {
    const step = fc.tuple(fc.constantFrom('push', 'push', 'shift', 'remove'), fc.nat(20));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const ring = new Ring<number>(40);
        const model: number[] = [];
        for (const [op, value] of steps) {
          if (op === 'push') {
            expect(ring.push(value)).toBe(model.length < 40);
            if (model.length < 40) model.push(value);
          } else if (op === 'shift') {
            expect(ring.shift()).toBe(model.shift() ?? null);
          } else {
            const at = model.indexOf(value);
            expect(ring.remove(value)).toBe(at >= 0);
            if (at >= 0) model.splice(at, 1);
          }
          expect(ring.count).toBe(model.length);
          expect(ring.peek()).toBe(model[0] ?? null);
        }
      }),
      { seed: 4, numRuns: 300 },
    );
  });
});

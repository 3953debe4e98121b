import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { CallerShares } from './caller-shares.ts';

function fill(shares: CallerShares, caller: string): number {
  let taken = 0;
  while (shares.take(caller)) taken += 1;
  return taken;
}

test('who is alone has half, and leaves as much to the next; who has no name takes what there is', () => {
  const shares = new CallerShares(1_000);
  expect(['a', 'b', 'c', ''].map((caller) => fill(shares, caller))).toEqual([500, 250, 125, 125]);
  expect(['d', 'a', ''].map((caller) => fill(shares, caller))).toEqual([0, 0, 0]);
});

test('what is given back is there again, and a caller that has nothing is forgotten', () => {
  const shares = new CallerShares(10);
  expect(fill(shares, 'a')).toBe(5);
  for (let i = 0; i < 5; i++) shares.release('a');
  expect([shares.size, fill(shares, 'b'), fill(shares, 'a')]).toEqual([0, 5, 3]);
});

test('callers never have more than the bound, and as long as only they ask there is room for one more', () => {
  const step = fc.record({ caller: fc.constantFrom('a', 'b', 'c', 'd'), takes: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300 }), fc.integer({ min: 16, max: 64 }), (steps, max) => {
      const shares = new CallerShares(max);
      const held = new Map<string, number>();
      for (const { caller, takes } of steps) {
        const own = held.get(caller) ?? 0;
        if (takes && shares.take(caller)) held.set(caller, own + 1);
        else if (!takes && own > 0) {
          shares.release(caller);
          held.set(caller, own - 1);
        }
        const sum = [...held.values()].reduce((all, one) => all + one, 0);
        expect(shares.size).toBe(sum);
        expect(sum).toBeLessThan(max);
      }
    }),
  );
});

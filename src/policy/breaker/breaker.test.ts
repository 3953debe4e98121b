import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { Breaker } from './breaker.ts';

const kinds = ['Request', 'Pending', 'Connection'] as const;
type Kind = (typeof kinds)[number];

function countOf(breaker: Breaker, kind: Kind): number {
  return kind === 'Request' ? breaker.requests : kind === 'Pending' ? breaker.pending : breaker.connections;
}

test('never counts above a limit, and remembers the highest mark', () => {
  const step = fc.record({ kind: fc.constantFrom(...kinds), take: fc.boolean() });
  const limit = fc.nat(4);
  fc.assert(
    fc.property(
      limit,
      limit,
      limit,
      fc.array(step, { maxLength: 100 }),
      (requests, pending, connections, steps) => {
        const breaker = new Breaker({ requests, pending, connections });
        const limits = { Request: requests, Pending: pending, Connection: connections };
        const held = { Request: 0, Pending: 0, Connection: 0 };
        for (const { kind, take } of steps) {
          if (take) {
            const given = breaker[`try${kind}`]();
            expect(given).toBe(held[kind] < limits[kind]);
            if (given) held[kind] += 1;
          } else if (held[kind] > 0) {
            breaker[`release${kind}`]();
            held[kind] -= 1;
          }
          expect(countOf(breaker, kind)).toBe(held[kind]);
        }
      },
    ),
    { numRuns: 300, seed: 1 },
  );
});

test('lower limits let what runs finish first', () => {
  const breaker = new Breaker({ requests: 3, pending: 1, connections: 1 });
  for (let index = 0; index < 3; index++) expect(breaker.tryRequest()).toBe(true);
  breaker.update({ requests: 2, pending: 1, connections: 1 });
  expect(breaker.tryRequest()).toBe(false);
  breaker.releaseRequest();
  expect(breaker.tryRequest()).toBe(false);
  breaker.releaseRequest();
  expect(breaker.tryRequest()).toBe(true);
});

test('a release without its try is a bug', () => {
  const breaker = new Breaker({ requests: 1, pending: 1, connections: 1 });
  for (const kind of kinds) expect(() => breaker[`release${kind}`]()).toThrow('released once');
});

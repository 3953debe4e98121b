import { expect, test } from 'bun:test';
import fc from 'fast-check';
import type { ResourceMap } from '../snapshot/resource-set.ts';
import type { XdsResource } from '../types.ts';
import { DueNames } from './due-names.ts';

function mapOf(names: readonly string[]): ResourceMap {
  return new Map(names.map((name) => [name, { name } as XdsResource]));
}

const names = fc.subarray(['a', 'b', 'c', 'd', 'e', 'f']);
const name = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f');

// Whatever is done to them, they are as a plain set would be.
test('are a set, whole or spelled', () => {
  const act = fc.oneof(
    fc.record({ kind: fc.constant('add' as const), name }),
    fc.record({ kind: fc.constant('delete' as const), name }),
    fc.record({ kind: fc.constant('clear' as const) }),
    fc.record({ kind: fc.constant('walk' as const) }),
    fc.record({ kind: fc.constant('addAll' as const), names }),
    fc.record({ kind: fc.constant('follow' as const), names }),
  );
  fc.assert(
    fc.property(fc.array(act, { maxLength: 30 }), (acts) => {
      const due = new DueNames();
      const model = new Set<string>();
      let last = mapOf([]);
      let whole = false;
      for (const step of acts) {
        if (step.kind === 'add') {
          due.add(step.name);
          model.add(step.name);
        } else if (step.kind === 'delete') {
          due.delete(step.name);
          if (last.has(step.name)) whole = false;
          model.delete(step.name);
        } else if (step.kind === 'clear') {
          due.clear();
          model.clear();
          whole = false;
        } else if (step.kind === 'walk') {
          expect(new Set(due)).toEqual(model);
          whole = false;
        } else if (step.kind === 'addAll') {
          last = mapOf(step.names);
          due.addAll(last);
          for (const one of step.names) model.add(one);
          whole = true;
        } else {
          const next = mapOf(step.names);
          due.follow(last, next);
          if (whole) {
            for (const one of last.keys()) model.delete(one);
            for (const one of next.keys()) model.add(one);
            last = next;
          }
        }
        expect(due.size).toBe(model.size);
        for (const one of 'abcdef') expect(due.has(one)).toBe(model.has(one));
      }
    }),
    { numRuns: 300 },
  );
});

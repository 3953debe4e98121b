import { expect, setDefaultTimeout, test } from 'bun:test';
import fc from 'fast-check';
import { type ResourceMap, ResourceSet } from '../snapshot/resource-set.ts';
import type { XdsResource } from '../types.ts';
import { DueNames } from './due-names.ts';
import { NameList } from './name-list.ts';

setDefaultTimeout(30_000);

/** Pages of it have one member each. */
const bytes = new Uint8Array(200 * 1024);

function resourceOf(name: string): XdsResource {
  return { name, version: '1', typeUrl: 't', bytes };
}

function mapOf(names: readonly string[]): ResourceMap {
  return new Map(names.map((name) => [name, resourceOf(name)]));
}

function setOf(names: readonly string[]): ResourceMap {
  return ResourceSet.of(names.map(resourceOf));
}

const names = fc.subarray(['a', 'b', 'c', 'd', 'e', 'f']);
const name = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f');

// Whatever is done to them, they are as a plain set would be.
test.each([
  ['maps', mapOf],
  ['sets', setOf],
])('are a set, whole, begun or spelled: %s', (_, listOf) => {
  const act = fc.oneof(
    fc.record({ kind: fc.constant('add' as const), name }),
    fc.record({ kind: fc.constant('delete' as const), name }),
    fc.record({ kind: fc.constant('clear' as const) }),
    fc.record({ kind: fc.constant('walk' as const) }),
    fc.record({ kind: fc.constant('addAll' as const), names }),
    fc.record({ kind: fc.constant('follow' as const), names }),
    fc.record({ kind: fc.constant('take' as const), count: fc.integer({ min: 1, max: 3 }) }),
  );
  fc.assert(
    fc.property(fc.array(act, { maxLength: 30 }), (acts) => {
      const due = new DueNames();
      const model = new Set<string>();
      let last = listOf([]);
      /** From this name on all of `last` is due. */
      let left: string | null = null;
      for (const step of acts) {
        if (step.kind === 'add') {
          due.add(step.name);
          model.add(step.name);
        } else if (step.kind === 'delete') {
          due.delete(step.name);
          if (left !== null && step.name >= left && last.has(step.name)) left = null;
          model.delete(step.name);
        } else if (step.kind === 'clear') {
          due.clear();
          model.clear();
          left = null;
        } else if (step.kind === 'walk') {
          expect(new Set(due)).toEqual(model);
          left = null;
        } else if (step.kind === 'addAll') {
          last = listOf(step.names);
          due.addAll(last);
          for (const one of step.names) model.add(one);
          left = '';
        } else if (step.kind === 'follow') {
          const next = listOf(step.names);
          due.follow(last, next);
          if (left !== null) {
            for (const one of last.keys()) if (one >= left) model.delete(one);
            for (const one of next.keys()) if (one >= left) model.add(one);
            last = next;
          }
        } else {
          let count = 0;
          const taken = due.takePages(last, () => ++count <= step.count);
          const named = (taken?.pages ?? []).flatMap(({ members }) => members.map((one) => one.name));
          const front: readonly string[] =
            left === null || listOf === mapOf ? [] : [...last.keys()].filter((one) => one >= left!);
          expect(named).toEqual(front.slice(0, step.count));
          for (const one of named) model.delete(one);
          if (front.length > 0 || listOf === setOf) left = front[step.count] ?? null;
        }
        expect(due.size).toBe(model.size);
        for (const one of 'abcdef') expect(due.has(one)).toBe(model.has(one));
      }
    }),
    { numRuns: 500 },
  );
});

// Lists are of names that were never asked for before, so there is no more than one of each name.
test.each([
  ['maps', mapOf],
  ['sets', setOf],
])('are a set where lists of names are due: %s', (_, listOf) => {
  const act = fc.oneof(
    fc.record({ kind: fc.constant('add' as const), name }),
    fc.record({ kind: fc.constant('delete' as const), name }),
    fc.record({ kind: fc.constant('clear' as const) }),
    fc.record({ kind: fc.constant('walk' as const) }),
    fc.record({ kind: fc.constant('list' as const), names }),
    fc.record({ kind: fc.constant('whole' as const) }),
    fc.record({ kind: fc.constant('change' as const), names }),
    fc.record({ kind: fc.constant('take' as const), count: fc.integer({ min: 1, max: 3 }) }),
  );
  fc.assert(
    fc.property(fc.array(act, { maxLength: 30 }), (acts) => {
      const due = new DueNames();
      const model = new Set<string>();
      let resources = listOf(['a', 'c', 'e']);
      let isWhole = false;
      /** What may still be in a list. */
      const listed = new Set<string>();
      for (const step of acts) {
        if (step.kind === 'add') {
          due.add(step.name);
          model.add(step.name);
        } else if (step.kind === 'delete') {
          due.delete(step.name);
          model.delete(step.name);
        } else if (step.kind === 'clear') {
          due.clear();
          model.clear();
          listed.clear();
          isWhole = false;
        } else if (step.kind === 'walk') {
          expect(new Set(due)).toEqual(model);
          listed.clear();
          isWhole = false;
        } else if (step.kind === 'list') {
          const fresh = step.names.filter((one) => !listed.has(one));
          due.addList(new NameList(fresh));
          for (const one of fresh) {
            model.add(one);
            listed.add(one);
          }
        } else if (step.kind === 'whole') {
          due.addAll(resources);
          for (const one of resources.keys()) model.add(one);
          isWhole = true;
        } else if (step.kind === 'change') {
          const next = listOf(step.names);
          if (isWhole) due.clear();
          if (isWhole) model.clear();
          isWhole = false;
          resources = next;
        } else {
          let count = 0;
          const taken = due.takePages(resources, () => ++count <= step.count);
          const sent = (taken?.pages ?? []).flatMap(({ members }) => members.map((one) => one.name));
          expect((taken?.pages ?? []).length).toBeLessThanOrEqual(step.count);
          for (const one of sent) {
            expect(model.delete(one)).toBe(true);
            expect(resources.has(one)).toBe(true);
          }
          for (const one of taken?.absent ?? []) {
            expect(model.delete(one)).toBe(true);
            expect(resources.has(one)).toBe(false);
          }
        }
        expect(due.size).toBe(model.size);
        for (const one of 'abcdef') expect(due.has(one)).toBe(model.has(one));
      }
    }),
    { numRuns: 1_000 },
  );
});

test('lists are taken whole, page by page, also while resources change', () => {
  const all = 'abcdefghij'.split('');
  const due = new DueNames();
  due.addList(new NameList(all));
  due.addList(new NameList(['x', 'y']));
  const take = (resources: ResourceMap, pages: number) => {
    let count = 0;
    const taken = due.takePages(resources, () => ++count <= pages);
    return taken === null
      ? null
      : [
          taken.pages.flatMap(({ members }) => members.map((one) => one.name)).join(''),
          taken.absent.join(''),
        ];
  };
  expect(take(setOf(['a', 'c', 'd', 'h']), 2)).toEqual(['ac', 'b']);
  expect(due.size).toBe(9);
  expect(take(setOf(['a', 'e', 'f', 'j']), 2)).toEqual(['ef', 'dghi']);
  expect(take(setOf(['a']), 1)).toEqual(['', 'j']);
  expect(take(setOf(['y']), 1)).toEqual(['y', 'x']);
  expect(take(setOf(['y']), 1)).toBeNull();
  expect(due.size).toBe(0);
});

import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { typeUrls, type XdsResource } from '../types.ts';
import { diffResources, versionOf } from './diff.ts';
import { type ResourceMap, ResourceSet } from './resource-set.ts';

function resource(name: string, version: number): XdsResource {
  return { name, version: String(version), typeUrl: typeUrls.cluster, bytes: new Uint8Array([version]) };
}

const content = (map: ResourceMap) => [...map].map(([name, { version }]) => `${name} ${version}`);

/** The plain form: a map made anew. */
function plain(resources: Iterable<XdsResource>): Map<string, XdsResource> {
  const sorted = [...resources].sort((a, b) => (a.name < b.name ? -1 : 1));
  return new Map(sorted.map((one) => [one.name, one]));
}

const change = fc.record({ name: fc.integer({ min: 0, max: 150 }), version: fc.integer({ min: 0, max: 3 }) });

describe('ResourceSet', () => {
  test('any history of changes is the map of what is left, in its order, size and version', () => {
    fc.assert(
      fc.property(fc.array(fc.array(change, { maxLength: 30 }), { maxLength: 30 }), (history) => {
        const map = new Map<string, XdsResource>();
        let set = ResourceSet.of([]);
        for (const step of history) {
          const before = [set, new Map(plain(map.values()))] as const;
          const [changed, removed] = [new Map<string, XdsResource>(), new Set<string>()];
          for (const { name, version } of step) {
            const key = `n${name}`;
            if (version === 0 && !changed.has(key)) removed.add(key);
            else if (!removed.has(key)) changed.set(key, resource(key, version));
          }
          for (const key of removed) map.delete(key);
          for (const [key, one] of changed) map.set(key, one);
          set = set.with(changed.values(), removed);
          const wanted = plain(map.values());
          expect(content(set)).toEqual(content(wanted));
          expect(set.size).toBe(wanted.size);
          expect(versionOf(set)).toBe(versionOf(wanted));
          const diff = diffResources(before[0], set);
          const judge = diffResources(before[1], wanted);
          expect([...diff.changed].sort()).toEqual([...judge.changed].sort());
          expect(diff.removed.map(({ name }) => name).sort()).toEqual(
            judge.removed.map(({ name }) => name).sort(),
          );
        }
      }),
      { numRuns: 60 },
    );
  });

  test('nothing changed is the same set', () => {
    const set = ResourceSet.of([resource('a', 1)]);
    expect(set.with([resource('a', 1)], ['b'])).toBe(set);
  });

  test('own resources lie over a shared set and hide what is below', () => {
    const shared = ResourceSet.of([resource('a', 1), resource('c', 1)]);
    const set = ResourceSet.over(shared, [resource('b', 1), resource('c', 2)]);
    expect(content(set)).toEqual(['a 1', 'b 1', 'c 2']);
    expect(versionOf(set)).toBe(versionOf(new Map([...set])));
    expect(ResourceSet.over(shared, [])).toBe(shared);
  });

  test('a change below is the same difference for all that lie over it, but where they hide it', () => {
    const shared = ResourceSet.of([resource('a', 1), resource('c', 1)]);
    const own = [resource('b', 1), resource('c', 2)];
    const before = ResourceSet.over(shared, own);
    const next = shared.with([resource('c', 3)], []);
    const hidden = ResourceSet.over(next, own, before);
    expect(diffResources(before, hidden)).toEqual({ changed: [], removed: [] });
    expect(versionOf(hidden)).toBe(versionOf(before));
    const seen = shared.with([resource('a', 2)], []);
    const after = ResourceSet.over(seen, own, before);
    expect(diffResources(before, after)).toBe(diffResources(shared, seen));
    expect(ResourceSet.over(seen, own, after)).toBe(after);
  });

  test('what lies over a set is counted the same, whatever lay over another before', () => {
    const few = fc.record({ name: fc.integer({ min: 0, max: 8 }), version: fc.integer({ min: 0, max: 3 }) });
    const step = fc.record({
      changed: fc.array(few, { maxLength: 6 }),
      own: fc.array(few, { maxLength: 6 }),
    });
    const listOf = (changes: readonly { readonly name: number; readonly version: number }[]) => [
      ...new Map(changes.map(({ name, version }) => [`n${name}`, resource(`n${name}`, version)])).values(),
    ];
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 12 }), (steps) => {
        let shared = ResourceSet.of([]);
        let before: ResourceSet | undefined;
        for (const { changed, own } of steps) {
          const [next, gone] = [listOf(changed), changed.filter(({ version }) => version === 0)];
          const names = new Set(gone.map(({ name }) => `n${name}`));
          shared = shared.with(
            next.filter(({ name }) => !names.has(name)),
            names,
          );
          const kept = listOf(own).map((one) => {
            const held = before?.over.get(one.name);
            return held?.version === one.version ? held : one;
          });
          const set = ResourceSet.over(shared, kept, before);
          const alone = ResourceSet.over(shared, kept);
          expect([set.size, versionOf(set)]).toEqual([alone.size, versionOf(alone)]);
          expect(versionOf(set)).toBe(versionOf(new Map([...set])));
          before = set;
        }
      }),
      { numRuns: 200 },
    );
  });

  test('the sets before are not kept by their followers', () => {
    let set = ResourceSet.of([resource('a', 0)]);
    const first = new WeakRef(set);
    for (let version = 1; version < 50; version++) {
      const next = set.with([resource('a', version)], []);
      diffResources(set, next);
      set = next;
    }
    return new Promise<void>((resolve) => setTimeout(resolve)).then(() => {
      Bun.gc(true);
      expect(first.deref()).toBeUndefined();
      expect(set.size).toBe(1);
    });
  });
});

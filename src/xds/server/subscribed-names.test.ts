import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { NameList } from './name-list.ts';
import { SubscribedNames } from './subscribed-names.ts';

test('any history is a set of names', () => {
  const step = fc.record({
    add: fc.array(fc.nat({ max: 400 }), { maxLength: 150 }),
    remove: fc.array(fc.nat({ max: 400 }), { maxLength: 5 }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const names = new SubscribedNames();
      const judge = new Set<string>();
      for (const { add, remove } of steps) {
        const list = new NameList([...new Set(add)].map((number) => `list ${number}`));
        const isDisjoint = list.names.every((name) => !judge.has(name));
        expect(names.isDisjointFrom(list)).toBe(isDisjoint);
        if (isDisjoint) names.addList(list);
        if (isDisjoint) for (const name of list.names) judge.add(name);
        for (const name of add.map(String)) {
          if (!names.has(name)) names.add(name);
          judge.add(name);
        }
        for (const number of remove)
          for (const name of [`${number}`, `list ${number}`])
            expect(names.delete(name)).toBe(judge.delete(name));
        names.settle();
        expect(names.size).toBe(judge.size);
        expect([...names].sort()).toEqual([...judge].sort());
        for (let name = 0; name < 400; name += 13) expect(names.has(`${name}`)).toBe(judge.has(`${name}`));
      }
    }),
  );
});

test('a thousand clients that ask for the same thousand names hold them once', () => {
  const create = () => {
    const names = new SubscribedNames();
    for (let i = 0; i < 1_000; i++) names.add(`bank/service-${i}:80`);
    names.settle();
    return names;
  };
  const all = [create()];
  Bun.gc(true);
  const before = process.memoryUsage().heapUsed;
  for (let i = 0; i < 1_000; i++) all.push(create());
  Bun.gc(true);
  // A set each would be 30 MB and more.
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(5_000_000);
  expect(all.every((names) => names.size === 1_000)).toBe(true);
});

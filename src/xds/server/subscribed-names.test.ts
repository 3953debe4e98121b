import { expect, setDefaultTimeout, test } from 'bun:test';
import fc from 'fast-check';
import { NameList } from './name-list.ts';
import { SubscribedNames } from './subscribed-names.ts';

setDefaultTimeout(30_000);

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

test('a request costs what is in it, whatever was asked for before', () => {
  const names = new SubscribedNames();
  for (let list = 0; list < 900; list++) {
    for (let i = 0; i < 100; i++) names.add(`list ${list} ${i}`);
    names.settle();
  }
  expect(names.size).toBe(90_000);
  // A name moves each time its list is twice as long: from lists of 100 to one of 90,000 ten times.
  expect(names.moved).toBeLessThan(90_000 * 11);
  const before = names.moved;
  for (let request = 0; request < 5_000; request++) {
    expect(names.delete(`list ${request % 900} ${Math.floor(request / 900)}`)).toBe(true);
    names.add(`other ${request}`);
    names.settle();
  }
  expect(names.size).toBe(90_000);
  expect(names.moved - before).toBeLessThan(5_000 * 20);
  // Who takes back what he gave up is where he was.
  const again = names.moved;
  for (let request = 0; request < 5_000; request++) {
    names.delete('list 7 99');
    names.add('list 7 99');
    names.settle();
  }
  expect(names.moved).toBe(again);
});

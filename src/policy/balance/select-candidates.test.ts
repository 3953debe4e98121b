import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { Xoshiro128 } from '../../base/index.ts';
import { at, SimulatedEndpoint } from './play-traffic.ts';
import { PriorityBalancer } from './priority-balancer.ts';
import { createSelectionRules, selectCandidates } from './select-candidates.ts';
import { isUsable } from './usable.ts';

const rules = (panicPercent: number) => createSelectionRules({ panicPercent });

/** A priority of `total` endpoints, the first `usable` of them healthy. */
function priority(usable: number, total: number): SimulatedEndpoint[] {
  return Array.from({ length: total }, (_, index) => {
    const endpoint = new SimulatedEndpoint(`${total}-${index}`, 10);
    endpoint.healthy = index < usable;
    return endpoint;
  });
}

interface Case {
  readonly name: string;
  readonly priorities: readonly (readonly [usable: number, total: number])[];
  readonly loads: readonly number[];
  readonly panics: readonly boolean[];
}

// The rows with several priorities follow the tables in Envoy's documentation of priority levels.
const cases: readonly Case[] = [
  { name: 'all well', priorities: [[10, 10]], loads: [100], panics: [false] },
  { name: 'none', priorities: [], loads: [], panics: [] },
  { name: 'one empty priority', priorities: [[0, 0]], loads: [0], panics: [false] },
  {
    name: '72 % carries all',
    priorities: [
      [72, 100],
      [100, 100],
    ],
    loads: [100, 0],
    panics: [false, false],
  },
  {
    name: '71 % spills one',
    priorities: [
      [71, 100],
      [100, 100],
    ],
    loads: [99, 1],
    panics: [false, false],
  },
  {
    name: '50 % carries 70',
    priorities: [
      [50, 100],
      [100, 100],
    ],
    loads: [70, 30],
    panics: [false, false],
  },
  {
    name: '25 % carries 35',
    priorities: [
      [25, 100],
      [100, 100],
    ],
    loads: [35, 65],
    panics: [false, false],
  },
  {
    name: '0 % spills all',
    priorities: [
      [0, 100],
      [100, 100],
    ],
    loads: [0, 100],
    panics: [false, false],
  },
  {
    name: '25 and 25: both short of all',
    priorities: [
      [25, 100],
      [25, 100],
    ],
    loads: [50, 50],
    panics: [true, true],
  },
  {
    name: 'three levels share',
    priorities: [
      [25, 100],
      [25, 100],
      [100, 100],
    ],
    loads: [35, 35, 30],
    panics: [false, false, false],
  },
  {
    name: 'three levels short',
    priorities: [
      [25, 100],
      [25, 100],
      [20, 100],
    ],
    loads: [34, 33, 33],
    panics: [true, true, true],
  },
  { name: 'panic alone', priorities: [[4, 10]], loads: [100], panics: [true] },
  { name: 'at the threshold no panic', priorities: [[5, 10]], loads: [100], panics: [false] },
  { name: 'all sick', priorities: [[0, 3]], loads: [100], panics: [true] },
  {
    name: 'panic in one of two',
    priorities: [
      [1, 100],
      [60, 100],
    ],
    loads: [2, 98],
    panics: [true, false],
  },
];

for (const { name, priorities, loads, panics } of cases) {
  test(`priorities: ${name}`, () => {
    const levels = priorities.map(([usable, total]) => priority(usable, total));
    const selection = selectCandidates(levels, rules(50), 0);
    expect(selection.levels.map((level) => level.loadPercent)).toEqual([...loads]);
    expect(selection.levels.map((level) => level.panic)).toEqual([...panics]);
    for (const [index, level] of selection.levels.entries()) {
      expect(level.candidates.length).toBe(panics[index] ? levels[index]!.length : priorities[index]![0]);
    }
  });
}

test('panic off: no candidates when none is well', () => {
  const selection = selectCandidates([priority(0, 3)], rules(0), 0);
  expect(selection.candidates).toEqual([]);
  expect(selection.panic).toBe(false);
});

test('an ejection drops an endpoint until its time', () => {
  const [one, two] = priority(2, 2);
  one!.ejectedUntilMs = 500;
  expect(isUsable(one!, 499)).toBe(false);
  expect(selectCandidates([[one!, two!]], rules(0), 499).candidates).toEqual([two!]);
  expect(selectCandidates([[one!, two!]], rules(0), 500).candidates).toEqual([one!, two!]);
});

test('shares are whole percents that sum to 100 whenever somebody can be asked', () => {
  const level = fc.nat(20).chain((total) => fc.tuple(fc.nat(total), fc.constant(total)));
  fc.assert(
    fc.property(fc.array(level, { maxLength: 4 }), fc.nat(100), (shape, panicPercent) => {
      const selection = selectCandidates(
        shape.map(([usable, total]) => priority(usable, total)),
        rules(panicPercent),
        0,
      );
      const sum = selection.levels.reduce((total, { loadPercent }) => total + loadPercent, 0);
      const asked = selection.levels.some(({ candidates }) => candidates.length > 0);
      expect(sum).toBe(asked ? 100 : 0);
      for (const { loadPercent, candidates } of selection.levels) {
        expect(Number.isInteger(loadPercent) && loadPercent >= 0).toBe(true);
        if (loadPercent > 0) expect(candidates.length).toBeGreaterThan(0);
      }
      expect(asked ? selection.candidates.length > 0 : selection.candidates.length === 0).toBe(true);
    }),
    { numRuns: 500, seed: 1 },
  );
});

test('the priority balancer shares requests as selected, and follows a change', () => {
  const levels = [priority(5, 10), priority(10, 10)];
  const balancer = new PriorityBalancer<SimulatedEndpoint>({ kind: 'round-robin' }, new Xoshiro128(1));
  expect(balancer.pick(at(0))).toBeNull();
  balancer.update(selectCandidates(levels, rules(50), 0));
  const first = (): number => {
    let count = 0;
    for (let turn = 0; turn < 10_000; turn++) if (levels[0]!.includes(balancer.pick(at(0))!)) count += 1;
    return count / 10_000;
  };
  expect(Math.abs(first() - 0.7)).toBeLessThan(0.02);
  for (const endpoint of levels[0]!) endpoint.healthy = true;
  balancer.update(selectCandidates(levels, rules(50), 0));
  expect(first()).toBe(1);
  balancer.update(selectCandidates([levels[1]!], rules(50), 0));
  expect(first()).toBe(0);
  balancer.update(selectCandidates<SimulatedEndpoint>([], rules(50), 0));
  expect(balancer.pick(at(0))).toBeNull();
});

/** A priority in which the endpoints of these indices are out of reach. */
function outOfReach(usable: number, total: number, lost: readonly number[]): SimulatedEndpoint[] {
  const endpoints = priority(usable, total);
  for (const index of lost) endpoints[index]!.unreachable = true;
  return endpoints;
}

test('who is out of reach is left aside, also where so many are that it would be panic', () => {
  const { levels, panic } = selectCandidates([outOfReach(5, 5, [0, 1, 2])], rules(50), 0);
  expect([levels[0]!.candidates.map(({ key }) => key), panic]).toEqual([['5-3', '5-4'], false]);
});

test('panic is judged among the others, and then leaves them aside too', () => {
  const endpoints = outOfReach(3, 6, [0, 1]);
  const { candidates, panic } = selectCandidates([endpoints], rules(50), 0);
  expect([candidates.map(({ key }) => key), panic]).toEqual([['6-2', '6-3', '6-4', '6-5'], true]);
});

test('they count towards what their priority can carry', () => {
  const { levels } = selectCandidates([outOfReach(10, 10, [0, 1, 2, 3, 4]), priority(2, 2)], rules(50), 0);
  expect(levels.map(({ loadPercent }) => loadPercent)).toEqual([70, 30]);
});

test('a whole priority out of reach gets nothing, also where the next one is in panic', () => {
  const { levels } = selectCandidates([outOfReach(2, 2, [0, 1]), priority(1, 5)], rules(50), 0);
  expect(levels.map(({ loadPercent, candidates }) => [loadPercent, candidates.length])).toEqual([
    [0, 0],
    [100, 5],
  ]);
});

for (const panicPercent of [0, 50])
  test(`where nobody else can be had they are used as before, panic at ${panicPercent}`, () => {
    const endpoints = outOfReach(3, 3, [0, 1, 2]);
    const { candidates, panic } = selectCandidates([endpoints], rules(panicPercent), 0);
    expect([candidates, panic]).toEqual([endpoints, false]);
    endpoints[2]!.ejectedUntilMs = 10;
    const left = selectCandidates([endpoints], rules(panicPercent), 0);
    expect(left.candidates.map(({ key }) => key)).toEqual(['3-0', '3-1']);
  });

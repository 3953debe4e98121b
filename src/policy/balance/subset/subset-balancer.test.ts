import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { Xoshiro128 } from '../../../base/index.ts';
import { policyLimits } from '../../limits.ts';
import { BalanceCounts } from '../balance-counts.ts';
import { SimulatedEndpoint } from '../play-traffic.ts';
import { createSelectionRules, type SelectionRules } from '../select-candidates.ts';
import type { BalanceConfig } from '../types.ts';
import { compileCriteria, encodeValue, mergeCriteria } from './criteria.ts';
import { SubsetBalancer } from './subset-balancer.ts';
import type { Labels, SubsetConfig, SubsetSelector } from './types.ts';

function selector(keys: readonly string[], said: Partial<SubsetSelector> = {}): SubsetSelector {
  return { keys, singleHost: false, fallback: 'inherit', fallbackKeys: [], ...said };
}

function subsetConfig(said: Partial<SubsetConfig> = {}): SubsetConfig {
  return {
    selectors: [selector(['version']), selector(['stage', 'version'])],
    fallback: 'none',
    defaultSubset: {},
    weighsLocalities: false,
    scalesLocalities: false,
    panicAny: false,
    listAsAny: false,
    fallbackList: false,
    redundantKeys: false,
    ...said,
  };
}

function endpoint(key: string, labels: Labels | null, said: Partial<SimulatedEndpoint> = {}) {
  return Object.assign(new SimulatedEndpoint(key, 10), { labels, ...said });
}

const roundRobin: BalanceConfig = { kind: 'round-robin' };

class Bench {
  readonly counts = new BalanceCounts();
  readonly balancer: SubsetBalancer<SimulatedEndpoint>;
  private readonly rules: SelectionRules;
  private priorities: readonly (readonly SimulatedEndpoint[])[] = [];
  private endpoints: readonly SimulatedEndpoint[] = [];

  constructor(config: SubsetConfig, rules: Partial<SelectionRules> = {}, balance = roundRobin) {
    const random = new Xoshiro128(1);
    this.balancer = new SubsetBalancer<SimulatedEndpoint>(config, balance, random, this.counts);
    this.rules = createSelectionRules({ panicPercent: 0, ...rules, counts: this.counts });
  }

  assign(...priorities: readonly (readonly SimulatedEndpoint[])[]): this {
    this.priorities = priorities;
    this.endpoints = priorities.flat();
    return this.settle();
  }

  settle(): this {
    this.balancer.update(this.endpoints, this.priorities, this.rules);
    return this;
  }

  /** Keys of those picked, each once; '' for nobody. */
  ask(labels: Labels | null, times = 200): string {
    const criteria = labels === null ? null : compileCriteria(labels);
    const picked = new Set<string>();
    for (let turn = 0; turn < times; turn++)
      picked.add(
        this.balancer.pick({ nowMs: 0, tried: [], hash: null, criteria: () => criteria })?.key ?? '',
      );
    return [...picked].sort().join();
  }
}

const fleet = () => [
  endpoint('v1', { version: '1', stage: 'prod' }),
  endpoint('v1dev', { version: '1', stage: 'dev' }),
  endpoint('v2', { version: '2', stage: 'prod' }),
  endpoint('bare', null),
  endpoint('both', { version: ['1', '2'], stage: 'test' }),
];
const everybody = 'bare,both,v1,v1dev,v2';

interface Case {
  readonly name: string;
  readonly config: Partial<SubsetConfig>;
  readonly asks: readonly (readonly [labels: Labels | null, expected: string])[];
}

const keysFallback = [
  selector(['stage', 'version'], { fallback: 'keys', fallbackKeys: ['stage'] }),
  selector(['stage'], { fallback: 'any' }),
];

const cases: readonly Case[] = [
  {
    name: 'just its names and values',
    config: {},
    asks: [
      [{ version: '1' }, 'v1,v1dev'],
      [{ version: '2', stage: 'prod' }, 'v2'],
      [{ stage: 'prod' }, ''],
      [{ version: '3' }, ''],
      [{ version: '1', zone: 'x' }, ''],
      [{ version: 1 }, ''],
      [{}, ''],
      [null, ''],
    ],
  },
  {
    name: 'any endpoint as fallback',
    config: { fallback: 'any' },
    asks: [
      [{ version: '3' }, everybody],
      [null, everybody],
      [{ version: '2' }, 'v2'],
    ],
  },
  {
    name: 'the default subset as fallback',
    config: { fallback: 'default', defaultSubset: { stage: 'prod' } },
    asks: [
      [{ version: '3' }, 'v1,v2'],
      [null, 'v1,v2'],
    ],
  },
  {
    name: 'a default subset of nobody',
    config: { fallback: 'default', defaultSubset: { stage: 'none' } },
    asks: [[null, '']],
  },
  {
    name: 'a default subset of nobody, in panic',
    config: { fallback: 'default', defaultSubset: { stage: 'none' }, panicAny: true },
    asks: [[null, everybody]],
  },
  {
    name: 'no panic where there is no fallback',
    config: { panicAny: true },
    asks: [[null, '']],
  },
  {
    name: 'a list as a value, and as any of its values',
    config: {},
    asks: [[{ version: ['1', '2'] }, 'both']],
  },
  {
    name: 'a list as any of its values',
    config: { listAsAny: true, fallback: 'default', defaultSubset: { version: '2' } },
    asks: [
      [{ version: '1' }, 'both,v1,v1dev'],
      [{ version: '2' }, 'both,v2'],
      [{ version: ['1', '2'] }, 'both,v2'],
      [{ version: '2', stage: 'test' }, 'both'],
    ],
  },
  {
    name: 'what a selector says instead',
    config: {
      fallback: 'any',
      defaultSubset: { stage: 'dev' },
      selectors: [
        selector(['stage', 'version'], { fallback: 'default' }),
        selector(['version'], { fallback: 'none' }),
        selector(['stage'], { fallback: 'any' }),
      ],
    },
    asks: [
      [{ version: '9', stage: 'prod' }, 'v1dev'],
      [{ version: '9' }, ''],
      [{ stage: 'none' }, everybody],
      [{ other: '1' }, everybody],
    ],
  },
  {
    name: 'fewer keys',
    config: { selectors: keysFallback },
    asks: [
      [{ version: '9', stage: 'prod' }, 'v1,v2'],
      [{ version: '9', stage: 'none' }, everybody],
    ],
  },
  {
    name: 'redundant keys',
    config: {
      redundantKeys: true,
      selectors: [selector(['stage', 'version']), selector(['version'], { fallback: 'any' })],
    },
    asks: [
      [{ version: '1', stage: 'dev', more: true }, 'v1dev'],
      [{ version: '1', more: true }, 'v1,v1dev'],
      [{ version: '9', more: true }, everybody],
      [{ version: '9', stage: 'dev' }, ''],
      [{ stage: 'dev' }, ''],
    ],
  },
  {
    name: 'a list of what else to look for',
    config: { fallbackList: true },
    asks: [
      [{ version: '9', fallback_list: [{ version: '8' }, { version: '2' }, { version: '1' }] }, 'v2'],
      [{ version: '1', fallback_list: [{ stage: 'dev' }] }, 'v1dev'],
      [{ version: '1', fallback_list: [] }, 'v1,v1dev'],
      [{ version: '1', fallback_list: ['x'] }, 'v1,v1dev'],
      [{ version: '1', fallback_list: [{ version: '9' }] }, ''],
    ],
  },
  {
    name: 'such a list where it is one name among others',
    config: {},
    asks: [[{ version: '1', fallback_list: [] }, '']],
  },
];

for (const { name, config, asks } of cases) {
  test(name, () => {
    const bench = new Bench(subsetConfig(config)).assign(fleet());
    for (const [labels, expected] of asks) expect([labels, bench.ask(labels)]).toEqual([labels, expected]);
  });
}

test('one endpoint of each, whatever its health, the better priority first', () => {
  const config = subsetConfig({ selectors: [selector(['id'], { singleHost: true })] });
  const bench = new Bench(config).assign(
    [endpoint('a', { id: 1 }, { healthy: false }), endpoint('a2', { id: 1 }), endpoint('b', { id: 2 })],
    [endpoint('a3', { id: 1 }), endpoint('c', { id: 3 })],
  );
  expect([bench.ask({ id: 1 }), bench.ask({ id: 2 }), bench.ask({ id: 3 })]).toEqual(['a', 'b', 'c']);
  expect(bench.counts.subsetDuplicates).toBe(1);
});

test('within a subset health, panic and priorities are its own', () => {
  const sick = { healthy: false };
  const members = [endpoint('a', { version: '1' }), endpoint('b', { version: '1' }), endpoint('c', null)];
  const bench = new Bench(subsetConfig(), { panicPercent: 50 });
  bench.assign(members, [endpoint('spare', { version: '1' })]);
  expect(bench.ask({ version: '1' })).toBe('a,b');
  Object.assign(members[0]!, sick);
  expect(bench.settle().ask({ version: '1' })).toBe('b,spare');
  Object.assign(members[1]!, sick);
  expect(bench.settle().ask({ version: '1' })).toBe('spare');
});

test('subsets come and go with labels, and are counted', () => {
  const bench = new Bench(subsetConfig({ selectors: [selector(['version'])], fallback: 'any' }));
  const { counts } = bench;
  bench.assign([endpoint('a', { version: '1' }), endpoint('b', { version: '2' })]);
  expect([counts.subsetsActive, counts.subsetsCreated, counts.subsetsRemoved]).toEqual([2, 2, 0]);
  bench.ask({ version: '1' }, 3);
  bench.ask({ version: '9' }, 5);
  expect([counts.subsetsSelected, counts.subsetsFallback]).toEqual([3, 5]);
  bench.assign([endpoint('a', { version: '3' }), endpoint('b', { version: '2' })]);
  expect([counts.subsetsActive, counts.subsetsCreated, counts.subsetsRemoved]).toEqual([2, 3, 1]);
  expect(bench.ask({ version: '1' })).toBe('a,b');
  bench.balancer.dispose();
  expect([counts.subsetsActive, counts.subsetsRemoved]).toEqual([0, 3]);
});

describe('localities', () => {
  const places = () => [
    ...['a1', 'a2'].map((key) => endpoint(key, { version: '1' }, { locality: 'a', localityWeight: 10 })),
    endpoint('b1', { version: '1' }, { locality: 'b', localityWeight: 10 }),
    ...['b2', 'b3', 'b4', 'b5'].map((key) => endpoint(key, null, { locality: 'b', localityWeight: 10 })),
  ];
  const weighted: Partial<SelectionRules> = { locality: { kind: 'weighted' } };
  const rows: readonly (readonly [string, Partial<SubsetConfig>, number])[] = [
    ['have no weights unless that is said', {}, 1 / 3],
    ['are weighted', { weighsLocalities: true }, 1 / 2],
    [
      'count for the share of them that is in the subset',
      { weighsLocalities: true, scalesLocalities: true },
      1 / 6,
    ],
  ];
  for (const [name, config, expected] of rows) {
    test(name, () => {
      const bench = new Bench(subsetConfig(config), weighted).assign(places());
      const criteria = compileCriteria({ version: '1' });
      let there = 0;
      for (let turn = 0; turn < 6_000; turn++) {
        const picked = bench.balancer.pick({ nowMs: 0, tried: [], hash: null, criteria: () => criteria });
        if (picked?.key === 'b1') there += 1;
      }
      expect(there / 6_000).toBeCloseTo(expected, 2);
    });
  }
});

test('however many values the labels have, there are only so many subsets', () => {
  const values = Array.from({ length: 200 }, (_, index) => `${index}`);
  const config = subsetConfig({ selectors: [selector(['a', 'b', 'c'])], listAsAny: true, fallback: 'any' });
  const greedy = endpoint('greedy', { a: values, b: values, c: values });
  const bench = new Bench(config).assign([greedy, endpoint('late', { a: 'x', b: 'x', c: 'x' })]);
  expect(bench.counts.subsetsActive).toBe(policyLimits.subsetsMax);
  expect(bench.counts.subsetsRefused).toBe(2);
  expect(bench.ask({ a: '0', b: '0', c: '0' })).toBe('greedy');
  expect(bench.ask({ a: 'x', b: 'x', c: 'x' })).toBe('greedy,late');
});

describe('criteria', () => {
  test('what is said more closely wins, name by name', () => {
    const route = compileCriteria({ version: '1', stage: 'prod' });
    const merged = mergeCriteria(route, { version: '2', more: true });
    expect(merged.key).toBe(compileCriteria({ more: true, stage: 'prod', version: '2' }).key);
    expect(mergeCriteria(null, { version: '1' }).key).toBe(compileCriteria({ version: '1' }).key);
  });

  test('values are one text if they are equal, and only then', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (one, other) => {
        expect(encodeValue(one) === encodeValue(other)).toBe(Bun.deepEquals(plain(one), plain(other)));
      }),
    );
    expect(encodeValue({ a: 1, b: [null] })).toBe(encodeValue({ b: [null], a: 1 }));
  });
});

/** -0 is no other number to protobuf's equality. */
function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}

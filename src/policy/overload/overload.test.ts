import { describe, expect, test } from 'bun:test';
import { decideOverload, resetClassOf, scaleTime } from './overload.ts';

const heap = (from: number, to = from) => ({ monitor: 'heap', from, to });

describe('decideOverload', () => {
  const cases: readonly (readonly [
    name: string,
    from: number,
    to: number,
    pressure: number,
    value: number,
  ])[] = [
    ['below a threshold', 0.9, 0.9, 0.899, 0],
    ['at a threshold', 0.9, 0.9, 0.9, 1],
    ['at the begin of a scale', 0.5, 0.9, 0.5, 0],
    ['within a scale', 0.5, 0.9, 0.6, 0.25],
    ['at the end of a scale', 0.5, 0.9, 0.9, 1],
    ['a pressure above 1', 1, 1, 1.5, 1],
  ];
  for (const [name, from, to, pressure, value] of cases)
    test(name, () => {
      const config = { action: 'shrink_heap' as const, triggers: [heap(from, to)] };
      expect(decideOverload(config, new Map([['heap', pressure]]))).toBeCloseTo(value);
    });

  test('the strongest trigger holds, and a monitor without a figure is none', () => {
    const triggers = [heap(0.5, 1), { monitor: 'connections', from: 0.9, to: 0.9 }];
    const config = { action: 'stop_accepting_requests' as const, triggers };
    expect(decideOverload(config, new Map([['heap', 0.75]]))).toBe(0.5);
    expect(
      decideOverload(
        config,
        new Map([
          ['heap', 0.75],
          ['connections', 1],
        ]),
      ),
    ).toBe(1);
    expect(decideOverload(config, new Map())).toBe(0);
  });
});

test('a time shrinks in a straight line to its minimum, and is never made longer', () => {
  expect([0, 0.5, 1].map((value) => scaleTime(1_000, 200, value))).toEqual([1_000, 600, 200]);
  expect(scaleTime(100, 200, 1)).toBe(100);
});

test('streams are classed by powers of two, from the smallest that is tracked', () => {
  expect(
    [1_023, 1_024, 2_047, 2_048, 1024 * 128, 1024 * 1024].map((bytes) => resetClassOf(bytes, 10)),
  ).toEqual([-1, 0, 0, 1, 7, 7]);
});

import { expect, test } from 'bun:test';
import { placeGraph } from './layout.ts';

const column = (places: ReturnType<typeof placeGraph>, name: string) =>
  places.find((place) => place.name === name)?.column;

test('a service stands right of all its callers', () => {
  const places = placeGraph([
    { from: 'edge', to: 'web' },
    { from: 'web', to: 'payments' },
    { from: 'web', to: 'ledger' },
    { from: 'payments', to: 'ledger' },
  ]);
  expect(['edge', 'web', 'payments', 'ledger'].map((name) => column(places, name))).toEqual([0, 1, 2, 3]);
});

test('two of a column have different rows', () => {
  const places = placeGraph([
    { from: 'web', to: 'a' },
    { from: 'web', to: 'b' },
  ]);
  expect(new Set(places.filter((place) => place.column === 1).map((place) => place.row)).size).toBe(2);
});

test('a cycle ends', () => {
  const places = placeGraph([
    { from: 'a', to: 'b' },
    { from: 'b', to: 'a' },
  ]);
  expect(places.map((place) => place.name).sort()).toEqual(['a', 'b']);
});

test('nothing is placed where nobody calls', () => {
  expect(placeGraph([])).toEqual([]);
});

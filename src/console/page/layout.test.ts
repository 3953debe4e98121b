import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { boxWidth, type Edge, type Layout, placeGraph } from './layout.ts';

const x = (layout: Layout, name: string) => layout.boxes.find((box) => box.name === name)?.x ?? Number.NaN;

test('a service stands right of all its callers', () => {
  const layout = placeGraph([
    { from: 'edge', to: 'web' },
    { from: 'web', to: 'payments' },
    { from: 'web', to: 'ledger' },
    { from: 'payments', to: 'ledger' },
  ]);
  const places = ['edge', 'web', 'payments', 'ledger'].map((name) => x(layout, name));
  expect(places).toEqual(places.toSorted((a, b) => a - b));
  expect(new Set(places).size).toBe(4);
});

test('nothing is placed where nobody calls', () => {
  expect(placeGraph([])).toMatchObject({ boxes: [], lines: [] });
});

const names = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h');
const graphs = fc.uniqueArray(fc.record({ from: names, to: names }), {
  maxLength: 25,
  selector: ({ from, to }) => `${from} ${to}`,
});

describe('for any calls, circles too', () => {
  const check = (property: (layout: Layout, edges: readonly Edge[]) => void) =>
    fc.assert(
      fc.property(graphs, (edges) => property(placeGraph(edges), edges)),
      { seed: 7, numRuns: 300 },
    );

  test('boxes do not overlap and lie inside', () => {
    check(({ boxes, width, height }) => {
      for (const box of boxes) {
        expect(box.x >= 0 && box.x + boxWidth <= width && box.y >= 0 && box.y + box.height <= height).toBe(
          true,
        );
        for (const other of boxes) {
          if (other === box || other.x !== box.x) continue;
          expect(box.y + box.height <= other.y || other.y + other.height <= box.y).toBe(true);
        }
      }
    });
  });

  test('a line that passes a column passes between its boxes', () => {
    check(({ boxes, lines }) => {
      for (const { points } of lines) {
        for (const point of points.slice(1, -1)) {
          const hit = boxes.find(
            (box) => box.x === point.x && point.y > box.y && point.y < box.y + box.height,
          );
          expect(hit).toBeUndefined();
        }
      }
    });
  });

  test('every call has a line of its own to the side of a box', () => {
    check(({ lines, boxes }, edges) => {
      expect(lines.length).toBe(edges.length);
      const ends = lines.map(({ to, points }) => `${to} ${points.at(-1)!.y}`);
      expect(new Set(ends).size).toBe(ends.length);
      for (const { from, to, points } of lines) {
        const [start, end] = [from, to].map((name) => boxes.find((box) => box.name === name)!);
        expect([points[0]!.x, points.at(-1)!.x]).toEqual([start!.x + boxWidth, end!.x]);
      }
    });
  });
});

test('a large mesh is placed at once', () => {
  const layers = Array.from({ length: 10 }, (_, layer) =>
    Array.from({ length: 8 }, (__, at) => `s${layer}-${at}`),
  );
  const edges = layers.flatMap((layer, at) =>
    layer.flatMap((from) => (layers[at + 1] ?? []).map((to) => ({ from, to }))),
  );
  // The longest ways of such a mesh are 8^9: only a walk that remembers ends.
  expect(placeGraph(edges).boxes.length).toBe(80);
});

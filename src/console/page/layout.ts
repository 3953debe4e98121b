// Places the graph of who calls whom in columns from callers to called. A call that passes over columns gets a place of
// its own in each, so that no line runs behind a box; every line has its own spot on the boxes' sides, so that lines
// and their numbers stay apart.

export interface Edge {
  readonly from: string;
  readonly to: string;
}

export interface Box {
  readonly name: string;
  readonly x: number;
  readonly y: number;
  readonly height: number;
}

export interface Line {
  readonly from: string;
  readonly to: string;
  /**
   * From the caller's side to the called one's, through the gaps between boxes; a horizontal run of `boxWidth` starts
   * at each inner one.
   */
  readonly points: readonly Point[];
}

export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface Layout {
  readonly boxes: readonly Box[];
  readonly lines: readonly Line[];
  readonly width: number;
  readonly height: number;
}

export const boxWidth = 128;
const columnWidth = 232;
const [boxHeightMin, lineHeight, gap, margin] = [30, 15, 10, 8];
/** Passes of ordering, there and back: more change nothing that one sees. */
const sweeps = 4;

/** A box, or the place where a line passes a column. */
interface Item {
  /** null: a line passes. */
  readonly name: string | null;
  readonly column: number;
  readonly before: Item[];
  readonly after: Item[];
  y: number;
  height: number;
}

export function placeGraph(edges: readonly Edge[]): Layout {
  const names = [...new Set(edges.flatMap((edge) => [edge.from, edge.to]))].sort();
  const depths = findDepths(names, edges);
  const boxes = new Map(names.map((name) => [name, createItem(name, depths.get(name) ?? 0)]));
  const passing: Item[] = [];
  const chains = edges.map((edge) => chain(boxes.get(edge.from)!, boxes.get(edge.to)!, passing));
  const columns = Array.from(
    { length: Math.max(0, ...depths.values()) + (names.length > 0 ? 1 : 0) },
    () => [] as Item[],
  );
  for (const item of [...boxes.values(), ...passing]) columns[item.column]!.push(item);
  for (const item of boxes.values())
    item.height = Math.max(boxHeightMin, lineHeight * Math.max(item.before.length, item.after.length));
  order(columns);
  const height = Math.max(0, ...columns.map(heightOf));
  for (const column of columns) place(column, height);
  return {
    boxes: [...boxes].map(([name, { column, y, height: tall }]) => ({
      name,
      x: xOf(column),
      y: y + margin,
      height: tall,
    })),
    lines: edges.map(({ from, to }, at) => ({ from, to, points: trace(chains[at]!) })),
    width: Math.max(0, columns.length - 1) * columnWidth + boxWidth + 2 * margin,
    height: height + 2 * margin,
  };
}

/** Longest way from a caller that nobody calls; calls that close a circle do not count. */
function findDepths(names: readonly string[], edges: readonly Edge[]): ReadonlyMap<string, number> {
  const callersOf = Map.groupBy(edges, (edge) => edge.to);
  const depths = new Map<string, number>();
  const open = new Set<string>();
  const visit = (name: string): number => {
    const known = depths.get(name);
    if (known !== undefined) return known;
    open.add(name);
    const callers = (callersOf.get(name) ?? []).filter((edge) => !open.has(edge.from));
    const depth = Math.max(-1, ...callers.map((edge) => visit(edge.from))) + 1;
    open.delete(name);
    depths.set(name, depth);
    return depth;
  };
  for (const name of names) visit(name);
  return depths;
}

function createItem(name: string | null, column: number): Item {
  return { name, column, before: [], after: [], y: 0, height: lineHeight };
}

/** The items of a call, with a new one in every column that it passes. */
function chain(from: Item, to: Item, passing: Item[]): Item[] {
  const items = [from];
  for (let column = from.column + 1; column < to.column; column++) {
    const item = createItem(null, column);
    passing.push(item);
    items.push(item);
  }
  items.push(to);
  for (let at = 1; at < items.length; at++) {
    items[at - 1]!.after.push(items[at]!);
    items[at]!.before.push(items[at - 1]!);
  }
  return items;
}

/** Sorts each column by where its neighbours stand, from the left and from the right in turn. */
function order(columns: Item[][]): void {
  for (const column of columns) place(column, 0);
  for (let sweep = 0; sweep < sweeps; sweep++) {
    const forward = sweep % 2 === 0;
    for (const column of forward ? columns : columns.toReversed()) {
      const weights = new Map(
        column.map((item) => [item, meanMiddle(forward ? item.before : item.after) ?? middle(item)]),
      );
      column.sort((a, b) => weights.get(a)! - weights.get(b)!);
      place(column, 0);
    }
  }
}

function meanMiddle(items: readonly Item[]): number | null {
  return items.length === 0 ? null : items.reduce((sum, item) => sum + middle(item), 0) / items.length;
}

function middle(item: Item): number {
  return item.y + item.height / 2;
}

function heightOf(column: readonly Item[]): number {
  return column.reduce((sum, item) => sum + item.height, 0) + gap * Math.max(0, column.length - 1);
}

/** One under the other, the column in the middle of `height`. */
function place(column: readonly Item[], height: number): void {
  let y = Math.max(0, (height - heightOf(column)) / 2);
  for (const item of column) {
    item.y = y;
    y += item.height + gap;
  }
}

function xOf(column: number): number {
  return column * columnWidth + margin;
}

function trace(items: readonly Item[]): Point[] {
  return items.map((item, at) => {
    const next = items[at + 1];
    const x = xOf(item.column) + (at === 0 ? boxWidth : 0);
    if (item.name === null) return { x, y: middle(item) + margin };
    const [side, other] = next === undefined ? [item.before, items[at - 1]!] : [item.after, next];
    return { x, y: spot(item, side, other) + margin };
  });
}

/**
 * Where on a box's side the line to `other` ends: in the order of the others, so that lines do not cross at the box.
 */
function spot(item: Item, side: readonly Item[], other: Item): number {
  const rank = [...side].sort((a, b) => middle(a) - middle(b)).indexOf(other);
  return item.y + (item.height * (rank + 0.5)) / side.length;
}

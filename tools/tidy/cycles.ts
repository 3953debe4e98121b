// Circles among files, imports of types counted: two files that name each other are one thing in two places, whatever
// the compiler makes of it. Found over the whole tree at once (Tarjan's strongly connected components).

import { type Finding, parseImports, type Source } from './source.ts';

/** Circles that are still there, each by one of its files. A row goes when its circle does; none is added. */
const known: ReadonlySet<string> = new Set();

export function checkCycles(
  sources: readonly Source[],
  exceptions: ReadonlySet<string> = known,
): readonly Finding[] {
  const paths = new Set(sources.map(({ path }) => path));
  const graph = new Map(
    sources.map((source) => [
      source.path,
      parseImports(source).flatMap(({ target }) => (target !== null && paths.has(target) ? [target] : [])),
    ]),
  );
  const circles = findCircles(graph);
  const solved = [...exceptions].filter((path) => !circles.some((circle) => circle.includes(path)));
  return [
    ...circles
      .filter((circle) => !circle.some((path) => exceptions.has(path)))
      .map((circle) => finding(circle.toSorted()[0]!, `import each other: ${circle.toSorted().join(', ')}`)),
    ...solved.map((path) =>
      finding(path, 'is in no circle any more: take it from the list of tools/tidy/cycles.ts'),
    ),
  ];
}

function finding(path: string, message: string): Finding {
  return { path, line: 0, rule: 'cycles', message };
}

interface Visit {
  readonly order: number;
  low: number;
  open: boolean;
}

/** Components of two files or more. */
function findCircles(graph: ReadonlyMap<string, readonly string[]>): readonly (readonly string[])[] {
  const visits = new Map<string, Visit>();
  const stack: string[] = [];
  const circles: string[][] = [];
  const walk = (path: string): Visit => {
    const visit: Visit = { order: visits.size, low: visits.size, open: true };
    visits.set(path, visit);
    stack.push(path);
    for (const target of graph.get(path) ?? []) {
      const seen = visits.get(target);
      if (seen === undefined) visit.low = Math.min(visit.low, walk(target).low);
      else if (seen.open) visit.low = Math.min(visit.low, seen.order);
    }
    if (visit.low === visit.order) {
      const circle = stack.splice(stack.indexOf(path));
      for (const member of circle) visits.get(member)!.open = false;
      if (circle.length > 1) circles.push(circle);
    }
    return visit;
  };
  for (const path of graph.keys()) if (!visits.has(path)) walk(path);
  return circles;
}

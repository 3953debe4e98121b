// Places the graph of who calls whom: columns by the longest way from a caller that nobody calls, rows by the average row of its
// callers, so that few lines cross. Cycles are cut where they are met.

export interface Edge {
  readonly from: string;
  readonly to: string;
}

export interface Place {
  readonly name: string;
  readonly column: number;
  readonly row: number;
}

export function placeGraph(edges: readonly Edge[]): Place[] {
  const names = [...new Set(edges.flatMap((edge) => [edge.from, edge.to]))].sort();
  const columns = new Map(names.map((name) => [name, depth(name, edges, new Set())]));
  const places = new Map<string, Place>();
  const last = Math.max(-1, ...columns.values());
  for (let column = 0; column <= last; column++) {
    const members = names.filter((name) => columns.get(name) === column);
    const ordered = members
      .map((name) => ({ name, weight: averageRow(name, edges, places) }))
      .sort((a, b) => a.weight - b.weight || a.name.localeCompare(b.name));
    for (const [row, { name }] of ordered.entries()) places.set(name, { name, column, row });
  }
  return [...places.values()];
}

function depth(name: string, edges: readonly Edge[], visiting: Set<string>): number {
  visiting.add(name);
  const callers = edges.filter((edge) => edge.to === name && !visiting.has(edge.from));
  const found = Math.max(-1, ...callers.map((edge) => depth(edge.from, edges, visiting))) + 1;
  visiting.delete(name);
  return found;
}

function averageRow(name: string, edges: readonly Edge[], places: ReadonlyMap<string, Place>): number {
  const rows = edges.filter((edge) => edge.to === name).flatMap((edge) => places.get(edge.from)?.row ?? []);
  return rows.length === 0 ? 0 : rows.reduce((total, row) => total + row, 0) / rows.length;
}

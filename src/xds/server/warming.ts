// Assignments of clusters that were just sent: until they are asked for and sent, the client may still be warming those
// clusters. Streams share the names; each has a byte for one of them, and only while it waits.

import { warmingWaitMs } from '../limits.ts';
import { WireError } from '../protobuf/wire-reader.ts';
import type { Page } from '../snapshot/pages.ts';
import { findReferences } from '../snapshot/references.ts';
import type { ResourceMap } from '../snapshot/resource-set.ts';
import type { XdsResource } from '../types.ts';
import { NameList } from './name-list.ts';

/** Of one response. */
interface Expected {
  readonly list: NameList;
  /** By position: 1 for what came. */
  readonly settled: Uint8Array;
  left: number;
  readonly sinceMs: number;
}

export class Warming {
  /** The oldest first: one that is never asked for must not end the patience with others. */
  private expected: Expected[] = [];
  private lastMs = 0;
  /** Until then a client that came back may not have asked for all its types yet; nothing is removed under them. */
  readonly youngUntilMs: number;

  constructor(openedMs: number) {
    this.youngUntilMs = openedMs + warmingWaitMs;
  }

  expect(list: NameList, nowMs: number): void {
    if (list.size === 0) return;
    this.expected.push({ list, settled: new Uint8Array(list.size), left: list.size, sinceMs: nowMs });
    this.lastMs = nowMs;
  }

  settle(name: string): void {
    let isDone = false;
    for (const one of this.expected) {
      const at = one.list.positions.get(name);
      if (at === undefined || one.settled[at] === 1) continue;
      one.settled[at] = 1;
      one.left -= 1;
      isDone ||= one.left === 0;
    }
    if (isDone) this.expected = this.expected.filter(({ left }) => left > 0);
  }

  /** A client that does not ask for endpoints at all must not wait for ever. */
  waiting(nowMs: number): boolean {
    while (this.expected.length > 0 && nowMs >= this.expected[0]!.sinceMs + warmingWaitMs)
      this.expected.shift();
    return this.expected.length > 0;
  }

  get dueMs(): number {
    return this.expected.length === 0 ? Number.POSITIVE_INFINITY : this.lastMs + warmingWaitMs;
  }
}

/** By the first page of a response, as it was last. */
const known = new WeakMap<
  Page,
  { readonly pages: readonly Page[]; readonly lists: WeakMap<ResourceMap, NameList> }
>();

/** The assignments, of those that there are, that a client waits for which is sent these clusters. */
export function awaitedBy(
  clusters: readonly XdsResource[],
  pages: readonly Page[] | null,
  assignments: ResourceMap,
): NameList {
  const [first] = pages ?? [];
  if (pages === null || first === undefined) return listAwaited(clusters, assignments);
  let entry = known.get(first);
  if (entry?.pages.length !== pages.length || !pages.every((page, i) => page === entry?.pages[i])) {
    entry = { pages, lists: new WeakMap() };
    known.set(first, entry);
  }
  let list = entry.lists.get(assignments);
  if (list === undefined) {
    list = listAwaited(clusters, assignments);
    entry.lists.set(assignments, list);
  }
  return list;
}

function listAwaited(clusters: readonly XdsResource[], assignments: ResourceMap): NameList {
  const names = new Set<string>();
  for (const cluster of clusters) {
    const name = findEndpoints(cluster);
    if (name !== undefined && assignments.has(name)) names.add(name);
  }
  const all = [...names];
  return NameList.of(all) ?? new NameList(all);
}

/**
 * The assignment an EDS cluster waits for. What cannot be read waits for nothing: the client will say what is wrong
 * with it.
 */
function findEndpoints(cluster: XdsResource): string | undefined {
  try {
    return findReferences(cluster).endpoints[0];
  } catch (error) {
    if (error instanceof WireError) return undefined;
    throw error;
  }
}

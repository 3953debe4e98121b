// What a list of names comes to in a set of resources: pages in the order of the list, found once for all streams, and
// the names of which there is nothing.

import { type Page, pageOf, pageSizes } from '../snapshot/pages.ts';
import { type ResourceMap, ResourceSet } from '../snapshot/resource-set.ts';
import type { XdsResource } from '../types.ts';

interface ListedPage {
  readonly page: Page;
  /** Positions of its first member in the list, and behind its last. */
  readonly from: number;
  readonly end: number;
}

export interface ListedResources {
  readonly pages: readonly ListedPage[];
  /** Positions of names that do not exist, ascending. */
  readonly absent: readonly number[];
}

export function listResources(names: readonly string[], resources: ResourceMap): ListedResources {
  const found: XdsResource[] = [];
  const at: number[] = [];
  const absent: number[] = [];
  for (const [i, name] of names.entries()) {
    const resource = resources.get(name);
    if (resource === undefined) absent.push(i);
    else {
      found.push(resource);
      at.push(i);
    }
  }
  let next = 0;
  const pages = pageSizes(found).map((size): ListedPage => {
    const [first, last] = [next, next + size - 1];
    next += size;
    return { page: pageOf(found.slice(first, next)), from: at[first]!, end: at[last]! + 1 };
  });
  return { pages, absent };
}

/** The set that scopes share, where nothing that is listed lies over it; else the set itself. */
export function findShared(listed: ReadonlyMap<string, number>, resources: ResourceMap): ResourceMap {
  if (!(resources instanceof ResourceSet && resources.base instanceof ResourceSet)) return resources;
  for (const name of resources.over.keys()) if (listed.has(name)) return resources;
  return resources.base;
}

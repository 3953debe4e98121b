// A set of resources as pages, in order of names. Sets that share a base share its pages but for those in which they
// differ from it, so what is done a page at a time (encoding, above all) is done once for all clients.

import type { XdsResource } from '../types.ts';
import { type ResourceMap, ResourceSet } from './resource-set.ts';

export interface Page {
  /** At least one. */
  readonly members: readonly XdsResource[];
  /** Of more than one scope: what is made of it is worth keeping, and of others once it is needed again. */
  readonly shared: boolean;
}

/** Resources of one page, and about their bytes; a resource with more has a page for itself. */
export const pageLength = 64;
const pageBytesMax = 256 * 1024;

const known = new WeakMap<ResourceMap, readonly Page[]>();

/** Without gaps or overlaps, in order of names. */
export function pagesOf(set: ResourceSet): readonly Page[] {
  let pages = known.get(set);
  if (pages === undefined) {
    const { base, over } = set;
    pages =
      base instanceof ResourceSet ? revise(pagesOf(base), over, false) : revise(pagesBelow(base), over, true);
    known.set(set, pages);
  }
  return pages;
}

function pagesBelow(base: ResourceMap): readonly Page[] {
  let pages = known.get(base);
  if (pages === undefined) {
    pages = cutPages([...base.values()], true);
    known.set(base, pages);
  }
  return pages;
}

/** `resources` in their order. */
export function cutPages(resources: readonly XdsResource[], shared: boolean): readonly Page[] {
  let next = 0;
  return pageSizes(resources).map((size) => {
    next += size;
    return { members: resources.slice(next - size, next), shared };
  });
}

/** How many of them, one after the other, are a page each. */
export function pageSizes(resources: readonly XdsResource[]): readonly number[] {
  const sizes: number[] = [];
  let [size, bytes] = [0, 0];
  for (const resource of resources) {
    const { length } = resource.bytes;
    const isFull = size >= pageLength || bytes + length > pageBytesMax;
    if (isFull && size > 0) {
      sizes.push(size);
      [size, bytes] = [0, 0];
    }
    size += 1;
    bytes += length;
  }
  if (size > 0) sizes.push(size);
  return sizes;
}

/** By their first member: who names what there is names it in the same order as others. */
const named = new WeakMap<XdsResource, Page>();

/** The page of just these members, at least one; the same as before where it is still known. */
export function pageOf(members: readonly XdsResource[]): Page {
  const [first] = members;
  let page = named.get(first!);
  if (page?.members.length !== members.length || !members.every((one, i) => one === page?.members[i])) {
    page = { members, shared: false };
    named.set(first!, page);
  }
  return page;
}

/** Pages in which nothing differs stay. */
function revise(
  pages: readonly Page[],
  over: ReadonlyMap<string, XdsResource | null>,
  shared: boolean,
): readonly Page[] {
  if (over.size === 0) return pages;
  const own = [...over].sort(([a], [b]) => (a < b ? -1 : 1));
  const revised: Page[] = [];
  let next = 0;
  for (const [i, page] of pages.entries()) {
    const from = next;
    const end = pages[i + 1]?.members[0]?.name;
    while (next < own.length && (end === undefined || own[next]![0] < end)) next += 1;
    if (next === from) revised.push(page);
    else revised.push(...cutPages(merge(page.members, own.slice(from, next)), shared));
  }
  if (pages.length > 0) return revised;
  return cutPages(
    own.flatMap(([, resource]) => resource ?? []),
    shared,
  );
}

function merge(
  members: readonly XdsResource[],
  own: readonly (readonly [string, XdsResource | null])[],
): readonly XdsResource[] {
  const merged = new Map(members.map((member) => [member.name, member]));
  for (const [name, resource] of own) {
    if (resource === null) merged.delete(name);
    else merged.set(name, resource);
  }
  return [...merged.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** What is left of `pages` from a name on. */
export function pagesFrom(pages: readonly Page[], name: string): readonly Page[] {
  const first = pages.findIndex(({ members }) => members.at(-1)!.name >= name);
  const page = pages[first];
  if (page === undefined) return [];
  const rest = pages.slice(first);
  if (page.members[0]!.name < name)
    rest[0] = { members: page.members.filter((member) => member.name >= name), shared: false };
  return rest;
}

export function lengthOfPages(pages: readonly Page[]): number {
  return pages.reduce((sum, { members }) => sum + members.length, 0);
}

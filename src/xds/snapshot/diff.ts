// What changed between two sets of resources of one type. Computed once per pair and kept, since all streams that share
// a source ask for the same pair at the same time.

import type { XdsResource } from '../types.ts';
import { type ResourceMap, ResourceSet, sumOf } from './resource-set.ts';

export interface ResourceDiff {
  /** Names that are new or have another version. */
  readonly changed: readonly string[];
  /** What is gone, as it was. */
  readonly removed: readonly XdsResource[];
}

const none: ResourceDiff = { changed: [], removed: [] };
/** Weak on both sides: held by its follower, each set of a long life would hold the one before it. */
const latest = new WeakMap<
  ResourceMap,
  { readonly from: WeakRef<ResourceMap>; readonly diff: ResourceDiff }
>();

export function diffResources(from: ResourceMap, to: ResourceMap): ResourceDiff {
  if (from === to) return none;
  const known = latest.get(to);
  if (known?.from.deref() === from) return known.diff;
  const diff =
    from instanceof ResourceSet && to instanceof ResourceSet ? diffSets(from, to) : diffWhole(from, to);
  latest.set(to, { from: new WeakRef(from), diff });
  return diff;
}

/** Where both have a common base, or bases that are sets themselves, only what lies over them can differ. */
function diffSets(from: ResourceSet, to: ResourceSet): ResourceDiff {
  const below = diffBases(from, to);
  if (below === null) return diffWhole(from, to);
  const names = [...below.changed, ...below.removed.map(({ name }) => name)];
  if (from.over === to.over && !names.some((name) => to.over.has(name))) return below;
  const candidates = new Set([...names, ...from.over.keys(), ...to.over.keys()]);
  const changed: string[] = [];
  const removed: XdsResource[] = [];
  for (const name of [...candidates].sort()) {
    const [before, after] = [from.get(name), to.get(name)];
    if (after === undefined) {
      if (before !== undefined) removed.push(before);
    } else if (before !== after && before?.version !== after.version) changed.push(name);
  }
  return { changed, removed };
}

function diffBases(from: ResourceSet, to: ResourceSet): ResourceDiff | null {
  if (from.base === to.base) return none;
  return from.base instanceof ResourceSet && to.base instanceof ResourceSet
    ? diffResources(from.base, to.base)
    : null;
}

function diffWhole(from: ResourceMap, to: ResourceMap): ResourceDiff {
  const changed: string[] = [];
  const removed: XdsResource[] = [];
  for (const [name, resource] of to) {
    const before = from.get(name);
    if (before !== resource && before?.version !== resource.version) changed.push(name);
  }
  for (const [name, resource] of from) {
    if (!to.has(name)) removed.push(resource);
  }
  return { changed, removed };
}

/** The same of these names alone. */
export function diffNames(names: Iterable<string>, from: ResourceMap, to: ResourceMap): ResourceDiff {
  const changed: string[] = [];
  const removed: XdsResource[] = [];
  for (const name of names) {
    const [before, after] = [from.get(name), to.get(name)];
    if (after === undefined) {
      if (before !== undefined) removed.push(before);
    } else if (before !== after && before?.version !== after.version) changed.push(name);
  }
  return { changed, removed };
}

const versions = new WeakMap<ResourceMap, string>();

/** Content hash of a whole set: `version_info` of SotW, `system_version_info` of delta. */
export function versionOf(resources: ResourceMap): string {
  let version = versions.get(resources);
  if (version === undefined) {
    version = sumOf(resources).toString(16).padStart(32, '0');
    versions.set(resources, version);
  }
  return version;
}

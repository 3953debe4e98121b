// What changed between two sets of resources of one type. Computed once per pair and kept, since all streams that share
// a source ask for the same pair at the same time.

import type { XdsResource } from '../types.ts';
import { ContentHash } from './content-hash.ts';

export type ResourceMap = ReadonlyMap<string, XdsResource>;

export interface ResourceDiff {
  /** Names that are new or have another version. */
  readonly changed: readonly string[];
  /** What is gone, as it was. */
  readonly removed: readonly XdsResource[];
}

const none: ResourceDiff = { changed: [], removed: [] };
const latest = new WeakMap<ResourceMap, { readonly from: ResourceMap; readonly diff: ResourceDiff }>();

export function diffResources(from: ResourceMap, to: ResourceMap): ResourceDiff {
  if (from === to) return none;
  const known = latest.get(to);
  if (known !== undefined && known.from === from) return known.diff;
  const diff = computeDiff(from, to);
  latest.set(to, { from, diff });
  return diff;
}

function computeDiff(from: ResourceMap, to: ResourceMap): ResourceDiff {
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

const versions = new WeakMap<ResourceMap, string>();

/** Content hash of a whole set: `version_info` of SotW, `system_version_info` of delta. */
export function versionOf(resources: ResourceMap): string {
  let version = versions.get(resources);
  if (version === undefined) {
    const hash = new ContentHash();
    for (const name of [...resources.keys()].sort()) {
      hash.addText(name);
      hash.addText(resources.get(name)!.version);
    }
    version = hash.toString();
    versions.set(resources, version);
  }
  return version;
}

// Puts resources together into a snapshot. What did not change keeps its objects from one snapshot to the next, so that
// "nothing changed here" is a comparison of references for every stream.

import { assert } from '../../base/index.ts';
import type { XdsResource, XdsSnapshot } from '../types.ts';
import { ContentHash, hashContent } from './content-hash.ts';
import { versionOf } from './diff.ts';
import type { ResourceMap } from './resource-set.ts';

/** A resource of encoded content; its version is the content's hash. */
export function createResource(typeUrl: string, name: string, bytes: Uint8Array): XdsResource {
  return { name, typeUrl, bytes, version: hashContent(bytes) };
}

/**
 * `previous`: the snapshot before this one, whose unchanged parts are kept. Names must be unique within a type: two
 * resources of one name are a bug of the compiler.
 */
export function createSnapshot(
  resources: Iterable<XdsResource>,
  previous: XdsSnapshot | null = null,
): XdsSnapshot {
  const byType = new Map<string, Map<string, XdsResource>>();
  for (const resource of resources) {
    let names = byType.get(resource.typeUrl);
    if (names === undefined) {
      names = new Map();
      byType.set(resource.typeUrl, names);
    }
    assert(!names.has(resource.name), `two resources are called ${resource.name}`);
    names.set(resource.name, resource);
  }
  const kept = new Map<string, ResourceMap>();
  const hash = new ContentHash();
  for (const typeUrl of [...byType.keys()].sort()) {
    const set = keepUnchanged(byType.get(typeUrl)!, previous?.resources.get(typeUrl));
    kept.set(typeUrl, set);
    hash.addText(typeUrl);
    hash.addText(versionOf(set));
  }
  return { version: hash.toString(), resources: kept };
}

function keepUnchanged(set: Map<string, XdsResource>, before: ResourceMap | undefined): ResourceMap {
  if (before === undefined) return set;
  let same = set.size === before.size;
  for (const [name, resource] of set) {
    const old = before.get(name);
    if (old?.version === resource.version) set.set(name, old);
    else same = false;
  }
  return same ? before : set;
}

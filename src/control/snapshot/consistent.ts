// The last check before a snapshot is published: everything that a resource needs is in the same snapshot. A hole here
// is a bug of the compiler, and would show at a client as a listener that never warms or a route that answers 503. What
// scopes share is checked once for all of them: done plainly (validateSnapshot in xds/, the oracle of the tests) for
// 1,000 sidecars and services this was most of the work of a change.

import type { Issue } from '../../base/index.ts';
import type { XdsResource } from '../../xds/index.ts';
import { type Reference, referencesOf } from '../compile/references.ts';
import { jointOf, type ResourceMap } from '../compile/resource-cache.ts';

type Resources = ReadonlyMap<string, ResourceMap>;

/** The first hole, or null. */
export function checkConsistent(resources: Resources): Issue | null {
  for (const map of resources.values()) {
    const hole = checkMap(map, resources);
    if (hole !== null) return hole;
  }
  return null;
}

/** Maps found without a hole, with the maps (of whatever type) that their needs were looked up in. */
const sound = new WeakMap<ResourceMap, WeakSet<ResourceMap>>();

function checkMap(map: ResourceMap, resources: Resources): Issue | null {
  const joint = jointOf(map);
  if (joint !== null) return checkMap(joint.base, resources) ?? checkEach(joint.own, resources);
  const target = targetOf(map, resources);
  if (target !== null && sound.get(map)?.has(target)) return null;
  const hole = checkEach(map.values(), resources);
  if (hole === null && target !== null) remember(sound, map, target);
  return hole;
}

/**
 * Where the resources of a map have what they need: those that are shared need resources of one type. null: they need
 * nothing, or of several types, as a gateway's listeners do.
 */
function targetOf(map: ResourceMap, resources: Resources): ResourceMap | null {
  const types = new Set<string>();
  for (const resource of map.values()) for (const { typeUrl } of referencesOf(resource)) types.add(typeUrl);
  const [only] = types;
  return only === undefined || types.size > 1 ? null : (resources.get(only) ?? null);
}

/** Resources whose needs the base of a joined map meets already. */
const met = new WeakMap<XdsResource, WeakSet<ResourceMap>>();

function checkEach(some: Iterable<XdsResource>, resources: Resources): Issue | null {
  for (const resource of some) {
    const references = referencesOf(resource);
    const [first] = references;
    if (first === undefined) continue;
    const target = resources.get(first.typeUrl) ?? new Map();
    const base = jointOf(target)?.base ?? target;
    if (met.get(resource)?.has(base)) continue;
    const hole = references.find(({ typeUrl, name }) => !resources.get(typeUrl)?.has(name));
    if (hole !== undefined) return describeHole(resource, hole);
    if (references.every(({ name }) => base.has(name))) remember(met, resource, base);
  }
  return null;
}

function remember<K extends WeakKey, V extends WeakKey>(
  book: WeakMap<K, WeakSet<V>>,
  key: K,
  value: V,
): void {
  const values = book.get(key);
  if (values === undefined) book.set(key, new WeakSet([value]));
  else values.add(value);
}

function describeHole(resource: XdsResource, { typeUrl, name }: Reference): Issue {
  const kind = typeUrl.split('.').at(-1) ?? typeUrl;
  return {
    object: resource.name,
    field: '',
    rule: `needs the ${kind} ${name}, which is not there`,
    value: '',
  };
}

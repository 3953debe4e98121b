// The last check before a snapshot is published: everything that a resource needs is in the same snapshot. A hole here
// is a bug of the compiler, and would show at a client as a listener that never warms or a route that answers 503. What
// follows a sound snapshot is looked at where it differs; of a first one, what scopes share is looked at once for all
// of them. Done plainly (validateSnapshot in xds/, the oracle of the tests) this was most of the work of a change.

import type { Issue } from '../../base/index.ts';
import {
  diffResources,
  PartlyNamed,
  type ResourceMap,
  ResourceSet,
  type XdsResource,
} from '../../xds/index.ts';
import { type Reference, referencesOf } from '../compile/references.ts';

type Resources = ReadonlyMap<string, ResourceMap>;

/** The first hole, or null. `sound`: what is in force, in which there is none. */
export function checkConsistent(resources: Resources, sound: Resources | null = null): Issue | null {
  const news = sound === null ? null : listNews(resources, sound);
  if (news !== null) return checkEach(news, resources);
  for (const map of [...resources.values()].flatMap(partsOf)) {
    const hole = checkMap(map, resources);
    if (hole !== null) return hole;
  }
  return null;
}

/** What may have a hole where `sound` had none; null: something is gone, and anything may have needed it. */
function listNews(resources: Resources, sound: Resources): readonly XdsResource[] | null {
  const news: XdsResource[] = [];
  for (const [typeUrl, map] of resources) {
    const before = sound.get(typeUrl);
    if (before === undefined) return null;
    const [from, to] = [partsOf(before), partsOf(map)];
    if (from.length !== to.length) return null;
    for (const [at, part] of to.entries()) {
      const { changed, removed } = diffResources(from[at]!, part);
      if (removed.length > 0) return null;
      for (const name of changed) news.push(part.get(name)!);
    }
  }
  return news;
}

/** Maps found without a hole, with the maps (of whatever type) that their needs were looked up in. */
const sound = new WeakMap<ResourceMap, WeakSet<ResourceMap>>();

function checkMap(map: ResourceMap, resources: Resources): Issue | null {
  const base = baseOf(map);
  if (base !== map && isSmall(map)) return checkMap(base, resources) ?? checkEach(ownOf(map), resources);
  const only = typeNeeded(map);
  const target = only === null ? null : baseOf(resources.get(only) ?? new Map());
  if (target !== null && sound.get(map)?.has(target)) return null;
  const hole = checkEach(map.values(), resources, false);
  if (hole === null && target !== null && isMet(map, target)) remember(sound, map, target);
  return hole;
}

/** What is sent unasked, and what is not: holes are looked for in both. */
function partsOf(map: ResourceMap): readonly ResourceMap[] {
  return map instanceof PartlyNamed ? [map.unasked, map.named] : [map];
}

/** What other scopes have too. */
function baseOf(map: ResourceMap): ResourceMap {
  if (map instanceof PartlyNamed) return map.named;
  return map instanceof ResourceSet && map.base instanceof ResourceSet ? map.base : map;
}

/** More own resources than these are those of a namespace, and other scopes have the very same set. */
const ownMax = 64;

function isSmall(map: ResourceMap): boolean {
  return map instanceof ResourceSet && map.over.size <= ownMax;
}

function ownOf(map: ResourceMap): readonly XdsResource[] {
  return map instanceof ResourceSet ? [...map.over.values()].filter((one) => one !== null) : [];
}

function isMet(map: ResourceMap, target: ResourceMap): boolean {
  for (const resource of map.values())
    if (!referencesOf(resource).every(({ name }) => target.has(name))) return false;
  return true;
}

const typesNeeded = new WeakMap<ResourceMap, string | null>();

/**
 * The type that the resources of a map need: of those that are shared there is one. null: none, or several, as a
 * gateway's listeners do.
 */
function typeNeeded(map: ResourceMap): string | null {
  const known = typesNeeded.get(map);
  if (known !== undefined) return known;
  const types = new Set<string>();
  for (const resource of map.values()) for (const { typeUrl } of referencesOf(resource)) types.add(typeUrl);
  const [only = null] = types;
  const needed = types.size > 1 ? null : only;
  typesNeeded.set(map, needed);
  return needed;
}

/** Resources whose needs the base of a set meets already, by that base. */
const met = new WeakMap<ResourceMap, WeakSet<XdsResource>>();

/** `remembered`: some of these are looked at again for other scopes, by themselves. */
function checkEach(some: Iterable<XdsResource>, resources: Resources, remembered = true): Issue | null {
  for (const resource of some) {
    const references = referencesOf(resource);
    const [first] = references;
    if (first === undefined) continue;
    const base = baseOf(resources.get(first.typeUrl) ?? new Map());
    if (met.get(base)?.has(resource)) continue;
    const hole = references.find(({ typeUrl, name }) => !resources.get(typeUrl)?.has(name));
    if (hole !== undefined) return describeHole(resource, hole);
    if (remembered && references.every(({ name }) => base.has(name))) remember(met, base, resource);
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

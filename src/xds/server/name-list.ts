// Many names that came together, as one thing that streams share: who holds or owes them holds a reference. A thousand
// clients ask for the same ten thousand names, in whatever order; those that are equal are one list.

import type { ResourceMap } from '../snapshot/resource-set.ts';
import { findShared, type ListedResources, listResources } from './listed-resources.ts';

/** Fewer names are not worth a list. */
export const listMin = 64;
/** Lists that are found again. */
const knownMax = 4_096;

const known = new Map<string, WeakRef<NameList>>();
/** Of texts that are shared themselves; null: they make no list. */
const ofTexts = new WeakMap<readonly string[], NameList | null>();

export class NameList {
  /** Each once. */
  readonly names: readonly string[];
  /** In `names`. */
  readonly positions: ReadonlyMap<string, number>;
  /** Characters of all names. */
  readonly length: number;
  private disjoint: WeakMap<NameList, boolean> | null = null;
  private listed: WeakMap<ResourceMap, ListedResources> | null = null;

  constructor(names: readonly string[]) {
    this.names = names;
    this.positions = new Map(names.map((name, i) => [name, i]));
    this.length = names.reduce((sum, name) => sum + name.length, 0);
  }

  /** Of these names, be they in another order; null where they are few or some are there twice. */
  static of(names: readonly string[]): NameList | null {
    if (names.length < listMin) return null;
    let list = ofTexts.get(names);
    if (list === undefined) {
      list = find(names);
      ofTexts.set(names, list);
    }
    return list;
  }

  get size(): number {
    return this.names.length;
  }

  has(name: string): boolean {
    return this.positions.has(name);
  }

  /** They have no name in common. */
  isDisjointFrom(other: NameList): boolean {
    if (other.size < listMin) return !other.names.some((name) => this.has(name));
    this.disjoint ??= new WeakMap();
    let answer = this.disjoint.get(other);
    if (answer === undefined) {
      answer = !other.names.some((name) => this.has(name));
      this.disjoint.set(other, answer);
    }
    return answer;
  }

  /** Those of these resources that it names. */
  resourcesOf(resources: ResourceMap): ListedResources {
    this.listed ??= new WeakMap();
    const shared = findShared(this.positions, resources);
    let listed = this.listed.get(shared);
    if (listed === undefined) {
      listed = listResources(this.names, shared);
      this.listed.set(shared, listed);
    }
    return listed;
  }
}

/** The list that is there already, if any equals it. */
function find(names: readonly string[]): NameList | null {
  const key = keyOf(names);
  const held = known.get(key)?.deref();
  if (
    held?.size === names.length &&
    names.every((name) => held.has(name)) &&
    new Set(names).size === held.size
  )
    return held;
  const list = new NameList(names);
  if (list.positions.size < names.length) return null;
  if (known.size >= knownMax) dropDead();
  if (known.size < knownMax) known.set(key, new WeakRef(list));
  return list;
}

/** Whatever their order. Who finds other names of an equal key shares nothing, and no more than that. */
function keyOf(names: readonly string[]): string {
  let [sum, mixed] = [0, 0];
  for (const name of names) {
    let hash = 0x811c9dc5;
    for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
    sum = (sum + hash) | 0;
    mixed ^= Math.imul(hash ^ (hash >>> 15), 0x85ebca6b);
  }
  return `${names.length} ${sum} ${mixed}`;
}

function dropDead(): void {
  for (const [key, list] of known) if (list.deref() === undefined) known.delete(key);
}

// Resources of one type by name, as a shared base and what differs from it. A change costs what changed: the next set
// has the same base and a few entries over it, and a scope's own resources lie over a set that all scopes share.
// Immutable. In order of names, so that the order in which things came leaves no trace.

import type { XdsResource } from '../types.ts';
import { ContentHash } from './content-hash.ts';

export type ResourceMap = ReadonlyMap<string, XdsResource>;

/** null: the base's is not there. */
type Overlay = ReadonlyMap<string, XdsResource | null>;

/** Entries over a base before they become part of one. */
const overlayMin = 64;

export class ResourceSet implements ResourceMap {
  readonly base: ResourceMap;
  readonly over: Overlay;
  readonly size: number;
  /** Of the resources' hashes: a change of one is one subtraction and one addition. */
  readonly sum: bigint;
  private list: readonly XdsResource[] | null = null;

  private constructor(base: ResourceMap, over: Overlay, size: number, sum: bigint) {
    this.base = base;
    this.over = over;
    this.size = size;
    this.sum = sum;
  }

  static of(resources: Iterable<XdsResource>): ResourceSet {
    const base = toMap([...resources].sort(compareNames));
    return new ResourceSet(base, nothing, base.size, sumOf(base));
  }

  /** `own` over `base`, which other sets share. `before`: such a set, of which is kept what is still the same. */
  static over(base: ResourceSet, own: readonly XdsResource[], before?: ResourceSet): ResourceSet {
    if (own.length === 0) return base;
    const isSame = before?.isOver(own) === true;
    if (isSame && before.base === base) return before;
    if (isSame && own.every(({ name }) => before.base.get(name) === base.get(name))) {
      const size = before.size - before.base.size + base.size;
      return new ResourceSet(base, before.over, size, before.sumOver(base));
    }
    const over = isSame ? before.over : toMap(own);
    const known = before !== undefined && before.base instanceof ResourceSet ? before : base;
    return known.turnedInto(base, over);
  }

  /** Counted from what this counts already: of the overlay of a namespace that has thousands, few are others. */
  private turnedInto(base: ResourceSet, over: Overlay): ResourceSet {
    const [oldBase, oldOver] = this === base ? [base, nothing] : [this.base, this.over];
    let size = this.size - oldBase.size + base.size;
    let sum = this.sum - sumOf(oldBase) + base.sum;
    const count = (sign: 1 | -1, one: XdsResource | null, below: XdsResource | undefined): void => {
      size += sign * ((one === null ? 0 : 1) - (below === undefined ? 0 : 1));
      const hashes = [one ?? undefined, below].map((held) => (held === undefined ? 0n : hashResource(held)));
      sum += BigInt(sign) * (hashes[0]! - hashes[1]!);
    };
    for (const [name, one] of over) {
      const [old, oldBelow, below] = [oldOver.get(name), oldBase.get(name), base.get(name)];
      if (old === one && oldBelow === below) continue;
      if (old !== undefined) count(-1, old, oldBelow);
      count(1, one, below);
    }
    for (const [name, old] of oldOver) if (!over.has(name)) count(-1, old, oldBase.get(name));
    return new ResourceSet(base, over, size, BigInt.asUintN(128, sum));
  }

  /** The same set if nothing differs. */
  with(changed: Iterable<XdsResource>, removed: Iterable<string>): ResourceSet {
    const over = new Map(this.over);
    let { size, sum } = this;
    const replace = (name: string, next: XdsResource | null): void => {
      const before = this.lookUp(over, name);
      if (before?.version === next?.version) return;
      if (before !== undefined) sum -= hashResource(before);
      if (next !== null) sum += hashResource(next);
      size += (next === null ? 0 : 1) - (before === undefined ? 0 : 1);
      const below = this.base.get(name);
      if (next === null && below === undefined) over.delete(name);
      else if (next !== null && below === next) over.delete(name);
      else over.set(name, next);
    };
    for (const resource of changed) replace(resource.name, resource);
    for (const name of removed) replace(name, null);
    if (size === this.size && sum === this.sum) return this;
    const next = new ResourceSet(this.base, over, size, BigInt.asUintN(128, sum));
    return this.base instanceof ResourceSet ? next : next.folded();
  }

  get(name: string): XdsResource | undefined {
    return this.lookUp(this.over, name);
  }

  has(name: string): boolean {
    return this.get(name) !== undefined;
  }

  keys(): MapIterator<string> {
    return this.toArray()
      .map(({ name }) => name)
      .values();
  }

  values(): MapIterator<XdsResource> {
    return this.toArray().values();
  }

  entries(): MapIterator<[string, XdsResource]> {
    return this.toArray()
      .map((resource): [string, XdsResource] => [resource.name, resource])
      .values();
  }

  [Symbol.iterator](): MapIterator<[string, XdsResource]> {
    return this.entries();
  }

  forEach(callback: (value: XdsResource, key: string, map: ResourceMap) => void): void {
    for (const resource of this.toArray()) callback(resource, resource.name, this);
  }

  /** What lies over the base makes the same difference to another that has the same under it. */
  private sumOver(base: ResourceSet): bigint {
    return BigInt.asUintN(128, this.sum - sumOf(this.base) + base.sum);
  }

  private isOver(own: readonly XdsResource[]): boolean {
    return (
      this.base instanceof ResourceSet &&
      this.over.size === own.length &&
      own.every((one) => this.over.get(one.name) === one)
    );
  }

  private lookUp(over: Overlay, name: string): XdsResource | undefined {
    const own = over.get(name);
    return own === undefined ? this.base.get(name) : (own ?? undefined);
  }

  /** Kept, as whoever asks for everything is seldom alone; of a scope's own set only what lies under it is. */
  private toArray(): readonly XdsResource[] {
    if (this.list !== null) return this.list;
    const list = this.merge();
    if (!(this.base instanceof ResourceSet)) this.list = list;
    return list;
  }

  private merge(): readonly XdsResource[] {
    if (this.over.size === 0) return [...this.base.values()];
    const own = [...this.over.values()].filter((one) => one !== null).sort(compareNames);
    const merged: XdsResource[] = [];
    let next = 0;
    for (const resource of this.base.values()) {
      if (this.over.has(resource.name)) continue;
      while (next < own.length && compareNames(own[next]!, resource) < 0) merged.push(own[next++]!);
      merged.push(resource);
    }
    merged.push(...own.slice(next));
    return merged;
  }

  /** With many entries over it, looking up and copying them would cost more than a new base once in a while. */
  private folded(): ResourceSet {
    if (this.over.size < overlayMin || this.over.size ** 2 < this.base.size) return this;
    return new ResourceSet(toMap(this.merge()), nothing, this.size, this.sum);
  }
}

const nothing: Overlay = new Map();

function toMap(resources: readonly XdsResource[]): ResourceMap {
  return new Map(resources.map((resource) => [resource.name, resource]));
}

function compareNames(a: XdsResource, b: XdsResource): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}

/** Of whatever kind of map: equal content has an equal sum. */
export function sumOf(resources: ResourceMap): bigint {
  if ('sum' in resources) return (resources as { readonly sum: bigint }).sum;
  let sum = 0n;
  for (const resource of resources.values()) sum += hashResource(resource);
  return BigInt.asUintN(128, sum);
}

function hashResource({ name, version }: XdsResource): bigint {
  const hash = new ContentHash();
  hash.addText(name);
  hash.addText(version);
  return BigInt(`0x${hash.toString()}`);
}

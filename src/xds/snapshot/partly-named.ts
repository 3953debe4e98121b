// Resources of which some are sent to who asks for all, and the others to those alone who name them: clusters of a mesh
// whose proxies ask for each when a request needs it.

import type { XdsResource } from '../types.ts';
import type { ResourceMap, ResourceSet } from './resource-set.ts';

/** What is listed is what is sent unasked. */
export class PartlyNamed implements ResourceMap {
  readonly unasked: ResourceSet;
  readonly named: ResourceSet;
  /** Of both. */
  readonly sum: bigint;

  constructor(unasked: ResourceSet, named: ResourceSet) {
    this.unasked = unasked;
    this.named = named;
    this.sum = BigInt.asUintN(128, unasked.sum + named.sum);
  }

  get size(): number {
    return this.unasked.size;
  }

  /** It is there, and comes to who names it alone. */
  isNamed(name: string): boolean {
    return !this.unasked.has(name) && this.named.has(name);
  }

  get(name: string): XdsResource | undefined {
    return this.unasked.get(name) ?? this.named.get(name);
  }

  has(name: string): boolean {
    return this.get(name) !== undefined;
  }

  keys(): MapIterator<string> {
    return this.unasked.keys();
  }

  values(): MapIterator<XdsResource> {
    return this.unasked.values();
  }

  entries(): MapIterator<[string, XdsResource]> {
    return this.unasked.entries();
  }

  [Symbol.iterator](): MapIterator<[string, XdsResource]> {
    return this.unasked.entries();
  }

  forEach(callback: (value: XdsResource, key: string, map: ResourceMap) => void): void {
    for (const [name, resource] of this.unasked) callback(resource, name, this);
  }
}

/** What is sent to who asks for all of these. */
export function unaskedOf(resources: ResourceMap): ResourceMap {
  return resources instanceof PartlyNamed ? resources.unasked : resources;
}

// Resources that are sent to those who name them, and to nobody unasked: there is one for each of the names that a
// thing can be asked for by, so that to list them would be to make all of them.

import type { XdsResource } from '../types.ts';
import type { ResourceMap, ResourceSet } from './resource-set.ts';

export class NamedResources implements ResourceMap {
  readonly size = 0;
  /** Of what they are made of: where that is the same, all of them are. */
  readonly sum: bigint;
  /** What their names begin with, slash included: to who asks for all, that there is nothing of just this name. */
  readonly whole: string;
  private readonly find: (name: string) => XdsResource | undefined;

  constructor(whole: string, source: ResourceSet, find: (name: string) => XdsResource | undefined) {
    this.whole = whole;
    this.sum = source.sum;
    this.find = find;
  }

  get(name: string): XdsResource | undefined {
    return this.find(name);
  }

  has(name: string): boolean {
    return this.find(name) !== undefined;
  }

  keys(): MapIterator<string> {
    return none.keys();
  }

  values(): MapIterator<XdsResource> {
    return none.values();
  }

  entries(): MapIterator<[string, XdsResource]> {
    return none.entries();
  }

  [Symbol.iterator](): MapIterator<[string, XdsResource]> {
    return none.entries();
  }

  forEach(): void {}
}

const none: ReadonlyMap<string, XdsResource> = new Map();

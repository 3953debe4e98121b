// The names that are due in a type's next response. A thousand clients that ask for everything at once all wait for
// their turn: until it comes, "everything" is a reference to the set of resources, and no copy of its names.

import type { ResourceMap } from '../snapshot/resource-set.ts';

export class DueNames {
  /** All of these are due; null: none besides `names`. */
  private whole: ResourceMap | null = null;
  /** Others. */
  private readonly names = new Set<string>();

  get size(): number {
    return this.names.size + (this.whole?.size ?? 0);
  }

  has(name: string): boolean {
    return this.names.has(name) || this.whole?.has(name) === true;
  }

  add(name: string): void {
    if (this.whole?.has(name) !== true) this.names.add(name);
  }

  addAll(resources: ResourceMap): void {
    this.spell();
    for (const name of this.names) if (resources.has(name)) this.names.delete(name);
    this.whole = resources;
  }

  delete(name: string): void {
    if (this.whole?.has(name) === true) this.spell();
    this.names.delete(name);
  }

  clear(): void {
    this.whole = null;
    this.names.clear();
  }

  /** What was due of `from` is due of `to` as well, and all that is new in it. */
  follow(from: ResourceMap, to: ResourceMap): void {
    if (this.whole !== from) return;
    this.whole = null;
    this.addAll(to);
  }

  [Symbol.iterator](): Iterator<string> {
    this.spell();
    return this.names.values();
  }

  /** From a reference to names. */
  private spell(): void {
    if (this.whole === null) return;
    for (const name of this.whole.keys()) this.names.add(name);
    this.whole = null;
  }
}

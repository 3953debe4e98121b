// The names that are due in a type's next response. A thousand clients that ask for everything at once all wait for
// their turn: until it comes, "everything" is a reference to the set of resources and the name from which on it is due,
// and no copy of its names.

import { lengthOfPages, type Page, pagesFrom, pagesOf } from '../snapshot/pages.ts';
import { type ResourceMap, ResourceSet } from '../snapshot/resource-set.ts';

export class DueNames {
  /** Of these are due those of `left` and after it; null: none besides `names`. */
  private whole: ResourceMap | null = null;
  private left = '';
  private leftSize = 0;
  /** Others. */
  private readonly names = new Set<string>();

  get size(): number {
    return this.names.size + this.leftSize;
  }

  has(name: string): boolean {
    return this.names.has(name) || this.isLeft(name);
  }

  add(name: string): void {
    if (!this.isLeft(name)) this.names.add(name);
  }

  addAll(resources: ResourceMap): void {
    this.spell();
    for (const name of this.names) if (resources.has(name)) this.names.delete(name);
    this.whole = resources;
    this.leftSize = resources.size;
  }

  delete(name: string): void {
    if (this.isLeft(name)) this.spell();
    this.names.delete(name);
  }

  clear(): void {
    this.forgetWhole();
    this.names.clear();
  }

  /** What was due of `from` is due of `to` as well, and all that is new in it. */
  follow(from: ResourceMap, to: ResourceMap): void {
    if (this.whole !== from) return;
    const { left } = this;
    if (left !== '' && !(to instanceof ResourceSet)) {
      this.spell();
      return;
    }
    this.forgetWhole();
    for (const name of this.names) if (name >= left && to.has(name)) this.names.delete(name);
    this.whole = to;
    this.left = left;
    this.leftSize = left === '' ? to.size : lengthOfPages(pagesFrom(pagesOf(to as ResourceSet), left));
  }

  /**
   * Takes from the front as many pages as `fits` says yes to, one at least: of what is due as a whole of these
   * resources; none, where that is not how it is due.
   */
  takePages(resources: ResourceMap, fits: (page: Page) => boolean): readonly Page[] {
    if (this.whole !== resources || !(resources instanceof ResourceSet)) return [];
    const pages = pagesFrom(pagesOf(resources), this.left);
    const taken = pages.findIndex((page, i) => !fits(page) && i > 0);
    const rest = taken === -1 ? undefined : pages[taken];
    if (rest === undefined) {
      this.forgetWhole();
      return pages;
    }
    this.left = rest.members[0]!.name;
    const took = pages.slice(0, taken);
    this.leftSize -= lengthOfPages(took);
    return took;
  }

  [Symbol.iterator](): Iterator<string> {
    this.spell();
    return this.names.values();
  }

  private isLeft(name: string): boolean {
    return this.whole !== null && name >= this.left && this.whole.has(name);
  }

  private forgetWhole(): void {
    this.whole = null;
    this.left = '';
    this.leftSize = 0;
  }

  /** From a reference to names. */
  private spell(): void {
    if (this.whole === null) return;
    for (const name of this.whole.keys()) if (name >= this.left) this.names.add(name);
    this.forgetWhole();
  }
}

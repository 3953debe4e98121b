// The names that are due in a type's next response. A thousand clients that ask for everything at once all wait for
// their turn: until it comes, "everything" is a reference to the set of resources and the name from which on it is due,
// or a list that they share and a position in it, and no copy of the names.

import { lengthOfPages, type Page, pagesFrom, pagesOf } from '../snapshot/pages.ts';
import { type ResourceMap, ResourceSet } from '../snapshot/resource-set.ts';
import type { ListedResources } from './listed-resources.ts';
import type { NameList } from './name-list.ts';

/** Lists that wait; before one more, all become names: each name is looked for in every list. */
const listsMax = 16;

/** Where resources are due as a whole, or by a list. */
export interface DuePages {
  readonly pages: readonly Page[];
  /** Names that do not exist, up to where the pages end. */
  readonly absent: readonly string[];
}

interface DueList {
  readonly list: NameList;
  /** Of these names are due those from this position on. */
  readonly from: number;
}

type Fits = (page: Page) => boolean;

export class DueNames {
  /** Of these are due those of `left` and after it; null: none besides `names`. */
  private whole: ResourceMap | null = null;
  private left = '';
  private leftSize = 0;
  /** Without a name in common; none while `whole` is there. */
  private lists: readonly DueList[] = [];
  /** Others. */
  private readonly names = new Set<string>();
  /** Grows whenever a name becomes due that may have been sent before. */
  additions = 0;

  get size(): number {
    return this.lists.reduce(
      (sum, { list, from }) => sum + list.size - from,
      this.names.size + this.leftSize,
    );
  }

  has(name: string): boolean {
    return this.names.has(name) || this.isLeft(name) || this.isListed(name);
  }

  add(name: string): void {
    this.additions += 1;
    if (!this.isLeft(name) && !this.isListed(name)) this.names.add(name);
  }

  /** Names that nobody asked for before. */
  addList(list: NameList): void {
    if (this.whole !== null) {
      for (const name of list.names) this.add(name);
      return;
    }
    if (list.size < this.names.size) for (const name of list.names) this.names.delete(name);
    else for (const name of this.names) if (list.has(name)) this.names.delete(name);
    if (this.lists.length >= listsMax) this.spell();
    this.lists = [...this.lists, { list, from: 0 }];
  }

  addAll(resources: ResourceMap): void {
    this.additions += 1;
    this.spell();
    for (const name of this.names) if (resources.has(name)) this.names.delete(name);
    this.whole = resources;
    this.leftSize = resources.size;
  }

  delete(name: string): void {
    if (this.isLeft(name) || this.isListed(name)) this.spell();
    this.names.delete(name);
  }

  clear(): void {
    this.forgetWhole();
    this.lists = [];
    this.names.clear();
  }

  /** What was due of `from` is due of `to` as well, and all that is new in it. */
  follow(from: ResourceMap, to: ResourceMap): void {
    if (this.whole !== from) return;
    this.additions += 1;
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
   * Takes from the front as many pages as `fits` says yes to, one at least where there are any: of what is due as a
   * whole of these resources, or of the first list; null, where that is not how it is due.
   */
  takePages(resources: ResourceMap, fits: Fits): DuePages | null {
    const [first] = this.lists;
    if (first !== undefined) return this.takeListed(first, first.list.resourcesOf(resources), fits);
    if (this.whole !== resources || !(resources instanceof ResourceSet)) return null;
    return { pages: this.takeWhole(pagesFrom(pagesOf(resources), this.left), fits), absent: [] };
  }

  private takeWhole(pages: readonly Page[], fits: Fits): readonly Page[] {
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

  private takeListed({ list, from }: DueList, listed: ListedResources, fits: Fits): DuePages {
    const pages: Page[] = [];
    let end = list.size;
    for (const whole of listed.pages) {
      if (whole.end <= from) continue;
      const page = whole.from >= from ? whole.page : cutPage(whole.page, list, from);
      if (!fits(page) && pages.length > 0) {
        end = whole.from;
        break;
      }
      pages.push(page);
    }
    const rest = this.lists.slice(1);
    this.lists = end === list.size ? rest : [{ list, from: end }, ...rest];
    const absent = listed.absent.filter((at) => at >= from && at < end).map((at) => list.names[at]!);
    return { pages, absent };
  }

  [Symbol.iterator](): Iterator<string> {
    this.spell();
    return this.names.values();
  }

  private isLeft(name: string): boolean {
    return this.whole !== null && name >= this.left && this.whole.has(name);
  }

  private isListed(name: string): boolean {
    for (const { list, from } of this.lists) if ((list.positions.get(name) ?? -1) >= from) return true;
    return false;
  }

  private forgetWhole(): void {
    this.whole = null;
    this.left = '';
    this.leftSize = 0;
  }

  /** From references to names. */
  private spell(): void {
    for (const { list, from } of this.lists)
      for (let i = from; i < list.size; i++) this.names.add(list.names[i]!);
    this.lists = [];
    if (this.whole === null) return;
    for (const name of this.whole.keys()) if (name >= this.left) this.names.add(name);
    this.forgetWhole();
  }
}

/** What of it is not before a position in the list. */
function cutPage({ members }: Page, list: NameList, from: number): Page {
  return { members: members.filter(({ name }) => list.positions.get(name)! >= from), shared: false };
}

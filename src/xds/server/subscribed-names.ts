// The names that a client asked for. A thousand clients ask for the same ten thousand names: what one request added
// becomes a list, and equal lists are one, so that a stream costs a few references and not its own copy of all names.

import { listMin, NameList } from './name-list.ts';

/** Lists of one stream before they become one. */
const listsMax = 16;

export class SubscribedNames {
  private lists: readonly NameList[] = [];
  private own = new Set<string>();

  get size(): number {
    return this.lists.reduce((sum, list) => sum + list.size, this.own.size);
  }

  has(name: string): boolean {
    if (this.own.has(name)) return true;
    for (const list of this.lists) if (list.has(name)) return true;
    return false;
  }

  isDisjointFrom(list: NameList): boolean {
    for (const name of this.own) if (list.has(name)) return false;
    return this.lists.every((one) => one.isDisjointFrom(list));
  }

  /** It must not be there. */
  add(name: string): void {
    this.own.add(name);
  }

  /** None of them may be there. */
  addList(list: NameList): void {
    this.lists = [...this.lists, list];
  }

  delete(name: string): boolean {
    if (this.own.delete(name)) return true;
    const list = this.lists.find((one) => one.has(name));
    if (list === undefined) return false;
    this.lists = this.lists.filter((one) => one !== list);
    for (const other of list.names) if (other !== name) this.own.add(other);
    return true;
  }

  /** A request is at its end. */
  settle(): void {
    const merges = this.lists.length >= listsMax;
    if (this.own.size < listMin && !merges) return;
    const list = NameList.of([...(merges ? this : this.own)]);
    if (list === null) return;
    this.lists = merges ? [list] : [...this.lists, list];
    this.own = new Set();
  }

  *[Symbol.iterator](): Generator<string> {
    for (const list of this.lists) yield* list.names;
    yield* this.own;
  }
}

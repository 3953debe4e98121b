// The names that a client asked for. A thousand clients ask for the same ten thousand names: what one request added
// becomes a list, and equal lists are one, so that a stream costs a few references and not its own copy of all names.
// What is given up of a list is kept beside it, and a list is spelled anew only when half of it is gone, so that a
// request costs what is in it and not all that was asked for before.

import { listMin, NameList } from './name-list.ts';

/** Lists of one stream before the smaller ones become one. */
const listsMax = 16;

/** A list, but for names of it that were given up; fewer than half of it. */
interface Part {
  readonly list: NameList;
  gone: Set<string> | null;
}

export class SubscribedNames {
  /** Names that were moved from one list or set to another; what tests count work by. */
  moved = 0;
  private parts: Part[] = [];
  private own = new Set<string>();

  get size(): number {
    return this.parts.reduce((sum, part) => sum + sizeOf(part), this.own.size);
  }

  has(name: string): boolean {
    if (this.own.has(name)) return true;
    for (const part of this.parts) if (holds(part, name)) return true;
    return false;
  }

  isDisjointFrom(list: NameList): boolean {
    for (const name of this.own) if (list.has(name)) return false;
    return this.parts.every((part) => part.list.isDisjointFrom(list) || !holdsAny(part, list));
  }

  /** It must not be there. */
  add(name: string): void {
    for (const { gone } of this.parts) if (gone?.delete(name) === true) return;
    this.own.add(name);
  }

  /** None of them may be there. */
  addList(list: NameList): void {
    this.parts.push({ list, gone: null });
  }

  delete(name: string): boolean {
    if (this.own.delete(name)) return true;
    const part = this.parts.find((one) => holds(one, name));
    if (part === undefined) return false;
    part.gone ??= new Set();
    part.gone.add(name);
    if (part.gone.size * 2 >= part.list.size) this.spell(part);
    return true;
  }

  /** A request is at its end. */
  settle(): void {
    if (this.own.size >= listMin) {
      const list = NameList.of([...this.own]);
      if (list !== null) {
        this.moved += list.size;
        this.parts.push({ list, gone: null });
        this.own = new Set();
      }
    }
    if (this.parts.length >= listsMax) this.merge();
  }

  *[Symbol.iterator](): Generator<string> {
    for (const part of this.parts) yield* namesOf(part);
    yield* this.own;
  }

  private spell(part: Part): void {
    this.parts = this.parts.filter((one) => one !== part);
    for (const name of namesOf(part)) this.own.add(name);
    this.moved += sizeOf(part);
  }

  /**
   * The smaller lists become one. None is taken in that is larger than all before it together: each time a name moves,
   * its list is at least twice as long, so that it moves a few times and not with every sixteenth request.
   */
  private merge(): void {
    const bySize = this.parts.toSorted((a, b) => sizeOf(a) - sizeOf(b));
    let [sum, count] = [0, 0];
    for (const [at, part] of bySize.entries()) {
      if (sizeOf(part) <= sum) count = at + 1;
      sum += sizeOf(part);
    }
    const merged = bySize.slice(0, count);
    const list = NameList.of(merged.flatMap((part) => [...namesOf(part)]));
    if (list === null) return;
    this.moved += list.size;
    this.parts = [...bySize.slice(count), { list, gone: null }];
  }
}

function sizeOf({ list, gone }: Part): number {
  return list.size - (gone?.size ?? 0);
}

function holds({ list, gone }: Part, name: string): boolean {
  return list.has(name) && gone?.has(name) !== true;
}

function holdsAny(part: Part, { names }: NameList): boolean {
  return names.some((name) => holds(part, name));
}

function namesOf({ list, gone }: Part): readonly string[] {
  return gone === null || gone.size === 0 ? list.names : list.names.filter((name) => !gone.has(name));
}

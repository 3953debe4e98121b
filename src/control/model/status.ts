// What is said about each object, in Gateway API's words: conditions, one set for every parent or ancestor it names. Building the model fills the
// book; nothing in the model reads it.

import type { ObjectKey } from '../source/types.ts';

export interface Condition {
  readonly type: 'Accepted' | 'ResolvedRefs' | 'Conflicted' | 'Programmed';
  readonly status: 'True' | 'False';
  /** One word of Gateway API's vocabulary where it has one. */
  readonly reason: string;
  /** A sentence; empty where the reason says it all. */
  readonly message: string;
  /** The parent or ancestor it is about, `namespace/Kind/name` with `:port` or `#section` behind it; empty: the object itself. */
  readonly about: string;
}

/** Why something is not accepted. */
export interface Refusal {
  readonly reason: string;
  readonly message: string;
}

export class ConditionBook {
  readonly #conditions = new Map<ObjectKey, Condition[]>();

  add(key: ObjectKey, condition: Condition): void {
    const list = this.#conditions.get(key);
    if (list === undefined) this.#conditions.set(key, [condition]);
    else list.push(condition);
  }

  accept(key: ObjectKey, about: string): void {
    this.add(key, { type: 'Accepted', status: 'True', reason: 'Accepted', message: '', about });
  }

  refuse(key: ObjectKey, about: string, reason: string, message: string): void {
    this.add(key, { type: 'Accepted', status: 'False', reason, message, about });
  }

  of(key: ObjectKey): readonly Condition[] {
    return this.#conditions.get(key) ?? [];
  }
}

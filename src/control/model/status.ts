// What is said about each object, in Gateway API's words: conditions, one set for every parent or ancestor it names.
// Building the model fills the book; nothing in the model reads it.

import { type ObjectKey, objectKey } from '../source/types.ts';

export interface Condition {
  readonly type: 'Accepted' | 'ResolvedRefs' | 'Conflicted' | 'Programmed' | 'PartiallyInvalid';
  readonly status: 'True' | 'False';
  /** One word of Gateway API's vocabulary where it has one. */
  readonly reason: string;
  /** A sentence; empty where the reason says it all. */
  readonly message: string;
  /**
   * {@link describeSubject} of `subject`: `namespace/Kind/name` with `:port` or `#section` behind it; empty: the object
   * itself.
   */
  readonly about: string;
  readonly subject: Subject;
}

/** What a condition is about, as whoever writes a status back needs it. */
export type Subject =
  | { readonly of: 'object' }
  /** One of the parents that a route names, as it names it. */
  | { readonly of: 'parent'; readonly ref: ObjectRef }
  /** One of the targets of a policy. */
  | { readonly of: 'target'; readonly ref: ObjectRef }
  /** A listener of a Gateway. */
  | { readonly of: 'listener'; readonly gateway: ObjectKey; readonly name: string }
  /** A port of a Service. */
  | { readonly of: 'port'; readonly service: ObjectKey; readonly port: number };

/** A reference with its namespace resolved. */
export interface ObjectRef {
  readonly group: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly sectionName?: string | undefined;
  readonly port?: number | undefined;
}

export const itself: Subject = { of: 'object' };

export function describeSubject(subject: Subject): string {
  switch (subject.of) {
    case 'object':
      return '';
    case 'listener':
      return `${subject.gateway}#${subject.name}`;
    case 'port':
      return `${subject.service}:${subject.port}`;
    case 'parent':
    case 'target': {
      const { group, kind, namespace, name, sectionName, port } = subject.ref;
      const section = sectionName === undefined ? '' : `#${sectionName}`;
      return objectKey(namespace, kind, name, group) + (port === undefined ? '' : `:${port}`) + section;
    }
  }
}

/** Why something is not accepted. */
export interface Refusal {
  readonly reason: string;
  readonly message: string;
}

export class ConditionBook {
  readonly #conditions = new Map<ObjectKey, Condition[]>();

  add(key: ObjectKey, condition: Omit<Condition, 'about'>): void {
    const list = this.#conditions.get(key);
    const whole = { ...condition, about: describeSubject(condition.subject) };
    if (list === undefined) this.#conditions.set(key, [whole]);
    else list.push(whole);
  }

  accept(key: ObjectKey, subject: Subject): void {
    this.add(key, { type: 'Accepted', status: 'True', reason: 'Accepted', message: '', subject });
  }

  refuse(key: ObjectKey, subject: Subject, reason: string, message: string): void {
    this.add(key, { type: 'Accepted', status: 'False', reason, message, subject });
  }

  of(key: ObjectKey): readonly Condition[] {
    return this.#conditions.get(key) ?? [];
  }
}

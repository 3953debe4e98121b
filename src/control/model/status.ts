// What is said about each object, in Gateway API's words: conditions, one set for every parent or ancestor it names.
// Building the model fills the book; nothing in the model reads it.

import { type ObjectKey, objectKey } from '../source/types.ts';

export interface Condition {
  /** In Gateway API's words. */
  readonly type:
    | 'Accepted'
    | 'ResolvedRefs'
    | 'Conflicted'
    | 'Programmed'
    | 'PartiallyInvalid'
    | 'NetworkEnforced'
    | 'InsecureFrontendValidationMode';
  /** Whether that holds. */
  readonly status: 'True' | 'False';
  /** One word of Gateway API's vocabulary where it has one. */
  readonly reason: string;
  /** A sentence; empty where the reason says it all. */
  readonly message: string;
  /** Key of what it is about, with `:port` or `#section` behind it; empty: the object itself. */
  readonly about: string;
  /** The same in parts. */
  readonly subject: Subject;
}

/** What a condition is about, as whoever writes a status back needs it. */
export type Subject =
  | {
      /** The object itself, a parent of a route, a target of a policy, a listener of a Gateway, a port of a Service. */
      readonly of: 'object';
    }
  | {
      readonly of: 'parent';
      /** Of a parent or a target, as the object names it, with its namespace resolved. */
      readonly ref: ObjectRef;
    }
  | { readonly of: 'target'; readonly ref: ObjectRef }
  /** Of a policy: what it has an effect through (PolicyStatus.ancestors). */
  | { readonly of: 'ancestor'; readonly ref: ObjectRef }
  | {
      readonly of: 'listener';
      /** Key of a listener's Gateway. */
      readonly gateway: ObjectKey;
      /** Of a listener. */
      readonly name: string;
    }
  | {
      readonly of: 'port';
      /** Key of a port's Service. */
      readonly service: ObjectKey;
      /** Of a Service. */
      readonly port: number;
    };

/** A reference with its namespace resolved. */
export interface ObjectRef {
  /** API group of what is meant; empty: the core group. */
  readonly group: string;
  /** Kind of what is meant. */
  readonly kind: string;
  /** Namespace of what is meant. */
  readonly namespace: string;
  /** Name of what is meant. */
  readonly name: string;
  /** A listener, or a port by its name; absent: all of it. */
  readonly sectionName?: string | undefined;
  /** A port by its number; absent: all of them. */
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
    case 'ancestor':
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
  private readonly conditions: Map<ObjectKey, Condition[]>;

  constructor(conditions = new Map<ObjectKey, Condition[]>()) {
    this.conditions = conditions;
  }

  /** Nothing that is said in the copy is said in this. */
  copy(): ConditionBook {
    return new ConditionBook(new Map([...this.conditions].map(([key, list]) => [key, [...list]])));
  }

  /** All that is said of an object. */
  replace(key: ObjectKey, conditions: readonly Condition[]): void {
    if (conditions.length === 0) this.conditions.delete(key);
    else this.conditions.set(key, [...conditions]);
  }

  add(key: ObjectKey, condition: Omit<Condition, 'about'>): void {
    const list = this.conditions.get(key);
    const whole = { ...condition, about: describeSubject(condition.subject) };
    if (list === undefined) this.conditions.set(key, [whole]);
    else list.push(whole);
  }

  accept(key: ObjectKey, subject: Subject): void {
    this.add(key, { type: 'Accepted', status: 'True', reason: 'Accepted', message: '', subject });
  }

  refuse(key: ObjectKey, subject: Subject, reason: string, message: string): void {
    this.add(key, { type: 'Accepted', status: 'False', reason, message, subject });
  }

  of(key: ObjectKey): readonly Condition[] {
    return this.conditions.get(key) ?? [];
  }
}

// Proves that a field of a configuration is heard: it is changed in a document that carries its message, and what the
// proxy makes of the document has to differ. A field whose name is merely read somewhere passes no such test.

import { parseBootstrap } from '../bootstrap.ts';
import { bootstrap } from '../schema/bootstrap.ts';
import type { Field, MessageSpec } from '../schema/field.ts';
import { decisionsOf } from './decisions.ts';

type Json = Record<string, unknown>;

/** What JSON alone would leave out or call equal is written out: maps, sets, patterns, and what functions decide. */
function describe(value: unknown): string {
  return JSON.stringify(value, function replace(this: Json, key: string, part: unknown) {
    if (part instanceof Map) return ['map', ...part];
    if (part instanceof Set) return ['set', ...part];
    if (part instanceof RegExp || typeof part === 'bigint') return String(part);
    // A format says its text alone of itself, by toJSON.
    const whole = this[key];
    return typeof whole === 'object' && whole !== null ? (decisionsOf(whole) ?? part) : part;
  });
}

/** The configuration of a document without the document itself, or what is refused of it. */
function translate(document: Json): { model: string } | { refused: string } {
  const parsed = parseBootstrap(JSON.stringify(document), { fileName: 'effects', version: '1' });
  if (!parsed.ok) return { refused: parsed.error.map(({ field, rule }) => `${field} ${rule}`).join('; ') };
  const { document: _, ...model } = parsed.value as unknown as Json;
  return { model: describe(model) };
}

interface FieldType {
  readonly kind: string;
  readonly of?: unknown;
  readonly numbers?: Record<string, number>;
  readonly types?: readonly MessageSpec[];
}

/** Whether the field is one that the proxy takes and looks at. */
export function isTaken(field: Field<unknown>): boolean {
  return !['refused', 'ignored'].includes(field.type.kind);
}

export function isMessage({ type }: Field<unknown>): boolean {
  return type.kind === 'message' || type.kind === 'any';
}

/** Values to try, in the shape of the field. */
function candidates(field: Field<unknown>): unknown[] {
  const values = valuesOf(field);
  if (field.shape === 'repeated') return values.map((value) => [value]);
  return field.shape === 'map' ? values.map((value) => ({ key: value })) : values;
}

/** Of one item of the field: unlike any default. */
export function valuesOf(field: Field<unknown>): unknown[] {
  const type = field.type as unknown as FieldType;
  switch (type.kind === 'wrapped' ? String(type.of) : type.kind) {
    case 'bool':
      return [true, false];
    case 'string':
    case 'text-value':
      return ['x-value', '/x', '6f6b', '1.2.3', '1.2.3.4'];
    case 'bytes':
      return ['eHg=', 'AQ=='];
    case 'struct':
      return [{ a: 'b' }];
    case 'uint32':
    case 'uint64':
    case 'int32':
      return [3, 1, 9, 16, 77, 404, 70_000];
    case 'double':
    case 'float':
      return [0.25, 7];
    case 'duration':
      return ['7s', '0.007s', '700s', '0.5s'];
    case 'enum':
      return Object.keys(type.numbers ?? {});
    case 'message':
      return [{}];
    default:
      return [];
  }
}

/** Values by `message.field` that no rule here would guess. */
export type Words = Readonly<Record<string, readonly unknown[]>>;

/** What comes of a document as it has been changed. */
type Outcome = () => 'same' | 'different' | 'refused';

/** What was heard of the fields of all documents that were tried. */
export class FieldEffects {
  private readonly words: Words;
  private readonly heard = new FieldSet();
  private readonly refused = new FieldSet();
  /** What messages say themselves, where their fields were tried: the same frame stands in many documents. */
  private readonly tried = new FieldSet();

  constructor(words: Words = {}) {
    this.words = words;
  }

  /** Whether what is made of a document changed with it. */
  hears(spec: MessageSpec, field: string): boolean {
    return this.heard.has(spec, field);
  }

  /** Whether a document was refused for a value of it, or for the want of one. */
  refuses(spec: MessageSpec, field: string): boolean {
    return this.refused.has(spec, field);
  }

  /** Changes each taken field in `document`, one after the other, unless it was heard in a document before. */
  try(document: Json): void {
    const base = translate(document);
    if ('refused' in base) throw new Error(`a document that carries fields is refused: ${base.refused}`);
    this.walk(bootstrap, document, () => {
      const after = translate(document);
      if ('refused' in after) return 'refused';
      return after.model === base.model ? 'same' : 'different';
    });
  }

  private walk(spec: MessageSpec, json: Json, outcome: Outcome, path = ''): void {
    const known = !this.tried.add(spec, path + ownWords(json));
    for (const [name, field] of Object.entries(spec.fields)) {
      if (!isTaken(field)) continue;
      if (!known && !this.hears(spec, name) && this.isHeard(spec, json, name, outcome))
        this.heard.add(spec, name);
      for (const inner of innerOf(field, json[name]))
        this.walk(inner.spec, inner.json, outcome, `${path}.${name}`);
    }
  }

  /** Without the field, then with each value, in place of those that exclude it; else by what lies in it. */
  private isHeard(spec: MessageSpec, json: Json, name: string, outcome: Outcome): boolean {
    const field = spec.fields[name]!;
    const before = { ...json };
    const rivals = spec.oneofs.filter((group) => group.includes(name)).flat();
    const there = before[name] !== undefined;
    const values =
      there && isMessage(field) ? [] : [...candidates(field), ...(this.words[`${spec.name}.${name}`] ?? [])];
    const attempts: Json[] = values.map((value) => ({ [name]: value }));
    if (there) attempts.unshift({});
    const changed = attempts.some((attempt) => {
      for (const rival of [name, ...rivals]) delete json[rival];
      Object.assign(json, attempt);
      const came = outcome();
      for (const key of Object.keys(json)) delete json[key];
      Object.assign(json, before);
      if (came === 'refused') this.refused.add(spec, name);
      return came === 'different';
    });
    return changed || innerOf(field, json[name]).some((inner) => this.isHeardWithin(inner, outcome));
  }

  private isHeardWithin({ spec, json }: Inner, outcome: Outcome): boolean {
    return Object.entries(spec.fields).some(
      ([name, field]) => isTaken(field) && this.isHeard(spec, json, name, outcome),
    );
  }
}

/** Names by the message that they are of. */
class FieldSet {
  private readonly names = new Map<MessageSpec, Set<string>>();

  has(spec: MessageSpec, name: string): boolean {
    return this.names.get(spec)?.has(name) ?? false;
  }

  /** False: it was there. */
  add(spec: MessageSpec, name: string): boolean {
    if (this.has(spec, name)) return false;
    const names = this.names.get(spec);
    if (names === undefined) this.names.set(spec, new Set([name]));
    else names.add(name);
    return true;
  }
}

/** A message without what lies in its messages, but with what lies in its lists: those differ where documents do. */
function ownWords(json: Json): string {
  return JSON.stringify(json, (key, value: unknown) =>
    key !== '' && typeof value === 'object' && !Array.isArray(value) ? null : value,
  );
}

interface Inner {
  readonly spec: MessageSpec;
  readonly json: Json;
}

/** The messages that lie in a field's value, with what describes them. */
function innerOf({ type, shape }: Field<unknown>, value: unknown): Inner[] {
  if (value === undefined || value === null) return [];
  const { kind, of, types = [] } = type as unknown as FieldType;
  const items = shape === 'repeated' || shape === 'map' ? Object.values(value) : [value];
  if (kind === 'message') return items.map((json) => ({ spec: of as MessageSpec, json }));
  if (kind !== 'any') return [];
  return items.flatMap((json) => {
    const spec = types.find(({ name }) => String(json['@type']).endsWith(`/${name}`));
    return spec === undefined ? [] : [{ spec, json }];
  });
}

// Proves that a field of a configuration is heard: it is changed in a document that carries its message, and what the
// proxy makes of the document has to differ. A field whose name is merely read somewhere passes no such test.

import { parseBootstrap } from '../bootstrap.ts';
import { bootstrap } from '../schema/bootstrap.ts';
import type { Field, MessageSpec } from '../schema/field.ts';

type Json = Record<string, unknown>;

export interface FieldEffects {
  /** `message.field` of what was tried in a document, of the messages asked for. */
  readonly tried: ReadonlySet<string>;
  /** Those of them that changed the configuration. */
  readonly heard: ReadonlySet<string>;
}

/** Maps, sets and patterns are written out: JSON alone would call two of them equal. */
function describe(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) => {
    if (part instanceof Map) return ['map', ...part];
    if (part instanceof Set) return ['set', ...part];
    if (part instanceof RegExp || typeof part === 'bigint') return String(part);
    return part;
  });
}

/** The configuration of a document without the document itself, or null where it is refused. */
function translate(document: Json): string | null {
  const parsed = parseBootstrap(JSON.stringify(document), { fileName: 'effects', version: '1' });
  if (!parsed.ok) return null;
  const { document: _, ...model } = parsed.value as unknown as Json;
  return describe(model);
}

/** Values to try, unlike any default; a message is tried empty and with each of its scalar fields. */
function candidates({ type, shape }: Field<unknown>, depth = 1): unknown[] {
  const values = valuesOf(type as unknown as FieldType, depth);
  if (shape === 'repeated') return values.map((value) => [value]);
  return shape === 'map' ? values.map((value) => ({ key: value })) : values;
}

interface FieldType {
  readonly kind: string;
  readonly of?: unknown;
  readonly numbers?: Record<string, number>;
  readonly types?: readonly MessageSpec[];
}

function valuesOf(type: FieldType, depth: number): unknown[] {
  switch (type.kind === 'wrapped' ? String(type.of) : type.kind) {
    case 'bool':
      return [true, false];
    case 'string':
      return ['x-value', '/x', '6f6b', '1.2.3'];
    case 'bytes':
      return ['eHg=', 'AQ=='];
    case 'struct':
      return [{ a: 'b' }];
    case 'uint32':
    case 'uint64':
    case 'int32':
      return [3, 1, 9, 77, 70_000];
    case 'double':
    case 'float':
      return [0.25, 7];
    case 'duration':
      return ['7s', '0.007s', '700s'];
    case 'enum':
      return Object.keys(type.numbers ?? {});
    case 'message':
      return [{}, ...(depth === 0 ? [] : partsOf(type.of as MessageSpec, depth - 1))];
    default:
      return [];
  }
}

function partsOf({ fields }: MessageSpec, depth: number): Json[] {
  return Object.entries(fields).flatMap(([name, field]) =>
    candidates(field, depth).map((value) => ({ [name]: value })),
  );
}

/** Changes each taken field of the messages `of` wherever `document` has one of them. */
export function tryFields(document: Json, of: ReadonlySet<string>): FieldEffects {
  const base = translate(document);
  if (base === null) throw new Error('the document that carries the fields is refused');
  const tried = new Set<string>();
  const heard = new Set<string>();

  function changes(json: Json, name: string, value: unknown): boolean {
    const had = Object.hasOwn(json, name);
    const before = json[name];
    if (value === undefined) delete json[name];
    else json[name] = value;
    const after = translate(document);
    if (had) json[name] = before;
    else delete json[name];
    return after !== null && after !== base;
  }

  function walk(spec: MessageSpec, json: Json): void {
    for (const [name, field] of Object.entries(spec.fields)) {
      const { kind } = field.type as unknown as FieldType;
      if (kind === 'refused' || kind === 'ignored') continue;
      const key = `${spec.name}.${name}`;
      if (of.has(spec.name) && !heard.has(key)) {
        tried.add(key);
        const values = json[name] === undefined ? candidates(field) : [undefined, ...candidates(field)];
        if (values.some((value) => changes(json, name, value))) heard.add(key);
      }
      for (const inner of innerOf(field, json[name])) walk(inner.spec, inner.json);
    }
  }

  walk(bootstrap, document);
  return { tried, heard };
}

/** The messages that lie in a field's value, with what describes them. */
function innerOf({ type, shape }: Field<unknown>, value: unknown): { spec: MessageSpec; json: Json }[] {
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

// A raw object against the schema of its kind: a resource, or every fault in it with path, rule and value; or the reason why the mesh does not
// look at it at all.

import { z } from 'zod';
import { type Issue, nearestName } from '../../base/index.ts';
import { type RawObject, splitApiVersion } from '../source/types.ts';
import { kinds, laterKinds, type Resource, weftGroup } from './resources.ts';

export type Verdict =
  | { readonly kind: 'resource'; readonly resource: Resource }
  | { readonly kind: 'faulty'; readonly issues: readonly Issue[] }
  /** Not for the mesh; the note says so in the object's status. */
  | { readonly kind: 'ignored'; readonly note: string };

export function validateObject(raw: RawObject): Verdict {
  const [group, version] = splitApiVersion(raw.apiVersion);
  const row = kinds.find((candidate) => candidate.kind === raw.kind && candidate.group === group);
  if (row === undefined) return judgeUnknown(raw, group);
  if (!row.versions.includes(version)) {
    const rule = `must be ${row.versions.map((one) => (group === '' ? one : `${group}/${one}`)).join(' or ')}`;
    return { kind: 'faulty', issues: [issue(raw, 'apiVersion', rule, raw.apiVersion)] };
  }
  const value = withoutNulls(raw.value);
  const parsed = row.schema.safeParse(value);
  if (!parsed.success)
    return {
      kind: 'faulty',
      issues: parsed.error.issues.flatMap((one) => toIssues({ ...raw, value }, one, row.schema)),
    };
  const { metadata, spec } = parsed.data;
  // The row pairs the kind with the schema of its spec; the type checker cannot follow a table.
  const resource = { key: raw.key, kind: row.kind, metadata, spec, origin: raw.origin } as Resource;
  return { kind: 'resource', resource };
}

/** A field that is null is absent, as the API server has it. Items of lists stay: there null is a value, and a wrong one. */
function withoutNulls<T>(value: T): T {
  if (Array.isArray(value)) return value.map(withoutNulls) as T;
  if (typeof value !== 'object' || value === null) return value;
  const kept = Object.entries(value).filter(([, field]) => field !== null);
  return Object.fromEntries(kept.map(([name, field]) => [name, withoutNulls(field)])) as T;
}

function judgeUnknown(raw: RawObject, group: string): Verdict {
  if (laterKinds.has(`${group}/${raw.kind}`))
    return { kind: 'faulty', issues: [issue(raw, 'kind', 'is not supported yet by this version', raw.kind)] };
  if (group === weftGroup)
    return { kind: 'faulty', issues: [issue(raw, 'kind', `is not a kind of ${weftGroup}`, raw.kind)] };
  return { kind: 'ignored', note: `${raw.apiVersion} ${raw.kind} is not a kind that the mesh reads` };
}

function toIssues(raw: RawObject, one: z.core.$ZodIssue, schema: z.ZodType): readonly Issue[] {
  const path = formatPath(one.path);
  if (one.code === 'unrecognized_keys')
    return one.keys.map((key) => {
      const near = nearestName(key, fieldNames(schema, one.path));
      const rule = `is not a field of this kind${near === null ? '' : ` (is it ${near}?)`}`;
      return issue(raw, path === '' ? key : `${path}.${key}`, rule, '');
    });
  const value = valueAt(raw.value, one.path);
  const missing = value === undefined && absent.has(one.code);
  return [issue(raw, path, missing ? 'is required' : one.message, shorten(value))];
}

type JsonSchema = z.core.JSONSchema.BaseSchema;

/** Names that the schema knows at a path; none where the path leads through a choice of shapes. */
function fieldNames(schema: z.ZodType, path: readonly PropertyKey[]): readonly string[] {
  let at: JsonSchema | undefined = z.toJSONSchema(schema, {
    io: 'input',
    unrepresentable: 'any',
  });
  for (const part of path) {
    const next: unknown = typeof part === 'number' ? listItem(at) : at?.properties?.[String(part)];
    at = typeof next === 'object' && next !== null ? (next as JsonSchema) : undefined;
  }
  return Object.keys(at?.properties ?? {});
}

/** A list that may be null is one of two shapes. */
function listItem(schema: JsonSchema | undefined): unknown {
  return [schema, ...(schema?.anyOf ?? [])].find((one) => one?.items !== undefined)?.items;
}

/** Codes of the schema library that an absent field may end in. */
const absent: ReadonlySet<string> = new Set(['invalid_type', 'invalid_value', 'invalid_union']);

/** `spec.rules[0].backendRefs[1].weight`. */
function formatPath(path: readonly PropertyKey[]): string {
  let text = '';
  for (const part of path)
    text += typeof part === 'number' ? `[${part}]` : text === '' ? String(part) : `.${String(part)}`;
  return text;
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  let at = value;
  for (const part of path) {
    if (typeof at !== 'object' || at === null) return undefined;
    at = (at as Readonly<Record<PropertyKey, unknown>>)[part];
  }
  return at;
}

const shownMax = 80;

function shorten(value: unknown): string {
  if (value === undefined) return '';
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
  return text.length <= shownMax ? text : `${text.slice(0, shownMax)}…`;
}

function issue(raw: RawObject, field: string, rule: string, value: string): Issue {
  return { object: raw.key, field, rule, value };
}

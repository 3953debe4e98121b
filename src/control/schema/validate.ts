// A raw object against the schema of its kind: a resource, or every fault in it with path, rule and value; or the
// reason why the mesh does not look at it at all.

import { z } from 'zod';
import { type Issue, nearestName } from '../../base/index.ts';
import { type RawObject, splitApiVersion } from '../source/types.ts';
import { type KindRow, kinds, laterKinds, type Resource, weftGroup } from './resources.ts';
import { metadataSchema } from './values.ts';

export type Verdict =
  /** Sound, but for parts of it that `issues` name: these answer for themselves, the rest holds as written. */
  | { readonly kind: 'resource'; readonly resource: Resource; readonly issues: readonly Issue[] }
  /** `salvaged`: what must hold of it all the same, so that nothing fails open; null: nothing. */
  | { readonly kind: 'faulty'; readonly issues: readonly Issue[]; readonly salvaged: Resource | null }
  /** Not for the mesh; the note says so in the object's status. */
  | { readonly kind: 'ignored'; readonly note: string };

export function validateObject(given: RawObject): Verdict {
  const [group, version] = splitApiVersion(given.apiVersion);
  const row = kinds.find((candidate) => candidate.kind === given.kind && candidate.group === group);
  if (row === undefined) return judgeUnknown(given, group);
  if (!row.versions.includes(version)) {
    const rule = `must be ${row.versions.map((one) => (group === '' ? one : `${group}/${one}`)).join(' or ')}`;
    return { kind: 'faulty', issues: [issue(given, 'apiVersion', rule, given.apiVersion)], salvaged: null };
  }
  const raw = { ...given, value: withoutNulls(given.value) };
  const parsed = row.schema.safeParse(raw.value);
  if (!parsed.success) {
    const issues = parsed.error.issues.flatMap((one) => toIssues(raw, one, row.schema, []));
    return { kind: 'faulty', issues, salvaged: salvage(raw, row) };
  }
  const { metadata, spec } = parsed.data;
  return {
    kind: 'resource',
    resource: resourceOf(raw, row, metadata, spec),
    issues: partIssues(raw, row, spec),
  };
}

// The row pairs the kind with the schema of its spec; the type checker cannot follow a table.
function resourceOf(
  raw: RawObject,
  { kind }: KindRow,
  metadata: Resource['metadata'],
  spec: Resource['spec'],
): Resource {
  return { key: raw.key, kind, metadata, spec, origin: raw.origin } as Resource;
}

function partIssues(raw: RawObject, { parts }: KindRow, spec: Resource['spec']): readonly Issue[] {
  if (parts === undefined) return [];
  return parts
    .faultsOf(spec as never)
    .flatMap((faults, index) =>
      faults.flatMap((fault) => toIssues(raw, fault, parts.schema, ['spec', parts.field, index])),
    );
}

function salvage(raw: RawObject, row: KindRow): Resource | null {
  const given = raw.value['metadata'];
  const whole = metadataSchema.safeParse(given);
  const { name, namespace } = (given ?? {}) as { readonly name?: unknown; readonly namespace?: unknown };
  // Whose it is is enough to know.
  const metadata = whole.success ? whole : metadataSchema.safeParse({ name, namespace });
  const spec = row.salvage?.(raw.value['spec']) ?? null;
  if (!metadata.success || spec === null) return null;
  return { ...resourceOf(raw, row, metadata.data, spec), salvaged: true };
}

/**
 * One of ours, misspelt: the kind within its group, or the group of a kind. Foreign kinds that are merely named alike
 * are not meant.
 */
function nearestKind(kind: string, group: string): string | null {
  const ofGroup = kinds.filter((row) => row.group === group && group !== '').map((row) => row.kind);
  const near = nearestName(kind, ofGroup);
  if (near !== null) return near;
  const groups = kinds.filter((row) => row.kind === kind && row.group !== '').map((row) => row.group);
  const nearGroup = nearestName(group, groups);
  if (nearGroup !== null) return `${nearGroup}/${kind}`;
  // Kubernetes' own kinds are many, and known; what is left of v1 is a slip.
  return group === '' && !coreKinds.has(kind) ? nearestName(kind, ['Service']) : null;
}

const coreKinds: ReadonlySet<string> = new Set(['Secret', 'ServiceAccount']);

/**
 * A field that is null is absent, as the API server has it. Items of lists stay: there null is a value, and a wrong
 * one.
 */
function withoutNulls<T>(value: T): T {
  if (Array.isArray(value)) return value.map(withoutNulls) as T;
  if (typeof value !== 'object' || value === null) return value;
  const kept = Object.entries(value).filter(([, field]) => field !== null);
  return Object.fromEntries(kept.map(([name, field]) => [name, withoutNulls(field)])) as T;
}

function judgeUnknown(raw: RawObject, group: string): Verdict {
  if (laterKinds.has(`${group}/${raw.kind}`))
    return {
      kind: 'faulty',
      issues: [issue(raw, 'kind', 'is not supported yet by this version', raw.kind)],
      salvaged: null,
    };
  if (group === weftGroup)
    return {
      kind: 'faulty',
      issues: [issue(raw, 'kind', `is not a kind of ${weftGroup}`, raw.kind)],
      salvaged: null,
    };
  const near = nearestKind(raw.kind, group);
  if (near !== null) {
    const rule = `is not a kind of any API that the mesh knows (is it ${near}?)`;
    return {
      kind: 'faulty',
      issues: [issue(raw, 'kind', rule, `${raw.apiVersion} ${raw.kind}`)],
      salvaged: null,
    };
  }
  return { kind: 'ignored', note: `${raw.apiVersion} ${raw.kind} is not a kind that the mesh reads` };
}

/** `base`: where in the object the schema's own paths begin. */
function toIssues(
  raw: RawObject,
  one: z.core.$ZodIssue,
  schema: z.ZodType,
  base: readonly PropertyKey[],
): readonly Issue[] {
  const path = formatPath([...base, ...one.path]);
  if (one.code === 'unrecognized_keys')
    return one.keys.map((key) => {
      const near = nearestName(key, fieldNames(schema, one.path));
      const rule = `is not a field of this kind${near === null ? '' : ` (is it ${near}?)`}`;
      return issue(raw, path === '' ? key : `${path}.${key}`, rule, '');
    });
  const value = valueAt(raw.value, [...base, ...one.path]);
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

// What a request says of the subset that it is for: compiled where routes are, so that a request compares one text.
// Merged as Envoy merges (MetadataMatchCriteriaImpl): what is said more closely wins, key by key.

import type { Labels } from './types.ts';

export interface Criterion {
  readonly name: string;
  /** As {@link encodeValue} has it. */
  readonly value: string;
}

export interface Criteria {
  /** By name. */
  readonly entries: readonly Criterion[];
  /** Names and values as one text; two alike ask for the same. */
  readonly key: string;
  /** As they were said. */
  readonly labels: Labels;
  /** What to look for one after the other, under a cluster that goes by `fallback_list`; null: none is said. */
  readonly variants: readonly Criteria[] | null;
}

const fallbackList = 'fallback_list';

export function compileCriteria(labels: Labels): Criteria {
  const list = labels[fallbackList];
  return { ...compile(labels), variants: list === undefined ? null : compileVariants(labels, list) };
}

/** `labels` said more closely than `outer`, of which they replace what has the same names. */
export function mergeCriteria(outer: Criteria | null, labels: Labels): Criteria {
  return compileCriteria(outer === null ? labels : { ...outer.labels, ...labels });
}

/** Those of these names. */
export function filterCriteria({ labels }: Criteria, names: readonly string[]): Criteria {
  const kept = Object.fromEntries(Object.entries(labels).filter(([name]) => names.includes(name)));
  return { ...compile(kept), variants: null };
}

/** An element that is no struct says nothing; a list without any, or what is no list, leaves what is beside it. */
function compileVariants(labels: Labels, list: unknown): readonly Criteria[] {
  const { [fallbackList]: _, ...base } = labels;
  const overrides = Array.isArray(list) && list.length > 0 ? list : [{}];
  return overrides.map((override: unknown) => {
    const said =
      typeof override === 'object' && !Array.isArray(override) ? (override as Labels | null) : null;
    return { ...compile({ ...base, ...said }), variants: null };
  });
}

function compile(labels: Labels): Omit<Criteria, 'variants'> {
  const entries = Object.entries(labels)
    .map(([name, value]) => ({ name, value: encodeValue(value) }))
    .sort((one, other) => (one.name < other.name ? -1 : 1));
  return { entries, key: encodeEntries(entries), labels };
}

/** A text that no other names and values have. */
export function encodeEntries(entries: readonly Criterion[]): string {
  return entries.map(({ name, value }) => `${JSON.stringify(name)}:${value}`).join();
}

/** Of google.protobuf.Value, equal where the values are, whatever the order of a struct's fields. */
export function encodeValue(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(encodeValue).join()}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const fields = Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1));
  return `{${fields.map(([name, field]) => `${JSON.stringify(name)}:${encodeValue(field)}`).join()}}`;
}

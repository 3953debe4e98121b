// Which endpoints are of which subsets. An endpoint is of one subset of each selector of which it has all the keys;
// where lists count as any of their values, of one for each combination of them, which is why their number is bounded
// before they are made.

import { policyLimits } from '../../limits.ts';
import type { EndpointLoad } from '../types.ts';
import { encodeEntries, encodeValue } from './criteria.ts';
import type { Labels, SubsetConfig, SubsetSelector } from './types.ts';

export interface Group<E> {
  readonly selector: SubsetSelector;
  /** By priority. */
  readonly priorities: E[][];
}

export interface Groups<E> {
  /** By {@link encodeEntries}. */
  readonly groups: ReadonlyMap<string, Group<E>>;
  /** Endpoints that a subset of one endpoint already had another for. */
  readonly duplicates: number;
  /** Subsets that were not made, because there are too many already. */
  readonly refused: number;
}

export function groupMembers<E extends EndpointLoad>(
  priorities: readonly (readonly E[])[],
  config: SubsetConfig,
): Groups<E> {
  const groups = new Map<string, Group<E>>();
  let duplicates = 0;
  let refused = 0;
  for (const [priority, endpoints] of priorities.entries()) {
    for (const endpoint of endpoints) {
      for (const selector of config.selectors) {
        for (const key of keysOf(endpoint.labels, selector.keys, config.listAsAny)) {
          let group = groups.get(key);
          if (group === undefined) {
            if (groups.size >= policyLimits.subsetsMax) {
              refused += 1;
              break;
            }
            group = { selector, priorities: priorities.map(() => []) };
            groups.set(key, group);
          }
          const members = group.priorities[priority]!;
          if (selector.singleHost && members.length > 0) duplicates += 1;
          else if (members.at(-1) !== endpoint) members.push(endpoint);
        }
      }
    }
  }
  return { groups, duplicates, refused };
}

/** Of the subsets of one selector that an endpoint with these labels is of. */
function* keysOf(labels: Labels | null, names: readonly string[], listAsAny: boolean): Generator<string> {
  if (labels === null || !names.every((name) => name in labels)) return;
  const values = names.map((name) => valuesOf(labels[name], listAsAny));
  const places = values.map(() => 0);
  if (values.some(({ length }) => length === 0)) return;
  for (;;) {
    yield encodeEntries(names.map((name, at) => ({ name, value: values[at]![places[at]!]! })));
    // The next combination: the last name counts fastest.
    let at = names.length - 1;
    while (at >= 0 && places[at]! + 1 === values[at]!.length) places[at--] = 0;
    if (at < 0) return;
    places[at]! += 1;
  }
}

function valuesOf(value: unknown, listAsAny: boolean): readonly string[] {
  return listAsAny && Array.isArray(value) ? [...new Set(value.map(encodeValue))] : [encodeValue(value)];
}

/** An endpoint's labels say all that is wanted. */
export function hasLabels(labels: Labels | null, wanted: Labels, listAsAny: boolean): boolean {
  return Object.entries(wanted).every(([name, value]) => {
    if (labels === null || !(name in labels)) return false;
    return valuesOf(labels[name], listAsAny).includes(encodeValue(value));
  });
}

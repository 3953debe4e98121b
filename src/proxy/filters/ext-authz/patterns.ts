// Which fields of a request an authorization service is shown.

import { compileValues, type ValueMatcher } from '../../../policy/index.ts';
import type { ExtAuthzConfig } from '../../config/filter-types.ts';

export interface ShownFields {
  /** null: the configuration names none. */
  readonly allowed: readonly ValueMatcher[] | null;
  readonly disallowed: readonly ValueMatcher[];
}

export function compileShown({ allowedHeaders, disallowedHeaders }: ExtAuthzConfig): ShownFields {
  return {
    allowed: allowedHeaders === null ? null : compileValues(allowedHeaders),
    disallowed: compileValues(disallowedHeaders),
  };
}

export function matchesAny(patterns: readonly ValueMatcher[], name: string): boolean {
  return patterns.some((pattern) => pattern.matches(name));
}

// Envoy's ValueMatcher and MetadataMatcher (type.matcher.v3): what filters said of a request, compared.

import { compileValues, type ValueMatcher } from '../route/index.ts';
import type { MetadataMatch, ValueMatch } from './types.ts';

type Test = (value: unknown) => boolean;

/** `metadata` gives what the filter of a name said. */
export function compileMetadata(
  match: MetadataMatch,
): (metadata: (filter: string) => Readonly<Record<string, unknown>> | undefined) => boolean {
  const matches = compileTest(match.value);
  return (metadata) => {
    let value: unknown = metadata(match.filter);
    for (const key of match.path)
      value = isRecord(value) && Object.hasOwn(value, key) ? value[key] : undefined;
    return matches(value) !== match.invert;
  };
}

function compileTest(match: ValueMatch): Test {
  switch (match.kind) {
    case 'null':
      return (value) => value === null;
    case 'number':
      return (value) =>
        typeof value === 'number' &&
        (match.exact ? value === match.min : value >= match.min && value < match.max);
    case 'string': {
      const [matcher] = compileValues([match.match]);
      return (value) => typeof value === 'string' && (matcher as ValueMatcher).matches(value);
    }
    case 'bool':
      return (value) => value === match.value;
    case 'present':
      // Envoy's: `false` is fulfilled by nothing, not by absence.
      return (value) => match.value && value !== undefined;
    case 'list': {
      const item = compileTest(match.item);
      return (value) => Array.isArray(value) && value.some(item);
    }
    case 'or': {
      const tests = match.values.map(compileTest);
      return (value) => tests.some((test) => test(value));
    }
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

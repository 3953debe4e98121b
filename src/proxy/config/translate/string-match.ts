// Matchers of strings and headers, of routes as of filters: Envoy's several spellings reduced to one each.

import { compileRegex, type HeaderMatch, type StringMatch } from '../../../policy/index.ts';
import { type Faults, join, type MessageOf, type routeMatch } from '../schema/index.ts';

type HeaderMatcher = MessageOf<typeof routeMatch>['headers'][number];
type StringMatcher = NonNullable<HeaderMatcher['string_match']>;

export const present: StringMatch = { kind: 'present' };

export function translateHeader(header: HeaderMatcher, path: string, faults: Faults): HeaderMatch {
  const inverted = header.invert_match === true;
  const name = (header.name ?? '').toLowerCase();
  // `present_match: false` means absent.
  const invert = header.present_match === false ? !inverted : inverted;
  const missingIsEmpty = header.treat_missing_header_as_empty === true;
  const match = headerString(header, path, faults);
  return missingIsEmpty ? { name, match, invert, missingIsEmpty } : { name, match, invert };
}

function headerString(header: HeaderMatcher, path: string, faults: Faults): StringMatch {
  if (header.string_match !== undefined) {
    return translateString(header.string_match, join(path, 'string_match'), faults);
  }
  if (header.exact_match !== undefined) return plain('exact', header.exact_match);
  if (header.prefix_match !== undefined) return plain('prefix', header.prefix_match);
  if (header.suffix_match !== undefined) return plain('suffix', header.suffix_match);
  if (header.contains_match !== undefined) return plain('contains', header.contains_match);
  if (header.safe_regex_match !== undefined) {
    return regex(header.safe_regex_match.regex ?? '', join(path, 'safe_regex_match.regex'), faults);
  }
  const range = header.range_match;
  return range === undefined ? present : { kind: 'range', start: range.start ?? 0, end: range.end ?? 0 };
}

export function translateString(matcher: StringMatcher, path: string, faults: Faults): StringMatch {
  const ignoreCase = matcher.ignore_case === true;
  if (matcher.safe_regex !== undefined) {
    if (ignoreCase) faults.add(join(path, 'ignore_case'), 'does not hold for safe_regex', true);
    return regex(matcher.safe_regex.regex ?? '', join(path, 'safe_regex.regex'), faults);
  }
  if (matcher.exact !== undefined) return plain('exact', matcher.exact, ignoreCase);
  if (matcher.prefix !== undefined) return plain('prefix', matcher.prefix, ignoreCase);
  if (matcher.suffix !== undefined) return plain('suffix', matcher.suffix, ignoreCase);
  if (matcher.contains !== undefined) return plain('contains', matcher.contains, ignoreCase);
  faults.add(path, 'one of exact, prefix, suffix, contains, safe_regex must be set');
  return present;
}

function plain(
  kind: 'exact' | 'prefix' | 'suffix' | 'contains',
  value: string,
  ignoreCase = false,
): StringMatch {
  return { kind, value, ignoreCase };
}

function regex(value: string, path: string, faults: Faults): StringMatch {
  checkRegex(value, path, faults);
  return { kind: 'regex', value };
}

/** Refused here, where the field's path is known, and not when the table of routes is made. */
export function checkRegex(value: string, path: string, faults: Faults): void {
  const regex = compileRegex(value);
  if (!regex.ok) faults.add(path, regex.error, value);
}

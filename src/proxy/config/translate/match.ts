// Matchers of routes: Envoy's several spellings of a string, header and query match reduced to one each.

import {
  compileRegex,
  type HeaderMatch,
  type PathMatch,
  type RouteMatch,
  type StringMatch,
} from '../../../policy/index.ts';
import { type Faults, join, type MessageOf, type routeMatch } from '../schema/index.ts';

import { translateTemplate } from './rewrites.ts';
import { shareOf } from './share.ts';

type RouteMatchMessage = MessageOf<typeof routeMatch>;
type HeaderMatcher = RouteMatchMessage['headers'][number];
type StringMatcher = NonNullable<HeaderMatcher['string_match']>;

export function translateMatch(match: RouteMatchMessage, path: string, faults: Faults): RouteMatch {
  const headers = match.headers.map((header, index) =>
    translateHeader(header, `${join(path, 'headers')}[${index}]`, faults),
  );
  if (match.grpc !== undefined) headers.push(grpcMatch);
  const query = match.query_parameters.map((parameter, index) => {
    const at = `${join(path, 'query_parameters')}[${index}]`;
    const string = parameter.string_match;
    return {
      name: parameter.name ?? '',
      match: string === undefined ? present : translateString(string, join(at, 'string_match'), faults),
    };
  });
  const fraction = match.runtime_fraction;
  const share = fraction === undefined ? {} : { share: shareOf(fraction.default_value, 1) };
  return { path: translatePath(match, path, faults), headers, query, ...share };
}

const present: StringMatch = { kind: 'present' };

const grpcMatch: HeaderMatch = {
  name: 'content-type',
  match: { kind: 'regex', value: 'application/grpc(\\+.*)?' },
  invert: false,
};

function translatePath(match: RouteMatchMessage, path: string, faults: Faults): PathMatch {
  const ignoreCase = match.case_sensitive === false;
  if (match.safe_regex !== undefined) {
    const value = match.safe_regex.regex ?? '';
    checkRegex(value, join(path, 'safe_regex.regex'), faults);
    if (ignoreCase) faults.add(join(path, 'case_sensitive'), 'does not hold for safe_regex', false);
    return { kind: 'regex', value };
  }
  if (match.path !== undefined) return { kind: 'exact', value: match.path, ignoreCase };
  if (match.path_separated_prefix !== undefined) {
    const value = match.path_separated_prefix;
    if (!value.startsWith('/') || value.endsWith('/') || /[?#]/.test(value)) {
      faults.add(
        join(path, 'path_separated_prefix'),
        'must start with / and not end with /, without ? and #',
        value,
      );
    }
    return { kind: 'separated-prefix', value, ignoreCase };
  }
  if (match.path_match_policy !== undefined) {
    const template = translateTemplate(match.path_match_policy, join(path, 'path_match_policy'), faults);
    if (template === null) return { kind: 'exact', value: '', ignoreCase: false };
    checkRegex(template.pattern, join(path, 'path_match_policy'), faults);
    return { kind: 'regex', value: template.pattern };
  }
  if (match.connect_matcher !== undefined) return { kind: 'connect', value: '', ignoreCase: false };
  if (match.prefix === undefined) {
    faults.add(
      path,
      'one of prefix, path, safe_regex, path_separated_prefix, connect_matcher, path_match_policy must be set',
    );
  }
  return { kind: 'prefix', value: match.prefix ?? '/', ignoreCase };
}

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

// String, header and query matchers, compiled once from their configuration (Envoy's StringMatcher, HeaderMatcher and
// QueryParameterMatcher).

import { assert, fail, ok, type Result } from '../../base/index.ts';
import { matchesLines } from './field-lines.ts';
import { compileRegex, type SafeRegex } from './regex/index.ts';
import type { HeaderMatch, RequestView, RouteMatch, StringMatch } from './types.ts';

/** One shape for all kinds, so that the call site stays monomorphic. */
export class ValueMatcher {
  readonly kind: StringMatch['kind'];
  readonly value: string;
  readonly ignoreCase: boolean;
  readonly regex: SafeRegex | null;
  start = 0;
  end = 0;

  constructor(kind: StringMatch['kind'], value: string, ignoreCase: boolean, regex: SafeRegex | null) {
    this.kind = kind;
    this.value = ignoreCase ? value.toLowerCase() : value;
    this.ignoreCase = ignoreCase;
    this.regex = regex;
  }

  matches(received: string): boolean {
    const text = this.ignoreCase ? received.toLowerCase() : received;
    switch (this.kind) {
      case 'present':
        return true;
      case 'exact':
        return text === this.value;
      case 'prefix':
        return text.startsWith(this.value);
      case 'suffix':
        return text.endsWith(this.value);
      case 'contains':
        return text.includes(this.value);
      case 'regex':
        return this.regex!.matches(text, 0, text.length);
      case 'range':
        return wholeNumber.test(text) && Number(text) >= this.start && Number(text) < this.end;
    }
  }
}

/** As Envoy reads one (absl::SimpleAtoi), of what fits into 64 bits. */
const wholeNumber = /^\s*[-+]?\d{1,19}\s*$/;

export function compileValue(match: StringMatch): Result<ValueMatcher, string> {
  if (match.kind === 'present') return ok(new ValueMatcher('present', '', false, null));
  if (match.kind === 'range') {
    const matcher = new ValueMatcher('range', '', false, null);
    matcher.start = match.start;
    matcher.end = match.end;
    return ok(matcher);
  }
  if (match.kind !== 'regex') return ok(new ValueMatcher(match.kind, match.value, match.ignoreCase, null));
  const regex = compileRegex(match.value);
  return regex.ok ? ok(new ValueMatcher('regex', match.value, false, regex.value)) : fail(regex.error);
}

export interface CompiledHeader {
  readonly name: string;
  readonly matcher: ValueMatcher;
  readonly invert: boolean;
  readonly missingIsEmpty: boolean;
}

export function compileHeader(match: HeaderMatch, matcher: ValueMatcher): CompiledHeader {
  const { name, invert, missingIsEmpty = false } = match;
  return { name: name.toLowerCase(), matcher, invert, missingIsEmpty };
}

/** Of a configuration that was validated. */
export function compileValues(matches: readonly StringMatch[]): readonly ValueMatcher[] {
  return matches.map((match) => {
    const matcher = compileValue(match);
    assert(matcher.ok, 'a validated matcher compiles');
    return matcher.value;
  });
}

/** Of a configuration that was validated. */
export function compileHeaders(headers: readonly HeaderMatch[]): readonly CompiledHeader[] {
  const matchers = compileValues(headers.map(({ match }) => match));
  return headers.map((header, index) => compileHeader(header, matchers[index]!));
}

export function matchesHeaders(headers: readonly CompiledHeader[], view: RequestView): boolean {
  for (let index = 0; index < headers.length; index++) {
    const header = headers[index]!;
    let value = fieldOf(header.name, view);
    // A missing header matches nothing but "not present", inverted or not (Envoy, unless
    // treat_missing_header_as_empty).
    if (value === null && header.missingIsEmpty) value = '';
    if (value === null) {
      if (!header.invert || header.matcher.kind !== 'present') return false;
    } else if (matchesLines(header.matcher, header.name, value, view) === header.invert) return false;
  }
  return true;
}

function fieldOf(name: string, view: RequestView): string | null {
  if (name.charCodeAt(0) !== 0x3a) return view.getName(name);
  if (name === ':method') return view.method;
  if (name === ':path') return view.path;
  return name === ':authority' ? view.authority : null;
}

export interface CompiledQuery {
  readonly name: string;
  readonly matcher: ValueMatcher;
}

export function compileQuery(match: RouteMatch['query'][number], matcher: ValueMatcher): CompiledQuery {
  return { name: match.name, matcher };
}

/** Of a configuration that was validated. */
export function compileParameters(query: RouteMatch['query']): readonly CompiledQuery[] {
  const matchers = compileValues(query.map(({ match }) => match));
  return query.map((parameter, index) => compileQuery(parameter, matchers[index]!));
}

/** Compares the first parameter of each name, as received: percent encoding is not undone, as in Envoy. */
export function matchesQuery(query: readonly CompiledQuery[], path: string): boolean {
  for (let index = 0; index < query.length; index++) {
    const parameter = query[index]!;
    const start = findParameter(path, parameter.name);
    if (start < 0) return false;
    const { matcher } = parameter;
    if (matcher.kind === 'present') continue;
    if (!matcher.matches(path.slice(start, parameterEnd(path, start)))) return false;
  }
  return true;
}

/** Where the value of the first parameter `name` starts, or -1 without one. */
function findParameter(path: string, name: string): number {
  let at = path.indexOf('?') + 1;
  // Without a query, or with its question mark inside the fragment.
  if (at === 0 || queryEnd(path, 0) < at) return -1;
  const end = queryEnd(path, at);
  while (at <= end) {
    const next = parameterEnd(path, at);
    const nameEnd = at + name.length;
    if (nameEnd <= next && path.startsWith(name, at)) {
      if (nameEnd === next) return next;
      if (path.charCodeAt(nameEnd) === 0x3d) return nameEnd + 1;
    }
    at = next + 1;
  }
  return -1;
}

function parameterEnd(path: string, start: number): number {
  const end = queryEnd(path, start);
  const next = path.indexOf('&', start);
  return next < 0 || next > end ? end : next;
}

function queryEnd(path: string, start: number): number {
  const fragment = path.indexOf('#', start);
  return fragment < 0 ? path.length : fragment;
}

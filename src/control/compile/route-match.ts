// HTTPRoute matches as RouteMatch.

import { create } from '@bufbuild/protobuf';
import {
  type HeaderMatcher,
  HeaderMatcherSchema,
  type QueryParameterMatcher,
  QueryParameterMatcherSchema,
  type RouteMatch,
  RouteMatchSchema,
  type StringMatcher,
  StringMatcherSchema,
} from '../../xds/api.ts';
import type { HttpRouteMatch } from '../schema/http-route.ts';

type ValueMatch = HttpRouteMatch['headers'][number];

export function compileMatch(
  match: HttpRouteMatch,
  grpc: boolean,
  path: PathSpecifier | undefined,
): RouteMatch {
  const headers = match.headers.map(compileHeader);
  if (match.method !== undefined)
    headers.unshift(compileHeader({ type: 'Exact', name: ':method', value: match.method }));
  return create(RouteMatchSchema, {
    pathSpecifier: path ?? compilePath(match.path),
    headers,
    queryParameters: match.queryParams.map(compileQuery),
    ...(grpc ? { grpc: {} } : {}),
  });
}

export type PathSpecifier =
  | { readonly case: 'path' | 'prefix' | 'pathSeparatedPrefix'; readonly value: string }
  | { readonly case: 'safeRegex'; readonly value: { readonly regex: string } };

function compilePath(path: HttpRouteMatch['path']): PathSpecifier {
  if (path.type === 'Exact') return { case: 'path', value: path.value };
  if (path.type === 'RegularExpression') return { case: 'safeRegex', value: { regex: path.value } };
  const prefix = trimSlash(path.value);
  return prefix === '' ? { case: 'prefix', value: '/' } : { case: 'pathSeparatedPrefix', value: prefix };
}

/** Gateway API: a prefix means the same with and without a slash at its end. */
export function trimSlash(path: string): string {
  return path.endsWith('/') ? path.slice(0, -1) : path;
}

function compileHeader(match: ValueMatch): HeaderMatcher {
  return create(HeaderMatcherSchema, {
    name: match.name.toLowerCase(),
    headerMatchSpecifier: { case: 'stringMatch', value: compileValue(match) },
  });
}

function compileQuery(match: ValueMatch): QueryParameterMatcher {
  return create(QueryParameterMatcherSchema, {
    name: match.name,
    queryParameterMatchSpecifier: { case: 'stringMatch', value: compileValue(match) },
  });
}

function compileValue(match: ValueMatch): StringMatcher {
  return create(StringMatcherSchema, {
    matchPattern:
      match.type === 'Exact'
        ? { case: 'exact', value: match.value }
        : { case: 'safeRegex', value: { regex: match.value } },
  });
}

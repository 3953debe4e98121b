// The order in which Gateway API tries the matches of all HTTPRoutes on one parent (HTTPRouteRule.matches): exact path,
// regular expression, the longest prefix; a method; more headers; more query parameters; then the older route, its
// name, and the order written.

import type { HttpRouteMatch } from '../schema/http-route.ts';
import type { RuleModel } from './types.ts';

const pathRank: Readonly<Record<HttpRouteMatch['path']['type'], number>> = {
  Exact: 0,
  // Left to implementations; before prefixes, as whoever writes one means something narrower.
  RegularExpression: 1,
  PathPrefix: 2,
};

/**
 * `rules` come in order of their routes' age and as written; the sort is stable, so that order decides among equals.
 */
export function sortByPrecedence(rules: readonly RuleModel[]): readonly RuleModel[] {
  return [...rules].sort((a, b) => compareMatches(a.match, b.match));
}

function compareMatches(a: HttpRouteMatch, b: HttpRouteMatch): number {
  return (
    pathRank[a.path.type] - pathRank[b.path.type] ||
    pathLength(b) - pathLength(a) ||
    Number(b.method !== undefined) - Number(a.method !== undefined) ||
    b.headers.length - a.headers.length ||
    b.queryParams.length - a.queryParams.length
  );
}

function pathLength(match: HttpRouteMatch): number {
  return match.path.type === 'PathPrefix' ? match.path.value.length : 0;
}

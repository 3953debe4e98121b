// The order in which Gateway API tries the matches of all routes on one parent. HTTPRouteRule.matches: exact path,
// regular expression, the longest prefix; a method; more headers; more query parameters. GRPCRouteRule.matches: the
// longest service, the longest method, more headers. Then the older route, its name, and the order written.

import type { GrpcRouteMatch } from '../schema/grpc-route.ts';
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
  return [...rules].sort((a, b) => compareOrders(a.order, b.order));
}

export function orderOfHttp(match: HttpRouteMatch): readonly number[] {
  const length = match.path.type === 'PathPrefix' ? match.path.value.length : 0;
  const method = match.method === undefined ? 0 : 1;
  return [pathRank[match.path.type], -length, -method, -match.headers.length, -match.queryParams.length];
}

export function orderOfGrpc({ method, headers }: GrpcRouteMatch): readonly number[] {
  return [-(method?.service ?? '').length, -(method?.method ?? '').length, -headers.length];
}

function compareOrders(a: readonly number[], b: readonly number[]): number {
  for (const [index, one] of a.entries()) if (one !== b[index]) return one - (b[index] ?? 0);
  return 0;
}

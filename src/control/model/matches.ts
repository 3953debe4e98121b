// Matches of rules, in the one form that is compiled: those of an HTTPRoute as they are, those of a GRPCRoute by the
// path that gRPC puts service and method in (`/service/method`, PROTOCOL-HTTP2.md of gRPC).

import { type GrpcRouteMatch, type GrpcRouteRule, grpcPattern } from '../schema/grpc-route.ts';
import type { HttpRouteMatch, HttpRouteRule } from '../schema/http-route.ts';
import { orderOfGrpc, orderOfHttp } from './precedence.ts';

export interface OrderedMatch {
  readonly match: HttpRouteMatch;
  readonly order: readonly number[];
}

export function httpMatches(rule: Pick<HttpRouteRule, 'matches' | 'unreadable'>): readonly OrderedMatch[] {
  const matches = rule.matches.length === 0 && !rule.unreadable ? [matchAll] : rule.matches;
  return matches.map((match) => ({ match, order: orderOfHttp(match) }));
}

const matchAll: HttpRouteMatch = { path: { type: 'PathPrefix', value: '/' }, headers: [], queryParams: [] };

export function grpcMatches(rule: Pick<GrpcRouteRule, 'matches' | 'unreadable'>): readonly OrderedMatch[] {
  const matches: readonly GrpcRouteMatch[] =
    rule.matches.length === 0 && !rule.unreadable ? [{ headers: [] }] : rule.matches;
  return matches.map((one) => ({
    match: { path: pathOf(one.method), headers: one.headers, queryParams: [] },
    order: orderOfGrpc(one),
  }));
}

function pathOf(method: GrpcRouteMatch['method']): HttpRouteMatch['path'] {
  if (method === undefined) return matchAll.path;
  const { type, service, method: name } = method;
  if (type === 'RegularExpression' || service === undefined)
    return { type: 'RegularExpression', value: grpcPattern(method) };
  return name === undefined
    ? { type: 'PathPrefix', value: `/${service}` }
    : { type: 'Exact', value: `/${service}/${name}` };
}

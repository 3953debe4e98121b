import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import type { HttpRouteMatch } from '../schema/http-route.ts';
import { grpcMatches } from './matches.ts';
import { orderOfHttp, sortByPrecedence } from './precedence.ts';
import type { RuleModel } from './types.ts';

type PathType = HttpRouteMatch['path']['type'];

function rule(name: string, type: PathType, value: string, extra: Partial<HttpRouteMatch> = {}): RuleModel {
  const match = { path: { type, value }, headers: [], queryParams: [], ...extra };
  return {
    name,
    owner: name,
    match,
    grpc: false,
    order: orderOfHttp(match),
    mirrors: [],
    cors: null,
    action: { kind: 'unavailable', asked: '' },
    requestEdits: null,
    responseEdits: null,
    requestTimeout: null,
    attemptTimeout: null,
    retry: null,
  };
}

const header = { type: 'Exact' as const, name: 'a', value: 'b' };

/** In the order in which Gateway API tries them. */
const ordered: readonly RuleModel[] = [
  rule('exact with a method', 'Exact', '/a', { method: 'GET' }),
  rule('exact', 'Exact', '/a'),
  rule('regular expression', 'RegularExpression', '/a.*'),
  rule('long prefix with method', 'PathPrefix', '/aaaa', { method: 'GET' }),
  rule('long prefix with two headers', 'PathPrefix', '/bbbb', { headers: [header, header] }),
  rule('long prefix with a header and a parameter', 'PathPrefix', '/cccc', {
    headers: [header],
    queryParams: [header],
  }),
  rule('long prefix with a header', 'PathPrefix', '/dddd', { headers: [header] }),
  rule('long prefix with a parameter', 'PathPrefix', '/eeee', { queryParams: [header] }),
  rule('long prefix', 'PathPrefix', '/ffff'),
  rule('short prefix with everything', 'PathPrefix', '/', {
    method: 'GET',
    headers: [header],
    queryParams: [header],
  }),
  rule('short prefix', 'PathPrefix', '/'),
];

type GrpcMatch = Parameters<typeof grpcMatches>[0]['matches'][number];

/** In the order of GRPCRouteRule.matches. */
const grpcOrdered: readonly (readonly [string, GrpcMatch])[] = [
  ['long service and method', { method: { type: 'Exact', service: 'a.bcd.E', method: 'F' }, headers: [] }],
  ['long service', { method: { type: 'Exact', service: 'a.bcd.E' }, headers: [header] }],
  ['long method', { method: { type: 'Exact', service: 'a.B', method: 'Long' }, headers: [] }],
  [
    'short method and a header',
    { method: { type: 'Exact', service: 'a.B', method: 'Do' }, headers: [header] },
  ],
  ['short method', { method: { type: 'Exact', service: 'a.B', method: 'Do' }, headers: [] }],
  ['a method of any service', { method: { type: 'Exact', method: 'Long' }, headers: [header] }],
  ['a header', { headers: [header] }],
  ['anything', { headers: [] }],
];

describe('sortByPrecedence', () => {
  test('any order of gRPC matches ends in the order of the standard', () => {
    const rules = grpcOrdered.map(([name, match]) => {
      const [made] = grpcMatches({ matches: [match], unreadable: false });
      return { ...rule(name, 'PathPrefix', '/'), ...made };
    });
    fc.assert(
      fc.property(fc.shuffledSubarray(rules, { minLength: rules.length }), (shuffled) => {
        expect(sortByPrecedence(shuffled).map(({ name }) => name)).toEqual(grpcOrdered.map(([name]) => name));
      }),
      { numRuns: 200, seed: 11 },
    );
  });

  test('any order of distinct rules ends in the order of the standard', () => {
    fc.assert(
      fc.property(fc.shuffledSubarray([...ordered], { minLength: ordered.length }), (shuffled) => {
        expect(sortByPrecedence(shuffled).map((one) => one.name)).toEqual(ordered.map((one) => one.name));
      }),
      { numRuns: 200, seed: 11 },
    );
  });

  test('among equals the order they came in decides: age, then name, then as written', () => {
    const equals = [
      rule('first', 'PathPrefix', '/x'),
      rule('second', 'PathPrefix', '/y'),
      rule('third', 'PathPrefix', '/z'),
    ];
    expect(sortByPrecedence(equals).map((one) => one.name)).toEqual(['first', 'second', 'third']);
  });
});

import { describe, expect, test } from 'bun:test';
import { Xoshiro128 } from '../../base/index.ts';
import { createRequestHead } from '../../wire/index.ts';
import { compileRoutes, type RouteTable } from './compile-routes.ts';
import type { MatchFacts, Route, RouteConfig, RouteMatch } from './types.ts';

const random = new Xoshiro128(1);

function routeTo(name: string, match: Partial<RouteMatch> = {}, drawHeader?: string): Route {
  const cluster = (at: number) => ({
    cluster: `${name}-${at}`,
    weight: at,
    requestEdits: null,
    responseEdits: null,
  });
  return {
    name,
    match: { path: { kind: 'prefix', value: '/', ignoreCase: false }, headers: [], query: [], ...match },
    action: {
      kind: 'forward',
      clusters: [cluster(1), cluster(2), cluster(3)],
      rewriteAuthority: null,
      rewritePath: null,
      ...(drawHeader === undefined ? {} : { drawHeader }),
    },
    timeouts: { requestMs: null, attemptMs: null, idleMs: null },
    retry: null,
    bufferBytesMax: null,
    requestEdits: null,
    responseEdits: null,
  };
}

function tableOf(routes: readonly Route[], more: object = {}, host: object = {}): RouteTable {
  const virtualHosts: RouteConfig['virtualHosts'] = [{ name: 'h', domains: ['*'], routes, ...host }];
  const table = compileRoutes({ name: 't', virtualHosts, ...more });
  if (!table.ok) throw new Error('at fault');
  return table.value;
}

type Fields = readonly (readonly [string, string])[];

function found(table: RouteTable, path: string, fields: Fields = [], facts?: MatchFacts): string | null {
  const hit = table.match(createRequestHead('GET', 'a.example', path, fields), random, facts);
  return hit === null ? null : hit.route.action.kind === 'redirect' ? 'to TLS' : hit.route.name;
}

test('conditions are asked of the connection and of what filters said', () => {
  const holds = (facts: MatchFacts) => facts.clientCertificate === 'valid' && facts.saidBy('f')?.['a'] === 1;
  const table = tableOf([routeTo('asked', { conditions: [{ holds }] }), routeTo('rest')]);
  const facts = (clientCertificate: MatchFacts['clientCertificate'], a: number): MatchFacts => ({
    clientCertificate,
    saidBy: (filter) => (filter === 'f' ? { a } : undefined),
  });
  expect(found(table, '/', [], facts('valid', 1))).toBe('asked');
  expect(found(table, '/', [], facts('valid', 2))).toBe('rest');
  expect(found(table, '/', [], facts('shown', 1))).toBe('rest');
  expect(found(table, '/')).toBe('rest');
});

describe('TLS that is required', () => {
  const https: Fields = [['x-forwarded-proto', 'HTTPS']];
  const internal: Fields = [['x-envoy-internal', 'true']];
  test.each([
    ['all', [], 'to TLS'],
    ['all', internal, 'to TLS'],
    ['all', https, 'r'],
    ['external', [], 'to TLS'],
    ['external', internal, 'r'],
    ['external', https, 'r'],
  ] as const)('of %s, with %j: %s', (requireTls, fields, expected) => {
    expect(found(tableOf([routeTo('r')], {}, { requireTls }), '/', fields)).toBe(expected);
  });
});

test('parameters of segments are left out, of the path alone', () => {
  const exact = (value: string) => routeTo(value, { path: { kind: 'exact', value, ignoreCase: false } });
  const query = { name: 'q', match: { kind: 'exact', value: 'b;c', ignoreCase: false } } as const;
  // More than are walked: looked up, too.
  const many = Array.from({ length: 20 }, (_, at) => exact(`/${at}`));
  for (const routes of [[exact('/a/b')], [...many, exact('/a/b')]]) {
    const plain = tableOf(routes, { ignorePathParameters: true });
    expect(['/a/b', '/a;x/b', '/a;x=1;y/b;z?q=b;c', '/a/b;'].map((path) => found(plain, path))).toEqual(
      Array(4).fill('/a/b'),
    );
    expect(['/a/;b', '/a/b;/c'].map((path) => found(plain, path))).toEqual([null, null]);
    expect(found(tableOf(routes), '/a;x/b')).toBeNull();
  }
  const asked = tableOf([routeTo('r', { query: [query] })], { ignorePathParameters: true });
  expect(found(asked, '/a;b?q=b;c')).toBe('r');
});

describe('a field that draws', () => {
  const table = tableOf([routeTo('r', {}, 'x-draw')]);
  const drawn = (...values: readonly string[]) => {
    const fields = values.map((value): [string, string] => ['x-draw', value]);
    return table.match(createRequestHead('GET', 'a', '/', fields), random)?.cluster?.cluster;
  };
  test.each([
    ['0', 1],
    ['1', 2],
    ['2', 2],
    ['3', 3],
    ['5', 3],
    ['6', 1],
    ['+7', 2],
    ['18446744073709551615', 3],
  ])('%s draws cluster %d of weights 1, 2, 3', (value, cluster) => {
    expect(drawn(value)).toBe(`r-${cluster}`);
  });

  test.each([[['a']], [['-1']], [['18446744073709551616']], [['1', '1']], [[]]])(
    '%j leaves it to chance',
    (values) => {
      const seen = new Set(Array.from({ length: 200 }, () => drawn(...values)));
      expect(seen.size).toBe(3);
    },
  );
});

test('of fields in several lines one must hold', () => {
  const header = (match: RouteMatch['headers'][number]['match'], invert = false) =>
    tableOf([routeTo('r', { headers: [{ name: 'x', match, invert }] })]);
  const lines = (...values: readonly string[]) => values.map((value): [string, string] => ['x', value]);
  const range = { kind: 'range', start: 1, end: 12 } as const;
  expect(found(header(range), '/', lines('99', '3'))).toBe('r');
  expect(found(header(range), '/', lines('99, 3'))).toBeNull();
  expect(found(header(range, true), '/', lines('99', '3'))).toBeNull();
  const exact = { kind: 'exact', value: 'b', ignoreCase: false } as const;
  expect(found(header(exact), '/', lines('a', 'b'))).toBe('r');
  expect(found(header(exact, true), '/', lines('a', 'b'))).toBeNull();
  expect(found(header(exact), '/', lines('a, b'))).toBeNull();
  expect(found(header(exact, true), '/', lines('a', 'c'))).toBe('r');
});

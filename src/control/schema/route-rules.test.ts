import { describe, expect, test } from 'bun:test';
import { parseManifests } from '../source/parse.ts';
import { grpcRouteSpec } from './grpc-route.ts';
import { httpRouteSpec } from './http-route.ts';
import { literalHead } from './route-rules.ts';
import { validateObject } from './validate.ts';

describe('what an expression surely begins with', () => {
  test.each([
    ['/admin', '/admin'],
    ['^/admin(?=/x)', '/admin'],
    ['/admin/.*', '/admin/'],
    ['/admins?/x', '/admin'],
    ['/a/b{2}', '/a/'],
    ['/a+', '/a'],
    ['/a|/b', ''],
    ['(?i)/admin', ''],
    ['.*', ''],
    ['', ''],
  ])('%s: %s', (expression, head) => expect(literalHead(expression)).toBe(head));
});

/** Takes what the rule at fault would have taken, so that no wider rule does. */
describe('a match that cannot be read', () => {
  const lookahead = { type: 'RegularExpression', value: '/admin(?=/x)' };
  const expression = (value: string) => ({ type: 'RegularExpression', value });
  const bad = { name: 'a', type: 'RegularExpression', value: '(?<=a)' };
  const rest = { headers: [], queryParams: [] };
  test.each([
    ['an expression', { path: lookahead }, { ...rest, path: expression('/admin.*') }],
    [
      'beside a method',
      { path: lookahead, method: 'GET' },
      { ...rest, path: expression('/admin.*'), method: 'GET' },
    ],
    [
      'a header',
      { path: { value: '/a' }, headers: [bad] },
      { ...rest, path: { type: 'PathPrefix', value: '/a' } },
    ],
    [
      'a field that is not known',
      { path: { value: '/a' }, cookies: [] },
      { ...rest, path: { type: 'PathPrefix', value: '/a' } },
    ],
    ['a header, of every path', { headers: [bad] }, null],
    ['what may be anything', { path: expression('(?=a).*') }, null],
    ['a path that no request has', { path: { type: 'Exact', value: 'admin' } }, null],
    ['no match at all', 7, null],
  ])('%s', (_, match, wider) => {
    const { rules } = httpRouteSpec.parse({ parentRefs: [{ name: 'a' }], rules: [{ matches: [match] }] });
    expect(rules[0]?.faults.length).toBeGreaterThan(0);
    expect(rules[0]?.matches).toEqual((wider === null ? [] : [wider]) as never);
    expect(rules[0]?.unreadable).toBe(wider === null);
  });

  test('of gRPC goes by its method', () => {
    const method = { service: 'bank.Ledger' };
    const header = { name: 'a', type: 'RegularExpression', value: '(?<=a)' };
    const rulesOf = (match: object) =>
      grpcRouteSpec.parse({ parentRefs: [{ name: 'a' }], rules: [{ matches: [match] }] }).rules[0]?.matches;
    expect(rulesOf({ method, headers: [header] })).toEqual([
      { method: { type: 'Exact', service: 'bank.Ledger' }, headers: [] },
    ]);
    expect(rulesOf({ method: { service: '1' }, headers: [] })).toEqual([]);
  });
});

test('a policy whose labels cannot be read closes its targets all the same', () => {
  const parsed = parseManifests(
    'f',
    `apiVersion: weft.dev/v1alpha1
kind: AccessPolicy
metadata: { name: a, namespace: bank, labels: { version: 1 } }
spec: { targetRefs: [{ group: "", kind: Service, name: ledger }], rules: [{}] }`,
  );
  const [raw] = parsed.ok ? parsed.value : [];
  const verdict = validateObject(raw!);
  expect(verdict.kind === 'faulty' && verdict.salvaged).toMatchObject({
    key: 'bank/AccessPolicy/a',
    metadata: { name: 'a', namespace: 'bank' },
    spec: { rules: [], targetRefs: [{ name: 'ledger' }] },
  });
});

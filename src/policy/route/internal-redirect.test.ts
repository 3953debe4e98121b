import { expect, test } from 'bun:test';
import {
  allowsRedirect,
  type InternalRedirects,
  parseLocation,
  RedirectHistory,
} from './internal-redirect.ts';

const locations: readonly (readonly [location: string, target: string | null])[] = [
  ['http://a.example/one?x=1', 'http a.example /one?x=1'],
  ['HTTPS://A.example', 'https A.example /'],
  ['http://a.example?x', 'http a.example /?x'],
  ['http://a.example/one#part', 'http a.example /one'],
  ['http://user:word@a.example:81/', 'http a.example:81 /'],
  ['http://[::1]:80/', 'http [::1]:80 /'],
  ['', null],
  ['/one', null],
  ['//a.example/one', null],
  ['http:///one', null],
  ['http://:80/', null],
  ['http://a.example:99999/', null],
  ['http://a_b/', null],
  ['http://[::1/', null],
  ['http://a.example/one two', null],
  ['http://a.example/\r\nx-evil: 1', null],
];

test.each(locations)('location %p', (location, target) => {
  const parsed = parseLocation(location);
  expect(parsed === null ? null : `${parsed.scheme} ${parsed.authority} ${parsed.path}`).toBe(target);
});

const policy = (predicates: InternalRedirects['predicates']): InternalRedirects => ({
  max: 9,
  statuses: [302],
  crossScheme: true,
  copied: [],
  predicates,
});
const step = (from: string, to: string, fromHttps = false, toHttps = false) => ({
  from,
  to,
  fromHttps,
  toHttps,
});

test('a route leads to another once', () => {
  const history = new RedirectHistory();
  const steps = [
    step('a', 'b'),
    step('b', 'a'),
    step('a', 'c'),
    step('a', 'b'),
    step('b', 'c'),
    step('b', 'c'),
  ];
  const allowed = steps.map((each) => allowsRedirect(policy([{ kind: 'previous' }]), each, history));
  expect(allowed).toEqual([true, true, true, false, true, false]);
});

test('all predicates must agree', () => {
  const both = policy([{ kind: 'allow-listed', names: new Set(['b']) }, { kind: 'safe-cross-scheme' }]);
  const allows = (each: ReturnType<typeof step>) => allowsRedirect(both, each, new RedirectHistory());
  expect(allows(step('a', 'b'))).toBe(true);
  expect(allows(step('a', 'c'))).toBe(false);
  expect(allows(step('a', 'b', false, true))).toBe(false);
  expect(allows(step('a', 'b', true, true))).toBe(true);
  expect(allows(step('a', 'b', true, false))).toBe(true);
});

import { describe, expect, test } from 'bun:test';
import type { JsonObject, JsonValue } from '@bufbuild/protobuf';
import { VirtualClock } from '../../base/index.ts';
import { typeUrls } from '../../xds/index.ts';
import { Assembler } from './assembler.ts';
import { decodeResource } from './decode-resource.ts';
import { ResourceIntake } from './resource-intake.ts';
import { resourceOf } from './testing/resources.ts';

const to = { cluster: 'a' };
const host = (name: string, routes: JsonValue[], more: JsonObject = {}): JsonObject => ({
  name,
  domains: [name],
  routes,
  ...more,
});
const good = { name: 'good', match: { prefix: '/' }, route: to };

function decode(...hosts: JsonValue[]) {
  const decoded = decodeResource(resourceOf(typeUrls.route, 'r', { name: 'r', virtual_hosts: hosts }));
  if (!decoded.ok) return { refused: decoded.issues.map(({ field }) => field) };
  if (decoded.meaning.kind !== 'route') throw new Error('not routes');
  return {
    issues: decoded.issues.map(({ field }) => field),
    hosts: decoded.meaning.value.virtualHosts.map(({ domains, routes }) => ({
      domains,
      routes: routes.map(({ match, action }) => {
        const path = match.path.value;
        const more = [...match.headers, ...match.query].map(({ name }) => ` +${name}`).join('');
        return `${match.path.kind} ${path}${more} ${action.kind === 'respond' ? action.status : action.kind}`;
      }),
    })),
  };
}

describe('a route at fault answers 500 where it would have matched, and no other does', () => {
  const cases: readonly (readonly [string, JsonObject, string])[] = [
    ['its action', { match: { path: '/x' }, route: { ...to, host_rewrite_literal: '*.a' } }, 'exact /x 500'],
    [
      'its header edits',
      { match: { prefix: '/x' }, route: to, request_headers_to_remove: ['te'] },
      'prefix /x 500',
    ],
    ['a rewrite', { match: { prefix: '/x' }, route: { ...to, prefix_rewrite: '/a b' } }, 'prefix /x 500'],
    ['a redirect', { match: { prefix: '/x' }, redirect: { host_redirect: 'a b' } }, 'prefix /x 500'],
    ['no action at all', { match: { prefix: '/x' } }, 'prefix /x 500'],
    [
      'a field that is not known',
      { match: { prefix: '/x' }, route: { cluster_specifier_plugin: 'x' } },
      'prefix /x 500',
    ],
    ['its expression', { match: { safe_regex: { regex: '^/api/v(?=1)' } }, route: to }, 'prefix /api/v 500'],
    [
      'an expression that repeats',
      { match: { safe_regex: { regex: '/api/v*(?=1)' } }, route: to },
      'prefix /api/ 500',
    ],
    [
      'an expression of choices',
      { match: { safe_regex: { regex: '/a(?=1)|/b' } }, route: to },
      'prefix / 500',
    ],
    ['its path', { match: { path_separated_prefix: '/a?b' }, route: to }, 'prefix /a 500'],
    [
      'one of its headers',
      {
        match: {
          prefix: '/x',
          headers: [
            { name: 'ok', present_match: true },
            { name: 'no', string_match: { safe_regex: { regex: '(?=1)' } } },
          ],
        },
        route: to,
      },
      'prefix /x +ok 500',
    ],
    [
      'one of its query parameters',
      {
        match: {
          prefix: '/x',
          query_parameters: [
            { name: 'no', string_match: { safe_regex: { regex: '(?=1)' } } },
            { name: 'ok', present_match: true },
          ],
        },
        route: to,
      },
      'prefix /x +ok 500',
    ],
  ];
  test.each(cases)('by %s', (_name, route, expected) => {
    const { issues, hosts } = decode(host('a', [{ name: 'bad', ...route }, good]), host('b', [good]));
    expect(hosts?.map(({ routes }) => routes)).toEqual([
      [expected, 'prefix / forward'],
      ['prefix / forward'],
    ]);
    expect(issues?.every((field) => field.startsWith('virtual_hosts[0].routes[0]'))).toBe(true);
    expect(issues?.length).toBeGreaterThan(0);
  });
});

test('a fault of a host closes that host', () => {
  const bad = host('a', [good, good], { request_headers_to_remove: ['te'] });
  expect(decode(bad, host('b', [good])).hosts?.map(({ routes }) => routes)).toEqual([
    ['prefix / 500'],
    ['prefix / forward'],
  ]);
});

test('a domain in two hosts stays with the first; the second answers for its others', () => {
  const second = { ...host('b', [good]), domains: ['A', 'b'] };
  expect(decode(host('a', [good]), second).hosts).toEqual([
    { domains: ['a'], routes: ['prefix / forward'] },
    { domains: ['b'], routes: ['prefix / 500'] },
  ]);
});

test('what is no route’s and no host’s fault refuses the whole', () => {
  const decoded = decodeResource(
    resourceOf(typeUrls.route, 'r', {
      name: 'r',
      virtual_hosts: [host('a', [good])],
      request_headers_to_remove: ['te'],
    }),
  );
  expect(decoded.ok).toBe(false);
});

test('what is refused in part is refused every time it comes, and no more once it is mended', () => {
  const clock = new VirtualClock();
  const target = { apply() {}, refusal: () => null };
  const statics = { listeners: [], clusters: [] };
  const intake = new ResourceIntake(
    clock,
    new Assembler({ clock, target, statics, drainTimeoutMs: null }),
    target,
    { refusal: () => null, incrementalRefusal: () => null },
  );
  const table = intake.tables.get(typeUrls.route);
  if (table === undefined) throw new Error('no table of routes');
  const of = (route: JsonValue) =>
    resourceOf(typeUrls.route, 'r', { name: 'r', virtual_hosts: [host('a', [route, good])] });
  const take = (route: JsonValue) =>
    intake.take(table, { typeUrl: typeUrls.route, version: '1', changed: [of(route)], removed: [] });
  const bad = { match: { prefix: '/x' }, route: { ...to, prefix_rewrite: '/a b' } };
  expect([take(bad).length, take(bad).length, table.refused.size, table.accepted.size]).toEqual([1, 1, 1, 1]);
  expect([take(good).length, table.refused.size]).toEqual([0, 0]);
});

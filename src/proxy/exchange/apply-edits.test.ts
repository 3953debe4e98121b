import { describe, expect, test } from 'bun:test';
import type { PathRewrite, RouteAction } from '../../policy/index.ts';
import { createRequestHead } from '../../wire/index.ts';
import { route } from '../testing/configs.ts';
import { applyEdits, redirectLocation, rewritePath } from './apply-edits.ts';
import type { RequestState } from './request-state.ts';

describe('path rewrite', () => {
  const cases: readonly (readonly [
    match: string,
    path: string,
    rewrite: PathRewrite,
    expected: string | null,
  ])[] = [
    ['/v1', '/v1/accounts', { kind: 'prefix', value: '/v2' }, '/v2/accounts'],
    ['/v1', '/v1', { kind: 'prefix', value: '/v2' }, '/v2'],
    ['/v1', '/v1?x=/v1', { kind: 'prefix', value: '/v2' }, '/v2?x=/v1'],
    // A plain prefix need not end at a slash; whoever writes one without is taken at the word, as by Envoy 1.40.
    ['/v1', '/v1a', { kind: 'prefix', value: '/v2' }, '/v2a'],
    ['/v1', '/v1/a', { kind: 'prefix', value: '/' }, '//a'],
    ['/v1/', '/v1/a', { kind: 'prefix', value: '/' }, '/a'],
    ['/v1/', '/v1/a', { kind: 'prefix', value: '/v2' }, '/v2a'],
    ['/', '/a', { kind: 'prefix', value: '/base/' }, '/base/a'],
    ['/v1', '/v1/a?b=c', { kind: 'full', value: '/one' }, '/one?b=c'],
    ['/v1/', '/v1;a=b/c', { kind: 'prefix', value: '/v2/' }, null],
    ['/', '/a?b=/a', { kind: 'pattern', rewrite: { replaceAll: (text) => `${text}${text}` } }, '/a/a?b=/a'],
    ['/', '/a?b', { kind: 'pattern', rewrite: { replaceAll: () => 'c' } }, '/c?b'],
    ['/', '/a?b', { kind: 'pattern', rewrite: { replaceAll: () => '' } }, null],
  ];
  for (const [match, path, rewrite, expected] of cases) {
    const how = `${rewrite.kind} '${rewrite.kind === 'pattern' ? '' : rewrite.value}'`;
    test(`${path} with ${match} to ${how} is ${expected}`, () => {
      const matched = route({
        match: { path: { kind: 'prefix', value: match, ignoreCase: false }, headers: [], query: [] },
      });
      expect(rewritePath(path, matched, rewrite)).toBe(expected);
    });
  }
});

describe('redirect', () => {
  type Redirect = Extract<RouteAction, { kind: 'redirect' }>;
  const none = {
    kind: 'redirect',
    status: 302,
    scheme: null,
    authority: null,
    port: null,
    path: null,
  } as const;
  const cases: readonly (readonly [
    name: string,
    authority: string,
    change: Partial<Redirect>,
    expected: string,
  ])[] = [
    ['nothing changed', 'a.test:8080', {}, 'http://a.test:8080/p?q'],
    ['another host drops the port, as in Envoy', 'a.test:8080', { authority: 'b.test' }, 'http://b.test/p?q'],
    ['another scheme keeps a port', 'a.test:8080', { scheme: 'https' }, 'https://a.test:8080/p?q'],
    [
      'another scheme drops the own port of the first',
      'a.test:80',
      { scheme: 'https' },
      'https://a.test/p?q',
    ],
    ['a query that is left', 'a.test', { stripQuery: true }, 'http://a.test/p'],
    ['the port of the scheme is not said', 'a.test', { scheme: 'https', port: 443 }, 'https://a.test/p?q'],
    ['another port is', 'a.test', { port: 8443 }, 'http://a.test:8443/p?q'],
    ['an IPv6 host', '[::1]:80', { port: 81 }, 'http://[::1]:81/p?q'],
    ['a path', 'a.test', { path: { kind: 'full', value: '/x' } }, 'http://a.test/x?q'],
    [
      'a query of its own',
      'a.test',
      { path: { kind: 'full', value: '/x?y' }, stripQuery: true },
      'http://a.test/x?y',
    ],
  ];
  for (const [name, authority, change, expected] of cases) {
    test(name, () => {
      const head = createRequestHead('GET', authority, '/p?q', []);
      expect(redirectLocation(head, route({ action: { ...none, ...change } }))).toBe(expected);
    });
  }
});

const request = {} as RequestState;

test('edits are applied in their order', () => {
  const head = createRequestHead('GET', 'a.test', '/', [
    ['x-one', '1'],
    ['x-two', '2'],
  ]);
  applyEdits(
    head,
    [
      { kind: 'remove', name: 'x-one', value: '' },
      { kind: 'set-if-present', name: 'x-one', value: 'gone' },
      { kind: 'add-if-absent', name: 'x-one', value: 'new' },
      { kind: 'add-if-absent', name: 'x-one', value: 'late' },
      { kind: 'set', name: 'x-two', value: 'set' },
      { kind: 'add', name: 'x-two', value: 'added' },
      { kind: 'set-if-present', name: 'x-one', value: 'newer' },
    ],
    request,
  );
  expect(head.getName('x-one')).toBe('newer');
  expect(head.getName('x-two')).toBe('set, added');
});

test('a made value is written where there is one, without bytes that end a line', () => {
  const head = createRequestHead('GET', 'a.test', '/', []);
  const made = (text: string) => ({ kind: 'add', value: '', format: { format: () => text } }) as const;
  applyEdits(
    head,
    [
      { ...made('a\r\nb\0'), name: 'x-made' },
      { ...made(''), name: 'x-empty' },
      { ...made(''), name: 'x-kept', keepEmpty: true },
    ],
    request,
  );
  expect(head.getName('x-made')).toBe('a  b ');
  expect(head.getName('x-empty')).toBeNull();
  expect(head.getName('x-kept')).toBe('');
});

import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { httpOptions, listenerConfig } from '../testing/configs.ts';
import { World } from '../testing/world.ts';
import { canonicalPath } from './head-rules.ts';

test.each([
  ['/a/../b', '/b'],
  ['/../a', '/a'],
  ['/a/..', '/'],
  ['/a/%2E%2e/b', '/b'],
  ['/a\\..\\b', '/b'],
  ['/%41%2f', '/A%2f'],
  ['/a|b', '/a%7Cb'],
  ['/%00', null],
  ['a', null],
])('%s is %p', (path, expected) => {
  expect(canonicalPath(path)).toBe(expected);
});

test('what was normalised stays as it is, and has no dot segment', () => {
  const part = fc.constantFrom('/', '.', '..', '%2e', '%2E%2e', '\\', 'a', '%41', '%2f', ';', '|', '//');
  fc.assert(
    fc.property(fc.array(part, { maxLength: 12 }), (parts) => {
      const once = canonicalPath(`/${parts.join('')}`) ?? '';
      expect(canonicalPath(once)).toBe(once);
      expect(once).not.toMatch(/\/\.{1,2}(\/|$)/);
    }),
    { numRuns: 500, seed: 7 },
  );
});

test('a path that is refused or sent elsewhere never reaches a route', () => {
  for (const [escapedSlashes, status] of [
    ['reject', 400],
    ['redirect', 307],
    ['forward', 200],
  ] as const) {
    const world = new World();
    const origin = world.origin();
    const headRules = {
      escapedSlashes,
      normalizesPath: true,
      mergesSlashes: true,
      underscores: 'drop' as const,
      stripsPort: 'no' as const,
      stripsDot: false,
    };
    world.serve([origin], { listeners: [listenerConfig({ http: httpOptions({ headRules }) })] });
    const client = world.client().get('/a%2F%2F../b?c', ['x_under: 1']);
    world.run(100);
    expect(client.statuses).toEqual([status]);
    expect(origin.requests.length).toBe(status === 200 ? 1 : 0);
    if (status === 200) expect(origin.requests[0]).toStartWith('GET /a/b?c HTTP/1.1\r\n');
    if (status === 307) expect(client.received).toContain('location: /a/b?c\r\n');
    expect(origin.requests.join()).not.toContain('x_under');
    world.expectSettled();
  }
});

import { describe, expect, test } from 'bun:test';
import { editQuery, type QueryStep } from './query-edits.ts';

const [remove, add, set] = (['remove', 'add', 'set'] as const).map((kind) => [{ kind, name: 'a' }]);
const absent: QueryStep[] = [{ kind: 'add-if-absent', name: 'a' }];
const present: QueryStep[] = [{ kind: 'set-if-present', name: 'a' }];
const odd: QueryStep[] = [{ kind: 'add', name: 'a b&' }];

describe('parameters of a path', () => {
  test.each<[path: string, steps: QueryStep[] | undefined, expected: string]>([
    ['/p', remove, '/p'],
    ['/p?a', remove, '/p'],
    ['/p?a=1&b=%26&a=2&%61=3&A=4', remove, '/p?b=%26&A=4'],
    ['/p', add, '/p?a=v%26%20w'],
    ['/p?', add, '/p?a=v%26%20w'],
    ['/p?a=1', add, '/p?a=1&a=v%26%20w'],
    ['/p?x=1&a=1&y&a=2', set, '/p?x=1&a=v%26%20w&y'],
    ['/p?x', set, '/p?x&a=v%26%20w'],
    ['/p?%61', absent, '/p?%61'],
    ['/p?aa', absent, '/p?aa&a=v%26%20w'],
    ['/p?aa', present, '/p?aa'],
    ['/p?a&a', present, '/p?a=v%26%20w'],
    ['/p?b=1?2#f?a', add, '/p?b=1?2&a=v%26%20w#f?a'],
    ['/p?%zz=%4&&=', add, '/p?%zz=%4&&=&a=v%26%20w'],
    ['/p', odd, '/p?a%20b%26=v%26%20w'],
  ])('%s', (path, steps, expected) => {
    expect(editQuery(path, steps ?? [], () => 'v& w')).toBe(expected);
  });

  test('bytes beyond ASCII are escaped one by one', () => {
    expect(editQuery('/', add ?? [], () => '\xc3\xa9')).toBe('/?a=%C3%A9');
  });
});

import { describe, expect, test } from 'bun:test';
import { ambiguousPath } from './access.ts';

const ambiguous = new RegExp(`^(?:${ambiguousPath})$`);

describe('a path that applications read in more than one way', () => {
  test.each([
    '/accounts/../admin',
    '/accounts/..',
    '/accounts/./x',
    '/accounts//admin',
    // Parameters of a path, which servlets cut off before they look at dots.
    '/accounts/..;/admin',
    '/accounts/..;v=1/admin',
    '/accounts/.;/admin',
    '/accounts/..%3b/admin',
    '/accounts/..%09/admin',
    '/accounts/..%00/admin',
    '/accounts/.. /admin',
    // Escaped once and again.
    '/accounts/%2e%2e/admin',
    '/accounts/.%2E/admin',
    '/accounts/%252e%252E/admin',
    '/accounts%2fadmin',
    '/accounts%252Fadmin',
    '/accounts/..%5cadmin',
    '/accounts\\..\\admin',
    '/accounts%25255c..',
  ])('%s', (path) => expect(ambiguous.test(path)).toBe(true));

  test.each([
    '/',
    '/accounts',
    '/accounts/12.5',
    '/a/...',
    '/.well-known/x',
    '/..a',
    '/a;v=1/b',
    '/a%20b',
    '/100%25',
    '/a.b/c..d',
  ])('is not %s', (path) => expect(ambiguous.test(path)).toBe(false));
});

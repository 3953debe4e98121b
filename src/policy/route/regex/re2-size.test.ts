import { describe, expect, test } from 'bun:test';
import { portableRegexFault, re2Size } from './re2-size.ts';

describe('re2Size', () => {
  // Taken from RE2 itself.
  test.each([
    ['a', 5],
    ['abc', 7],
    ['a*', 5],
    ['a+', 6],
    ['a?', 6],
    ['.', 12],
    ['.+', 13],
    ['ab|cd', 8],
    ['(a)', 7],
    ['(?:a)', 5],
    ['(?P<x>a)', 7],
    ['(ab)*', 8],
    ['a{2,4}', 10],
    ['a{2,}', 7],
    ['[^/]+', 13],
    ['/v[0-9]+/.*', 17],
    ['[a-z0-9]{8}', 20],
    ['.{3}', 28],
    ['(?:x?){3}', 10],
  ])('%s is %d', (pattern, size) => {
    expect(re2Size(pattern)).toBe(size);
  });

  test.each([
    ['a|b', 5],
    ['abc|abd', 7],
    ['^a$', 4],
    ['(?i)ab', 6],
    ['foo|bar|baz', 11],
    ['[a-zA-Z0-9_-]', 8],
    ['\\w+', 8],
  ])('%s is not below %d', (pattern, size) => {
    expect(re2Size(pattern)).toBeGreaterThanOrEqual(size);
  });
});

test('what a stock Envoy refuses is refused', () => {
  expect(portableRegexFault('a{96}')).toBeNull();
  expect(portableRegexFault('a{100}')).toBe(
    'must compile to at most 100 instructions of RE2, as Envoy has it, not to some 104',
  );
  expect(portableRegexFault('(')).toContain('missing )');
  expect(portableRegexFault('')).toBe('must not be empty');
});

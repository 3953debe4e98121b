import { expect, test } from 'bun:test';
import { parseText } from './parse-text.ts';

test.each([
  ['{"a": [1]}', { a: [1] }],
  ['a: [1]', { a: [1] }],
  ['', null],
])('%j', (text, value) => {
  expect(parseText(text)).toEqual(value);
});

test.each([
  ['a: 1\nb: [1,\nc: 2\n', 'Unexpected token (line 3, column 1)'],
  ['a:\n  - b\n c: d\n', 'Unexpected token (line 3, column 1)'],
  ['a:\n\tb: 1\n', 'Tab characters cannot be used as indentation (line 2, column 1)'],
  ['{"a":\n', 'Unexpected EOF (line 1, column 6)'],
  // YAML has nothing against it: no place is better than a wrong one.
  ['{"a": 1,}', 'Property name must be a string literal'],
  [`a: [\n${' '.repeat(300_000)}`, 'Unexpected token'],
])('%#: is not read, and why', (text, fault) => {
  expect(() => parseText(text)).toThrow(new Error(fault));
});

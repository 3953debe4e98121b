import { expect, test } from 'bun:test';
import { intersectHosts } from './gateways.ts';

const cases: readonly [string | undefined, readonly string[], readonly string[]][] = [
  [undefined, [], ['*']],
  ['a.example.com', [], ['a.example.com']],
  [undefined, ['a.example.com', '*.b.com'], ['a.example.com', '*.b.com']],
  [
    '*.example.com',
    ['a.example.com', 'a.b.example.com', 'example.com', 'a.example.org'],
    ['a.example.com', 'a.b.example.com'],
  ],
  ['a.example.com', ['*.example.com', '*.com', 'b.example.com'], ['a.example.com', 'a.example.com']],
  [
    '*.example.com',
    ['*.a.example.com', '*.example.com', '*.com'],
    ['*.a.example.com', '*.example.com', '*.example.com'],
  ],
  ['notexample.com', ['*.example.com'], []],
];

test.each(cases)('listener %p and route %p', (listener, hostnames, expected) => {
  expect(intersectHosts(listener, hostnames)).toEqual(expected);
});

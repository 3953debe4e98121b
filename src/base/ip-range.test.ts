import { expect, test } from 'bun:test';
import { parseIp } from './ip.ts';
import { createIpRange, rangeHas } from './ip-range.ts';

const cases: readonly (readonly [range: string, address: string, expected: boolean])[] = [
  ['10.0.0.0/8', '10.255.0.1', true],
  ['10.0.0.0/8', '11.0.0.0', false],
  ['10.9.9.9/8', '10.0.0.1', true],
  ['192.168.0.0/17', '192.168.127.255', true],
  ['192.168.0.0/17', '192.168.128.0', false],
  ['0.0.0.0/0', '8.8.8.8', true],
  ['0.0.0.0/0', '::1', false],
  ['127.0.0.1/32', '127.0.0.1', true],
  ['127.0.0.1/32', '127.0.0.2', false],
  ['fd00::/8', 'fdff::1', true],
  ['fd00::/8', 'fc00::1', false],
  ['::1/128', '::1', true],
  ['::/1', '8000::', false],
];
for (const [text, address, expected] of cases) {
  test(`${text} ${expected ? 'has' : 'has not'} ${address}`, () => {
    const [host = '', bits = ''] = text.split('/');
    const range = createIpRange(host, Number(bits));
    expect(range !== null && rangeHas(range, parseIp(address)!)).toBe(expected);
  });
}

test('refuses what is no range', () => {
  const bad: readonly (readonly [string, number])[] = [
    ['10.0.0.0', 33],
    ['10.0.0.0', -1],
    ['10.0.0.0', 1.5],
    ['::', 129],
    ['ten', 8],
  ];
  expect(bad.map(([host, bits]) => createIpRange(host, bits))).toEqual([null, null, null, null, null]);
});

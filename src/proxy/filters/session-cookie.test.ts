import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { decodeSession, encodeSession } from './session-cookie.ts';

test('what is written is read, until it is over', () => {
  fc.assert(
    fc.property(
      fc.stringMatching(/^[!-~]{1,300}$/),
      fc.integer({ min: 1, max: 2 ** 40 }),
      (address, seconds) => {
        expect(decodeSession(encodeSession(address, 0), 2 ** 50)).toBe(address);
        expect(decodeSession(encodeSession(address, seconds), seconds * 1000)).toBe(address);
        expect(decodeSession(encodeSession(address, seconds), seconds * 1000 + 1)).toBe('');
      },
    ),
  );
});

test('as Envoy 1.40 wrote it', () => {
  expect(encodeSession('127.0.0.1:37601', 0)).toBe('Cg8xMjcuMC4wLjE6Mzc2MDE=');
  expect(encodeSession('127.0.0.1:37601', 1_795_727_801)).toBe('Cg8xMjcuMC4wLjE6Mzc2MDEQucOi2AY=');
});

const base64 = (bytes: string) => Buffer.from(bytes, 'latin1').toString('base64');

const cases: readonly (readonly [name: string, value: string, expected: string])[] = [
  ['an address by an older Envoy', base64('10.0.0.1:80'), '10.0.0.1:80'],
  ['no base64', 'junk!', ''],
  ['no padding', 'Cg8xMjcuMC4wLjE6Mzc2MDE', ''],
  ['nothing', '', ''],
  ['a field more', base64('\x0a\x01a\x1a\x02xy\x20\x07'), 'a'],
  ['a length beyond the end is no message, and so an address', base64('\x0a\x09a'), '\x0a\x09a'],
];
for (const [name, value, expected] of cases) test(name, () => expect(decodeSession(value, 0)).toBe(expected));

test('no bytes make it fail', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      expect(typeof decodeSession(Buffer.from(bytes).toString('base64'), 0)).toBe('string');
    }),
  );
});

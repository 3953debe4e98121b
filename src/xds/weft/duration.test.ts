import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { formatGatewayDuration, parseGatewayDuration } from './duration.ts';

test.each([
  ['1h30m', 5_400_000],
  ['250ms', 250],
  ['0s', 0],
  ['1d', null],
  ['1.5s', null],
  ['', null],
  ['s', null],
  ['1h1m1s1ms1h', null],
])('%p is %p', (text, ms) => {
  expect(parseGatewayDuration(text)).toBe(ms);
});

test('what is written is read back', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 86_400_000 }), (ms) => {
      const text = formatGatewayDuration(ms);
      // Beyond five digits Gateway API has no word for it.
      fc.pre(!/\d{6}/.test(text));
      expect(parseGatewayDuration(text)).toBe(ms);
    }),
    { seed: 7 },
  );
});

import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { xxHash64 } from './xx-hash-64.ts';

function big({ high, low }: { high: number; low: number }): bigint {
  return (BigInt(high) << 32n) | BigInt(low);
}

test('the published vector of the empty input', () => {
  expect(big(xxHash64(''))).toBe(0xef46db3751d8e999n);
});

test('every length and every byte agree with the runtime’s own', () => {
  const bytes = fc.uint8Array({ maxLength: 200 });
  fc.assert(
    fc.property(bytes, fc.constantFrom(0, 1, 0xffffffff), (input, seed) => {
      const text = Buffer.from(input).toString('latin1');
      expect(big(xxHash64(text, seed))).toBe(Bun.hash.xxHash64(input, BigInt(seed)));
    }),
    { numRuns: 2000, seed: 1 },
  );
});

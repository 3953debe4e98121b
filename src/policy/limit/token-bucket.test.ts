import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { TokenBucket } from './token-bucket.ts';

const config = { tokensMax: 3, tokensPerFill: 2, fillIntervalMs: 100 };

function taken(bucket: TokenBucket, nowMs: number, times: number): number {
  let count = 0;
  for (let index = 0; index < times; index++) if (bucket.take(nowMs)) count += 1;
  return count;
}

describe('a token bucket', () => {
  test('begins full', () => expect(taken(new TokenBucket(config, 0), 0, 9)).toBe(3));

  test('is filled in whole steps, and never above its maximum', () => {
    const bucket = new TokenBucket(config, 0);
    taken(bucket, 0, 3);
    expect([99, 100, 199, 200, 10_000].map((nowMs) => taken(bucket, nowMs, 9))).toEqual([0, 2, 0, 2, 3]);
  });

  test('lets through no more than the burst and what was filled, however it is asked', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(500), { maxLength: 200 }), (gaps) => {
        const bucket = new TokenBucket(config, 0);
        let nowMs = 0;
        let passed = 0;
        for (const gap of gaps) {
          nowMs += gap;
          if (bucket.take(nowMs)) passed += 1;
          expect(passed).toBeLessThanOrEqual(3 + 2 * Math.floor(nowMs / 100));
        }
      }),
    );
  });
});

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

  test('is filled token by token, and never above its maximum', () => {
    const bucket = new TokenBucket(config, 0);
    taken(bucket, 0, 3);
    expect([49, 50, 99, 100, 200, 10_000].map((nowMs) => taken(bucket, nowMs, 9))).toEqual([
      0, 1, 0, 1, 2, 3,
    ]);
  });

  test('gathers nothing while it is full', () => {
    const bucket = new TokenBucket({ tokensMax: 1, tokensPerFill: 1, fillIntervalMs: 60_000 }, 0);
    expect([59_000, 60_000, 118_999, 119_000].map((nowMs) => bucket.take(nowMs))).toEqual([
      true,
      false,
      false,
      true,
    ]);
  });

  test('says what is left and when more comes', () => {
    const bucket = new TokenBucket(config, 1_000);
    expect([bucket.remaining(1_000), taken(bucket, 1_000, 3), bucket.remaining(1_030)]).toEqual([3, 3, 0]);
    expect([bucket.untilNextMs(1_030), bucket.remaining(1_050), bucket.untilNextMs(1_050)]).toEqual([
      20, 1, 50,
    ]);
  });

  test('does not lose its last token to a rate that is no round number', () => {
    const bucket = new TokenBucket({ tokensMax: 7, tokensPerFill: 3, fillIntervalMs: 1_000 }, 0.1);
    expect(taken(bucket, 12_345.678, 9)).toBe(7);
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
          expect(passed).toBeLessThanOrEqual(3 + Math.floor(nowMs / 50));
        }
      }),
    );
  });
});

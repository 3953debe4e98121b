import { describe, expect, test } from 'bun:test';
import { ByteLimit, byteBucket } from './byte-limit.ts';
import { TokenBucket } from './token-bucket.ts';

function limitOf(bytesPerSecond: number, intervalMs = 50, startMs = 0) {
  const config = { bytesPerSecond, intervalMs };
  return new ByteLimit(config, new TokenBucket(byteBucket(config, 'an interval'), startMs));
}

describe('ByteLimit', () => {
  for (const bytesPerSecond of [1_024, 10_240, 1_000_000, 70_000_000, 1_300_000_000]) {
    test(`${bytesPerSecond} bytes a second are that, and one interval more at first`, () => {
      const limit = limitOf(bytesPerSecond);
      let passed = limit.take(bytesPerSecond * 10, 0);
      expect(passed / (bytesPerSecond / 20)).toBeCloseTo(1, 1);
      for (let nowMs = 50; nowMs <= 2_000; nowMs += 50) passed += limit.take(bytesPerSecond * 10, nowMs);
      expect(passed / bytesPerSecond).toBeCloseTo(2.05, 2);
    });
  }

  test('gathers a second’s worth while nobody takes', () => {
    const limit = limitOf(10_000);
    expect(limit.take(1e9, 60_000)).toBe(10_000);
  });

  test('a fresh bucket is full, where that is wanted', () => {
    const config = { bytesPerSecond: 10_000, intervalMs: 50 };
    const limit = new ByteLimit(config, new TokenBucket(byteBucket(config, 'full'), 0));
    expect(limit.take(1e9, 0)).toBe(10_000);
    expect(limit.take(1e9, 100)).toBe(1_000);
  });

  test('small pieces cost what they are, whatever a token is', () => {
    const limit = limitOf(70_000_000);
    let passed = 0;
    for (let piece = 0; piece < 100_000; piece++) passed += limit.take(33, 0);
    expect(passed / (70_000_000 / 20)).toBeCloseTo(0.94, 2);
  });

  test('what is given back is there for the next', () => {
    const limit = limitOf(1_000, 1_000);
    expect(limit.take(1_000, 0)).toBe(1_000);
    limit.giveBack(400);
    expect(limit.take(1_000, 0)).toBe(400);
  });
});

import { describe, expect, test } from 'bun:test';
import { PhaseRecorder, percentile } from './phase-recorder.ts';

describe('PhaseRecorder', () => {
  test('is complete when it is closed and the last request that was due in it has ended', () => {
    const phase = new PhaseRecorder('baseline');
    phase.onDue();
    phase.onDue();
    phase.onEnd(4, true);
    phase.close();
    expect([phase.complete, phase.inFlight]).toEqual([false, 1]);
    phase.onEnd(8, false);
    expect([phase.complete, phase.inFlight]).toEqual([true, 0]);
    expect(phase.summary()).toEqual({ requests: 2, failed: 1, p50Ms: 4, p99Ms: 8 });
  });

  test('without requests it says so', () => {
    expect(new PhaseRecorder('empty').summary()).toEqual({
      requests: 0,
      failed: 0,
      p50Ms: null,
      p99Ms: null,
    });
  });
});

describe('percentile', () => {
  const hundred = Array.from({ length: 100 }, (_, at) => at + 1);
  test.each([
    { q: 0, value: 1 },
    { q: 0.5, value: 50 },
    { q: 0.99, value: 99 },
    { q: 0.991, value: 100 },
    { q: 1, value: 100 },
  ])('$q of 1 to 100 is $value', ({ q, value }) => {
    expect(percentile(hundred, q)).toBe(value);
  });
});

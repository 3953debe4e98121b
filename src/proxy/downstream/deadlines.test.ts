import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { VirtualClock } from '../../base/index.ts';
import { ConnectionDeadlines } from './deadlines.ts';

const times = fc.oneof(fc.constant(Number.POSITIVE_INFINITY), fc.integer({ min: -1_000, max: 1_000 }));

test('whatever is set, each deadline is told once, in time, and nothing due is left to be armed again', () => {
  fc.assert(
    fc.property(times, times, times, times, (headMs, idleMs, leaveMs, lingerMs) => {
      const clock = new VirtualClock();
      const told: string[] = [];
      let wakeups = 0;
      const deadlines = new ConnectionDeadlines(clock, {
        onTimer: (_kind, nowMs) => {
          wakeups += 1;
          for (let over = deadlines.takeExpired(nowMs); over !== null; over = deadlines.takeExpired(nowMs))
            told.push(over);
          expect(deadlines.next).toBeGreaterThan(nowMs);
          deadlines.arm(nowMs);
        },
      });
      Object.assign(deadlines, { headMs, idleMs, leaveMs, lingerMs });
      deadlines.arm(clock.now());
      clock.advanceBy(2_000);
      const set = [headMs, idleMs, leaveMs, lingerMs].filter(Number.isFinite);
      expect(told).toHaveLength(set.length);
      expect(wakeups).toBeLessThanOrEqual(set.length);
      expect(clock.armedCount).toBe(0);
    }),
    { seed: 7, numRuns: 300 },
  );
});

test('one timer serves a deadline that moves later with one look', () => {
  const clock = new VirtualClock();
  let looks = 0;
  const deadlines = new ConnectionDeadlines(clock, {
    onTimer: (_kind, nowMs) => {
      looks += 1;
      expect(deadlines.takeExpired(nowMs)).toBe(looks === 2 ? 'idle' : null);
      deadlines.arm(nowMs);
    },
  });
  for (let request = 0; request < 100; request++) {
    deadlines.idleMs = clock.now() + 1_000;
    deadlines.arm(clock.now());
    clock.advanceBy(5);
  }
  clock.advanceBy(2_000);
  expect(looks).toBe(2);
});

import { describe, expect, test } from 'bun:test';
import { Timer } from './clock.ts';
import { VirtualClock } from './virtual-clock.ts';

describe('VirtualClock', () => {
  test('fires each timer at its own time while advancing over many', () => {
    const clock = new VirtualClock();
    const seen: [kind: number, passedMs: number, clockMs: number][] = [];
    const handler = {
      onTimer: (kind: number, nowMs: number) => void seen.push([kind, nowMs, clock.now()]),
    };
    clock.arm(new Timer(handler, 1), 5000);
    clock.arm(new Timer(handler, 2), 20);
    clock.advanceBy(10_000);
    expect(seen).toEqual([
      [2, 20, 20],
      [1, 5000, 5000],
    ]);
    expect(clock.now()).toBe(10_000);
  });

  test('wall time runs along', () => {
    const clock = new VirtualClock({ wallMs: 1000 });
    clock.advanceTo(250);
    expect(clock.wall()).toBe(1250);
    clock.shiftWall(-1100);
    expect([clock.wall(), clock.now()]).toEqual([150, 250]);
  });

  test('runNext goes from one firing to the next and stops at the limit', () => {
    const clock = new VirtualClock();
    const seen: number[] = [];
    const handler = { onTimer: (kind: number) => void seen.push(kind) };
    const moved = new Timer(handler, 1);
    clock.arm(moved, 1000);
    clock.arm(moved, 9000);
    clock.arm(new Timer(handler, 2), 70_000);
    expect(clock.runNext(5000)).toBe(false);
    expect(clock.runNext()).toBe(true);
    expect([seen, clock.now()]).toEqual([[1], 9000]);
    expect(clock.runNext()).toBe(true);
    expect(clock.now()).toBe(70_000);
    expect(clock.runNext()).toBe(false);
    expect(clock.armedCount).toBe(0);
  });

  test('a finer tick keeps fractions', () => {
    const clock = new VirtualClock({ tickMs: 0.125 });
    const seen: number[] = [];
    clock.arm(new Timer({ onTimer: (_kind, nowMs) => void seen.push(nowMs) }, 0), 0.3);
    clock.advanceBy(1);
    expect(seen).toEqual([0.375]);
  });

  test('refuses to go back', () => {
    const clock = new VirtualClock();
    clock.advanceTo(10);
    expect(() => clock.advanceTo(9)).toThrow('backwards');
    expect(() => clock.arm(new Timer({ onTimer: () => {} }, 0), -1)).toThrow('negative');
  });
});

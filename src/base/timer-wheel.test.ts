import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { Timer, type TimerHandler } from './clock.ts';
import { TimerWheel } from './timer-wheel.ts';

class Recorder implements TimerHandler {
  readonly fired: { kind: number; nowMs: number }[] = [];
  onTimer(kind: number, nowMs: number): void {
    this.fired.push({ kind, nowMs });
  }
}

function kinds(recorder: Recorder): number[] {
  return recorder.fired.map((entry) => entry.kind);
}

/** Moves from due time to due time up to `untilMs`, as a clock does. */
function run(wheel: TimerWheel, untilMs: number): number {
  let wakeups = 0;
  for (let due = wheel.nextDueMs(); due <= untilMs; due = wheel.nextDueMs()) {
    wheel.advance(due);
    wakeups++;
  }
  wheel.advance(untilMs);
  return wakeups;
}

describe('TimerWheel', () => {
  const day = 24 * 3600 * 1000;
  const delays: readonly (readonly [name: string, dueMs: number, firesAtMs: number])[] = [
    ['at once means the next tick', 0, 1],
    ['one tick', 1, 1],
    ['a fraction is rounded up', 1.25, 2],
    ['last slot of level 0', 31, 31],
    ['first slot of level 1', 32, 32],
    ['inside level 1', 1023, 1023],
    ['level 2', 1024, 1024],
    ['level 2, odd', 15_001, 15_001],
    ['level 3', 65_537, 65_537],
    ['an hour', 3_600_000, 3_600_000],
    ['a day', day, day],
    ['the last tick of the span', 2 ** 30 - 1, 2 ** 30 - 1],
    ['the first tick beyond the span', 2 ** 30, 2 ** 30],
    ['a month, beyond 31 bits', 30 * day, 30 * day],
  ];
  for (const [name, dueMs, firesAtMs] of delays) {
    test(`fires at its due time: ${name}`, () => {
      const wheel = new TimerWheel();
      const recorder = new Recorder();
      wheel.arm(new Timer(recorder, 7), dueMs);
      run(wheel, firesAtMs - 1);
      expect(recorder.fired).toEqual([]);
      run(wheel, firesAtMs);
      expect(recorder.fired).toEqual([{ kind: 7, nowMs: firesAtMs }]);
      expect(wheel.nextDueMs()).toBe(Infinity);
    });
  }

  test('an empty wheel has nothing to do, however far time moves', () => {
    const wheel = new TimerWheel();
    expect(wheel.nextDueMs()).toBe(Infinity);
    wheel.advance(40 * day);
    const recorder = new Recorder();
    wheel.arm(new Timer(recorder, 1), 40 * day + 5);
    expect(run(wheel, 41 * day)).toBeLessThanOrEqual(2);
    expect(kinds(recorder)).toEqual([1]);
  });

  test('a sleeper wakes up for nothing but what is due', () => {
    const wheel = new TimerWheel(1, 12_345.5);
    const recorder = new Recorder();
    for (const dueMs of [13_000, 14_000, 14_000, 80_000.25, 4_000_000])
      wheel.arm(new Timer(recorder, 0), dueMs);
    const wakeups: number[] = [];
    for (let due = wheel.sleepUntilMs(); due !== Infinity; due = wheel.sleepUntilMs()) {
      wakeups.push(due);
      wheel.advance(due);
    }
    // An hour is looked at where its slot ends: what else lies in it is not known to be later.
    expect(wakeups.filter((due) => due < 1_000_000)).toEqual([13_000, 14_000, 80_001]);
    expect(wakeups.at(-1)).toBe(4_000_000);
    expect(wakeups.length).toBeLessThanOrEqual(6);
  });

  test('among many timers a sleeper looks at the slot’s start, and no further', () => {
    const wheel = new TimerWheel();
    const recorder = new Recorder();
    for (let at = 0; at < 1_000; at++) wheel.arm(new Timer(recorder, at), 5_000 + at / 1_000);
    for (let looks = 0; recorder.fired.length === 0 && looks < 8; looks++)
      wheel.advance(wheel.sleepUntilMs());
    expect(recorder.fired[0]).toEqual({ kind: 0, nowMs: 5_000 });
  });

  test('a timer of an hour wakes the process a handful of times', () => {
    const wheel = new TimerWheel(1, 12_345);
    wheel.arm(new Timer(new Recorder(), 1), 12_345 + 3_600_000);
    expect(run(wheel, 4_000_000)).toBeLessThanOrEqual(6);
  });

  test('moving an armed timer later refiles it only when its old slot opens', () => {
    const wheel = new TimerWheel();
    const recorder = new Recorder();
    const timer = new Timer(recorder, 1);
    wheel.arm(timer, 1000);
    const { slot } = timer;
    for (let now = 1; now <= 900; now++) wheel.arm(timer, 1000 + now);
    expect(timer.slot).toBe(slot);
    expect(run(wheel, 1899)).toBeLessThanOrEqual(6);
    expect(recorder.fired).toEqual([]);
    run(wheel, 2000);
    expect(recorder.fired).toEqual([{ kind: 1, nowMs: 1900 }]);
  });

  test('moving an armed timer earlier takes effect', () => {
    const wheel = new TimerWheel();
    const recorder = new Recorder();
    const timer = new Timer(recorder, 1);
    wheel.arm(timer, 60_000);
    wheel.arm(timer, 90_000);
    wheel.arm(timer, 50);
    run(wheel, 100_000);
    expect(recorder.fired).toEqual([{ kind: 1, nowMs: 50 }]);
    expect(wheel.armedCount).toBe(0);
  });

  test('a cancelled timer does not fire, also when cancelled by one of the same tick', () => {
    const wheel = new TimerWheel();
    const recorder = new Recorder();
    const victim = new Timer(recorder, 2);
    const killer = new Timer({ onTimer: () => wheel.cancel(victim) }, 0);
    wheel.arm(killer, 10);
    wheel.arm(victim, 10);
    wheel.cancel(new Timer(recorder, 3));
    run(wheel, 100);
    expect(recorder.fired).toEqual([]);
    expect(victim.armed).toBe(false);
    expect(wheel.armedCount).toBe(0);
  });

  test('timers of one tick fire in the order of arming', () => {
    const wheel = new TimerWheel();
    const recorder = new Recorder();
    wheel.arm(new Timer(recorder, 1), 100);
    run(wheel, 90);
    wheel.arm(new Timer(recorder, 2), 99.5);
    wheel.arm(new Timer(recorder, 3), 100);
    run(wheel, 100);
    expect(kinds(recorder)).toEqual([1, 2, 3]);
  });

  test('a handler that arms itself without delay cannot hang the wheel', () => {
    const wheel = new TimerWheel();
    let calls = 0;
    const timer: Timer = new Timer(
      {
        onTimer: (_kind, nowMs) => {
          calls++;
          wheel.arm(timer, nowMs);
        },
      },
      0,
    );
    wheel.arm(timer, 5);
    wheel.advance(5);
    expect(calls).toBe(1);
    wheel.advance(6);
    expect(calls).toBe(2);
  });

  test('a handler that throws does not lose the timers behind it', () => {
    const wheel = new TimerWheel();
    const recorder = new Recorder();
    wheel.arm(new Timer({ onTimer: () => expect.unreachable('a bug of ours') }, 0), 10);
    wheel.arm(new Timer(recorder, 2), 10);
    expect(() => wheel.advance(10)).toThrow('a bug of ours');
    wheel.advance(10);
    expect(kinds(recorder)).toEqual([2]);
  });

  test('refuses a due time that is none', () => {
    expect(() => new TimerWheel().arm(new Timer(new Recorder(), 0), Number.NaN)).toThrow('bug');
    expect(() => new TimerWheel(0.3)).toThrow('power of two');
  });

  test('any sequence of arm, cancel and advance agrees with a sorted list', () => {
    const step = fc.oneof(
      fc.record({ op: fc.constant('arm' as const), id: fc.nat(9), ms: fc.integer({ min: 0, max: 5000 }) }),
      fc.record({ op: fc.constant('far' as const), id: fc.nat(9), ms: fc.integer({ min: 0, max: 2 ** 31 }) }),
      fc.record({ op: fc.constant('cancel' as const), id: fc.nat(9), ms: fc.constant(0) }),
      fc.record({
        op: fc.constant('advance' as const),
        id: fc.constant(0),
        ms: fc.integer({ min: 0, max: 3000 }),
      }),
      fc.record({
        op: fc.constant('jump' as const),
        id: fc.constant(0),
        ms: fc.integer({ min: 0, max: 2 ** 30 }),
      }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const wheel = new TimerWheel();
        const recorder = new Recorder();
        const timers = Array.from({ length: 10 }, (_, id) => new Timer(recorder, id));
        const model = new Map<number, number>();
        let nowMs = 0;
        for (const { op, id, ms } of steps) {
          if (op === 'arm' || op === 'far') {
            wheel.arm(timers[id]!, nowMs + ms);
            model.set(id, Math.max(nowMs + ms, nowMs + 1));
          } else if (op === 'cancel') {
            wheel.cancel(timers[id]!);
            model.delete(id);
          } else {
            nowMs += ms;
            recorder.fired.length = 0;
            const earliest = Math.min(Infinity, ...model.values());
            expect(wheel.nextDueMs()).toBeLessThanOrEqual(earliest);
            expect(wheel.sleepUntilMs()).toBeLessThanOrEqual(Math.ceil(earliest));
            expect(wheel.sleepUntilMs()).toBeGreaterThanOrEqual(wheel.nextDueMs());
            wheel.advance(nowMs);
            const due = [...model].filter(([, dueMs]) => dueMs <= nowMs);
            const dueTimes = kinds(recorder).map((kind) => model.get(kind)!);
            expect(kinds(recorder).sort()).toEqual(due.map(([kind]) => kind).sort());
            expect(dueTimes).toEqual([...dueTimes].sort((a, b) => a - b));
            for (const [kind] of due) model.delete(kind);
          }
          expect(wheel.armedCount).toBe(model.size);
        }
      }),
      { seed: 4, numRuns: 300 },
    );
  });
});

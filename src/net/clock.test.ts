import { describe, expect, test } from 'bun:test';
import { type Clock, Timer, VirtualClock } from '../base/index.ts';
import { createSystemClock } from './system-clock.ts';
import { beginTurn, endTurn } from './turn.ts';

interface ClockWorld {
  readonly clock: Clock;
  /** Lets time pass until `done` holds. */
  settle(done: () => boolean): Promise<void>;
}

const worlds: readonly (readonly [string, () => ClockWorld])[] = [
  [
    'virtual',
    () => {
      const clock = new VirtualClock();
      return {
        clock,
        async settle(done) {
          while (!done()) if (!clock.runNext()) throw new Error('never came to be');
        },
      };
    },
  ],
  [
    'system',
    () => ({
      clock: createSystemClock(),
      async settle(done) {
        while (!done()) await new Promise((resolve) => setImmediate(resolve));
      },
    }),
  ],
];

for (const [name, create] of worlds) {
  describe(`Clock contract: ${name}`, () => {
    test('timers fire once, in the order of their due times, never early', async () => {
      const { clock, settle } = create();
      const fired: [kind: number, nowMs: number][] = [];
      const handler = { onTimer: (kind: number, nowMs: number) => void fired.push([kind, nowMs]) };
      const startMs = clock.now();
      const delays = [12, 3, 7, 0];
      const timers = delays.map((delayMs) => new Timer(handler, delayMs));
      for (const timer of timers) clock.arm(timer, timer.kind);
      // Whoever is held up between two of these makes the later one due later still.
      const due = new Map(timers.map((timer) => [timer.kind, timer.dueMs]));
      expect(fired).toEqual([]);
      await settle(() => fired.length === delays.length);
      const order = fired.map(([kind]) => due.get(kind) ?? Number.NaN);
      expect(order).toEqual(order.toSorted((a, b) => a - b));
      expect(fired.map(([kind]) => kind).toSorted((a, b) => a - b)).toEqual([0, 3, 7, 12]);
      for (const [kind, nowMs] of fired) expect(nowMs - startMs).toBeGreaterThanOrEqual(kind);
    });

    test('moving earlier, moving later and cancelling work', async () => {
      const { clock, settle } = create();
      const fired: number[] = [];
      const handler = { onTimer: (kind: number) => void fired.push(kind) };
      const [sooner, later, never] = [new Timer(handler, 1), new Timer(handler, 2), new Timer(handler, 3)];
      clock.arm(sooner, 60_000);
      clock.arm(later, 2);
      clock.arm(never, 4);
      clock.arm(sooner, 5);
      clock.arm(later, 15);
      clock.cancel(never);
      clock.cancel(never);
      await settle(() => fired.length === 2);
      expect(fired).toEqual([1, 2]);
      expect([sooner.armed, later.armed, never.armed]).toEqual([false, false, false]);
    });

    test('a handler may arm itself again', async () => {
      const { clock, settle } = create();
      let rounds = 0;
      const timer: Timer = new Timer(
        {
          onTimer: () => {
            if (++rounds < 3) clock.arm(timer, 0);
          },
        },
        0,
      );
      clock.arm(timer, 0);
      await settle(() => rounds === 3);
      expect(timer.armed).toBe(false);
    });

    test('refuses a delay that is none', () => {
      const { clock } = create();
      const timer = new Timer({ onTimer() {} }, 0);
      expect(() => clock.arm(timer, -1)).toThrow('bug');
      expect(() => clock.arm(timer, Number.NaN)).toThrow('bug');
      expect(timer.armed).toBe(false);
    });
  });
}

test('a process whose timers are all cancelled can end', async () => {
  const script = `
    import { Timer } from '${import.meta.dir}/../base/index.ts';
    import { createSystemClock } from '${import.meta.dir}/system-clock.ts';
    const clock = createSystemClock();
    const timer = new Timer({ onTimer() {} }, 0);
    clock.arm(timer, 3_600_000);
    clock.arm(timer, 30 * 24 * 3_600_000);
    clock.cancel(timer);
  `;
  const child = Bun.spawn([process.execPath, '-e', script], { stderr: 'pipe' });
  expect([await child.exited, await child.stderr.text()]).toEqual([0, '']);
});

describe('the system clock in a turn', () => {
  /** Some time passes without anybody giving way. */
  function hold(): void {
    const untilMs = performance.now() + 5;
    while (performance.now() < untilMs);
  }

  test('stands still, and goes on when the turn is over', () => {
    const clock = createSystemClock();
    beginTurn();
    const beganMs = clock.now();
    beginTurn();
    hold();
    expect(clock.now()).toBe(beganMs);
    endTurn();
    expect(clock.now()).toBe(beganMs);
    endTurn();
    expect(clock.now()).toBeGreaterThanOrEqual(beganMs + 5);
    beginTurn();
    expect(clock.now()).toBeGreaterThanOrEqual(beganMs + 5);
    endTurn();
  });

  test('a timer that is armed late in it is not early', async () => {
    const clock = createSystemClock();
    let fired = false;
    const timer = new Timer({ onTimer: () => (fired = true) }, 0);
    beginTurn();
    clock.now();
    hold();
    const armedMs = performance.now();
    clock.arm(timer, 4);
    endTurn();
    while (!fired) await new Promise((resolve) => setImmediate(resolve));
    expect(performance.now()).toBeGreaterThanOrEqual(armedMs + 4);
  });
});

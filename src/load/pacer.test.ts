import { describe, expect, test } from 'bun:test';
import { VirtualClock } from '../base/index.ts';
import { createClockPacer, createPrecisePacer } from './pacer.ts';
import type { Pacer } from './types.ts';

describe('by a clock', () => {
  test('fires at the tick after its time, once, and not when cancelled', () => {
    const clock = new VirtualClock();
    const pacer = createClockPacer(clock);
    let fired = 0;
    const waiter = {
      busy: false,
      onDue: () => {
        fired += 1;
      },
    };
    pacer.wait(10.5, waiter);
    clock.advanceTo(10);
    expect(fired).toBe(0);
    clock.advanceTo(11);
    expect(fired).toBe(1);
    pacer.wait(20, waiter);
    pacer.cancel();
    clock.advanceTo(30);
    expect(fired).toBe(1);
  });
});

describe('by naps', () => {
  const wait = (pacer: Pacer, untilMs: number, busy: boolean): Promise<void> =>
    new Promise((resolve) => pacer.wait(untilMs, { busy, onDue: resolve }));

  for (const busy of [false, true]) {
    test(`never fires early; ${busy ? 'I/O goes on meanwhile' : 'with nothing in flight'}`, async () => {
      const pacer = createPrecisePacer(() => performance.now());
      let polls = 0;
      let over = false;
      const poll = (): void => {
        polls += 1;
        if (!over) setImmediate(poll);
      };
      if (busy) setImmediate(poll);
      for (const waitMs of [0, 0.2, 0.7, 1.5, 4, 8]) {
        const dueMs = performance.now() + waitMs;
        await wait(pacer, dueMs, busy);
        // Half a nap's slack is the one earliness that is allowed.
        expect(performance.now()).toBeGreaterThan(dueMs - 0.04);
      }
      over = true;
      if (busy) expect(polls).toBeGreaterThan(6);
    });
  }

  test('a cancelled wait does not fire', async () => {
    const pacer = createPrecisePacer(() => performance.now());
    let fired = false;
    pacer.wait(performance.now() + 0.5, {
      busy: true,
      onDue: () => {
        fired = true;
      },
    });
    pacer.cancel();
    await wait(
      createPrecisePacer(() => performance.now()),
      performance.now() + 3,
      false,
    );
    expect(fired).toBe(false);
  });
});

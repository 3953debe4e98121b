import { describe, expect, test } from 'bun:test';
import { Timer } from '../base/index.ts';
import { World } from './index.ts';

function createTimer(fired: number[], kind: number): Timer {
  return new Timer({ onTimer: () => void fired.push(kind) }, kind);
}

describe('a simulated process', () => {
  test('has the time of its world and timers of its own', async () => {
    const world = new World(1);
    const process = world.startProcess('ledger', '127.0.1.1');
    const fired: number[] = [];
    const [late, soon, never] = [1, 2, 3].map((kind) => createTimer(fired, kind)) as [Timer, Timer, Timer];
    process.clock.arm(late, 5000);
    process.clock.arm(soon, 10);
    process.clock.arm(never, 20);
    process.clock.cancel(never);
    await world.runUntil(4000);
    expect([fired, process.clock.now()]).toEqual([[2], 4000]);
    process.clock.arm(late, 100);
    await world.runUntil(4101);
    expect(fired).toEqual([2, 1]);
    expect(process.clock.wall()).toBe(world.clock.wall());
  });

  test('takes its timers along when it is killed, and arms no more', async () => {
    const world = new World(1);
    const [victim, other] = [world.startProcess('a', '127.0.1.1'), world.startProcess('b', '127.0.1.1')];
    const fired: number[] = [];
    victim.clock.arm(createTimer(fired, 1), 10);
    other.clock.arm(createTimer(fired, 2), 10);
    victim.kill();
    victim.clock.arm(createTimer(fired, 3), 10);
    await world.runFor(1000);
    expect(fired).toEqual([2]);
  });

  test('may kill itself from a timer', async () => {
    const world = new World(1);
    const process = world.startProcess('a', '127.0.1.1');
    const fired: number[] = [];
    process.clock.arm(new Timer({ onTimer: () => process.kill() }, 0), 10);
    process.clock.arm(createTimer(fired, 1), 50);
    await world.runFor(1000);
    expect(fired).toEqual([]);
  });
});

describe('a world', () => {
  test('runs promises before the next instant, in a fixed order', async () => {
    const world = new World(1);
    const seen: string[] = [];
    const { clock } = world.startProcess('a', '127.0.1.1');
    const slowly = async () => {
      for (let step = 0; step < 20; step++) await null;
      seen.push(`settled at ${clock.now()}`);
    };
    clock.arm(new Timer({ onTimer: () => void slowly() }, 0), 10);
    clock.arm(new Timer({ onTimer: () => void seen.push(`next at ${clock.now()}`) }, 0), 11);
    await world.runFor(100);
    expect(seen).toEqual(['settled at 10', 'next at 11']);
  });

  test('gives each user randomness of its own, all of it from the seed', () => {
    const draw = (seed: number) => {
      const world = new World(seed);
      const [first, second] = [world.forkRandom(), world.forkRandom()];
      return [first.uint32(), second.uint32(), second.uint32()].join();
    };
    expect(draw(1)).toBe(draw(1));
    expect(draw(1)).not.toBe(draw(2));
    const world = new World(1);
    const first = world.forkRandom();
    first.uint32();
    first.uint32();
    expect(world.forkRandom().uint32()).toBe(Number(draw(1).split(',')[1]));
  });

  test('a trace tells runs apart and keeps its end', () => {
    const [a, b] = [new World(1).trace, new World(1).trace];
    a.add('one');
    b.add('one');
    expect(a.digest).toBe(b.digest);
    b.add('two');
    expect(a.digest).not.toBe(b.digest);
    for (let line = 0; line < 1000; line++) a.add(String(line));
    const kept = a.takeRecent();
    expect([kept.length, kept.at(-1)]).toEqual([400, '0.000 999']);
  });
});

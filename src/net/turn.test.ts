import { describe, expect, test } from 'bun:test';
import { beginTurn, deferClose, deferFlush, deferGathered, endTurn, type TurnMember } from './turn.ts';

/** Notes what it is told; `fails` throws at its flush, `failsToClose` at its close. */
function member(told: string[], name: string, fails: 'flush' | 'close' | null = null): TurnMember {
  return {
    flushPending: false,
    flush() {
      this.flushPending = false;
      told.push(`${name} flushed`);
      if (fails === 'flush') throw new Error(name);
    },
    deliverClose() {
      told.push(`${name} closed`);
      if (fails === 'close') throw new Error(name);
    },
  };
}

describe('a turn', () => {
  test('settles at its outermost end, flushes before closes', () => {
    const told: string[] = [];
    beginTurn();
    deferClose(member(told, 'a'));
    deferFlush(member(told, 'b'));
    beginTurn();
    endTurn();
    expect(told).toEqual([]);
    endTurn();
    expect(told).toEqual(['b flushed', 'a closed']);
  });

  for (const kind of ['flush', 'close'] as const) {
    test(`one that throws at its ${kind} costs nobody else, in this turn or a later one`, async () => {
      const told: string[] = [];
      beginTurn();
      for (const name of ['a', 'b']) deferFlush(member(told, name));
      const faulty = member(told, 'faulty', kind);
      if (kind === 'flush') deferFlush(faulty);
      else deferClose(faulty);
      for (const name of ['c', 'd']) deferFlush(member(told, name));
      deferClose(member(told, 'c'));
      expect(() => endTurn()).toThrow('faulty');
      await Promise.resolve();
      expect(told.toSorted()).toEqual(
        [
          'a flushed',
          'b flushed',
          'c closed',
          'c flushed',
          'd flushed',
          `faulty ${kind}${kind === 'flush' ? 'ed' : 'd'}`,
        ].toSorted(),
      );
      beginTurn();
      deferFlush(member(told, 'later'));
      endTurn();
      expect(told.at(-1)).toBe('later flushed');
    });
  }
});

describe('who gathers', () => {
  const poll = () => new Promise<void>((done) => setImmediate(done));
  let told: string[] = [];

  function turn(...names: readonly string[]): void {
    beginTurn();
    for (const name of names) deferGathered(member(told, name));
    endTurn();
  }

  /** Until what gathers waits, whatever ran before. */
  async function untilItWaits(): Promise<void> {
    for (let tries = 0; ; tries++) {
      told = [];
      turn('a');
      turn('b');
      const waits = told.length === 0;
      await poll();
      told = [];
      if (waits) return;
      expect(tries).toBeLessThan(64);
    }
  }

  test('waits for all turns of a poll', async () => {
    await untilItWaits();
    const twice = member(told, 'twice');
    turn('a');
    beginTurn();
    deferGathered(twice);
    endTurn();
    beginTurn();
    deferGathered(twice);
    endTurn();
    expect(told).toEqual([]);
    await poll();
    expect(told).toEqual(['a flushed', 'twice flushed']);
  });

  test('does not where polls bring one turn each, and tries again', async () => {
    await untilItWaits();
    let polls = 0;
    for (; told.length === polls; polls++) {
      turn('a');
      if (told.length > polls) break;
      await poll();
    }
    expect(polls).toBe(4);
    let turns = 1;
    for (; told.length === polls + turns && turns < 1000; turns++) turn('a');
    expect(turns).toBe(65);
    await poll();
    expect(told.length).toBe(polls + turns);
    turn('a');
    expect(told.length).toBe(polls + turns + 1);
  });

  test('is finished by a microtask outside of a turn', async () => {
    await untilItWaits();
    deferGathered(member(told, 'a'));
    await Promise.resolve();
    expect(told).toEqual(['a flushed']);
  });

  test('does not hold closes of the turn up', async () => {
    await untilItWaits();
    beginTurn();
    deferGathered(member(told, 'a'));
    deferGathered(member(told, 'b'));
    deferClose(member(told, 'c'));
    endTurn();
    expect(told).toEqual(['c closed']);
    await poll();
    expect(told).toEqual(['c closed', 'a flushed', 'b flushed']);
  });
});

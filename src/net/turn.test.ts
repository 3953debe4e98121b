import { describe, expect, test } from 'bun:test';
import { beginTurn, deferClose, deferFlush, endTurn, type TurnMember } from './turn.ts';

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

import { describe, expect, test } from 'bun:test';
import { enterGate, handshakesPerTurnMax } from './handshake-gate.ts';

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

describe('handshakes of one turn', () => {
  test('a storm begins few at a time, in order, and nobody is forgotten', async () => {
    await turn();
    await turn();
    const begun: number[] = [];
    const count = 5 * handshakesPerTurnMax;
    let turns = 0;
    for (let at = 0; at < count; at++)
      if (enterGate({ beginHandshake: () => void begun.push(at) }) === true) begun.push(at);
    expect(begun.length).toBe(handshakesPerTurnMax);
    for (; begun.length < count && turns < 100; turns++) {
      const before = begun.length;
      await turn();
      expect(begun.length - before).toBeLessThanOrEqual(handshakesPerTurnMax);
    }
    expect(begun).toEqual(Array.from({ length: count }, (_, at) => at));
    expect(turns).toBeGreaterThanOrEqual(4);
  });

  test('a newcomer does not pass those who wait', async () => {
    await turn();
    await turn();
    const begun: string[] = [];
    const enter = (name: string) => {
      if (enterGate({ beginHandshake: () => void begun.push(name) }) === true) begun.push(name);
    };
    for (let at = 0; at <= 2 * handshakesPerTurnMax; at++) enter('early');
    await turn();
    enter('late');
    while (!begun.includes('late')) await turn();
    expect(begun.at(-1)).toBe('late');
    expect(begun.length).toBe(2 * handshakesPerTurnMax + 2);
  });
});

import { beforeEach, describe, expect, test } from 'bun:test';
import { GiveWay } from './give-way.ts';

describe('after a poll', () => {
  let nowMs = 0;
  let keptMs = 0;
  let yields = 0;
  let way = createWay();

  function createWay(): GiveWay {
    const yieldCore = () => {
      yields += 1;
      nowMs += keptMs;
    };
    return new GiveWay(yieldCore, () => nowMs);
  }

  beforeEach(() => {
    nowMs = 0;
    keptMs = 0;
    yields = 0;
    way = createWay();
  });

  test('others run where it brought much', () => {
    for (const turns of [0, 1, 2]) way.afterPoll(turns);
    expect(yields).toBe(0);
    for (const turns of [3, 4, 1000]) way.afterPoll(turns);
    expect(yields).toBe(3);
  });

  test('who gives the core back in time is let run again', () => {
    keptMs = 2;
    for (let poll = 0; poll < 10; poll++) way.afterPoll(3);
    expect(yields).toBe(10);
  });

  test('who keeps it costs one poll a second', () => {
    keptMs = 3;
    for (; nowMs < 10_000; nowMs += 0.1) way.afterPoll(3);
    expect(yields).toBe(10);
  });
});

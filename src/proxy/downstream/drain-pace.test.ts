import { describe, expect, test } from 'bun:test';
import { VirtualClock, Xoshiro128 } from '../../base/index.ts';
import { proxyLimits } from '../limits.ts';
import { DrainPace } from './drain-pace.ts';

const lastsMs = 10_000;
const clients = 2_000;

function setup() {
  const clock = new VirtualClock();
  return { clock, pace: new DrainPace(clock, new Xoshiro128(1), lastsMs / 0.8) };
}

describe('DrainPace', () => {
  test('the share of answers that announce the end follows the time', () => {
    const { clock, pace } = setup();
    const shares = [0, 2_500, 7_500, 10_000, 20_000].map((atMs) => {
      clock.advanceTo(atMs);
      return Array.from({ length: clients }, () => pace.announces()).filter(Boolean).length / clients;
    });
    expect(shares[0]).toBe(0);
    expect(shares[1]).toBeCloseTo(0.25, 1);
    expect(shares[2]).toBeCloseTo(0.75, 1);
    expect(shares.slice(3)).toEqual([1, 1]);
  });

  test('quiet connections end evenly over four fifths of the drain time, and none outlives them', () => {
    const { clock, pace } = setup();
    let left = clients;
    const quarters: number[] = [];
    for (let atMs = proxyLimits.drainCheckMs; atMs <= lastsMs; atMs += proxyLimits.drainCheckMs) {
      clock.advanceTo(atMs);
      left -= Array.from({ length: left }, () => pace.endsQuiet(atMs)).filter(Boolean).length;
      if (atMs % (lastsMs / 4) === 0) quarters.push(left / clients);
    }
    expect(quarters.map((share) => Math.round(share * 20) / 20)).toEqual([0.75, 0.5, 0.25, 0]);
  });
});

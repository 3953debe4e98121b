import { expect, test } from 'bun:test';
import { Xoshiro128 } from '../../base/index.ts';
import { EndpointLoad } from '../balance/index.ts';
import { noteConnected, noteUnconnected, reachRules, redialAfterMs } from './reach-judge.ts';

test('one connection that nobody answered is enough; refusals take some in a row', () => {
  const silent = new EndpointLoad('a', 1);
  expect([noteUnconnected(silent, true), silent.unreachable]).toEqual([true, true]);
  const refusing = new EndpointLoad('b', 1);
  const told = Array.from({ length: 5 }, () => noteUnconnected(refusing, false));
  expect(told).toEqual([false, false, true, false, false]);
});

test('one that opens in between begins the count anew, and ends the state', () => {
  const endpoint = new EndpointLoad('a', 1);
  noteUnconnected(endpoint, false);
  noteUnconnected(endpoint, false);
  expect(noteConnected(endpoint)).toBe(false);
  expect(noteUnconnected(endpoint, false)).toBe(false);
  expect(noteUnconnected(endpoint, true)).toBe(true);
  expect([noteConnected(endpoint), endpoint.unreachable]).toEqual([true, false]);
});

test('waits double up to a bound, each a little shorter by chance', () => {
  const random = new Xoshiro128(1n);
  const { redialJitter, redialMs, redialMsMax } = reachRules;
  expect(redialAfterMs(0, random)).toBe(0);
  for (let tries = 1; tries < 60; tries++) {
    const whole = Math.min(redialMsMax, redialMs * 2 ** (tries - 1));
    const waitMs = redialAfterMs(tries, random);
    expect(waitMs).toBeLessThanOrEqual(whole);
    expect(waitMs).toBeGreaterThanOrEqual(whole * (1 - redialJitter));
  }
});

import { expect, test } from 'bun:test';
import { Xoshiro128 } from '../../base/index.ts';
import { covers, widerThan } from './hosts.ts';
import { randomHost } from './testing/random-host.ts';

test('the names that are looked up are those that cover', () => {
  const random = new Xoshiro128(7);
  let covered = 0;
  for (let round = 0; round < 2_000; round++) {
    const [wide, narrow] = [randomHost(random), randomHost(random)];
    const wider = [...widerThan(narrow)];
    expect([wide, narrow, wider.includes(wide)]).toEqual([wide, narrow, covers(wide, narrow)]);
    expect(new Set(wider).size).toBe(wider.length);
    if (wide !== narrow && covers(wide, narrow)) covered++;
  }
  expect(covered).toBeGreaterThan(100);
});

test('the closest comes first', () => {
  expect([...widerThan('a.b.c')]).toEqual(['a.b.c', '*.b.c', '*.c', '*']);
  expect([...widerThan('*.b.c')]).toEqual(['*.b.c', '*.c', '*']);
  expect([...widerThan('*')]).toEqual(['*']);
});

import { expect, test } from 'bun:test';
import { freePort, freePorts } from './programs.ts';

test('a port that was given is not given again while its owner may not listen yet', () => {
  const all = [...freePorts(300), ...Array.from({ length: 600 }, freePort)];
  expect(new Set(all).size).toBe(all.length);
});

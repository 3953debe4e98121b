import { describe, expect, test } from 'bun:test';
import { parsePs, parseRollupPss, parseStatCpu, readCpuSeconds, readMemory } from './usage.ts';

describe('parseStatCpu', () => {
  test.each([
    { name: 'a plain name', stat: '7 (bun) S 1 7 7 0 -1 4194304 9 0 0 0 250 50 0 0 20 0 5', seconds: 3 },
    {
      name: 'a name with spaces and parentheses',
      stat: '7 (a) b) c) S 1 7 7 0 -1 0 9 0 0 0 1 2 0 0 20',
      seconds: 0.03,
    },
  ])('$name', ({ stat, seconds }) => {
    expect(parseStatCpu(stat)).toBeCloseTo(seconds);
  });
});

test('parseRollupPss reads the proportional size alone', () => {
  const rollup =
    '00400000-7fff ---p 00000000 00:00 0 [rollup]\nRss:   9000 kB\nPss:    1234 kB\nPss_Anon: 1 kB\n';
  expect([parseRollupPss(rollup), parseRollupPss('')]).toEqual([1234 * 1024, 0]);
});

test('parsePs reads every form of time', () => {
  const usages = parsePs('  12  100   0:01.50\n 13 200 01:02:03\n 14 1 2-00:00:01\n\n');
  expect([...usages]).toEqual([
    [12, { cpuSeconds: 1.5, memoryBytes: 100 * 1024 }],
    [13, { cpuSeconds: 3723, memoryBytes: 200 * 1024 }],
    [14, { cpuSeconds: 172_801, memoryBytes: 1024 }],
  ]);
});

test.each([
  { name: 'CPU time', read: readCpuSeconds, atLeast: 0.001 },
  { name: 'memory', read: readMemory, atLeast: 1e6 },
])('$name of this process is found, and one that is not there is passed over', async ({ read, atLeast }) => {
  const found = await read([process.pid, 2 ** 30]);
  expect([...found.keys()]).toEqual([process.pid]);
  expect(found.get(process.pid)).toBeGreaterThan(atLeast);
});

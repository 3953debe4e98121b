// Which priorities are left to a retry, by what was tried and by what each can carry.

import { expect, test } from 'bun:test';
import { shareSparing } from './previous-priorities.ts';

const none = [0, 0, 0];
const well = { healthy: [100, 100, 100], degraded: none };

const cases: readonly (readonly [string, typeof well, readonly number[], number, number[] | null])[] = [
  ['nothing was tried', well, [], 1, null],
  ['the first one', well, [0], 1, [0, 100, 0]],
  ['two of three', well, [0, 1], 1, [0, 0, 100]],
  ['all of them: as before', well, [0, 1, 2], 1, null],
  ['all of them, and one again', well, [0, 1, 2, 0], 1, [0, 100, 0]],
  ['too few to be looked at', well, [0], 2, null],
  ['two of the first', well, [0, 0], 2, [0, 100, 0]],
  ['one more than was looked at', well, [0, 0, 1], 2, [0, 100, 0]],
  ['what is left carries in part', { healthy: [100, 40, 40], degraded: none }, [0], 1, [0, 50, 50]],
  ['nobody else carries anything', { healthy: [100, 0, 0], degraded: none }, [0], 1, null],
];
for (const [name, carries, tried, every, expected] of cases)
  test(name, () => expect(shareSparing(carries, { every, tried })?.healthy ?? null).toEqual(expected));

test('degraded endpoints of another priority come before the priority that is spared', () => {
  const carries = { healthy: [100, 0], degraded: [0, 60] };
  expect(shareSparing(carries, { every: 1, tried: [0] })).toEqual({ healthy: [0, 0], degraded: [0, 100] });
});

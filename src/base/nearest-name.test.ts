import { expect, test } from 'bun:test';
import { nearestName } from './nearest-name.ts';

const names = ['timeouts', 'timeout', 'retry', 'retryBudget', 'limits', 'connect_timeout'];
const cases: readonly (readonly [string, string | null])[] = [
  ['timeot', 'timeout'],
  ['conect_timeout', 'connect_timeout'],
  ['retyr', 'retry'],
  ['RetryBudget', 'retryBudget'],
  ['limit', 'limits'],
  ['healthCheck', null],
  ['ab', null],
  ['', null],
];
test.each(cases)('%s is nearest to %p', (name, expected) => expect(nearestName(name, names)).toBe(expected));

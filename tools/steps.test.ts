import { expect, test } from 'bun:test';
import { parseJunit, sum } from './steps.ts';

test('a report is counted by its outermost element', () => {
  const xml =
    '<testsuites name="bun test" tests="7" assertions="9" failures="2" skipped="1" time="1">\n<testsuite tests="3">';
  expect(parseJunit(xml)).toEqual({ passed: 4, failed: 2, skipped: 1 });
});

test('no report counts nothing, so that the run cannot pass', () => {
  expect(parseJunit('')).toEqual({ passed: 0, failed: 0, skipped: 0 });
});

test('counts add up', () => {
  const one = { passed: 1, failed: 0, skipped: 2 };
  expect(sum([one, one, { passed: 0, failed: 1, skipped: 0 }])).toEqual({ passed: 2, failed: 1, skipped: 4 });
});

import { expect, test } from 'bun:test';
import { findFailures, findSkips, findSlowest, parseJunit } from './test-report.ts';

/** As the runner writes it. */
const report = `<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="bun test" tests="7" assertions="9" failures="2" skipped="1" time="1">
  <testsuite name="a.test.ts" file="a.test.ts" tests="6" time="12.5" hostname="vm">
    <testsuite name="one &gt; two" file="a.test.ts" line="2" tests="5" time="11.129">
      <testcase name="says &quot;no&quot; &lt;b&gt;" classname="one &gt; two" time="0.0002" file="a.test.ts" line="3">
        <failure type="AssertionError" message="expect(received).toEqual(expected)&#10;&#10;  [&#10;+   2,&#10;  ]&#10;">x</failure>
      </testcase>
      <testcase name="is late" classname="one &gt; two" time="30" file="a.test.ts" line="5" assertions="0">
        <failure type="TimeoutError" message="test timed out" />
      </testcase>
      <testcase name="passes" classname="one &gt; two" time="0.000065" file="a.test.ts" line="6" assertions="0" />
    </testsuite>
  </testsuite>
  <testsuite name="b.test.ts" file="b.test.ts" tests="1" time="100.25" hostname="vm">
  </testsuite>
  <testsuite name="c.test.ts" file="c.test.ts" tests="1" time="0.25" hostname="vm">
  </testsuite>
</testsuites>`;

test('a report is counted by its outermost element', () => {
  expect(parseJunit(report)).toEqual({ passed: 4, failed: 2, skipped: 1, reasons: [] });
});

test('no report counts nothing, so that the run cannot pass', () => {
  expect(parseJunit('')).toEqual({ passed: 0, failed: 0, skipped: 0, reasons: [] });
});

test('failures are told by place, name and what differs', () => {
  const output =
    '\na.test.ts:\nnoise\n\nd.test.ts:\n\n# Unhandled error between tests\n---\n1 | x\nerror: cannot load\n---\n';
  expect(findFailures(report, output)).toEqual([
    'a.test.ts:3 one > two > says "no" <b>\n    expect(received).toEqual(expected)\n    +   2,',
    'a.test.ts:5 one > two > is late\n    test timed out',
    'd.test.ts outside of a test\n    error: cannot load',
  ]);
});

test('a long reason is cut', () => {
  const message = Array.from({ length: 30 }, () => `+${'x'.repeat(500)}`).join('&#10;');
  const xml = `<testcase name="n" file="f" line="1">\n<failure message="${message}" />`;
  expect(
    findFailures(xml, '')[0]
      ?.split('\n')
      .map((line) => line.length),
  ).toEqual([5, ...Array(8).fill(204)]);
});

test('the slowest files come first, and quick ones not at all', () => {
  expect(findSlowest(report, 25, 1)).toEqual([' 100.3 s b.test.ts', '  12.5 s a.test.ts']);
  expect(findSlowest(report, 1, 1)).toEqual([' 100.3 s b.test.ts']);
});

test('skips are found by their form', () => {
  expect(findSkips('a: skipped, b\nnoise\na: skipped, b\n')).toEqual(['a: skipped, b']);
});

import { expect, test } from 'bun:test';
import { drawChart } from './chart.ts';
import { formatCase } from './report.ts';
import { median, Tally } from './tally.ts';

test.each([
  [[], Number.NaN],
  [[3], 3],
  [[5, 1], 3],
  [[9, 1, 2], 2],
])('the median of %p is %p', (values, expected) => {
  expect(median(values)).toBe(expected);
});

test('rows are medians over the rounds, failures a sum, absence no number', () => {
  const tally = new Tally(['weft', 'envoy']);
  for (const value of [10, 40, 20]) tally.add('weft', 'saturated', { 'CPU us a request': value, failed: 1 });
  tally.add('envoy', 'saturated', { 'CPU us a request': 80 });
  tally.add('envoy', 'idle', { 'RSS MB': 7 });
  expect(tally.rows()).toEqual([
    { label: 'saturated: CPU us a request', values: [20, 80] },
    { label: 'idle: RSS MB', values: [Number.NaN, 7] },
    { label: 'failed requests', values: [3, 0] },
  ]);
});

test('the table has the ratio to Envoy where Envoy took part', () => {
  const rows = [
    { label: 'saturated: CPU us a request', values: [20, 80] },
    { label: 'requests/s', values: [12_345, Number.NaN] },
  ];
  const result = { name: 'hop', about: 'One hop.', peers: ['weft', 'envoy'], rows };
  const table = formatCase(result);
  expect(table).toContain('| saturated: CPU us a request | 20.0 (0.25) | 80.0 |');
  expect(table).toContain('| requests/s | 12,345 | - |');
  const chart = drawChart([result]);
  expect(chart).toContain('hop: saturated: CPU us a request');
  expect(chart).toContain('>0.25<');
  expect(chart).not.toContain('requests/s');
});

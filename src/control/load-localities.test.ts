import { expect, test } from 'bun:test';
import { hasEndpointsIn } from './load-localities.ts';
import type { PortModel } from './model/types.ts';

test.each([
  ['a zone of an endpoint', ['a', ''], null, '/a', true],
  ['an endpoint of which no zone is known', ['a', ''], null, '', true],
  ['another zone', ['a'], null, '/b', false],
  ['none, where all zones are known', ['a'], null, '', false],
  ['a region, or a part of a zone', ['a'], null, 'r/a/s', false],
  ['what a name stands for', [], 'api.example.com', '', true],
  ['a zone of what a name stands for', [], 'api.example.com', '/a', false],
])('endpoints are there or not: %s', (_, zones, external, locality, expected) => {
  const port = { external, endpoints: zones.map((zone) => ({ zone })) } as unknown as PortModel;
  expect([hasEndpointsIn(port, locality), hasEndpointsIn(port, locality)]).toEqual([expected, expected]);
  expect(hasEndpointsIn(null, locality)).toBe(false);
});

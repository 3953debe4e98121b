import { expect, test } from 'bun:test';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DemoFault } from '../fault.ts';
import { findRootAmong, findSourceRoot } from './programs.ts';

test('the bank is found beside the program', () => {
  expect(findSourceRoot()).toBe(join(import.meta.dir, '../../..'));
});

test('a program far from the bank says so, as a fault of its call', () => {
  expect(() => findRootAmong([tmpdir(), '/nonexistent'])).toThrow(DemoFault);
  expect(() => findRootAmong([])).toThrow('examples/bank');
});

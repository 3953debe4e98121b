// What an authorization service says must never be more than a codec takes: whatever it is, the head stays one.

import { describe, expect, test } from 'bun:test';
import { createRequestHead, type RequestHead } from '../../../wire/index.ts';
import { applyPermission, isWellFormed } from './mutations.ts';
import type { Permission } from './verdict.ts';

const nothing: Permission = {
  kind: 'ok',
  request: [],
  removed: [],
  response: [],
  querySet: [],
  queryRemoved: [],
  notes: null,
};

const headOf = (path = '/a?x=1'): RequestHead => createRequestHead('GET', 'ledger', path, [['a', '1']]);

const state = (head: RequestHead) => [head.path, head.authority, head.getName('x')];

describe('edits that no head can have are left out, and are not well formed', () => {
  test.each([
    [':path', '/a b'],
    [':path', 'a'],
    [':path', ''],
    [':path', '/a#b'],
    [':path', '/\x01'],
    ['host', 'a b'],
    ['host', ''],
    [':authority', 'a\x7f'],
    ['x', 'a\x01b'],
    ['x', '\x7f'],
    ['x', 'a\r\nb: c'],
    ['x', 'snow \u2603'],
    ['content-length', '1'],
  ])('%s: %j', (name, value) => {
    const permission: Permission = { ...nothing, request: [{ name, value, action: 'set' }] };
    const head = headOf();
    applyPermission(head, permission, null);
    expect(state(head)).toEqual(state(headOf()));
    expect(head.findName('content-length')).toBe(-1);
    expect(isWellFormed(permission)).toBe(false);
  });
});

describe('a query', () => {
  const sets: Permission = { ...nothing, querySet: [['q', 'v']], queryRemoved: ['x'] };

  test('is changed', () => {
    const head = headOf();
    expect(applyPermission(head, sets, null)).toBe('changed');
    expect(head.path).toBe('/a?q=v');
  });

  test('is no part of OPTIONS *', () => {
    const head = createRequestHead('OPTIONS', 'ledger', '*', []);
    expect(applyPermission(head, sets, null)).toBe('same');
    expect(head.path).toBe('*');
  });

  test.each([
    ['a b', 'v'],
    ['q', 'v w'],
    ['q', '\x01'],
    ['q', 'v#w'],
  ])('never gets %j=%j', (key, value) => {
    const head = headOf();
    applyPermission(head, { ...nothing, querySet: [[key, value]] }, null);
    expect(head.path).toBe('/a?x=1');
  });
});

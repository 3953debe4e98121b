import { describe, expect, test } from 'bun:test';
import { Xoshiro128 } from '../base/index.ts';
import { createRequestHead } from '../wire/index.ts';
import { createRequestId, ensureRequestId } from './request-id.ts';
import { isTraceparent, propagateTrace } from './trace.ts';

const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
const valid = `00-${traceId}-00f067aa0ba902b7-01`;

function head(fields: readonly (readonly [string, string])[]) {
  return createRequestHead('GET', 'ledger', '/', fields);
}

describe('isTraceparent', () => {
  const cases: readonly (readonly [string, string, boolean])[] = [
    ['version 00', valid, true],
    ['not sampled', `00-${traceId}-00f067aa0ba902b7-00`, true],
    ['a later version with more fields', `cc-${traceId}-00f067aa0ba902b7-01-what-follows`, true],
    ['a later version that runs on without a dash', `cc-${traceId}-00f067aa0ba902b7-01x`, false],
    ['version 00 with more fields', `${valid}-x`, false],
    ['version ff', `ff-${traceId}-00f067aa0ba902b7-01`, false],
    ['upper case', valid.toUpperCase(), false],
    ['a zero trace id', `00-${'0'.repeat(32)}-00f067aa0ba902b7-01`, false],
    ['a zero parent id', `00-${traceId}-${'0'.repeat(16)}-01`, false],
    ['too short', valid.slice(0, 54), false],
    ['a dash out of place', valid.replace('-00f0', '000f0'), false],
    ['no text', '', false],
  ];
  for (const [name, value, expected] of cases) test(name, () => expect(isTraceparent(value)).toBe(expected));
});

describe('propagateTrace', () => {
  const random = new Xoshiro128(1);

  test('a valid context passes unchanged', () => {
    const request = head([
      ['traceparent', valid],
      ['tracestate', 'a=1'],
    ]);
    expect(propagateTrace(request, random)).toBe(traceId);
    expect(request.getName('traceparent')).toBe(valid);
    expect(request.getName('tracestate')).toBe('a=1');
  });

  test('a malformed one is dropped with its state', () => {
    const request = head([
      ['traceparent', '00-x'],
      ['tracestate', 'a=1'],
    ]);
    expect(propagateTrace(request, random)).toBeNull();
    expect(request.getName('traceparent')).toBeNull();
    expect(request.getName('tracestate')).toBeNull();
  });

  const b3: readonly (readonly [string, readonly (readonly [string, string])[], string | null])[] = [
    ['single', [['b3', `${traceId}-00f067aa0ba902b7-1`]], traceId],
    ['single with a 64-bit id', [['b3', 'a3ce929d0e0e4736-00f067aa0ba902b7']], 'a3ce929d0e0e4736'],
    ['single that only denies sampling', [['b3', '0']], null],
    [
      'multi',
      [
        ['x-b3-traceid', traceId],
        ['x-b3-sampled', '0'],
      ],
      traceId,
    ],
    ['multi with a wrong id', [['x-b3-traceid', 'xyz']], null],
  ];
  for (const [name, fields, expected] of b3) {
    test(`B3 ${name} passes unchanged`, () => {
      const request = head(fields);
      expect(propagateTrace(request, random)).toBe(expected);
      for (const [field, value] of fields) expect(request.getName(field)).toBe(value);
      expect(request.getName('traceparent')).toBeNull();
    });
  }

  test('nothing is made where nothing came, unless asked', () => {
    const request = head([]);
    expect(propagateTrace(request, random)).toBeNull();
    const made = propagateTrace(request, random, 'make');
    const traceparent = request.getName('traceparent') ?? '';
    expect(isTraceparent(traceparent)).toBe(true);
    expect(traceparent.slice(3, 35)).toBe(made ?? '');
    expect(traceparent.endsWith('-01')).toBe(true);
  });
});

describe('ensureRequestId', () => {
  const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

  test('ids are UUIDs of version 4 and do not repeat', () => {
    const random = new Xoshiro128(7);
    const ids = new Set(Array.from({ length: 2000 }, () => createRequestId(random)));
    expect(ids.size).toBe(2000);
    for (const id of ids) expect(id).toMatch(uuid);
  });

  test('every digit takes every value it may', () => {
    const random = new Xoshiro128(8);
    const seen = Array.from({ length: 36 }, () => new Set<string>());
    for (let i = 0; i < 2000; i++)
      for (const [at, digit] of [...createRequestId(random)].entries()) seen[at]!.add(digit);
    const fixed: Readonly<Record<number, number>> = { 8: 1, 13: 1, 14: 1, 18: 1, 19: 4, 23: 1 };
    expect(seen.map((digits) => digits.size)).toEqual(seen.map((_, at) => fixed[at] ?? 16));
  });

  const cases: readonly (readonly [
    string,
    readonly (readonly [string, string])[],
    boolean,
    string | null,
  ])[] = [
    ['a received id is kept', [['x-request-id', 'abc']], true, 'abc'],
    ['an edge replaces it', [['x-request-id', 'abc']], false, null],
    ['an overlong one is replaced', [['x-request-id', 'a'.repeat(257)]], true, null],
    ['an empty one is replaced', [['x-request-id', '']], true, null],
    ['a missing one is made', [], true, null],
  ];
  for (const [name, fields, keep, expected] of cases) {
    test(name, () => {
      const request = head(fields);
      const id = ensureRequestId(request, keep, new Xoshiro128(9));
      expect(request.getName('x-request-id')).toBe(id);
      if (expected === null) expect(id).toMatch(uuid);
      else expect(id).toBe(expected);
    });
  }
});

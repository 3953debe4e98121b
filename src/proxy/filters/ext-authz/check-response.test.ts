// Answers of an authorization server, as bytes: what they say, and that no bytes are a permission by accident.

import { expect, test } from 'bun:test';
import { encodeStruct, WireReader, WireWriter } from '../../../xds/index.ts';
import { parseCheckResponse } from './check-response.ts';

function message(...fields: readonly (readonly [number, number | string | Uint8Array])[]): Uint8Array {
  const writer = new WireWriter();
  for (const [field, value] of fields) {
    if (typeof value === 'number') writer.uint(field, value);
    else if (typeof value === 'string') writer.string(field, value);
    else writer.bytes(field, value);
  }
  return writer.finish();
}

const option = (key: string, value: string, ...more: readonly (readonly [number, number | Uint8Array])[]) =>
  message([1, message([1, key], [2, value])], ...more);
const whole = message(
  [1, message([1, 0])],
  [
    3,
    message(
      [2, option('X-A', '1')],
      [2, option('x-b', '2', [2, message([1, 1])])],
      [3, encodeStruct({ older: true })],
      [5, 'X-Gone'],
      [6, option('x-told', '3', [3, 1])],
      [7, message([1, 'q'], [2, 'v'])],
      [8, 'r'],
    ),
  ],
  [4, encodeStruct({ newer: true })],
);

test('a permission with all that it can change', () => {
  expect(parseCheckResponse(whole)).toEqual({
    kind: 'ok',
    request: [
      { name: 'x-a', value: '1', action: 'set' },
      { name: 'x-b', value: '2', action: 'append' },
    ],
    removed: ['x-gone'],
    response: [{ name: 'x-told', value: '3', action: 'add-if-absent' }],
    querySet: [['q', 'v']],
    queryRemoved: ['r'],
    notes: { older: true },
  });
});

test('a refusal without a status is a 403', () => {
  const bare = parseCheckResponse(message([1, message([1, 7])]));
  expect(bare).toEqual({ kind: 'denied', status: 403, body: '', fields: [], notes: null });
  const told = message(
    [1, message([1, 7])],
    [2, message([1, message([1, 401])], [2, option('Who', 'You')], [3, 'no'])],
  );
  expect(parseCheckResponse(told)).toEqual({
    kind: 'denied',
    status: 401,
    body: 'no',
    fields: [['who', 'You']],
    notes: null,
  });
});

test('what is cut off within a field is an error', () => {
  const broken = Array.from({ length: whole.length }, (_, end) => parseCheckResponse(whole.slice(0, end)));
  const ends = new Set([0]);
  const reader = new WireReader(whole);
  while (reader.next()) {
    reader.skip();
    ends.add(reader.position);
  }
  broken.forEach((verdict, end) => {
    expect([end, verdict.kind]).toEqual([end, ends.has(end) ? 'ok' : 'error']);
  });
});

test.each([0, 99, 100, 101, 199, 600, 700, 100_000])(
  'a refusal with %d, which answers nothing, is a 403',
  (status) => {
    const told = message([1, message([1, 7])], [2, message([1, message([1, status])])]);
    expect(parseCheckResponse(told)).toMatchObject({ kind: 'denied', status: 403 });
  },
);

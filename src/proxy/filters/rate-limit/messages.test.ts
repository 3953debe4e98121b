// The answers of a service that counts, as bytes: what they say, and what cannot be read.

import { expect, test } from 'bun:test';
import { encodeStruct, WireReader, WireWriter } from '../../../xds/index.ts';
import { encodeQuestion, parseAnswer } from './messages.ts';

function message(...fields: readonly (readonly [number, number | string | Uint8Array])[]): Uint8Array {
  const writer = new WireWriter();
  for (const [field, value] of fields) {
    if (typeof value === 'number') writer.uint(field, value);
    else if (typeof value === 'string') writer.string(field, value);
    else writer.bytes(field, value);
  }
  return writer.finish();
}

const whole = message(
  [1, 2],
  [2, message([2, message([1, 10], [2, 2], [3, 'a'])], [3, 4], [4, message([1, 5], [2, 6])])],
  [2, message([1, 1])],
  [3, message([1, 'X-A'], [2, 'b'])],
  [4, message([1, 'x-c'], [3, 'd'])],
  [5, 'body'],
  [6, encodeStruct({ e: 'f' })],
);

test('an answer with all that it can say', () => {
  expect(parseAnswer(whole)).toEqual({
    overLimit: true,
    statuses: [{ requests: 10, unit: 2, name: 'a', remaining: 4, resetSeconds: 5 }],
    responseFields: [['x-a', 'b']],
    requestFields: [['x-c', 'd']],
    body: new TextEncoder().encode('body'),
    notes: { e: 'f' },
  });
});

test('what is cut off within a field is none', () => {
  const ends = new Set([0]);
  const reader = new WireReader(whole);
  while (reader.next()) {
    reader.skip();
    ends.add(reader.position);
  }
  for (let end = 0; end < whole.length; end++)
    expect([end, parseAnswer(whole.slice(0, end)) !== null]).toEqual([end, ends.has(end)]);
});

test('a limit that is said for a request is asked with it', () => {
  const question = encodeQuestion('shop', [{ entries: [['who', 'ann']], limit: { requests: 42, unit: 1 } }]);
  const expected = message(
    [1, 'shop'],
    [2, message([1, message([1, 'who'], [2, 'ann'])], [2, message([1, 42], [2, 1])])],
  );
  expect(Buffer.from(question).toString('hex')).toBe(Buffer.from(expected).toString('hex'));
});

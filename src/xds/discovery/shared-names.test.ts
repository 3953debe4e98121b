import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { nameLengthMax } from '../limits.ts';
import { WireError, WireReader } from '../protobuf/wire-reader.ts';
import { WireWriter } from '../protobuf/wire-writer.ts';
import { NameRuns } from './shared-names.ts';

const hundred = Array.from({ length: 100 }, (_, i) => `bank/s${i}:80`);

function encode(names: readonly string[], field = 3): Uint8Array {
  const writer = new WireWriter();
  for (const name of names) writer.element(field, name);
  return writer.finish().slice();
}

function read(bytes: Uint8Array): readonly string[] {
  const reader = new WireReader(bytes);
  const runs = new NameRuns();
  while (reader.next()) {
    if (reader.field === 3) runs.read(reader);
    else reader.skip();
  }
  return runs.names;
}

test('equal requests share their names', () => {
  const names = read(encode(hundred));
  expect(names).toEqual(hundred);
  expect(read(encode(hundred))).toBe(names);
  expect(read(encode(hundred.toReversed()))).toEqual(hundred.toReversed());
});

test('what differs in one byte is read for itself', () => {
  const first = read(encode(hundred));
  // In the middle, where nothing is sampled.
  const other = hundred.with(50, 'bank/t50:80');
  expect(read(encode(other))).toEqual(other);
  expect(read(encode(hundred))).toEqual(first);
});

test('any message gives what reading each field gives', () => {
  const field = fc.record({ number: fc.constantFrom(3, 3, 3, 4, 19), text: fc.string({ maxLength: 5 }) });
  fc.assert(
    fc.property(fc.array(field, { maxLength: 300 }), (fields) => {
      const writer = new WireWriter();
      for (const { number, text } of fields) writer.element(number, text);
      const expected = fields.filter(({ number }) => number === 3).map(({ text }) => text);
      expect(read(writer.finish())).toEqual(expected);
    }),
    { numRuns: 200 },
  );
});

test.each([
  ['ends inside a name', encode(hundred).slice(0, -1)],
  ['a name is too long', encode([...hundred, 'x'.repeat(nameLengthMax + 1)])],
  ['text that is none', Uint8Array.of(...encode(hundred), 0x1a, 1, 0xff)],
  ['a number in place of text', Uint8Array.of(...encode(hundred), 0x18, 1)],
])('a fault is a fault of the message: %s', (_, bytes) => {
  expect(() => read(bytes)).toThrow(WireError);
});

test('a tag that is longer than it need be', () => {
  // 0x9a 0x00 is the tag 0x1a, and 0x9a 0x01 that of field 19.
  const bytes = Uint8Array.of(0x9a, 0, 1, 0x61, 0x9a, 1, 1, 0x62, 0x1a, 1, 0x63);
  expect(read(bytes)).toEqual(['a', 'c']);
});

test('a message of many places of one field is read in time that grows with its length', () => {
  const writer = new WireWriter();
  for (let i = 0; i < 100_000; i++) {
    writer.element(3, 'a');
    writer.element(4, 'b');
  }
  const started = performance.now();
  expect(read(writer.finish())).toHaveLength(100_000);
  expect(performance.now() - started).toBeLessThan(5_000);
});

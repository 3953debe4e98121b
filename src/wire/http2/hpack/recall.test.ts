import { beforeEach, describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { describeField, form, integer, literal, seldom, text } from '../testing/blocks.ts';
import { HpackDecoder } from './decoder.ts';
import type { Field } from './field.ts';
import { forgetSharedFields } from './made-field.ts';
import { forgetRecalled } from './recall.ts';

beforeEach(forgetSharedFields);

/** Fields of a block that is right. */
function read(decoder: HpackDecoder, ...bytes: readonly number[]): Field[] {
  const fields: Field[] = [];
  expect(
    decoder.decode(Uint8Array.from(bytes), 0, bytes.length, { onField: (field) => fields.push(field) }),
  ).toBe(true);
  return fields;
}

/** Index of `server` in the static table. */
const server = 54;

const values = fc.oneof(
  fc.constantFrom(
    '',
    'nginx',
    'nginy',
    ' nginx',
    'a\nb',
    'Bearer 0123',
    '200',
    'x'.repeat(256),
    'y'.repeat(300),
  ),
  fc.stringMatching(/^[a-c]{0,6}$/),
);
const names = fc.oneof(
  fc.constantFrom<(number | string)[]>(
    server,
    8,
    4,
    23,
    32,
    62,
    63,
    64,
    'x-a',
    'X-a',
    '',
    'date',
    'x'.repeat(700),
  ),
  fc.integer({ min: 1, max: 70 }),
);
const representation = fc.oneof(
  { weight: 1, arbitrary: fc.integer({ min: 1, max: 66 }).map((index) => integer(0x80, 0x7f, index)) },
  { weight: 1, arbitrary: fc.constantFrom(0, 40, 100, 4096).map((size) => integer(0x20, 0x1f, size)) },
  {
    weight: 6,
    arbitrary: fc
      .tuple(fc.constantFrom(...Object.values(form)), names, values, fc.boolean())
      .map(([prefix, name, value, huffman]) => literal(prefix, name, text(value, huffman))),
  },
);

/** What a peer sends: blocks out of few lines, so that they repeat; some with a byte changed, some cut. */
const sequence = fc.array(representation, { minLength: 1, maxLength: 12 }).chain((pool) =>
  fc.array(
    fc.record({
      connection: fc.nat(3),
      lines: fc
        .array(fc.nat(pool.length - 1), { maxLength: 8 })
        .map((picks) => picks.map((pick) => pool[pick]!)),
      damage: seldom(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 }))),
      cut: seldom(fc.nat()),
    }),
    { minLength: 1, maxLength: 30 },
  ),
);

type Sent = typeof sequence extends fc.Arbitrary<infer T> ? T : never;

function bytesOf({ lines, damage, cut }: Sent[number]): Uint8Array {
  const bytes = Uint8Array.from(lines.flat());
  if (damage !== null && bytes.length > 0) bytes[damage[0] % bytes.length]! ^= damage[1];
  return cut === null ? bytes : bytes.slice(0, cut % (bytes.length + 1));
}

function play(blocks: Sent, before: (decoder: HpackDecoder) => void): readonly unknown[] {
  forgetSharedFields();
  const create = (_: unknown, index: number) => new HpackDecoder([4096, 4096, 100, 0][index]!);
  const decoders = Array.from({ length: 4 }, create);
  const objects = new Map<Field, number>();
  return blocks.map((block) => {
    const decoder = decoders[block.connection]!;
    const bytes = bytesOf(block);
    const lines: unknown[] = [];
    before(decoder);
    const whole = decoder.decode(bytes, 0, bytes.length, {
      onField: (field) => lines.push(describeField(field)),
    });
    // Lines of tables also by which object they are.
    const table: unknown[] = [];
    for (let index = 62; index < 62 + decoder['count']; index++) {
      const field = decoder['lookUp'](index)!;
      if (!objects.has(field)) objects.set(field, objects.size);
      table.push([objects.get(field), ...describeField(field)]);
    }
    if (!whole) decoders[block.connection] = create(null, block.connection);
    return { whole, lines, table, tableBytes: decoder['tableBytes'], limit: decoder['tableBytesLimit'] };
  });
}

test('what is recalled is what would have been read', () => {
  const remembers = () => {};
  const forgets = (decoder: HpackDecoder) => {
    forgetRecalled();
    decoder['secret'] = null;
  };
  fc.assert(
    fc.property(sequence, (blocks) => {
      expect(play(blocks, remembers)).toEqual(play(blocks, forgets));
    }),
    { numRuns: 400 },
  );
});

describe('a line that is written in full again', () => {
  const nginx = text('nginx', true);

  test.each([
    ['for the table', form.inserted],
    ['not for the table', form.passing],
  ])('%s is one object for all connections', (_name, prefix) => {
    const line = literal(prefix, server, nginx);
    const [first] = read(new HpackDecoder(4096), ...line);
    expect(read(new HpackDecoder(4096), ...line, ...line)).toEqual([first!, first!]);
    expect(read(new HpackDecoder(4096), ...line)[0]).toBe(first!);
  });

  test('and is not for the table is none that a table has', () => {
    const decoder = new HpackDecoder(4096);
    const [kept, passing] = read(
      decoder,
      ...literal(form.inserted, server, nginx),
      ...literal(form.passing, server, nginx),
    );
    expect(passing).not.toBe(kept!);
    expect([kept!.uses, passing!.uses]).toEqual([1, 0]);
  });

  test('and is sensitive is recalled for its own connection alone', () => {
    const line = literal(form.sensitive, 23, text('Bearer 0123456789abcdef'));
    const decoder = new HpackDecoder(4096);
    const [first, second] = read(decoder, ...line, ...line);
    expect(first!.sensitive).toBe(true);
    expect(second).toBe(first!);
    expect(read(new HpackDecoder(4096), ...line)[0]).not.toBe(first!);
  });

  test.each(Object.entries(form))(
    'and is %s is told from one whose Huffman code has the same bytes',
    (_name, prefix) => {
      const decoder = new HpackDecoder(4096);
      const lines = [text('?'), text('o', true), text('?'), text('o', true)].map((value) =>
        literal(prefix, server, value),
      );
      expect(lines.map((line) => line.at(-1))).toEqual([0x3f, 0x3f, 0x3f, 0x3f]);
      expect(read(decoder, ...lines.flat()).map(({ value }) => value)).toEqual(['?', 'o', '?', 'o']);
    },
  );

  test.each([
    ['a value beyond 256 bytes', literal(form.passing, server, text('v'.repeat(257)))],
    ['a name that makes a line of more than 640', literal(form.passing, 'n'.repeat(640), text('v'))],
    ['a sensitive one of more than 1,024', literal(form.sensitive, 23, text('v'.repeat(1024)))],
  ])('is read again: %s', (_name, line) => {
    const [first, second] = read(new HpackDecoder(4096), ...line, ...line);
    expect(second).not.toBe(first!);
    expect(second!.value).toBe(first!.value);
  });

  test('is shared again after others made the shared ones be forgotten', () => {
    const line = literal(form.inserted, server, nginx);
    const [first] = read(new HpackDecoder(4096), ...line);
    const others = new HpackDecoder(4096);
    for (let other = 0; other < 3 * 2048; other++)
      read(others, ...literal(form.inserted, 'x-other', text(`${other}`)));
    const [again] = read(new HpackDecoder(4096), ...line);
    expect(again).toBe(first!);
    // Whoever wrote it in another form shares it too.
    expect(read(new HpackDecoder(4096), ...literal(form.inserted, server, text('nginx')))[0]).toBe(first!);
  });
});

test('few lines are kept, however many come', () => {
  const decoder = new HpackDecoder(4096);
  const lines = Array.from({ length: 20_000 }, (_, line) =>
    literal(form.passing, server, text(`v${line * 7919}`)),
  );
  const first = lines.map((line) => read(decoder, ...line)[0]!);
  const again = lines.toReversed().map((line) => read(decoder, ...line)[0]!);
  const kept = again.toReversed().filter((field, index) => field === first[index]);
  expect(kept.length).toBeGreaterThan(64);
  expect(kept.length).toBeLessThanOrEqual(128);
});

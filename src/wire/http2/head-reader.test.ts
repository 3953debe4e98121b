import { beforeEach, describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { fault } from './errors.ts';
import { Http2Head, type SectionKind } from './head.ts';
import { HeadReader } from './head-reader.ts';
import { type FieldSink, HpackDecoder } from './hpack/decoder.ts';
import { Field } from './hpack/field.ts';
import { forgetSharedFields } from './hpack/made-field.ts';
import { defaultHttp2Limits } from './limits.ts';
import { describeField, form, integer, literal, seldom, text } from './testing/blocks.ts';

beforeEach(() => {
  forgetSharedFields();
  // A line is counted the first few times, and a block that counts one is not like the last.
  for (let turn = 0; turn < 3; turn++) new Peer('response').read(status);
});

class CountingDecoder extends HpackDecoder {
  decoded = 0;

  override decode(
    bytes: Uint8Array,
    start: number,
    end: number,
    sink: FieldSink,
    inserted: Field[] | null = null,
  ): boolean {
    this.decoded++;
    return super.decode(bytes, start, end, sink, inserted);
  }
}

class Peer {
  readonly decoder = new CountingDecoder(4096);
  private readonly reader = new HeadReader(this.decoder, defaultHttp2Limits);
  private readonly kind: SectionKind;

  constructor(kind: SectionKind) {
    this.kind = kind;
  }

  read(...bytes: readonly number[]): Http2Head {
    return this.reader.read(this.kind, Uint8Array.from(bytes), 0, bytes.length)!;
  }

  /** Whether it was known. */
  knows(...bytes: readonly number[]): boolean {
    const { decoded } = this.decoder;
    this.read(...bytes);
    return this.decoder.decoded === decoded;
  }
}

const status = 0x88;
const server = literal(form.inserted, 54, text('nginx', true));
const dated = (second: number) => [
  status,
  ...server,
  ...literal(form.inserted, 33, text(`Sat, 28 Nov 2026 22:20:0${second} GMT`, true)),
];

describe('a block that came again', () => {
  test('is kept, and known from then on, until another comes', () => {
    const nginx = new Peer('response');
    const known = [1, 1, 1, 1, 2, 2, 2, 2].map((second) => nginx.knows(...dated(second)));
    expect(known).toEqual([false, false, true, true, false, false, true, true]);
    const head = nginx.read(...dated(2));
    expect(head.status).toBe(200);
    expect(head.getName('date')).toBe('Sat, 28 Nov 2026 22:20:02 GMT');
  });

  test('puts its lines into the table each time', () => {
    const nginx = new Peer('response');
    for (let turn = 0; turn < 5; turn++) nginx.read(status, ...server);
    expect(nginx.read(status, 0x80 | 66).get(11)).toBe('nginx');
    expect(nginx.decoder['count']).toBe(5);
  });

  test('says something else with another table', () => {
    const client = new Peer('response');
    const line = (value: string) => literal(form.inserted, 'x-a', text(value));
    client.read(status, ...line('one'));
    const refers = [status, 0x80 | 62];
    for (let turn = 0; turn < 8; turn++) expect(client.read(...refers).getName('x-a')).toBe('one');
    expect(client.knows(...refers)).toBe(true);
    client.read(status, ...line('two'));
    expect(client.read(...refers).getName('x-a')).toBe('two');
  });

  test('is read again after the size of the table changed', () => {
    const nginx = new Peer('response');
    for (let turn = 0; turn < 3; turn++) nginx.read(...dated(1));
    expect(nginx.knows(...dated(1))).toBe(true);
    nginx.read(...integer(0x20, 0x1f, 0), status);
    expect(nginx.knows(...dated(1))).toBe(false);
    // It has no room any more, and so no object that others have.
    expect(nginx.read(...dated(1)).fields.map(({ uses }) => uses)).toEqual([0, 0]);
  });

  test('becomes a head of its own', () => {
    const nginx = new Peer('response');
    for (let turn = 0; turn < 3; turn++) nginx.read(...dated(1));
    const edited = nginx.read(...dated(1));
    edited.removeName('server');
    edited.add('x-a', 'b');
    const next = nginx.read(...dated(1));
    expect([next.getName('server'), next.getName('x-a')]).toEqual(['nginx', null]);
  });

  test.each([
    ['it is longer than 512 bytes', [status, ...literal(form.passing, 'x-a', text('v'.repeat(510)))]],
    ['something is wrong with it', [status, status]],
    ['it changes the size of the table', [...integer(0x20, 0x1f, 100), status]],
    ['it inserts lines and refers to the table', [status, ...server, 0x80 | 62]],
  ])('is read again where %s', (_name, block) => {
    const peer = new Peer('response');
    expect(Array.from({ length: 10 }, () => peer.knows(...block))).toEqual(new Array(10).fill(false));
  });

  test('is kept of its kind', () => {
    const reader = new HeadReader(new HpackDecoder(4096), defaultHttp2Limits);
    const bytes = Uint8Array.from([status]);
    for (let turn = 0; turn < 4; turn++) {
      expect(reader.read('response', bytes, 0, 1)!.finish(false)).toBe(fault.none);
      expect(reader.read('trailers', bytes, 0, 1)!.finish(false)).toBe(fault.pseudoOrder);
    }
  });
});

test('of blocks that never come again few are kept', () => {
  const peer = new Peer('response');
  const block = (id: number) => [status, ...literal(form.passing, 'x-id', text(`${id}`))];
  const kept = Array.from({ length: 640 }, (_, id) => {
    peer.read(...block(id));
    return peer.decoder.decoded;
  });
  expect(kept.at(-1)).toBe(640);
  // One that repeats is soon known nevertheless.
  const known = Array.from({ length: 66 }, () => peer.knows(...block(0)));
  expect(known.at(-1)).toBe(true);
});

const indexed = fc.constantFrom(16, 54, 62, 63, 64).map((index) => integer(0x80, 0x7f, index));
const written = (...prefixes: readonly number[]) =>
  fc
    .record({
      prefix: fc.constantFrom(...prefixes),
      name: fc.constantFrom<(number | string)[]>(23, 32, 33, 54, 'x-a', 'cookie', 'te'),
      value: fc.constantFrom('', 'a', 'b=c', 'trailers', 'y'.repeat(200)),
      huffman: fc.boolean(),
    })
    .map(({ prefix, name, value, huffman }) => literal(prefix, name, text(value, huffman)));
const start = fc.constantFrom([], [0x82, 0x84, 0x87], [0x82, 0x84, 0x87, 0x82]);
const resized = fc.constantFrom(0, 60, 4096).map((size) => integer(0x20, 0x1f, size));
/** Of lines that insert and lines that refer to the table, most have one or the other. */
const lines = fc.oneof(
  fc.array(fc.oneof(indexed, written(form.passing, form.sensitive)), { maxLength: 6 }),
  fc.array(written(...Object.values(form)), { maxLength: 6 }),
  fc.array(fc.oneof(indexed, written(...Object.values(form))), { maxLength: 6 }),
);
const block = fc
  .tuple(seldom(resized), start, lines)
  .map(([size, pseudo, rest]) => [...(size ?? []), ...pseudo, ...rest.flat()]);

/** So that there is a table to refer to. */
const first = ['a', 'b', 'c', 'd'].flatMap((value) => literal(form.inserted, 'x-a', text(value)));

/** Few blocks, each in a row and some with a byte changed. */
const messages = fc.array(block, { minLength: 1, maxLength: 4 }).chain((pool) =>
  fc.array(
    fc.record({
      kind: fc.constantFrom<SectionKind[]>('request', 'trailers'),
      bytes: fc.nat(pool.length - 1).map((pick) => pool[pick]!),
      times: fc.integer({ min: 1, max: 8 }),
      damage: seldom(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 }))),
    }),
    { minLength: 1, maxLength: 20 },
  ),
);

function describeHead(head: Http2Head): readonly unknown[] {
  return Object.entries(head).map(([name, value]) => {
    if (value instanceof Field) return [name, describeField(value)];
    return [name, Array.isArray(value) ? value.map(describeField) : value];
  });
}

type Read = (kind: SectionKind, bytes: Uint8Array) => Http2Head | null;

function play(sent: ReturnType<typeof expand>, decoder: HpackDecoder, read: Read): readonly unknown[] {
  forgetSharedFields();
  const seen: unknown[] = [];
  read('trailers', Uint8Array.from(first));
  for (const { kind, bytes } of sent) {
    const head = read(kind, bytes);
    if (head === null) return [...seen, null];
    const table = Array.from({ length: decoder['count'] }, (_, age) =>
      describeField(decoder['lookUp'](62 + age)!),
    );
    seen.push([describeHead(head), table, decoder['tableBytes']]);
    head.finish(true);
    seen.push(describeHead(head));
    // What becomes of it is nobody else's.
    head.removeName('x-a');
  }
  return seen;
}

function expand(all: typeof messages extends fc.Arbitrary<infer T> ? T : never) {
  return all.flatMap(({ kind, bytes, times, damage }) => {
    const changed = Uint8Array.from(bytes);
    if (damage !== null && bytes.length > 0) changed[damage[0] % bytes.length]! ^= damage[1];
    return Array.from({ length: times }, () => ({ kind, bytes: changed }));
  });
}

/** A few lines. */
const tableBytes = 250;

test('a block that is known becomes what would have been read', () => {
  let known = 0;
  fc.assert(
    fc.property(messages.map(expand), (sent) => {
      const plain = new HpackDecoder(tableBytes);
      const expected = play(sent, plain, (kind, bytes) => {
        const head = new Http2Head(kind, defaultHttp2Limits);
        return plain.decode(bytes, 0, bytes.length, head) ? head : null;
      });
      const decoder = new CountingDecoder(tableBytes);
      const reader = new HeadReader(decoder, defaultHttp2Limits);
      expect(play(sent, decoder, (kind, bytes) => reader.read(kind, bytes, 0, bytes.length))).toEqual(
        expected,
      );
      known += Math.ceil(expected.length / 2) + 1 - decoder.decoded;
    }),
    { numRuns: 400 },
  );
  expect(known).toBeGreaterThan(1000);
});

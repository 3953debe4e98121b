import { expect, test } from 'bun:test';
import { Xoshiro128 } from '../base/index.ts';
import { Gathered, type GatherTarget, gatherBytesMax } from './gathered.ts';

/** Takes at most so many bytes of each write; -1: it says that it is closed, as Bun does. */
class Target implements GatherTarget {
  taken = '';
  writes = 0;
  most = Number.POSITIVE_INFINITY;

  write(what: string | Uint8Array, start: number | 'latin1', length?: number): number {
    this.writes += 1;
    if (this.most < 0) return -1;
    const all =
      typeof what === 'string' ? what : latin1(what.subarray(Number(start), Number(start) + length!));
    const part = all.slice(0, this.most);
    this.taken += part;
    return part.length;
  }
}

const latin1 = (bytes: Uint8Array) => Buffer.from(bytes).toString('latin1');
const many = (count: number, letter = 'x') => Buffer.alloc(count, letter);

test('text and bytes leave in one write, in their order', () => {
  const target = new Target();
  const gathered = new Gathered();
  for (const part of [
    'head\xff',
    many(3, 'a'),
    many(5_000, 'b'),
    'more\x80',
    many(2, 'c'),
    many(16_384, 'd'),
  ])
    if (typeof part === 'string') gathered.addText(part);
    else gathered.addBytes(part, 0, part.length);
  expect(gathered.size).toBe(5 + 3 + 5_000 + 5 + 2 + 16_384);
  expect(gathered.sendTo(target)).toBeNull();
  expect(target.writes).toBe(1);
  expect(target.taken).toBe(`head\xff${'a'.repeat(3)}${'b'.repeat(5_000)}more\x80cc${'d'.repeat(16_384)}`);
  expect(gathered.isEmpty).toBe(true);
  expect(gathered.size).toBe(0);
});

test('a range of bytes is what is added, and is the caller’s again at once', () => {
  for (const count of [10, 1_000]) {
    const bytes = many(count + 2);
    const gathered = new Gathered();
    const target = new Target();
    bytes.fill('y', 1, count + 1);
    gathered.addBytes(bytes, 1, count + 1);
    bytes.fill('z');
    gathered.sendTo(target);
    expect(target.taken).toBe('y'.repeat(count));
  }
});

test.each([
  ['text', 0],
  ['bytes', 1_000],
])('what is not taken of %s comes back as a copy', (_kind, size) => {
  for (const most of [-1, 0, 1, 4]) {
    const gathered = new Gathered();
    const target = new Target();
    target.most = most;
    gathered.addText('\xe9bcdef');
    gathered.addBytes(many(size), 0, size);
    const whole = `\xe9bcdef${'x'.repeat(size)}`;
    const rest = gathered.sendTo(target);
    expect(latin1(rest!)).toBe(whole.slice(Math.max(most, 0)));
    // The buffer is lent to the next one, which must not show through.
    const other = new Gathered();
    other.addBytes(many(2_000, 'o'), 0, 2_000);
    expect(latin1(rest!)).toBe(whole.slice(Math.max(most, 0)));
    other.drop();
  }
});

test('one that is dropped while it is sent lends its buffer to one other only', () => {
  const gathered = new Gathered();
  gathered.addBytes(many(1_000, 'a'), 0, 1_000);
  gathered.sendTo({
    write() {
      gathered.drop();
      return 0;
    },
  });
  const [one, other] = [new Gathered(), new Gathered()];
  one.addBytes(many(1_000, 'b'), 0, 1_000);
  other.addBytes(many(1_000, 'c'), 0, 1_000);
  const target = new Target();
  one.sendTo(target);
  other.sendTo(target);
  expect(target.taken).toBe('b'.repeat(1_000) + 'c'.repeat(1_000));
});

test('it is full where its buffer ends', () => {
  const gathered = new Gathered();
  gathered.addBytes(many(gatherBytesMax - 1), 0, gatherBytesMax - 1);
  expect(gathered.isFull(1)).toBe(false);
  expect(gathered.isFull(2)).toBe(true);
});

test('any mixture, sent at any time, is the same as one after the other', () => {
  const random = new Xoshiro128(11);
  const target = new Target();
  const gathered = new Gathered();
  let expected = '';
  for (let step = 0; step < 3_000; step++) {
    const size = [1, 127, 128, 1_000, 16_384][random.below(5)]!;
    const letter = String.fromCharCode(33 + random.below(200));
    if (gathered.isFull(size) || random.below(5) === 0) gathered.sendTo(target);
    if (random.below(2) === 0) gathered.addText(letter.repeat(size));
    else gathered.addBytes(Buffer.from(letter.repeat(size), 'latin1'), 0, size);
    expected += letter.repeat(size);
    if (random.below(50) === 0) {
      expected = expected.slice(0, expected.length - gathered.size);
      gathered.drop();
    }
  }
  gathered.sendTo(target);
  expect(target.taken === expected).toBe(true);
});

import { expect, test } from 'bun:test';
import { copyBytes, copyInto } from './copy-bytes.ts';

const plain = Uint8Array.from({ length: 40 }, (_, index) => index);

test.each([
  ['bytes', plain],
  ["the runtime's", Buffer.from(plain)],
  ['a view', new Uint8Array(Buffer.concat([Buffer.from('head'), plain]).buffer).subarray(0)],
] as const)('a range of %s is copied, and nothing around it written', (_, bytes) => {
  for (const [start, end] of [
    [0, bytes.length],
    [0, 0],
    [3, 17],
    [bytes.length, bytes.length],
  ] as const) {
    const target = new Uint8Array(bytes.length + 2).fill(255);
    copyInto(target, 1, bytes, start, end);
    expect([...target]).toEqual([
      255,
      ...bytes.subarray(start, end),
      ...Array.from({ length: bytes.length + 1 - (end - start) }, () => 255),
    ]);
  }
});

test('a copy is memory of its own', () => {
  const bytes = Buffer.from('abcdef');
  const copied = copyBytes(bytes, 1, 4);
  bytes.fill(0);
  expect(new TextDecoder().decode(copied)).toBe('bcd');
  expect(copied.buffer.byteLength).toBe(3);
});

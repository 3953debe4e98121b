import { expect, test } from 'bun:test';
import { LocalGauge } from '../../policy/index.ts';
import { proxyLimits } from '../limits.ts';
import { BodyBuffer } from './body-buffer.ts';

function fill(buffer: BodyBuffer, ...parts: readonly string[]): void {
  for (const part of parts) {
    const bytes = new TextEncoder().encode(`--${part}--`);
    buffer.append(bytes, 2, bytes.length - 2);
  }
}

function textOf({ bytes, length }: BodyBuffer): string {
  return new TextDecoder().decode(bytes.subarray(0, length));
}

test('what was appended is there, in order, however large', () => {
  const buffer = new BodyBuffer(new LocalGauge());
  const parts = ['a', 'b'.repeat(5_000), '', 'c'.repeat(100_000)];
  fill(buffer, ...parts);
  expect(textOf(buffer)).toBe(parts.join(''));
  expect(buffer.complete).toBe(true);
});

test('after a release the body is not complete; a reset begins anew', () => {
  const buffer = new BodyBuffer(new LocalGauge());
  fill(buffer, 'first');
  buffer.release();
  expect({ length: buffer.length, complete: buffer.complete }).toEqual({ length: 0, complete: false });
  buffer.reset();
  fill(buffer, 'second');
  expect(textOf(buffer)).toBe('second');
  expect(buffer.complete).toBe(true);
});

test('only a small buffer is kept for the next request', () => {
  const buffer = new BodyBuffer(new LocalGauge());
  fill(buffer, 'x'.repeat(100));
  const { bytes } = buffer;
  buffer.reset();
  expect(buffer.bytes).toBe(bytes);
  fill(buffer, 'x'.repeat(proxyLimits.bodyBufferKeptBytes + 1));
  buffer.reset();
  expect(buffer.bytes.length).toBe(0);
});

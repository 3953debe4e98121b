import { expect, test } from 'bun:test';
import { lastingBytesMin, pinnedRatioMax } from '../../base/index.ts';
import { LocalGauge } from '../../policy/index.ts';
import { proxyLimits } from '../limits.ts';
import { BodyBuffer } from './body-buffer.ts';

function fill(buffer: BodyBuffer, ...parts: readonly string[]): void {
  for (const part of parts) {
    const bytes = new TextEncoder().encode(`--${part}--`);
    buffer.append(bytes, 2, bytes.length - 2);
  }
}

function textOf(buffer: BodyBuffer): string {
  return new TextDecoder().decode(buffer.copy(buffer.length));
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

/** What a socket read, in memory of its own. */
function readOf(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => index % 251);
}

test('a large range of a read stays where it lies, a small one and one of a far larger read are copied', () => {
  const large = readOf(lastingBytesMin * pinnedRatioMax);
  for (const [read, count, stays] of [
    [large, lastingBytesMin, true],
    [large, lastingBytesMin - 1, false],
    [readOf(lastingBytesMin * pinnedRatioMax + 1), lastingBytesMin, false],
  ] as const) {
    const buffer = new BodyBuffer(new LocalGauge());
    buffer.append(read, 1, 1 + count);
    expect(buffer.parts().map((part) => part.buffer === read.buffer)).toEqual([stays]);
    expect(buffer.copy(count)).toEqual(read.slice(1, 1 + count));
  }
});

test('what stays counts all that it lies in, until it is let go', () => {
  const held = new LocalGauge();
  const buffer = new BodyBuffer(held);
  const read = readOf(50_000);
  buffer.append(read, 0, 10_000);
  expect(held.value).toBe(50_000);
  buffer.append(read, 10_000, 10_100);
  expect(held.value).toBe(50_100);
  buffer.reset();
  expect(held.value).toBe(0);
});

test('beyond what all may hold so, bodies are copied', () => {
  const held = new LocalGauge();
  held.add(proxyLimits.replayPinnedBytesMax);
  const buffer = new BodyBuffer(held);
  const read = readOf(50_000);
  buffer.append(read, 0, 50_000);
  expect(buffer.parts().map((part) => part.buffer === read.buffer)).toEqual([false]);
  expect(held.value).toBe(proxyLimits.replayPinnedBytesMax + 50_000);
});

test('small and large pieces in any order are one body, and its start can be copied', () => {
  const read = readOf(60_000);
  const buffer = new BodyBuffer(new LocalGauge());
  const ends = [10, 6_000, 6_001, 6_100, 20_000, 20_050, 59_999, 60_000];
  ends.forEach((end, index) => {
    buffer.append(read, ends[index - 1] ?? 0, end);
  });
  expect(buffer.copy(60_000)).toEqual(read.slice());
  expect(buffer.copy(6_050)).toEqual(read.slice(0, 6_050));
  const sent: number[] = [];
  const sendBody = (bytes: Uint8Array, start: number, end: number) =>
    sent.push(...bytes.subarray(start, end)) < 0;
  expect(buffer.sendTo({ sendBody })).toBe(false);
  expect(Buffer.from(sent).equals(read)).toBe(true);
});

test('memory that is used again was given to nobody who keeps it', () => {
  const buffer = new BodyBuffer(new LocalGauge());
  // In pieces that are copied.
  const appendCopied = (byte: number) => {
    for (let count = 0; count < 20; count++) buffer.append(new Uint8Array(1_000).fill(byte), 0, 1_000);
  };
  appendCopied(1);
  const kept = buffer.parts().filter((part) => part.length >= lastingBytesMin);
  expect(kept.length).toBeGreaterThan(0);
  buffer.reset();
  appendCopied(2);
  for (const part of kept) expect(part.every((byte) => byte === 1)).toBe(true);
});

test('an idle buffer keeps little memory', () => {
  const buffer = new BodyBuffer(new LocalGauge());
  const tail = () => Reflect.get(buffer, 'tail').length;
  fill(buffer, 'x'.repeat(100));
  buffer.reset();
  expect(tail()).toBe(0);
  for (let count = 0; count < 100; count++) fill(buffer, 'x'.repeat(proxyLimits.bodyBufferKeptBytes / 10));
  buffer.reset();
  expect(tail()).toBeLessThanOrEqual(proxyLimits.bodyBufferKeptBytes);
});

// What is sent again and again is held once: a resource that was encoded into a frame, and frames that became a page,
// have their bytes there.

import { expect, test } from 'bun:test';
import { cutPages, pageLength } from '../snapshot/pages.ts';
import type { XdsResource } from '../types.ts';
import { encodeDeltaResponse, encodeSotwResponse } from './encode.ts';

class Kept implements XdsResource {
  readonly typeUrl = 'type.googleapis.com/t';
  readonly version = 'v';
  readonly name: string;
  readonly aliases: readonly string[];
  bytes: Uint8Array;

  constructor(number: number) {
    this.name = `name-${String(number).padStart(4, '0')}`;
    this.aliases = number % 2 === 0 ? [] : ['alias', 'b'];
    this.bytes = new Uint8Array(number).fill(number);
  }

  keepIn(bytes: Uint8Array): void {
    this.bytes = bytes;
  }
}

const encoders = {
  delta: (content: Parameters<typeof encodeDeltaResponse>[3]) =>
    encodeDeltaResponse('type.googleapis.com/t', '1', '1', content, []),
  'state of the world': (content: Parameters<typeof encodeSotwResponse>[3]) =>
    encodeSotwResponse('type.googleapis.com/t', '1', '1', content),
};

test.each(Object.entries(encoders))('%s', (_name, encode) => {
  const all = Array.from({ length: pageLength + 3 }, (_, number) => new Kept(number + 1));
  const areHeldIn = (members: readonly Kept[], pieces: readonly Uint8Array[]) => {
    const buffers = new Set(pieces.map(({ buffer }) => buffer));
    for (const { name, bytes } of members) {
      const number = Number(name.slice(5));
      expect([name, bytes]).toEqual([name, new Uint8Array(number).fill(number)]);
      expect([name, buffers.has(bytes.buffer)]).toEqual([name, true]);
    }
  };
  const few = encode(all.slice(0, 3));
  areHeldIn(all.slice(0, 3), few);
  const pages = cutPages(all, true);
  const paged = encode(pages);
  expect(paged.length).toBe(2 + pages.length);
  areHeldIn(all, paged);
  // Another page of some of them takes them along.
  const others = cutPages(all.slice(1, 8), true);
  areHeldIn(all.slice(1, 8), encode(others));
  areHeldIn([...all.slice(0, 1), ...all.slice(8)], paged);
  const text = (pieces: readonly Uint8Array[]) => Buffer.concat(pieces).toString('hex');
  expect(text(encode(all.map((_, number) => new Kept(number + 1))))).toBe(text(encode(all)));
});

// Lines that were read lately, of all connections, found by their bytes: nginx writes the same four lines in full into
// every response, and some peers keep no table. What is found is neither cut out, checked, decoded nor hashed: with
// 8 x 16 streams to nginx, decoding was 18 % of a proxy's CPU before, and is 7 %. A place holds the last line that fell
// into it, so this is bounded whatever peers send. The plain way, which takes what is not found, is the oracle in
// recall.test.ts.

import type { Field } from './field.ts';
import { sharedBytesMax } from './intern.ts';

/** Places for each form of a line: with and without Huffman code, for a table and not. */
const places = 128;
/** Bytes of a value as it travels. A longer one is read each time. */
const rawBytesMax = 256;

const texts: string[] = new Array<string>(places * 4).fill('');
const fields: (Field | null)[] = new Array<Field | null>(places * 4).fill(null);

/** Where a line with this value in `bytes[start, end)` would be, or -1 when it is not to be kept. */
export function recallPlace(
  id: number,
  bytes: Uint8Array,
  start: number,
  end: number,
  huffman: boolean,
  inserts: boolean,
): number {
  const length = end - start;
  if (length === 0 || length > rawBytesMax) return -1;
  const sample =
    (bytes[start + (length >> 1)]! << 16) ^ (bytes[start + ((length * 3) >> 2)]! << 8) ^ bytes[end - 1]!;
  const hash = Math.imul(sample ^ (length << 21) ^ (id << 24), 0x9e3779b1) >>> 25;
  return (hash << 2) | (huffman ? 2 : 0) | (inserts ? 1 : 0);
}

/** The line that is kept there if it is this one. */
export function recall(
  place: number,
  name: string,
  bytes: Uint8Array,
  start: number,
  end: number,
): Field | null {
  if (place < 0) return null;
  const field = fields[place]!;
  return field !== null && field.name === name && isText(texts[place]!, bytes, start, end) ? field : null;
}

/** Looks at the whole whatever differs: how long it takes says nothing about what others sent. */
export function isText(text: string, bytes: Uint8Array, start: number, end: number): boolean {
  if (text.length !== end - start) return false;
  let differs = 0;
  for (let index = 0; index < text.length; index++) differs |= text.charCodeAt(index) ^ bytes[start + index]!;
  return differs === 0;
}

/** `raw` is the value as it travelled: the line may be shared with peers that wrote it in another form. */
export function keepForRecall(place: number, raw: string, field: Field): void {
  if (place < 0 || field.size > sharedBytesMax) return;
  texts[place] = raw;
  fields[place] = field;
}

/** What is kept there as `field` is `shared` from now on. */
export function recallSame(place: number, field: Field, shared: Field): void {
  if (place >= 0 && field !== shared && fields[place] === field) fields[place] = shared;
}

/** As in a new process: for the simulator, whose runs must not know of one another. */
export function forgetRecalled(): void {
  texts.fill('');
  fields.fill(null);
}

// The Huffman code of HPACK (RFC 7541 section 5.2 and appendix B). The code is canonical, so the lengths alone say all
// of it: codes are given out by length, then by symbol. Decoding walks a table of nibbles: a nibble never completes
// more than one symbol.

import { assert } from '../../../base/index.ts';
import { latin1Slice } from '../../http1/latin1.ts';
import { HTAB, SP, valueTable } from '../../http1/tables.ts';

/** Bits of the code of each byte, then of the end-of-string symbol (256). */
const codeLengths: readonly number[] = [
  13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28,
  28, 28, 28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7,
  8, 15, 6, 12, 10, 13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19,
  13, 14, 6, 15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13,
  28, 20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21,
  22, 23, 22, 23, 23, 24, 22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23,
  22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23, 26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25,
  19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27, 20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25,
  25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26, 30,
];

const endOfString = 256;
const codes = createCodes();

/** A step of the decoder: the next state in the low byte, and what this nibble did above it. */
const emits = 1 << 8;
const fails = 1 << 9;
const symbolShift = 16;
const { steps, accepting } = createSteps();

/** No text comes of these bytes: a wrong padding, the end-of-string symbol, or a cut code (RFC 7541 section 5.2). */
export const huffmanInvalid = -1;
/** The text would have a byte that no field value may have. Its length is still known: `-2 - length`. */
const huffmanForbidden = -2;

/**
 * Length of the text that `bytes[start, end)` stand for; {@link huffmanInvalid} when they stand for none; below that
 * when the text is no field value, see {@link forbiddenLength}. Nothing is decoded.
 */
export function measureHuffman(bytes: Uint8Array, start: number, end: number): number {
  let state = 0;
  let length = 0;
  let valid = 1;
  let symbol = 0;
  for (let at = start; at < end; at++) {
    const byte = bytes[at]!;
    const high = steps[(state << 4) | (byte >> 4)]!;
    if ((high & emits) !== 0) {
      symbol = high >> symbolShift;
      valid &= length++ === 0 ? edgeTable[symbol]! : valueTable[symbol]!;
    }
    const low = steps[((high & 0xff) << 4) | (byte & 15)]!;
    if ((low & emits) !== 0) {
      symbol = low >> symbolShift;
      valid &= length++ === 0 ? edgeTable[symbol]! : valueTable[symbol]!;
    }
    if (((high | low) & fails) !== 0) return huffmanInvalid;
    state = low & 0xff;
  }
  if (accepting[state] === 0) return huffmanInvalid;
  return length === 0 || (valid & edgeTable[symbol]!) === 1 ? length : huffmanForbidden - length;
}

/** What may stand first and last in a value: no white space (RFC 9113 section 8.2.1). */
const edgeTable = valueTable.slice();
edgeTable[SP] = edgeTable[HTAB] = 0;

/** Length out of a result of {@link measureHuffman} below {@link huffmanInvalid}. */
export function forbiddenLength(measured: number): number {
  return huffmanForbidden - measured;
}

/** Text of raw bytes (latin1) that {@link measureHuffman} found to be one. */
export function decodeHuffman(raw: string): string {
  // The shortest code has five bits.
  const room = Math.ceil((raw.length * 8) / 5);
  if (scratch.length < room) scratch = new Uint8Array(room * 2);
  let state = 0;
  let length = 0;
  for (let at = 0; at < raw.length; at++) {
    const byte = raw.charCodeAt(at);
    const high = steps[(state << 4) | (byte >> 4)]!;
    if ((high & emits) !== 0) scratch[length++] = high >> symbolShift;
    const low = steps[((high & 0xff) << 4) | (byte & 15)]!;
    if ((low & emits) !== 0) scratch[length++] = low >> symbolShift;
    state = low & 0xff;
  }
  return latin1Slice(scratch, 0, length);
}

let scratch = new Uint8Array(256);

/** Bytes that `text` (latin1) takes in this code. */
export function huffmanLength(text: string): number {
  let bits = 0;
  for (let at = 0; at < text.length; at++) bits += codeLengths[text.charCodeAt(at) & 0xff]!;
  return (bits + 7) >> 3;
}

/** Writes `text` from `at` on; the place was measured with {@link huffmanLength}. */
export function encodeHuffman(text: string, into: Uint8Array, at: number): void {
  let held = 0;
  let heldBits = 0;
  for (let index = 0; index < text.length; index++) {
    const symbol = text.charCodeAt(index) & 0xff;
    let bits = codeLengths[symbol]!;
    const code = codes[symbol]!;
    // At most 7 bits are held and a code has up to 30, so long ones go in two parts.
    if (bits > 16) {
      bits -= 16;
      held = (held << bits) | (code >>> 16);
      heldBits += bits;
      while (heldBits >= 8) {
        heldBits -= 8;
        into[at++] = held >>> heldBits;
      }
      held &= (1 << heldBits) - 1;
      held = (held << 16) | (code & 0xffff);
      heldBits += 16;
    } else {
      held = (held << bits) | code;
      heldBits += bits;
    }
    while (heldBits >= 8) {
      heldBits -= 8;
      into[at++] = held >>> heldBits;
    }
    held &= (1 << heldBits) - 1;
  }
  if (heldBits > 0) into[at] = (held << (8 - heldBits)) | (0xff >> heldBits);
}

function createCodes(): Uint32Array {
  const given = new Uint32Array(codeLengths.length);
  let code = 0;
  for (let length = 1; length <= 30; length++) {
    for (let symbol = 0; symbol < codeLengths.length; symbol++) {
      if (codeLengths[symbol] === length) given[symbol] = code++;
    }
    code <<= 1;
  }
  return given;
}

/** A node of the code's tree: children by bit; below 0 a symbol as `-1 - symbol`. */
type Node = [zero: number, one: number];

function createTree(): Node[] {
  const tree: Node[] = [[0, 0]];
  for (let symbol = 0; symbol < codeLengths.length; symbol++) {
    let node = 0;
    for (let left = codeLengths[symbol]! - 1; left >= 0; left--) {
      const bit = (codes[symbol]! >>> left) & 1;
      if (left === 0) tree[node]![bit] = -1 - symbol;
      else if (tree[node]![bit] === 0) {
        tree[node]![bit] = tree.length;
        node = tree.length;
        tree.push([0, 0]);
      } else node = tree[node]![bit]!;
    }
  }
  assert(tree.length === 256, 'the decoder has a state a byte');
  return tree;
}

function createSteps(): { steps: Int32Array; accepting: Uint8Array } {
  const tree = createTree();
  const made = new Int32Array(tree.length * 16);
  for (let state = 0; state < tree.length; state++) {
    for (let nibble = 0; nibble < 16; nibble++) made[(state << 4) | nibble] = step(tree, state, nibble);
  }
  // A text may end in up to seven of the end-of-string symbol's first bits, which are ones.
  const accepts = new Uint8Array(tree.length);
  for (let bits = 0, node = 0; bits < 8; bits++, node = tree[node]![1]) accepts[node] = 1;
  return { steps: made, accepting: accepts };
}

function step(tree: readonly Node[], state: number, nibble: number): number {
  let node = state;
  let result = 0;
  for (let bit = 3; bit >= 0; bit--) {
    node = tree[node]![(nibble >> bit) & 1]!;
    if (node >= 0) continue;
    const symbol = -1 - node;
    if (symbol === endOfString) return fails;
    result |= emits | (symbol << symbolShift);
    node = 0;
  }
  return result | node;
}

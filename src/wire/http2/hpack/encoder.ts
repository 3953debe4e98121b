// Field blocks out (RFC 7541 section 6). Most lines of a proxied message are objects that another connection's table
// holds, so whether the peer already has a line is one look-up by identity. A line gets a place in the peer's table
// when it came before: what is different in every message (an id, a time) would only push out what repeats.

import { assert } from '../../../base/index.ts';
import type { OutBuffer } from '../out-buffer.ts';
import type { Field } from './field.ts';
import { encodeHuffman, huffmanLength } from './huffman.ts';
import { madeField } from './made-field.ts';
import { dynamicStart, staticNameIndex } from './static-table.ts';

/** Bytes of our table that is used of what a peer offers: enough for what repeats. */
const tableBytesUsedMax = 4096;
/** A longer line is worth no place: a few of them would be the whole table. */
const insertedBytesMax = 1024;
/** Names whose last place is known; more are made up. */
const namesMax = 256;

export class HpackEncoder {
  private tableBytesLimit = tableBytesUsedMax;
  private tableBytes = 0;
  /** Lines by the number of their insertion, which never repeats; the peer counts back from the newest. */
  private readonly places = new Map<Field, number>();
  private readonly names = new Map<string, number>();
  /** Lines in the table, oldest first, from `firstPlace` on; `start` is where that is in the list. */
  private entries: Field[] = [];
  private start = 0;
  private firstPlace = 0;
  private nextPlace = 0;
  /** Smallest limit since the last block, or -1: the peer hears of it first. */
  private lowestUpdate = -1;

  /** The peer's SETTINGS_HEADER_TABLE_SIZE. */
  setTableBytesMax(bytes: number): void {
    const limit = Math.min(bytes, tableBytesUsedMax);
    if (limit === this.tableBytesLimit) return;
    this.tableBytesLimit = limit;
    if (this.lowestUpdate < 0 || limit < this.lowestUpdate) this.lowestUpdate = limit;
    this.evict(0);
  }

  /** Before the first field of a block. */
  begin(out: OutBuffer): void {
    if (this.lowestUpdate < 0) return;
    out.reserve(16);
    if (this.lowestUpdate < this.tableBytesLimit) writeInteger(out, 0x20, 0x1f, this.lowestUpdate);
    writeInteger(out, 0x20, 0x1f, this.tableBytesLimit);
    this.lowestUpdate = -1;
  }

  /** A line that was received by another codec, or is shared. */
  field(out: OutBuffer, field: Field): void {
    if (field.staticIndex !== 0) {
      out.reserve(1);
      out.bytes[out.length++] = 0x80 | field.staticIndex;
      return;
    }
    const place = this.places.get(field);
    if (place !== undefined) {
      out.reserve(6);
      writeInteger(out, 0x80, 0x7f, dynamicStart + this.nextPlace - 1 - place);
      return;
    }
    this.literal(out, field);
  }

  /** A line of text. The same value as last time makes it one that repeats. */
  line(out: OutBuffer, name: string, value: string): void {
    this.field(out, madeField(name, value));
  }

  private literal(out: OutBuffer, field: Field): void {
    const nameIndex = this.nameIndex(field.name);
    const worthy = field.uses > 1 || nameIndex === 0;
    const inserts =
      worthy && !field.sensitive && field.size <= insertedBytesMax && field.size <= this.tableBytesLimit;
    out.reserve(32 + field.name.length + field.raw.length);
    if (inserts) writeInteger(out, 0x40, 0x3f, nameIndex);
    else writeInteger(out, field.sensitive ? 0x10 : 0, 0x0f, nameIndex);
    if (nameIndex === 0) writeText(out, field.name, inserts);
    if (field.huffman) {
      writeInteger(out, 0x80, 0x7f, field.raw.length);
      out.text(field.raw);
    } else writeText(out, field.raw, inserts);
    if (inserts) this.insert(field);
  }

  private nameIndex(name: string): number {
    const known = staticNameIndex(name);
    if (known !== 0) return known;
    const place = this.names.get(name);
    return place === undefined || place < this.firstPlace ? 0 : dynamicStart + this.nextPlace - 1 - place;
  }

  private insert(field: Field): void {
    this.evict(field.size);
    const place = this.nextPlace++;
    this.places.set(field, place);
    if (this.names.size >= namesMax) this.names.clear();
    this.names.set(field.name, place);
    this.entries.push(field);
    this.tableBytes += field.size;
    assert(this.tableBytes <= this.tableBytesLimit, 'a table keeps to its size');
  }

  private evict(needed: number): void {
    while (this.start < this.entries.length && this.tableBytes + needed > this.tableBytesLimit) {
      const field = this.entries[this.start]!;
      this.tableBytes -= field.size;
      this.places.delete(field);
      this.start++;
      this.firstPlace++;
    }
    if (this.start < 64 || this.start * 2 < this.entries.length) return;
    this.entries = this.entries.slice(this.start);
    this.start = 0;
  }
}

/** RFC 7541 section 5.1. Needs room for 6 bytes. */
function writeInteger(out: OutBuffer, prefix: number, mask: number, value: number): void {
  const { bytes } = out;
  let at = out.length;
  if (value < mask) bytes[at++] = prefix | value;
  else {
    bytes[at++] = prefix | mask;
    let rest = value - mask;
    while (rest >= 128) {
      bytes[at++] = (rest & 127) | 128;
      rest >>>= 7;
    }
    bytes[at++] = rest;
  }
  out.length = at;
}

/** Needs room. What stays in a table is worth being made short; what goes by is not. */
function writeText(out: OutBuffer, text: string, short: boolean): void {
  const length = short ? huffmanLength(text) : text.length;
  if (length >= text.length) {
    writeInteger(out, 0, 0x7f, text.length);
    out.text(text);
    return;
  }
  writeInteger(out, 0x80, 0x7f, length);
  encodeHuffman(text, out.bytes, out.length);
  out.length += length;
}

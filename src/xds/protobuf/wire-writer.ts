// Writes the protobuf wire format into one growing buffer. Default values (empty text, 0) are left out, as proto3 does.

import { writerBytesInitial } from './limits.ts';
import { wireType } from './wire-reader.ts';

const utf8 = new TextEncoder();

export class WireWriter {
  private buffer: Uint8Array;
  private length = 0;

  constructor(bytesExpected = writerBytesInitial) {
    this.buffer = new Uint8Array(bytesExpected);
  }

  /** Bytes written so far. */
  get size(): number {
    return this.length;
  }

  string(field: number, value: string): void {
    if (value !== '') this.bytes(field, utf8.encode(value));
  }

  /** Writes also an empty value: the presence of a message or of a repeated element is information. */
  bytes(field: number, value: Uint8Array): void {
    this.prefix(field, value.length);
    this.raw(value);
  }

  /** What stands before `length` bytes that come from elsewhere. */
  prefix(field: number, length: number): void {
    this.tag(field, wireType.bytes);
    this.varint(length);
  }

  /** An element of `repeated string`, also when it is empty. */
  element(field: number, value: string): void {
    this.bytes(field, utf8.encode(value));
  }

  uint(field: number, value: number): void {
    if (value === 0) return;
    this.tag(field, wireType.varint);
    this.varint(value);
  }

  bool(field: number, value: boolean): void {
    this.tag(field, wireType.varint);
    this.varint(value ? 1 : 0);
  }

  double(field: number, value: number): void {
    this.tag(field, wireType.fixed64);
    this.reserve(8);
    new DataView(this.buffer.buffer).setFloat64(this.length, value, true);
    this.length += 8;
  }

  fixed64(field: number, value: bigint): void {
    this.tag(field, wireType.fixed64);
    this.reserve(8);
    new DataView(this.buffer.buffer).setBigUint64(this.length, value, true);
    this.length += 8;
  }

  /** Bytes that are encoded fields already. */
  raw(value: Uint8Array): void {
    this.reserve(value.length);
    this.buffer.set(value, this.length);
    this.length += value.length;
  }

  /** The message; the writer must not be used afterwards. */
  finish(): Uint8Array {
    return this.buffer.subarray(0, this.length);
  }

  private tag(field: number, type: number): void {
    this.varint(field * 8 + type);
  }

  private varint(value: number): void {
    this.reserve(10);
    let rest = value;
    while (rest >= 0x80) {
      this.buffer[this.length++] = (rest % 128) | 0x80;
      rest = Math.floor(rest / 128);
    }
    this.buffer[this.length++] = rest;
  }

  private reserve(more: number): void {
    const needed = this.length + more;
    if (needed <= this.buffer.length) return;
    const grown = new Uint8Array(Math.max(needed, this.buffer.length * 2));
    grown.set(this.buffer.subarray(0, this.length));
    this.buffer = grown;
  }
}

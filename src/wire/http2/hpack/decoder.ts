// Field blocks in (RFC 7541 section 6): representations to fields, and the dynamic table that they fill. A value is
// checked but not decoded; a fault of the code itself ends the connection, because the table is out of step from there
// on, while a line that is merely not allowed is handed on with its fault.

import { assert } from '../../../base/index.ts';
import { headerNames } from '../../head.ts';
import { latin1Slice } from '../../http1/latin1.ts';
import { internName, unknownName } from '../../http1/names.ts';
import { tokenTable, valueTable } from '../../http1/tables.ts';
import { Field, fieldFault, fieldId } from './field.ts';
import { decodeHuffman, forbiddenLength, huffmanInvalid, measureHuffman } from './huffman.ts';
import { internField } from './intern.ts';
import { isText, keepForRecall, recall, recallPlace, recallSame } from './recall.ts';
import { dynamicStart, staticTable } from './static-table.ts';

/** What a block is read into. */
export interface FieldSink {
  onField(field: Field): void;
}

/** Bytes that stand for more than this many are no index, length or size of ours. */
const integerMax = 1 << 28;
const tableSlotsAtStart = 64;
/** A longer sensitive line is read each time. */
const secretBytesMax = 1024;

export class HpackDecoder {
  /** State of the dynamic table: an index means the same for as long as it stays. */
  version = 0;
  /** The last block had an index of the dynamic table. */
  usedTable = false;
  /** It would do nothing but insert the same lines if it came again. */
  repeats = true;
  /** Bytes of the table that the peer was told it may use. */
  private readonly tableBytesMax: number;
  /** What the peer chose below that. */
  private tableBytesLimit: number;
  private tableBytes = 0;
  /** The dynamic table, newest last: a ring of a power of two. */
  private slots: (Field | null)[] = new Array<Field | null>(tableSlotsAtStart).fill(null);
  private first = 0;
  private count = 0;
  /** Where the last read ended. */
  private at = 0;
  private end = 0;
  private faulty = false;
  private measuredLength = 0;
  private valueFault = 0;
  private huffman = false;
  /** Where the last literal line is kept, or -1. */
  private place = -1;
  /** The last sensitive line, as clients send their authorization: recalled for this connection alone. */
  private secret: Field | null = null;

  constructor(tableBytesMax: number) {
    this.tableBytesMax = tableBytesMax;
    this.tableBytesLimit = tableBytesMax;
  }

  /**
   * Reads a whole block; `inserted` gets what it puts into the table. False: COMPRESSION_ERROR, and this decoder is of
   * no use any more.
   */
  decode(
    bytes: Uint8Array,
    start: number,
    end: number,
    sink: FieldSink,
    inserted: Field[] | null = null,
  ): boolean {
    this.at = start;
    this.end = end;
    this.faulty = false;
    this.usedTable = false;
    this.repeats = true;
    let updates = 0;
    let fields = 0;
    while (this.at < end && !this.faulty) {
      const byte = bytes[this.at]!;
      if ((byte & 0x80) !== 0) {
        const field = this.lookUp(this.readInteger(bytes, 0x7f));
        if (field === null) return false;
        if (field.uses < 3) {
          field.uses++;
          this.repeats = false;
        }
        sink.onField(field);
        fields++;
      } else if ((byte & 0x40) !== 0) {
        const field = this.readLiteral(bytes, 0x3f, true, false);
        if (field === null) return false;
        const line = this.insert(field);
        inserted?.push(line);
        sink.onField(line);
        fields++;
      } else if ((byte & 0x20) !== 0) {
        // A change of size stands before the first field, once down and once up (RFC 7541 section 4.2).
        this.repeats = false;
        if (fields > 0 || ++updates > 2) return false;
        if (!this.resize(this.readInteger(bytes, 0x1f))) return false;
      } else {
        const field = this.readLiteral(bytes, 0x0f, false, (byte & 0x10) !== 0);
        if (field === null) return false;
        sink.onField(field);
        fields++;
      }
    }
    return !this.faulty;
  }

  /** What a block that came again puts into the table. False: some are other objects now. */
  insertAgain(inserted: readonly Field[]): boolean {
    this.place = -1;
    let same = true;
    for (let index = 0; index < inserted.length; index++) {
      const field = inserted[index]!;
      if (this.insert(field) !== field) same = false;
    }
    return same;
  }

  private lookUp(index: number): Field | null {
    if (index < dynamicStart) return index <= 0 ? null : staticTable[index]!;
    this.usedTable = true;
    const age = index - dynamicStart;
    if (age >= this.count) return null;
    return this.slots[(this.first + this.count - 1 - age) & (this.slots.length - 1)]!;
  }

  private readLiteral(bytes: Uint8Array, mask: number, inserts: boolean, sensitive: boolean): Field | null {
    const index = this.readInteger(bytes, mask);
    if (this.faulty) return null;
    let name = '';
    let id: number;
    let fault: number = fieldFault.none;
    if (index === 0) {
      name = this.readName(bytes);
      if (this.faulty) return null;
      id = fieldId(name);
      if (name === '' || this.valueFault !== 0) fault = fieldFault.name;
    } else {
      const named = this.lookUp(index);
      if (named === null) return null;
      name = named.name;
      id = named.id;
      if (named.fault === fieldFault.name) fault = fieldFault.name;
    }
    return this.readLine(bytes, name, id, fault, inserts, sensitive);
  }

  /** The rest of a literal line: its value, unless the whole is known. */
  private readLine(
    bytes: Uint8Array,
    name: string,
    id: number,
    nameFault: number,
    inserts: boolean,
    sensitive: boolean,
  ): Field | null {
    const start = this.readStringHead(bytes);
    if (this.faulty) return null;
    const { at, huffman } = this;
    const sound = nameFault === fieldFault.none;
    this.place = sound && !sensitive ? recallPlace(id, bytes, start, at, huffman, inserts) : -1;
    const known = sensitive
      ? this.recallSecret(name, bytes, start)
      : recall(this.place, name, bytes, start, at);
    // What has no room in this table is nobody's but its message's.
    if (known !== null && !(inserts && known.size > this.tableBytesLimit)) return known;
    const raw = this.readText(bytes, start);
    if (this.faulty) return null;
    const fault = sound && this.valueFault !== 0 ? fieldFault.value : nameFault;
    const field = new Field(name, id, raw, huffman, this.measuredLength, sensitive, fault);
    if (fault !== fieldFault.none) return field;
    if (!sensitive) keepForRecall(this.place, raw, field);
    else if (field.size <= secretBytesMax) this.secret = field;
    return field;
  }

  private recallSecret(name: string, bytes: Uint8Array, start: number): Field | null {
    const { secret, huffman } = this;
    if (secret === null || secret.name !== name || secret.huffman !== huffman) return null;
    return isText(secret.raw, bytes, start, this.at) ? secret : null;
  }

  /** A literal name. `valueFault` says that it is no lower-case token. */
  private readName(bytes: Uint8Array): string {
    const nameStart = this.readStringHead(bytes);
    if (this.faulty) return '';
    const nameEnd = this.at;
    const raw = this.readText(bytes, nameStart);
    if (this.faulty) return '';
    this.valueFault = 0;
    if (!this.huffman) {
      const known = raw.length === 0 ? unknownName : internName(bytes, nameStart, nameEnd);
      // The table of names answers in any case; here only the lower one is a name.
      if (known !== unknownName && raw === headerNames[known]) return headerNames[known]!;
    }
    const name = this.huffman ? decodeHuffman(raw) : raw;
    for (let index = name.charCodeAt(0) === colon ? 1 : 0; index < name.length; index++) {
      const code = name.charCodeAt(index);
      if (tokenTable[code] !== 1 || (code >= 65 && code <= 90)) this.valueFault = 1;
    }
    return name;
  }

  /** Length of a string, and whether it is `huffman`. Returns where it starts; `at` is where it ends. */
  private readStringHead(bytes: Uint8Array): number {
    if (this.at >= this.end) {
      this.faulty = true;
      return 0;
    }
    this.huffman = (bytes[this.at]! & 0x80) !== 0;
    const length = this.readInteger(bytes, 0x7f);
    const start = this.at;
    if (this.faulty || length > this.end - start) this.faulty = true;
    else this.at = start + length;
    return start;
  }

  /** The string up to `at`, as it travels; sets `measuredLength` and `valueFault`. */
  private readText(bytes: Uint8Array, start: number): string {
    const { at } = this;
    this.valueFault = 0;
    this.measuredLength = at - start;
    if (this.huffman) this.measure(bytes, start);
    else this.checkPlain(bytes, start);
    return this.faulty || at === start ? '' : latin1Slice(bytes, start, at);
  }

  private measure(bytes: Uint8Array, start: number): void {
    const measured = measureHuffman(bytes, start, this.at);
    this.measuredLength = measured;
    if (measured >= 0) return;
    if (measured === huffmanInvalid) this.faulty = true;
    else {
      this.measuredLength = forbiddenLength(measured);
      this.valueFault = 1;
    }
  }

  /** RFC 9113 section 8.2.1: no control characters, no white space around. */
  private checkPlain(bytes: Uint8Array, start: number): void {
    const end = this.at;
    let valid = 1;
    for (let index = start; index < end; index++) valid &= valueTable[bytes[index]!]!;
    if (valid === 0 || (end > start && (isSpace(bytes[start]!) || isSpace(bytes[end - 1]!))))
      this.valueFault = 1;
  }

  /** RFC 7541 section 5.1. Sets `faulty` for what is cut or beyond any use. */
  private readInteger(bytes: Uint8Array, mask: number): number {
    let value = bytes[this.at++]! & mask;
    if (value < mask) return value;
    for (let shift = 0; shift <= 28; shift += 7) {
      if (this.at >= this.end) break;
      const byte = bytes[this.at++]!;
      value += (byte & 0x7f) * 2 ** shift;
      if (value > integerMax) break;
      if (byte < 0x80) return value;
    }
    this.faulty = true;
    return -1;
  }

  private resize(limit: number): boolean {
    if (this.faulty || limit > this.tableBytesMax) return false;
    this.tableBytesLimit = limit;
    this.evict(0);
    return true;
  }

  /** Returns the shared line that now stands in the table, or `field` if it has no place there. */
  private insert(field: Field): Field {
    this.evict(field.size);
    if (field.size > this.tableBytesLimit) return field;
    const shared = internField(field);
    recallSame(this.place, field, shared);
    if (shared.uses < 3) shared.uses++;
    if (this.count === this.slots.length) this.grow();
    this.slots[(this.first + this.count) & (this.slots.length - 1)] = shared;
    this.count++;
    this.version++;
    this.tableBytes += shared.size;
    return shared;
  }

  private evict(needed: number): void {
    while (this.count > 0 && this.tableBytes + needed > this.tableBytesLimit) {
      this.tableBytes -= this.slots[this.first]!.size;
      this.slots[this.first] = null;
      this.first = (this.first + 1) & (this.slots.length - 1);
      this.count--;
      this.version++;
    }
    assert(this.count > 0 || this.tableBytes === 0, 'an empty table has no bytes');
  }

  private grow(): void {
    const { slots } = this;
    this.slots = new Array<Field | null>(slots.length * 2).fill(null);
    for (let index = 0; index < this.count; index++)
      this.slots[index] = slots[(this.first + index) & (slots.length - 1)]!;
    this.first = 0;
  }
}

const colon = 58;

function isSpace(byte: number): boolean {
  return byte === 32 || byte === 9;
}

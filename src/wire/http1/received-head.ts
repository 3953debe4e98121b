// Field lines as they were received: one latin1 string of the section plus offsets of its lines; names are ids, values
// are cut out when asked for, edits are kept beside. A head belongs to its connection, which resets it for the next
// message; nobody else may keep it.

import { assert } from '../../base/index.ts';
import { type Head, headerId, headerNames } from '../head.ts';
import { createLine } from './added-lines.ts';
import { internText, unknownName } from './names.ts';

/** Numbers in {@link ReceivedHead.lines} for each line: start of the name, its end, start of the value, its end. */
export const lineStride = 4;

/** Marks an added line that was removed again; no header has this id. */
export const removedName = 254;
const linesAtStart = 16;
const lengthId = headerId['content-length'];

/**
 * Field lines of a head or a trailer section. Written by HeadReader, read by everybody, edited through {@link Head}.
 */
export class ReceivedHead implements Head {
  /** The whole section, start line and final CRLF included. All offsets count from its first byte. */
  text = '';
  lines: Int32Array = new Int32Array(linesAtStart * lineStride);
  ids: Uint8Array = new Uint8Array(linesAtStart);
  removed: Uint8Array = new Uint8Array(linesAtStart);
  /** Received lines. */
  lineCount = 0;
  removedCount = 0;
  /** Where the first field line starts, and where the final CRLF does. */
  fieldsStart = 0;
  fieldsEnd = 0;
  /** Bit `id` for every received header id below 32: lets the encoder see at once that there is nothing to strip. */
  seen = 0;
  addedCount = 0;
  /** Whole lines, as the encoder writes them. */
  readonly addedLines: string[] = [];
  readonly addedNames: string[] = [];
  readonly addedValues: string[] = [];
  readonly addedIds: number[] = [];
  private readonly first: Int16Array = new Int16Array(headerNames.length).fill(-1);

  get count(): number {
    return this.lineCount + this.addedCount;
  }

  nameAt(index: number): string {
    const id = this.idAt(index);
    if (id < headerNames.length) return headerNames[id]!;
    if (index >= this.lineCount) return this.addedNames[index - this.lineCount]!;
    const at = index * lineStride;
    return this.text.slice(this.lines[at]!, this.lines[at + 1]!).toLowerCase();
  }

  valueAt(index: number): string {
    if (index >= this.lineCount) return this.addedValues[index - this.lineCount]!;
    const at = index * lineStride;
    return this.text.slice(this.lines[at + 2]!, this.lines[at + 3]!);
  }

  isRemoved(index: number): boolean {
    if (index < this.lineCount) return this.removed[index] !== 0;
    return this.addedIds[index - this.lineCount] === removedName;
  }

  find(id: number): number {
    return this.first[id]!;
  }

  findName(name: string): number {
    const id = internText(name);
    return id === unknownName ? this.nextUnknown(name, 0) : this.first[id]!;
  }

  get(id: number): string | null {
    const index = this.first[id]!;
    return index === -1 ? null : this.valueAt(index);
  }

  getName(name: string): string | null {
    const id = internText(name);
    let index = id === unknownName ? this.nextUnknown(name, 0) : this.first[id]!;
    if (index === -1) return null;
    let joined = this.valueAt(index);
    for (;;) {
      index = id === unknownName ? this.nextUnknown(name, index + 1) : this.nextKnown(id, index + 1);
      if (index === -1) return joined;
      joined += `, ${this.valueAt(index)}`;
    }
  }

  add(name: string, value: string): void {
    const id = internText(name);
    // Host is edited through `authority`, the others belong to the encoder; a second length would be a second framing.
    assert(
      id > headerId.connection || (id === lengthId && this.first[id] === -1),
      'the encoder sets framing',
    );
    this.append(name, value, id);
  }

  set(id: number, value: string): void {
    assert(id > headerId.connection, 'the encoder sets framing');
    if (this.first[id] !== -1) this.remove(id);
    this.append(headerNames[id]!, value, id);
  }

  private append(name: string, value: string, id: number): void {
    const line = createLine(name, value, id);
    const at = this.addedCount++;
    this.addedLines[at] = line;
    this.addedNames[at] = name;
    this.addedValues[at] = value;
    this.addedIds[at] = id;
    if (id !== unknownName && this.first[id] === -1) this.first[id] = this.lineCount + at;
  }

  remove(id: number): void {
    let index = this.first[id]!;
    while (index !== -1) {
      this.removeLine(index);
      index = this.nextKnown(id, index + 1);
    }
    this.first[id] = -1;
  }

  removeName(name: string): void {
    const id = internText(name);
    if (id !== unknownName) {
      this.remove(id);
      return;
    }
    let index = this.nextUnknown(name, 0);
    while (index !== -1) {
      this.removeLine(index);
      index = this.nextUnknown(name, index + 1);
    }
  }

  /** Adds a received line; for HeadReader, which has checked it. */
  pushLine(start: number, nameEnd: number, valueStart: number, valueEnd: number, id: number): void {
    const index = this.lineCount++;
    if (index === this.ids.length) this.growLines();
    const at = index * lineStride;
    this.lines[at] = start;
    this.lines[at + 1] = nameEnd;
    this.lines[at + 2] = valueStart;
    this.lines[at + 3] = valueEnd;
    this.ids[index] = id;
    this.removed[index] = 0;
    if (id === unknownName) return;
    if (id < 32) this.seen |= 1 << id;
    if (this.first[id] === -1) this.first[id] = index;
  }

  /** Forgets the message. The arrays stay for the next one. */
  reset(): void {
    for (let index = 0; index < this.lineCount; index++) {
      const id = this.ids[index]!;
      if (id !== unknownName) this.first[id] = -1;
    }
    for (let index = 0; index < this.addedCount; index++) {
      const id = this.addedIds[index]!;
      if (id < headerNames.length) this.first[id] = -1;
    }
    this.text = '';
    this.lineCount = 0;
    this.removedCount = 0;
    this.fieldsStart = 0;
    this.fieldsEnd = 0;
    this.seen = 0;
    this.addedCount = 0;
  }

  /** Id of line `index`, {@link unknownName} for names outside the table. */
  idAt(index: number): number {
    return index < this.lineCount ? this.ids[index]! : this.addedIds[index - this.lineCount]!;
  }

  private removeLine(index: number): void {
    if (index >= this.lineCount) {
      this.addedIds[index - this.lineCount] = removedName;
      return;
    }
    this.removed[index] = 1;
    this.removedCount++;
  }

  private nextKnown(id: number, from: number): number {
    for (let index = from; index < this.count; index++) {
      if (this.idAt(index) === id && !this.isRemoved(index)) return index;
    }
    return -1;
  }

  private nextUnknown(name: string, from: number): number {
    for (let index = from; index < this.count; index++) {
      if (this.idAt(index) !== unknownName || this.isRemoved(index)) continue;
      if (this.nameLengthAt(index) === name.length && this.nameAt(index) === name) return index;
    }
    return -1;
  }

  private nameLengthAt(index: number): number {
    if (index >= this.lineCount) return this.addedNames[index - this.lineCount]!.length;
    return this.lines[index * lineStride + 1]! - this.lines[index * lineStride]!;
  }

  private growLines(): void {
    const lines = new Int32Array(this.lines.length * 2);
    const ids = new Uint8Array(this.ids.length * 2);
    const removed = new Uint8Array(this.removed.length * 2);
    lines.set(this.lines);
    ids.set(this.ids);
    removed.set(this.removed);
    this.lines = lines;
    this.ids = ids;
    this.removed = removed;
  }
}

// Received HTTP/1 heads: one latin1 string of the head as it came plus offsets of its lines; names are ids, values are cut out when asked
// for, edits are kept beside. A head belongs to its connection, which resets it for the next message; nobody else may keep it.

import { assert } from '../../base/index.ts';
import { type Head, headerId, headerNames, type RequestHead, type ResponseHead } from '../head.ts';
import { createLine } from './added-lines.ts';
import { assertTargetText } from './assert-text.ts';
import { internText, unknownName } from './names.ts';

/** Numbers in {@link ReceivedHead.lines} for each line: start of the name, its end, start of the value, its end. */
export const lineStride = 4;

/** Marks an added line that was removed again; no header has this id. */
export const removedName = 254;
const linesAtStart = 16;
const lengthId = headerId['content-length'];

/** Field lines of a head or a trailer section. Written by HeadReader, read by everybody, edited through {@link Head}. */
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

/** What the framing fields of a head say, as numbers; the reader fills it in while it passes those lines. */
export class FramedHead extends ReceivedHead {
  /** Minor version, 0 or 1. */
  version = 1;
  /** Value of Content-Length, or -1. */
  contentLength = -1;
  chunked = false;
  /** In other letters, such as `Chunked`: readers that compare exactly would see no coding, so it goes out anew. */
  chunkedRespelled = false;
  /** Options of Connection. */
  closeOption = false;
  keepAliveOption = false;
  /** Connection names fields of this hop alone; the reader removes them when the head is complete. */
  nominates = false;

  override reset(): void {
    super.reset();
    this.version = 1;
    this.contentLength = -1;
    this.chunked = false;
    this.chunkedRespelled = false;
    this.closeOption = false;
    this.keepAliveOption = false;
    this.nominates = false;
  }

  /** Whether the peer keeps the connection after this message (RFC 9112 section 9.3). */
  get persistent(): boolean {
    if (this.closeOption) return false;
    return this.version === 1 || this.keepAliveOption;
  }
}

export class ReceivedRequestHead extends FramedHead implements RequestHead {
  /** Set by the reader for methods that it knows, else ''. */
  knownMethod = '';
  methodEnd = 0;
  targetEnd = 0;
  /** Absolute form only: ends of the scheme and of the authority in the target; 0 in origin form. */
  schemeEnd = 0;
  authorityEnd = 0;
  editedAuthority: string | null = null;
  editedPath: string | null = null;
  private cachedPath: string | null = null;

  get method(): string {
    return this.knownMethod !== '' ? this.knownMethod : this.text.slice(0, this.methodEnd);
  }

  get scheme(): string {
    if (this.schemeEnd === 0) return '';
    return this.text.slice(this.methodEnd + 1, this.schemeEnd).toLowerCase();
  }

  get authority(): string {
    if (this.editedAuthority !== null) return this.editedAuthority;
    if (this.schemeEnd !== 0) return this.text.slice(this.schemeEnd + 3, this.authorityEnd);
    return this.get(headerId.host) ?? '';
  }

  set authority(authority: string) {
    assertTargetText(authority);
    this.editedAuthority = authority;
  }

  get path(): string {
    if (this.editedPath !== null) return this.editedPath;
    if (this.cachedPath === null) this.cachedPath = this.receivedPath();
    return this.cachedPath;
  }

  set path(path: string) {
    assertTargetText(path);
    assert(path[0] === '/' || path === '*', 'a path starts with a slash');
    this.editedPath = path;
  }

  override reset(): void {
    super.reset();
    this.knownMethod = '';
    this.methodEnd = 0;
    this.targetEnd = 0;
    this.schemeEnd = 0;
    this.authorityEnd = 0;
    this.editedAuthority = null;
    this.editedPath = null;
    this.cachedPath = null;
  }

  private receivedPath(): string {
    if (this.schemeEnd === 0) return this.text.slice(this.methodEnd + 1, this.targetEnd);
    const path = this.text.slice(this.authorityEnd, this.targetEnd);
    if (path[0] === '/') return path;
    // RFC 9112 section 3.2.4: OPTIONS with an absolute form that has no path asks about the server as a whole.
    if (path === '') return this.method === 'OPTIONS' ? '*' : '/';
    return `/${path}`;
  }
}

export class ReceivedResponseHead extends FramedHead implements ResponseHead {
  status = 0;
  /** The status line can go out as it came: HTTP/1.1 with the space before the reason phrase. */
  statusLineKept = true;

  override reset(): void {
    super.reset();
    this.status = 0;
    this.statusLineKept = true;
  }
}

const poisonedNames = [
  'count',
  'nameAt',
  'valueAt',
  'isRemoved',
  'find',
  'findName',
  'get',
  'getName',
  'add',
];
const poisonedMore = ['remove', 'removeName', 'method', 'scheme', 'authority', 'path', 'status', 'version'];

/** For tests: makes every later use of a released head fail. Its connection then takes a new one. */
export function poisonHead(head: ReceivedHead): void {
  for (const name of [...poisonedNames, ...poisonedMore]) {
    Object.defineProperty(head, name, {
      get() {
        throw new Error(`bug: ${name} of a head was used after its message was over`);
      },
    });
  }
}

// A received HTTP/2 head or trailer section: a list of field lines, most of them shared with every other message that
// has the same ones. While lines come in they are held against the rules of RFC 9113 section 8; what is wrong first is
// remembered and said at the end.

import { assert } from '../../base/index.ts';
import { headerId, headerNames, type RequestHead, type ResponseHead } from '../head.ts';
import { assertTargetText } from '../http1/assert-text.ts';
import { internText, unknownName } from '../http1/names.ts';
import { fault } from './errors.ts';
import type { FieldSink } from './hpack/decoder.ts';
import { createField, type Field, fieldFault, isPseudo, pseudo, removedField } from './hpack/field.ts';
import { madeField, namedField } from './hpack/made-field.ts';
import type { Http2Limits } from './limits.ts';

export type SectionKind = 'request' | 'response' | 'trailers';

const { status: statusId, protocol: protocolId } = pseudo;
const lengthId = headerId['content-length'];

export class Http2Head implements RequestHead, ResponseHead, FieldSink {
  readonly version = 2;
  /** Lines in order, received ones first. */
  fields: Field[] = [];
  status = 0;
  /** Value of Content-Length, or -1. */
  contentLength = -1;
  /** What is wrong with it, or 0. */
  fault: number = fault.none;
  private readonly kind: SectionKind;
  private readonly limits: Http2Limits;
  private listBytes = 0;
  private lineCount = 0;
  /**
   * Bit `id` for every line with a header id, those from 32 on apart: a request is asked for two dozen lines of which
   * it has few, and its lines are looked through for those alone.
   */
  private present = 0;
  private presentHigh = 0;
  private cookies = 0;
  private methodField: Field | null = null;
  private schemeField: Field | null = null;
  private authorityField: Field | null = null;
  private pathField: Field | null = null;
  private protocolField: Field | null = null;
  private editedScheme: string | null = null;
  private editedAuthority: string | null = null;
  private editedPath: string | null = null;

  constructor(kind: SectionKind, limits: Http2Limits) {
    this.kind = kind;
    this.limits = limits;
  }

  /** One of the same lines, before either is edited or finished. */
  copy(): Http2Head {
    const copy = new Http2Head(this.kind, this.limits);
    copy.fields = this.fields.slice();
    copy.status = this.status;
    copy.contentLength = this.contentLength;
    copy.fault = this.fault;
    copy.listBytes = this.listBytes;
    copy.lineCount = this.lineCount;
    copy.present = this.present;
    copy.presentHigh = this.presentHigh;
    copy.cookies = this.cookies;
    copy.methodField = this.methodField;
    copy.schemeField = this.schemeField;
    copy.authorityField = this.authorityField;
    copy.pathField = this.pathField;
    copy.protocolField = this.protocolField;
    return copy;
  }

  get count(): number {
    return this.fields.length;
  }

  /** An extended CONNECT is the GET with Upgrade of HTTP/1.1 (RFC 8441 section 5), and called that. */
  get method(): string {
    return this.protocolField === null ? (this.methodField?.value ?? '') : 'GET';
  }

  get scheme(): string {
    return this.editedScheme ?? this.schemeField?.value ?? '';
  }

  set scheme(scheme: string) {
    assertTargetText(scheme);
    this.editedScheme = scheme;
  }

  get upgrade(): string {
    if (this.protocolField !== null) return this.protocolField.value;
    return this.methodField?.value === 'CONNECT' ? 'CONNECT' : '';
  }

  /** Value of `:protocol` (RFC 8441), or ''. */
  get protocol(): string {
    return this.protocolField?.value ?? '';
  }

  get authority(): string {
    return this.editedAuthority ?? this.authorityField?.value ?? '';
  }

  set authority(authority: string) {
    assertTargetText(authority);
    this.editedAuthority = authority;
  }

  get path(): string {
    return this.editedPath ?? this.pathField?.value ?? '';
  }

  set path(path: string) {
    assertTargetText(path);
    assert(path[0] === '/' || path === '*', 'a path starts with a slash');
    this.editedPath = path;
  }

  /** The received line of an unedited pseudo-header field, for the encoder; null where there is none. */
  pseudoField(id: number): Field | null {
    if (id === pseudo.method) return this.methodField;
    if (id === pseudo.path) return this.editedPath === null ? this.pathField : null;
    if (id === pseudo.authority) return this.editedAuthority === null ? this.authorityField : null;
    return id === pseudo.scheme && this.editedScheme === null ? this.schemeField : null;
  }

  nameAt(index: number): string {
    return this.fields[index]!.name;
  }

  valueAt(index: number): string {
    return this.fields[index]!.value;
  }

  isRemoved(index: number): boolean {
    return this.fields[index] === removedField;
  }

  find(id: number): number {
    if ((((id < 32 ? this.present : this.presentHigh) >>> id) & 1) === 0) return -1;
    const { fields } = this;
    for (let index = 0; index < fields.length; index++) if (fields[index]!.id === id) return index;
    return -1;
  }

  findName(name: string): number {
    const id = internText(name);
    if (id !== unknownName) return this.find(id);
    const { fields } = this;
    for (let index = 0; index < fields.length; index++) if (fields[index]!.name === name) return index;
    return -1;
  }

  get(id: number): string | null {
    const index = this.find(id);
    return index < 0 ? null : this.fields[index]!.value;
  }

  getName(name: string): string | null {
    let index = this.findName(name);
    if (index < 0) return null;
    let joined = this.fields[index]!.value;
    for (index++; index < this.fields.length; index++) {
      if (this.fields[index]!.name === name) joined += `, ${this.fields[index]!.value}`;
    }
    return joined;
  }

  add(name: string, value: string): void {
    const id = internText(name);
    assert(id > headerId.connection || (id === lengthId && this.find(id) < 0), 'the encoder sets framing');
    this.mark(id);
    this.fields.push(id === unknownName ? madeField(name, value) : namedField(id, value));
  }

  set(id: number, value: string): void {
    assert(id > headerId.connection, 'the encoder sets framing');
    if (this.find(id) >= 0) this.remove(id);
    this.mark(id);
    this.fields.push(namedField(id, value));
  }

  remove(id: number): void {
    const { fields } = this;
    for (let index = this.find(id); index >= 0 && index < fields.length; index++) {
      if (fields[index]!.id === id) fields[index] = removedField;
    }
    if (id < 32) this.present &= ~(1 << id);
    else this.presentHigh &= ~(1 << id);
  }

  removeName(name: string): void {
    const id = internText(name);
    if (id !== unknownName) {
      this.remove(id);
      return;
    }
    const { fields } = this;
    for (let index = 0; index < fields.length; index++) {
      if (fields[index]!.name === name) fields[index] = removedField;
    }
  }

  onField(field: Field): void {
    this.listBytes += field.size;
    this.lineCount += 1;
    // What is above the limits is counted and dropped: a few bytes may stand for many large lines.
    if (this.listBytes > this.limits.headerListBytesMax || this.lineCount > this.limits.headerCountMax) {
      this.fault = fault.headerList;
      return;
    }
    if (field.fault !== fieldFault.none)
      this.fail(field.fault === fieldFault.name ? fault.fieldName : fault.fieldValue);
    else if (isPseudo(field.id)) this.onPseudo(field);
    else this.onRegular(field);
  }

  /** After the last line. Returns what is wrong, or 0. */
  finish(extendedConnect: boolean): number {
    if (this.fault === fault.none && this.cookies > 1) this.joinCookies();
    if (this.fault !== fault.none || this.kind === 'trailers') return this.fault;
    if (this.kind === 'request') this.checkRequest(extendedConnect);
    else if (this.status === 0) this.fail(fault.pseudoMissing);
    return this.fault;
  }

  private onPseudo(field: Field): void {
    if (this.fields.length > 0 || this.kind === 'trailers') this.fail(fault.pseudoOrder);
    else if ((this.kind === 'response') !== (field.id === statusId) || field.id === pseudo.unknown)
      this.fail(fault.pseudoUnknown);
    else if (field.id === statusId) this.setStatus(field);
    else if (!this.setRequestField(field)) this.fail(fault.pseudoRepeated);
  }

  private setRequestField(field: Field): boolean {
    let before: Field | null;
    if (field.id === pseudo.method) {
      before = this.methodField;
      this.methodField = field;
    } else if (field.id === pseudo.path) {
      before = this.pathField;
      this.pathField = field;
    } else if (field.id === pseudo.authority) {
      before = this.authorityField;
      this.authorityField = field;
    } else if (field.id === pseudo.scheme) {
      before = this.schemeField;
      this.schemeField = field;
    } else {
      before = this.protocolField;
      this.protocolField = field;
    }
    return before === null;
  }

  private setStatus(field: Field): void {
    const { value } = field;
    if (this.status !== 0) this.fail(fault.pseudoRepeated);
    else if (!/^[1-5][0-9][0-9]$/.test(value) || value === '101') this.fail(fault.pseudoValue);
    else this.status = Number(value);
  }

  private onRegular(field: Field): void {
    const { id } = field;
    if (id <= headerId.upgrade) {
      if (id === lengthId) this.setLength(field);
      // RFC 9113 section 8.2.2. Host and Trailer are no fields of one hop.
      else if (
        id === headerId.te ? field.value !== 'trailers' : id !== headerId.host && id !== headerId.trailer
      )
        this.fail(fault.hopField);
    } else if (id === unknownName && field.name === 'cookie') this.cookies += 1;
    this.mark(id);
    this.fields.push(field);
  }

  private mark(id: number): void {
    if (id < 32) this.present |= 1 << id;
    else if (id !== unknownName) this.presentHigh |= 1 << id;
  }

  private setLength(field: Field): void {
    const { value } = field;
    const valid = value.length > 0 && value.length < 16 && /^[0-9]+$/.test(value);
    if (!valid || this.contentLength >= 0) this.fail(fault.lengthInvalid);
    else this.contentLength = Number(value);
  }

  private checkRequest(extendedConnect: boolean): void {
    const { methodField, pathField, schemeField, protocolField } = this;
    if (methodField === null) this.fail(fault.pseudoMissing);
    else if (protocolField !== null && (!extendedConnect || methodField.value !== 'CONNECT'))
      this.fail(fault.pseudoUnknown);
    else if (this.contentLength > 0 && this.upgrade !== '') this.fail(fault.lengthDiffers);
    else if (protocolField !== null && !isToken(protocolField.value)) this.fail(fault.pseudoValue);
    else if (this.upgrade === 'CONNECT') this.checkConnect(extendedConnect);
    else if (schemeField === null || pathField === null) this.fail(fault.pseudoMissing);
    else if (!isTarget(pathField, methodField) || !isMethod(methodField.value) || !isScheme(schemeField))
      this.fail(fault.pseudoValue);
    else this.checkAuthority();
  }

  /** RFC 9113 section 8.5: it has an authority and neither scheme nor path. */
  private checkConnect(served: boolean): void {
    if (!served) this.fail(fault.connectUnsupported);
    else if (this.schemeField !== null || this.pathField !== null) this.fail(fault.pseudoUnknown);
    else if (this.authorityField === null) this.fail(fault.pseudoMissing);
    else if (!/:[0-9]{1,5}$/.test(this.authorityField.value)) this.fail(fault.pseudoValue);
    else this.checkAuthority();
  }

  /** RFC 9113 section 8.3.1: one of the two says who is asked, and both must not say different things. */
  private checkAuthority(): void {
    const host = this.get(headerId.host);
    if (this.authorityField === null && host !== null) this.authorityField = createField(':authority', host);
    const { authorityField } = this;
    if (authorityField === null) this.fail(fault.pseudoMissing);
    else if (!isHost(authorityField)) this.fail(fault.pseudoValue);
    else if (host !== null && host !== authorityField.value) this.fail(fault.authorityDiffers);
  }

  /** RFC 9113 section 8.2.3: they may have been split for the table, and are one field everywhere else. */
  private joinCookies(): void {
    const values = this.fields.filter(({ name }) => name === 'cookie').map(({ value }) => value);
    const at = this.fields.findIndex(({ name }) => name === 'cookie');
    this.fields = this.fields.filter(({ name }, index) => name !== 'cookie' || index === at);
    this.fields[at] = createField('cookie', values.join('; '));
  }

  private fail(code: number): void {
    if (this.fault === fault.none) this.fault = code;
  }
}

assert(headerNames.length <= 64, 'two numbers hold a bit for each name');
assert(
  headerId.upgrade === 8 && headerId.host === 0 && protocolId > unknownName - 64,
  'fields of one hop stand first in the table of names',
);

function isTarget(path: Field, method: Field): boolean {
  if (!path.isTargetText) return false;
  const first = path.raw === '' ? '' : path.value[0];
  return first === '/' || (path.value === '*' && method.value === 'OPTIONS');
}

/** As strict as HTTP/1's Host, which it may become. */
function isHost(field: Field): boolean {
  return /^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~-]+)(:[0-9]{0,5})?$/.test(field.value);
}

function isScheme(field: Field): boolean {
  return field.staticIndex !== 0 || /^[a-z][a-z0-9+.-]*$/.test(field.value);
}

function isMethod(value: string): boolean {
  return value === 'GET' || value === 'POST' || isToken(value);
}

function isToken(value: string): boolean {
  return /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(value);
}

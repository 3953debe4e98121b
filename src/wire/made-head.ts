// Heads of messages that we make ourselves: answers of the proxy, health checks, load. A plain list of lines; one class
// for every use, and every codec writes it through the generic path.

import { assert } from '../base/index.ts';
import { type Head, headerNames, type RequestHead, type ResponseHead } from './head.ts';

class MadeHead implements Head {
  private readonly names: string[] = [];
  private readonly values: string[] = [];

  constructor(fields: readonly (readonly [string, string])[]) {
    for (const [name, value] of fields) this.add(name, value);
  }

  get count(): number {
    return this.names.length;
  }

  nameAt(index: number): string {
    return this.names[index]!;
  }

  valueAt(index: number): string {
    return this.values[index]!;
  }

  /** Removed lines leave an empty name, which no field has. */
  isRemoved(index: number): boolean {
    return this.names[index] === '';
  }

  find(id: number): number {
    return this.names.indexOf(headerNames[id]!);
  }

  findName(name: string): number {
    return this.names.indexOf(name);
  }

  get(id: number): string | null {
    return this.values[this.find(id)] ?? null;
  }

  getName(name: string): string | null {
    const found = this.values.filter((_, index) => this.names[index] === name);
    return found.length === 0 ? null : found.join(', ');
  }

  add(name: string, value: string): void {
    assert(name !== '', 'a field has a name');
    this.names.push(name.toLowerCase());
    this.values.push(value);
  }

  set(id: number, value: string): void {
    this.remove(id);
    this.add(headerNames[id]!, value);
  }

  remove(id: number): void {
    this.removeName(headerNames[id]!);
  }

  removeName(name: string): void {
    for (let at = this.names.indexOf(name); at !== -1; at = this.names.indexOf(name)) {
      this.names[at] = '';
      this.values[at] = '';
    }
  }
}

/** Of a request that is made of a received one: what that came in. */
export interface RequestOrigin {
  readonly scheme: string;
  readonly version: number;
}

const ours: RequestOrigin = { scheme: '', version: 1 };

class MadeRequestHead extends MadeHead implements RequestHead {
  readonly method: string;
  scheme: string;
  authority: string;
  path: string;
  readonly version: number;
  readonly upgrade: string;

  constructor(
    method: string,
    authority: string,
    path: string,
    fields: readonly (readonly [string, string])[],
    origin: RequestOrigin,
    upgrade = '',
  ) {
    super(fields);
    this.method = method;
    this.upgrade = upgrade;
    this.scheme = origin.scheme;
    this.authority = authority;
    this.path = path;
    this.version = origin.version;
  }
}

class MadeResponseHead extends MadeHead implements ResponseHead {
  readonly status: number;

  constructor(status: number, fields: readonly (readonly [string, string])[]) {
    super(fields);
    this.status = status;
  }
}

/**
 * A response head of ours; names in lower case. What breaks a line is refused (asserted) by the codec that writes it.
 */
export function createResponseHead(
  status: number,
  fields: readonly (readonly [string, string])[],
): ResponseHead {
  return new MadeResponseHead(status, fields);
}

/**
 * A request head of ours. `authority` becomes Host (`:authority`); `fields` must not repeat it. Both it and the path
 * come from configuration (a cluster's name stands in for a host that nobody named): what cannot stand in a request's
 * target is a dash in the one and percent-encoded in the other.
 */
export function createRequestHead(
  method: string,
  authority: string,
  path: string,
  fields: readonly (readonly [string, string])[],
  origin: RequestOrigin = ours,
): RequestHead {
  const host = authority.replace(noTarget, '-');
  return new MadeRequestHead(method, host, path.replace(noTarget, encodeText), fields, origin);
}

/** One that asks for a tunnel to `authority` (RFC 9110 section 9.3.6). */
export function createConnectHead(
  authority: string,
  fields: readonly (readonly [string, string])[],
): RequestHead {
  const host = authority.replace(noTarget, '-');
  return new MadeRequestHead('CONNECT', host, '', fields, ours, 'CONNECT');
}

const noTarget = /[^\x21-\x7e]+/g;

function encodeByte(byte: number): string {
  return `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
}

function encodeText(text: string): string {
  return Array.from(new TextEncoder().encode(text), encodeByte).join('');
}

/** A trailer section of ours. */
export function createTrailers(fields: readonly (readonly [string, string])[]): Head {
  return new MadeHead(fields);
}

/** For who reads it when its message is over, and its lines may be the next message's. */
export function copyResponseHead(head: ResponseHead): ResponseHead {
  return createResponseHead(head.status, listFields(head));
}

/** The same of a trailer section. */
export function copyTrailers(trailers: Head): Head {
  return createTrailers(listFields(trailers));
}

/** As they stand, with all edits. */
export function listFields(head: Head): [name: string, value: string][] {
  const fields: [string, string][] = [];
  for (let index = 0; index < head.count; index++)
    if (!head.isRemoved(index)) fields.push([head.nameAt(index), head.valueAt(index)]);
  return fields;
}

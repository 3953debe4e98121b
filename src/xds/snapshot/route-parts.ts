// A RouteConfiguration as its virtual hosts, by their bytes: what a proxy refuses of it is found and left out host by
// host, so that one object's fault does not freeze the routes of all others. Read and joined as bytes (protobuf: a
// repeated field is its elements in a row).

import { WireError, WireReader } from '../protobuf/wire-reader.ts';
import { WireWriter } from '../protobuf/wire-writer.ts';
import type { XdsResource } from '../types.ts';
import { hashContent } from './content-hash.ts';

/**
 * How a part goes out: `new` as it is, `held` as the client has it, `closed` answering 500 to all, `absent` not at all.
 */
export type PartForm = 'new' | 'held' | 'closed' | 'absent';

interface SplitRoutes {
  /** All but the virtual hosts, encoded. */
  readonly rest: Uint8Array;
  /** Each host by its name with its bytes, tag and length included. */
  readonly hosts: ReadonlyMap<string, Uint8Array>;
}

const virtualHostsField = 2;
const split = new WeakMap<XdsResource, SplitRoutes>();

/** Null for bytes that are no RouteConfiguration. */
export function splitRoutes(resource: XdsResource): SplitRoutes | null {
  try {
    return splitParts(resource);
  } catch (error) {
    if (error instanceof WireError) return null;
    throw error;
  }
}

/** Throws WireError on bytes that are no RouteConfiguration. */
export function splitParts(resource: XdsResource): SplitRoutes {
  let known = split.get(resource);
  if (known === undefined) {
    known = readHosts(resource.bytes);
    split.set(resource, known);
  }
  return known;
}

function readHosts(bytes: Uint8Array): SplitRoutes {
  const hosts = new Map<string, Uint8Array>();
  const rest = new WireWriter();
  const reader = new WireReader(bytes);
  for (;;) {
    const start = reader.position;
    if (!reader.next()) return { rest: rest.finish(), hosts };
    if (reader.field !== virtualHostsField) {
      reader.skip();
      rest.raw(bytes.subarray(start, reader.position));
      continue;
    }
    const name = readText(reader.view(), 1);
    // Two of one name are a fault that must stay one: both travel as one part.
    const before = hosts.get(name);
    const host = bytes.subarray(start, reader.position);
    hosts.set(name, before === undefined ? host : join(before, host));
  }
}

/** Names of the hosts in `next` that differ from those in `held`. */
export function changedParts(held: XdsResource | null, next: XdsResource): readonly string[] {
  const before = held === null ? null : splitParts(held).hosts;
  const changed: string[] = [];
  for (const [name, bytes] of splitParts(next).hosts) {
    const old = before?.get(name);
    if (old === undefined || !isSame(old, bytes)) changed.push(name);
  }
  return changed;
}

/** `next` with some parts in another form; itself where that changes nothing. */
export function composeRoutes(
  next: XdsResource,
  held: XdsResource | null,
  forms: ReadonlyMap<string, PartForm>,
): XdsResource {
  const { rest, hosts } = splitParts(next);
  const before = held === null ? null : splitParts(held).hosts;
  const writer = new WireWriter(next.bytes.length);
  writer.raw(rest);
  let same = true;
  for (const [name, bytes] of hosts) {
    const form = forms.get(name) ?? 'new';
    same &&= form === 'new';
    if (form === 'new') writer.raw(bytes);
    else if (form === 'held') writer.raw(before?.get(name) ?? new Uint8Array());
    else if (form === 'closed') writer.bytes(virtualHostsField, closeHost(bytes));
  }
  if (same) return next;
  // The writer's buffer is larger than what was written, and this one is kept.
  const bytes = writer.finish().slice();
  return { ...next, bytes, version: hashContent(bytes) };
}

/** The same names, and 500 for every request: what a host may not say is not left to whatever else would match. */
function closeHost(frame: Uint8Array): Uint8Array {
  const host = firstView(frame);
  const writer = new WireWriter();
  writer.string(1, readText(host, 1));
  for (const domain of viewsOf(host, 2)) writer.bytes(2, domain);
  const match = new WireWriter();
  match.string(1, '/');
  const answer = new WireWriter();
  answer.uint(1, 500);
  const route = new WireWriter();
  route.bytes(1, match.finish());
  route.bytes(7, answer.finish());
  route.string(14, 'refused');
  writer.bytes(3, route.finish());
  return writer.finish();
}

/**
 * Names of the routes of a host that are new or changed; none when it is not the routes that changed, or one has no
 * name.
 */
export function changedRoutes(held: XdsResource | null, next: XdsResource, part: string): readonly string[] {
  const frame = splitParts(next).hosts.get(part);
  if (frame === undefined) return [];
  const old = held === null ? undefined : splitParts(held).hosts.get(part);
  const before = new Set(old === undefined ? [] : viewsOf(firstView(old), 3).map(hashContent));
  const changed = viewsOf(firstView(frame), 3).filter((route) => !before.has(hashContent(route)));
  return [...new Set(changed.map((route) => readText(route, 14)).filter((name) => name !== ''))];
}

function firstView(frame: Uint8Array): Uint8Array {
  return viewsOf(frame, virtualHostsField)[0] ?? new Uint8Array();
}

function viewsOf(bytes: Uint8Array, field: number): readonly Uint8Array[] {
  const found: Uint8Array[] = [];
  const reader = new WireReader(bytes);
  while (reader.next()) {
    if (reader.field === field) found.push(reader.view());
    else reader.skip();
  }
  return found;
}

const utf8 = new TextDecoder();

function readText(bytes: Uint8Array, field: number): string {
  return utf8.decode(viewsOf(bytes, field)[0] ?? new Uint8Array());
}

function join(a: Uint8Array, b: Uint8Array): Uint8Array {
  const joined = new Uint8Array(a.length + b.length);
  joined.set(a);
  joined.set(b, a.length);
  return joined;
}

export function isSame(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

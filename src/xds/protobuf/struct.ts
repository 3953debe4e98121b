// google.protobuf.Struct to plain values and back: the metadata of a node.

import { structDepthMax } from './limits.ts';
import { WireError, type WireReader } from './wire-reader.ts';
import { WireWriter } from './wire-writer.ts';

export function parseStruct(reader: WireReader, depth = 0): Record<string, unknown> {
  if (depth > structDepthMax) throw new WireError(`nests values deeper than ${structDepthMax}`);
  const entries: [string, unknown][] = [];
  while (reader.next()) {
    if (reader.field === 1) entries.push(parseEntry(reader.nested(), depth));
    else reader.skip();
  }
  // fromEntries defines own properties, so that a peer's `__proto__` is a key like any other.
  return Object.fromEntries(entries);
}

function parseEntry(reader: WireReader, depth: number): [string, unknown] {
  let key = '';
  let value: unknown = null;
  while (reader.next()) {
    if (reader.field === 1) key = reader.string();
    else if (reader.field === 2) value = parseValue(reader.nested(), depth + 1);
    else reader.skip();
  }
  return [key, value];
}

/** google.protobuf.Value: 1 null, 2 number, 3 string, 4 bool, 5 struct, 6 list. */
function parseValue(reader: WireReader, depth: number): unknown {
  let value: unknown = null;
  while (reader.next()) {
    if (reader.field === 2) value = reader.double();
    else if (reader.field === 3) value = reader.string();
    else if (reader.field === 4) value = reader.varint() !== 0;
    else if (reader.field === 5) value = parseStruct(reader.nested(), depth);
    else if (reader.field === 6) value = parseList(reader.nested(), depth + 1);
    else reader.skip();
  }
  return value;
}

function parseList(reader: WireReader, depth: number): unknown[] {
  if (depth > structDepthMax) throw new WireError(`nests values deeper than ${structDepthMax}`);
  const list: unknown[] = [];
  while (reader.next()) {
    if (reader.field === 1) list.push(parseValue(reader.nested(), depth + 1));
    else reader.skip();
  }
  return list;
}

/** Values of other kinds than JSON has (functions, undefined) are written as null. */
export function encodeStruct(value: Readonly<Record<string, unknown>>): Uint8Array {
  const writer = new WireWriter();
  for (const [key, item] of Object.entries(value)) {
    const entry = new WireWriter();
    entry.string(1, key);
    entry.bytes(2, encodeValue(item));
    writer.bytes(1, entry.finish());
  }
  return writer.finish();
}

function encodeValue(value: unknown): Uint8Array {
  const writer = new WireWriter();
  if (typeof value === 'number') writer.double(2, value);
  else if (typeof value === 'string') writer.element(3, value);
  else if (typeof value === 'boolean') writer.bool(4, value);
  else if (Array.isArray(value)) writer.bytes(6, encodeList(value));
  else if (typeof value === 'object' && value !== null) writer.bytes(5, encodeStruct({ ...value }));
  else writer.bool(1, false);
  return writer.finish();
}

function encodeList(list: readonly unknown[]): Uint8Array {
  const writer = new WireWriter();
  for (const item of list) writer.bytes(1, encodeValue(item));
  return writer.finish();
}

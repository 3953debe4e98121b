// Decodes the bytes of a message, as ADS delivers it, into the same values as decode-json.ts. Fields outside the table are refused by
// name: unlike a usual protobuf reader this one never skips what it does not understand.

import { checkDuration, refuseType } from './decode-json.ts';
import { type Faults, join } from './faults.ts';
import type { AnyValue, Field, FieldType, MessageOf, MessageSpec } from './field.ts';
import { checkValue, refuseNumber, settle } from './settle.ts';
import { WireError, WireReader, wireType } from './wire-reader.ts';

export function decodeBinary<S extends MessageSpec>(
  spec: S,
  bytes: Uint8Array,
  path: string,
  faults: Faults,
): MessageOf<S> {
  try {
    return decodeMessage(spec, new WireReader(bytes), path, faults) as MessageOf<S>;
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    faults.add(path, `is not a ${spec.name}: ${error.message}`);
    return settle(spec, path, {}, faults) as MessageOf<S>;
  }
}

function decodeMessage(spec: MessageSpec, reader: WireReader, path: string, faults: Faults): unknown {
  const decoded: Record<string, unknown> = {};
  while (!reader.done) {
    const tag = reader.varint();
    const number = Math.floor(tag / 8);
    const name = spec.byNumber.get(number);
    if (name === undefined) {
      reader.skip(tag & 7);
      refuseNumber(spec, path, number, faults);
      continue;
    }
    readField(spec.fields[name]!, reader, tag & 7, join(path, name), decoded, name, faults);
  }
  return settle(spec, path, decoded, faults);
}

function readField(
  field: Field<unknown>,
  reader: WireReader,
  wire: number,
  path: string,
  decoded: Record<string, unknown>,
  name: string,
  faults: Faults,
): void {
  if (field.shape === 'map') {
    decoded[name] ??= new Map();
    readMapEntry(field, reader.nested(), path, decoded[name] as Map<string, unknown>, faults);
    return;
  }
  if (field.shape === 'one') {
    decoded[name] = decodeOne(field, reader, wire, path, faults);
    return;
  }
  decoded[name] ??= [];
  const list = decoded[name] as unknown[];
  // Repeated numbers come packed or one by one; a reader must take both.
  if (wire === wireType.bytes && isNumeric(field.type)) {
    const packed = reader.nested();
    while (!packed.done) {
      list.push(decodeOne(field, packed, numericWire(field.type), `${path}[${list.length}]`, faults));
    }
    return;
  }
  list.push(decodeOne(field, reader, wire, `${path}[${list.length}]`, faults));
}

function readMapEntry(
  field: Field<unknown>,
  entry: WireReader,
  path: string,
  map: Map<string, unknown>,
  faults: Faults,
): void {
  let key = '';
  let value: WireReader | null = null;
  while (!entry.done) {
    const tag = entry.varint();
    if (tag === 10) key = entry.string();
    else if (tag === 18) {
      const start = entry.position;
      entry.skip(wireType.bytes);
      value = new WireReader(entry.bytes, start, entry.position);
    } else entry.skip(tag & 7);
  }
  const reader = value ?? new WireReader(new Uint8Array([0]));
  map.set(key, decodeOne(field, reader, wireType.bytes, `${path}[${key}]`, faults));
}

function decodeOne(
  field: Field<unknown>,
  reader: WireReader,
  wire: number,
  path: string,
  faults: Faults,
): unknown {
  if (wire !== numericWire(field.type)) throw new WireError(`${path} has wire type ${wire}`);
  const before = faults.issues.length;
  const decoded = decodeType(field.type, reader, path, faults);
  if (faults.issues.length === before) checkValue(field, path, decoded, faults);
  return decoded;
}

function decodeType(type: FieldType, reader: WireReader, path: string, faults: Faults): unknown {
  switch (type.kind) {
    case 'message':
      return decodeMessage(type.of, reader.nested(), path, faults);
    case 'any':
      return decodeAny(type, reader.nested(), path, faults);
    case 'struct':
      return decodeStruct(reader.nested(), 0);
    case 'enum':
      return decodeEnum(type.numbers, reader.varint(), path, faults);
    case 'duration':
      return decodeDuration(reader.nested(), path, faults);
    case 'wrapped':
      return decodeWrapped(type.of, reader.nested());
    default:
      return decodeScalar(type.kind, reader);
  }
}

type ScalarKind = 'string' | 'bytes' | 'bool' | 'uint32' | 'uint64' | 'int32' | 'double' | 'float';

function decodeScalar(kind: ScalarKind, reader: WireReader): unknown {
  switch (kind) {
    case 'string':
      return reader.string();
    case 'bytes': {
      const inner = reader.nested();
      return inner.bytes.slice(inner.position, inner.end);
    }
    case 'bool':
      return reader.varint() !== 0;
    case 'double':
      return reader.double();
    case 'float':
      return reader.float();
    case 'int32':
      return signed(reader.varint());
    default:
      return reader.varint();
  }
}

/** Negative numbers travel as ten-byte two's complement. */
function signed(value: number): number {
  return value >= 2 ** 63 ? value - 2 ** 64 : value;
}

const wrappedDefault = { string: '', bool: false, uint32: 0, double: 0 } as const;

function decodeWrapped(kind: 'string' | 'bool' | 'uint32' | 'double', reader: WireReader): unknown {
  let value: unknown = wrappedDefault[kind];
  while (!reader.done) {
    const tag = reader.varint();
    if (tag >>> 3 === 1) value = decodeScalar(kind, reader);
    else reader.skip(tag & 7);
  }
  return value;
}

function decodeDuration(reader: WireReader, path: string, faults: Faults): number {
  let ms = 0;
  while (!reader.done) {
    const tag = reader.varint();
    if (tag === 8) ms += signed(reader.varint()) * 1000;
    else if (tag === 16) ms += signed(reader.varint()) / 1e6;
    else reader.skip(tag & 7);
  }
  return checkDuration(ms, path, faults);
}

function decodeEnum(
  numbers: Readonly<Record<string, number>>,
  value: number,
  path: string,
  faults: Faults,
): string {
  const name = Object.keys(numbers).find((candidate) => numbers[candidate] === value);
  if (name !== undefined) return name;
  faults.add(path, `must be one of ${Object.keys(numbers).join(', ')}`, value);
  return Object.keys(numbers)[0]!;
}

function decodeAny(
  type: Extract<FieldType, { kind: 'any' }>,
  reader: WireReader,
  path: string,
  faults: Faults,
): AnyValue {
  let url = '';
  let value = new WireReader(new Uint8Array());
  while (!reader.done) {
    const tag = reader.varint();
    if (tag === 10) url = reader.string();
    else if (tag === 18) value = reader.nested();
    else reader.skip(tag & 7);
  }
  const name = url.slice(url.lastIndexOf('/') + 1);
  const spec = type.types.find((candidate) => candidate.name === name);
  if (spec !== undefined) return { type: name, value: decodeMessage(spec, value, path, faults) };
  if (!type.keepUnknown) refuseType(type.types, path, name, faults);
  return { type: name, value: null };
}

const structDepthMax = 64;

/** google.protobuf.Struct: field 1 is a map from string to Value. */
function decodeStruct(reader: WireReader, depth: number): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  while (!reader.done) {
    const tag = reader.varint();
    if (tag !== 10) {
      reader.skip(tag & 7);
      continue;
    }
    const entry = reader.nested();
    let key = '';
    let value: unknown = null;
    while (!entry.done) {
      const inner = entry.varint();
      if (inner === 10) key = entry.string();
      else if (inner === 18) value = decodeValue(entry.nested(), depth + 1);
      else entry.skip(inner & 7);
    }
    result[key] = value;
  }
  return result;
}

/** google.protobuf.Value: 1 null, 2 number, 3 string, 4 bool, 5 struct, 6 list. */
function decodeValue(reader: WireReader, depth: number): unknown {
  if (depth > structDepthMax) throw new WireError(`nests values deeper than ${structDepthMax}`);
  let value: unknown = null;
  while (!reader.done) {
    const tag = reader.varint();
    if (tag === 17) value = reader.double();
    else if (tag === 26) value = reader.string();
    else if (tag === 32) value = reader.varint() !== 0;
    else if (tag === 42) value = decodeStruct(reader.nested(), depth);
    else if (tag === 50) value = decodeList(reader.nested(), depth);
    else reader.skip(tag & 7);
  }
  return value;
}

function decodeList(reader: WireReader, depth: number): unknown[] {
  const list: unknown[] = [];
  while (!reader.done) {
    const tag = reader.varint();
    if (tag === 10) list.push(decodeValue(reader.nested(), depth + 1));
    else reader.skip(tag & 7);
  }
  return list;
}

function isNumeric(type: FieldType): boolean {
  return numericWire(type) !== wireType.bytes;
}

function numericWire(type: FieldType): number {
  switch (type.kind) {
    case 'bool':
    case 'uint32':
    case 'uint64':
    case 'int32':
    case 'enum':
      return wireType.varint;
    case 'double':
      return wireType.fixed64;
    case 'float':
      return wireType.fixed32;
    default:
      return wireType.bytes;
  }
}

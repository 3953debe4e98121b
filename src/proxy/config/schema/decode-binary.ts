// Decodes the bytes of a message, as ADS delivers it, into the same values as decode-json.ts. Fields outside the table
// are refused by name: unlike a usual protobuf reader this one never skips what it does not understand.

import { parseStruct, WireError, WireReader, wireType } from '../../../xds/index.ts';
import { checkDuration, refuseType } from './decode-json.ts';
import { type Faults, join } from './faults.ts';
import type { AnyValue, Field, FieldType, MessageOf, MessageSpec } from './field.ts';
import { checkValue, refuseNumber, settle } from './settle.ts';

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
  if (!faults.enter(path)) return settle(spec, path, decoded, faults);
  while (reader.next()) {
    const name = spec.byNumber.get(reader.field);
    if (name === undefined) {
      reader.skip();
      refuseNumber(spec, path, reader.field, faults);
      continue;
    }
    readField(spec.fields[name]!, reader, join(path, name), decoded, name, faults);
  }
  faults.leave();
  return settle(spec, path, decoded, faults);
}

function readField(
  field: Field<unknown>,
  reader: WireReader,
  path: string,
  decoded: Record<string, unknown>,
  name: string,
  faults: Faults,
): void {
  if (field.shape === 'map') {
    decoded[name] ??= new Map();
    readMapEntry(field, reader.view(), path, decoded[name] as Map<string, unknown>, faults);
    return;
  }
  if (field.shape === 'one') {
    decoded[name] = decodeOne(field, reader, reader.type, path, faults);
    return;
  }
  decoded[name] ??= [];
  const list = decoded[name] as unknown[];
  // Repeated numbers come packed or one by one; a reader must take both.
  if (reader.type === wireType.bytes && isNumeric(field.type)) {
    const packed = reader.nested();
    while (!packed.done) {
      list.push(decodeOne(field, packed, numericWire(field.type), `${path}[${list.length}]`, faults));
    }
    return;
  }
  list.push(decodeOne(field, reader, reader.type, `${path}[${list.length}]`, faults));
}

/** Field 2, the value, of no bytes: what stands for a value that is absent because it is the default. */
const emptyEntry = new Uint8Array([0x12, 0]);

function readMapEntry(
  field: Field<unknown>,
  bytes: Uint8Array,
  path: string,
  map: Map<string, unknown>,
  faults: Faults,
): void {
  let key = '';
  let hasValue = false;
  const keys = new WireReader(bytes);
  while (keys.next()) {
    hasValue ||= keys.field === 2;
    if (keys.field === 1) key = keys.string();
    else keys.skip();
  }
  // The value may stand before the key, which its path needs.
  const values = new WireReader(hasValue ? bytes : emptyEntry);
  while (values.next()) {
    if (values.field === 2) map.set(key, decodeOne(field, values, values.type, `${path}[${key}]`, faults));
    else values.skip();
  }
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
      return parseStruct(reader.nested());
    case 'refused':
    case 'ignored':
      reader.skip();
      return {};
    case 'enum':
      return decodeEnum(type.numbers, reader.varint(), path, faults);
    case 'duration':
      return decodeDuration(reader.nested(), path, faults);
    case 'text-value':
      return decodeText(reader.nested(), path, faults);
    case 'wrapped':
      return decodeWrapped(type.of, reader.nested());
    default:
      return decodeScalar(type.kind, reader);
  }
}

/** Of google.protobuf.Value, whose texts are its third field. */
function decodeText(reader: WireReader, path: string, faults: Faults): string {
  let text: string | null = null;
  while (reader.next()) {
    if (reader.field === 3) text = reader.string();
    else reader.skip();
  }
  if (text === null) faults.add(path, 'must be a string');
  return text ?? '';
}

type ScalarKind = 'string' | 'bytes' | 'bool' | 'uint32' | 'uint64' | 'int32' | 'double' | 'float';

function decodeScalar(kind: ScalarKind, reader: WireReader): unknown {
  switch (kind) {
    case 'string':
      return reader.string();
    case 'bytes':
      return new Uint8Array(reader.view());
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

const wrappedDefault = { string: '', bool: false, uint32: 0, uint64: 0, double: 0, float: 0 } as const;

function decodeWrapped(kind: keyof typeof wrappedDefault, reader: WireReader): unknown {
  let value: unknown = wrappedDefault[kind];
  while (reader.next()) {
    if (reader.field === 1) value = decodeScalar(kind, reader);
    else reader.skip();
  }
  return value;
}

function decodeDuration(reader: WireReader, path: string, faults: Faults): number {
  let ms = 0;
  while (reader.next()) {
    if (reader.field === 1) ms += signed(reader.varint()) * 1000;
    else if (reader.field === 2) ms += signed(reader.varint()) / 1e6;
    else reader.skip();
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
  while (reader.next()) {
    if (reader.field === 1) url = reader.string();
    else if (reader.field === 2) value = reader.nested();
    else reader.skip();
  }
  const name = url.slice(url.lastIndexOf('/') + 1);
  const spec = type.types.find((candidate) => candidate.name === name);
  if (spec !== undefined) return { type: name, value: decodeMessage(spec, value, path, faults) };
  if (!type.keepUnknown) refuseType(type.types, path, name, faults);
  return { type: name, value: null };
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

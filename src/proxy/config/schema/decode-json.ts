// Decodes the JSON form of a message (protobuf.dev/programming-guides/json), as bootstrap files in YAML or JSON use it:
// field names in snake_case or camelCase, Durations as "1.5s", enums by name or number, Any with "@type".

import { type Faults, join } from './faults.ts';
import {
  type AnyValue,
  type Field,
  type FieldType,
  type MessageOf,
  type MessageSpec,
  typesRule,
} from './field.ts';
import { checkValue, namesOf, refuseName, settle } from './settle.ts';

/** Decodes `value`; all faults land in `faults`, and what could be read is returned for further checks. */
export function decodeJson<S extends MessageSpec>(
  spec: S,
  value: unknown,
  path: string,
  faults: Faults,
): MessageOf<S> {
  return decodeMessage(spec, value, path, faults) as MessageOf<S>;
}

function decodeMessage(spec: MessageSpec, value: unknown, path: string, faults: Faults): unknown {
  const decoded: Record<string, unknown> = {};
  if (!isObject(value)) {
    faults.add(path, 'must be an object', value);
    return settle(spec, path, decoded, faults);
  }
  if (!faults.enter(path)) return settle(spec, path, decoded, faults);
  for (const [key, inner] of Object.entries(value)) {
    if (key === '@type' || inner === null || inner === undefined) continue;
    const name = protoName(spec, key);
    if (!Object.hasOwn(spec.fields, name)) refuseName(spec, path, name, faults);
    else if (decoded[name] !== undefined) faults.add(join(path, name), 'is set twice, in both spellings');
    else decoded[name] = decodeField(spec.fields[name]!, inner, join(path, name), faults);
  }
  faults.leave();
  return settle(spec, path, decoded, faults);
}

function decodeField(field: Field<unknown>, value: unknown, path: string, faults: Faults): unknown {
  if (field.shape === 'repeated') {
    if (!Array.isArray(value)) {
      faults.add(path, 'must be a list', value);
      return [];
    }
    return value.map((item, index) => decodeOne(field, item, `${path}[${index}]`, faults));
  }
  if (field.shape === 'map') {
    if (!isObject(value)) {
      faults.add(path, 'must be an object', value);
      return new Map();
    }
    const entries = Object.entries(value);
    return new Map(entries.map(([key, item]) => [key, decodeOne(field, item, `${path}[${key}]`, faults)]));
  }
  return decodeOne(field, value, path, faults);
}

function decodeOne(field: Field<unknown>, value: unknown, path: string, faults: Faults): unknown {
  const before = faults.issues.length;
  const decoded = decodeType(field.type, value, path, faults);
  if (faults.issues.length === before) checkValue(field, path, decoded, faults);
  return decoded;
}

function decodeType(type: FieldType, value: unknown, path: string, faults: Faults): unknown {
  switch (type.kind) {
    case 'message':
      return decodeMessage(type.of, value, path, faults);
    case 'any':
      return decodeAny(type, value, path, faults);
    case 'struct':
    case 'ignored':
      if (isObject(value)) return value;
      faults.add(path, 'must be an object', value);
      return {};
    case 'refused':
      return value;
    case 'enum':
      return decodeEnum(type.numbers, value, path, faults);
    case 'duration':
      return decodeDuration(value, path, faults);
    case 'wrapped':
      return decodeScalar(type.of, value, path, faults);
    case 'text-value':
      return decodeScalar('string', value, path, faults);
    default:
      return decodeScalar(type.kind, value, path, faults);
  }
}

type ScalarKind = 'string' | 'bytes' | 'bool' | 'uint32' | 'uint64' | 'int32' | 'double' | 'float';

function decodeScalar(kind: ScalarKind, value: unknown, path: string, faults: Faults): unknown {
  switch (kind) {
    case 'string':
      if (typeof value === 'string') return value;
      faults.add(path, 'must be a string', value);
      return '';
    case 'bytes':
      if (typeof value === 'string') return Buffer.from(value, 'base64');
      faults.add(path, 'must be base64 text', value);
      return new Uint8Array();
    case 'bool':
      if (typeof value === 'boolean') return value;
      // As Envoy: templates quote everything.
      if (value === 'true' || value === 'false') return value === 'true';
      faults.add(path, 'must be true or false', value);
      return false;
    default:
      return decodeNumber(kind, value, path, faults);
  }
}

function decodeNumber(kind: ScalarKind, value: unknown, path: string, faults: Faults): number {
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  if (typeof number !== 'number' || !Number.isFinite(number)) {
    faults.add(path, 'must be a number', value);
    return 0;
  }
  if (kind === 'double' || kind === 'float') return number;
  const [low, high] =
    kind === 'int32' ? [-0x80000000, 0x7fffffff] : [0, kind === 'uint32' ? 0xffffffff : 2 ** 53];
  if (!Number.isInteger(number) || number < low || number > high) {
    faults.add(path, `must be a whole number from ${low} to ${high}`, value);
    return 0;
  }
  return number;
}

const durationMsMax = 2 ** 31 * 1000;

function decodeDuration(value: unknown, path: string, faults: Faults): number {
  const match = typeof value === 'string' ? /^(-?\d+(?:\.\d{1,9})?)s$/.exec(value) : null;
  if (match === null) {
    faults.add(path, 'must be seconds with an s, like 1.5s', value);
    return 0;
  }
  return checkDuration(Number(match[1]) * 1000, path, faults);
}

export function checkDuration(ms: number, path: string, faults: Faults): number {
  if (ms >= 0 && ms <= durationMsMax) return ms;
  faults.add(path, 'must be a duration from 0s to 68 years', `${ms / 1000}s`);
  return 0;
}

function decodeEnum(
  numbers: Readonly<Record<string, number>>,
  value: unknown,
  path: string,
  faults: Faults,
): string {
  // Envoy's reader takes names in any case, and numbers also as text.
  const said = String(value).toUpperCase();
  const byName = Object.keys(numbers).find((name) => name.toUpperCase() === said);
  if (byName !== undefined && typeof value === 'string') return byName;
  const byNumber = Object.keys(numbers).find((name) => String(numbers[name]) === String(value));
  if (byNumber !== undefined) return byNumber;
  faults.add(path, `must be one of ${Object.keys(numbers).join(', ')}`, value);
  return Object.keys(numbers)[0]!;
}

function decodeAny(
  type: Extract<FieldType, { kind: 'any' }>,
  value: unknown,
  path: string,
  faults: Faults,
): AnyValue {
  const url = isObject(value) ? value['@type'] : undefined;
  if (typeof url !== 'string') {
    faults.add(path, 'must be an object with "@type"', value);
    return { type: '', value: null };
  }
  const name = url.slice(url.lastIndexOf('/') + 1);
  const spec = type.types.find((candidate) => candidate.name === name);
  if (spec !== undefined) return { type: name, value: decodeMessage(spec, value, path, faults) };
  if (!type.keepUnknown) refuseType(type.types, path, name, faults);
  return { type: name, value: null };
}

export function refuseType(types: readonly MessageSpec[], path: string, name: string, faults: Faults): void {
  faults.add(path, typesRule(types), name);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The field's name in the .proto file, of a key in either spelling; an unknown key as it stands. */
function protoName(spec: MessageSpec, key: string): string {
  if (Object.hasOwn(spec.fields, key)) return key;
  return namesOf(spec).find((name) => camelCase(name) === key) ?? key;
}

/**
 * `consecutive_5xx` is `consecutive5xx`: not every underscore leaves a capital letter, so names are looked up this way
 * round.
 */
function camelCase(name: string): string {
  return name.replaceAll(/_(.)/g, (_, next: string) => next.toUpperCase());
}

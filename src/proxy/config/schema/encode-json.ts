// The way back, for /config_dump: decoded values to the JSON form of the message.

import type { AnyValue, Field, FieldType, MessageSpec } from './field.ts';

export type JsonObject = Record<string, unknown>;

/** Private keys and their passwords are shown to nobody, as in Envoy. */
const secretFields: ReadonlySet<string> = new Set(['private_key', 'privateKey', 'password']);
const redacted = '[redacted]';

/** The same for a document as it was read. */
export function redactKeys(document: unknown): unknown {
  if (Array.isArray(document)) return document.map(redactKeys);
  if (typeof document !== 'object' || document === null) return document;
  return Object.fromEntries(
    Object.entries(document).map(([name, value]) => [
      name,
      secretFields.has(name) ? redacted : redactKeys(value),
    ]),
  );
}

export function encodeJson(spec: MessageSpec, decoded: unknown): JsonObject {
  const json: JsonObject = {};
  for (const [name, field] of Object.entries(spec.fields)) {
    const value = (decoded as Readonly<Record<string, unknown>>)[name];
    if (value === undefined || (Array.isArray(value) && value.length === 0)) continue;
    if (value instanceof Map && value.size === 0) continue;
    json[name] = secretFields.has(name) ? redacted : encodeField(field, value);
  }
  return json;
}

function encodeField(field: Field<unknown>, value: unknown): unknown {
  if (field.shape === 'repeated')
    return (value as readonly unknown[]).map((item) => encodeType(field.type, item));
  if (field.shape === 'map') {
    const entries = [...(value as ReadonlyMap<string, unknown>)];
    return Object.fromEntries(entries.map(([key, item]) => [key, encodeType(field.type, item)]));
  }
  return encodeType(field.type, value);
}

function encodeType(type: FieldType, value: unknown): unknown {
  switch (type.kind) {
    case 'message':
      return encodeJson(type.of, value);
    case 'any': {
      const any = value as AnyValue;
      const spec = type.types.find((candidate) => candidate.name === any.type);
      const inner = spec === undefined ? {} : encodeJson(spec, any.value);
      return { '@type': `type.googleapis.com/${any.type}`, ...inner };
    }
    case 'duration':
      return `${(value as number) / 1000}s`;
    case 'bytes':
      return Buffer.from(value as Uint8Array).toString('base64');
    default:
      return value;
  }
}

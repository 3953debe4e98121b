// The fields of ServicePolicy as a list, read from the schema that validates them: for the reference in docs/policy.md.

import { z } from 'zod';
import { servicePolicyFields } from './service-policy.ts';

export interface PolicyField {
  /** `retry.backoff.base`. */
  readonly path: string;
  readonly type: string;
  /** As YAML would say it; empty: none. */
  readonly defaultValue: string;
  /** What it does, and why the default is what it is. */
  readonly description: string;
}

type JsonSchema = z.core.JSONSchema.BaseSchema;

/** In the order of the schema; objects are left out, their fields speak for them. */
export function listPolicyFields(): readonly PolicyField[] {
  const schema = z.toJSONSchema(servicePolicyFields, { io: 'input', unrepresentable: 'any' });
  return listFields('', schema);
}

function listFields(path: string, schema: JsonSchema): readonly PolicyField[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, value]) => {
    const at = path === '' ? name : `${path}.${name}`;
    if (typeof value === 'boolean') return [];
    if (value.properties !== undefined) return listFields(at, value);
    return [
      {
        path: at,
        type: describeType(value),
        defaultValue: value.default === undefined ? '' : JSON.stringify(value.default),
        description: value.description ?? '',
      },
    ];
  });
}

function describeType(schema: JsonSchema): string {
  if (schema.not !== undefined) return 'not supported yet by this version';
  if (schema['quantity'] === true) return 'quantity';
  if (schema.enum !== undefined) return schema.enum.join(', ');
  if (schema.type === 'array' && typeof schema.items === 'object' && !Array.isArray(schema.items))
    return `list of ${describeType(schema.items)}`;
  if (schema.type === 'integer') return `${schema.minimum} to ${schema.maximum}`;
  if (schema.type === 'number') return `above ${schema.exclusiveMinimum}, below ${schema.exclusiveMaximum}`;
  if (schema.type === 'string' && schema.pattern?.includes('(h|m|s|ms)')) return 'duration';
  if (schema.type === 'string' && schema.pattern?.includes('(d|h|m|s|ms)')) return 'duration, days too';
  return String(schema.type ?? 'any');
}

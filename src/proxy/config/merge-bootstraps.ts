// Envoy's --config-yaml beside --config-path: the second document over the first, as protobuf merges messages.
// Messages merge field by field, lists are appended, values are replaced, and so are an Any and a field of a Struct.
// Of what excludes each other the word of the second holds. (Unlike there a zero that is written replaces too, and a
// duration is one value.)

import { fail, type Issue, ok, type Result } from '../../base/index.ts';
import { parseText } from '../../net/index.ts';

type Fields = Readonly<Record<string, unknown>>;

export interface NamedText {
  readonly name: string;
  readonly text: string;
}

/** One of each can be set; those that lie where two documents can meet: in no list and in no Any. */
const alternatives: readonly (readonly string[])[] = [
  ['path', 'path_config_source', 'api_config_source', 'ads', 'self'],
  ['socket_address', 'pipe', 'envoy_internal_address'],
  ['port_value', 'named_port'],
];

/** JSON of the two, YAML or JSON, in one. What is no object is left to whoever reads the outcome. */
export function mergeBootstraps(base: NamedText, over: NamedText): Result<string> {
  const documents: unknown[] = [];
  const issues: Issue[] = [];
  for (const { name, text } of [base, over]) {
    try {
      documents.push(parseText(text));
    } catch (error) {
      const rule = `is neither YAML nor JSON: ${error instanceof Error ? error.message : String(error)}`;
      issues.push({ object: name, field: '', rule, value: '' });
    }
  }
  return issues.length > 0 ? fail(issues) : ok(JSON.stringify(merge(documents[0], documents[1], '')));
}

function merge(base: unknown, over: unknown, field: string): unknown {
  // What is not said takes nothing back.
  if (over === undefined || over === null) return base;
  if (base === undefined || base === null) return over;
  if (Array.isArray(base) && Array.isArray(over)) return [...base, ...over];
  if (!isFields(base) || !isFields(over) || '@type' in over) return over;
  if (field === 'metadata') return { ...base, ...over };
  return mergeFields(base, over);
}

function mergeFields(base: Fields, over: Fields): Fields {
  const merged: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(base)) merged[snakeCase(key)] = value;
  for (const [key, value] of Object.entries(over)) {
    const name = snakeCase(key);
    if (value === null) continue;
    for (const other of alternatives.find((names) => names.includes(name)) ?? [])
      if (other !== name) delete merged[other];
    merged[name] = merge(merged[name], value, name);
  }
  return merged;
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The two spellings of a field are one field. */
function snakeCase(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

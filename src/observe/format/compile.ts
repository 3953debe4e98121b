// Format strings and JSON formats, compiled once: what is left for a request is reading values and joining them.

import { fail, ok, type Result } from '../../base/index.ts';
import { quoteJson, toBytes } from './bytes.ts';
import { connectionCommands } from './connection-commands.ts';
import { headCommands } from './head-commands.ts';
import { metadataCommands } from './metadata-commands.ts';
import type { CommandTable, Operator } from './operator.ts';
import { type Command, parseFormat } from './parse.ts';
import { requestCommands } from './request-commands.ts';
import type { FormatSource } from './source.ts';

export const commands: CommandTable = {
  ...headCommands,
  ...requestCommands,
  ...connectionCommands,
  ...metadataCommands,
};

/** Bytes for one request, one code unit each; as JSON it is what it was compiled from. */
export interface Format {
  format(source: FormatSource): string;
}

type Struct = Readonly<Record<string, unknown>>;

type TextPart = string | Operator;

/** `absent` stands where a command has no value. */
export function compileText(text: string, absent: string): Result<Format, string> {
  const parts = compileParts(text);
  return parts.ok ? ok(new TextFormat(text, parts.value, absent)) : parts;
}

/** A Struct whose strings are format strings; a string that is one command keeps that command's type. */
export function compileJson(struct: Struct, omitEmpty: boolean): Result<Format, string> {
  const node = compileNode(struct, omitEmpty ? '' : '-');
  if (!node.ok) return node;
  return ok(
    omitEmpty ? new SparseJsonFormat(struct, node.value) : new JsonFormat(struct, flatten(node.value)),
  );
}

function compileParts(text: string): Result<readonly TextPart[], string> {
  const parsed = parseFormat(text);
  if (!parsed.ok) return parsed;
  const parts: TextPart[] = [];
  for (const part of parsed.value) {
    if (typeof part === 'string') {
      parts.push(toBytes(part));
      continue;
    }
    const operator = compileCommand(part);
    if (!operator.ok) return operator;
    parts.push(operator.value);
  }
  return ok(parts);
}

function compileCommand({ name, argument, lengthMax }: Command): Result<Operator, string> {
  const spec = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (spec === undefined) return fail(`%${name}% is no command`);
  if (spec.argument === 'none' && argument !== null) return fail(`%${name}% takes no argument`);
  if (spec.argument === 'required' && !argument) return fail(`%${name}% takes an argument`);
  if (!spec.length && lengthMax !== null) return fail(`%${name}% takes no length`);
  const operator = spec.compile(argument ?? '', lengthMax);
  return operator.ok ? operator : fail(`%${name}% ${operator.error}`);
}

class TextFormat implements Format {
  private readonly text: string;
  private readonly parts: readonly TextPart[];
  private readonly absent: string;

  constructor(text: string, parts: readonly TextPart[], absent: string) {
    this.text = text;
    this.parts = parts;
    this.absent = absent;
  }

  toJSON(): string {
    return this.text;
  }

  format(source: FormatSource): string {
    const { parts, absent } = this;
    let text = '';
    for (let at = 0; at < parts.length; at++) {
      const part = parts[at]!;
      text += typeof part === 'string' ? part : (part.text(source) ?? absent);
    }
    return text;
  }
}

type JsonNode =
  | { readonly kind: 'literal'; readonly json: string }
  | { readonly kind: 'command'; readonly operator: Operator }
  | { readonly kind: 'text'; readonly text: TextFormat }
  | { readonly kind: 'array'; readonly items: readonly JsonNode[] }
  | { readonly kind: 'object'; readonly fields: readonly (readonly [key: string, value: JsonNode])[] };

function compileNode(value: unknown, absent: string): Result<JsonNode, string> {
  if (typeof value === 'string') return compileString(value, absent);
  if (Array.isArray(value)) {
    const items: JsonNode[] = [];
    for (const [index, item] of value.entries()) {
      const node = compileNode(item, absent);
      if (!node.ok) return fail(`[${index}]: ${node.error}`);
      items.push(node.value);
    }
    return ok({ kind: 'array', items });
  }
  if (typeof value !== 'object' || value === null)
    return ok({ kind: 'literal', json: JSON.stringify(value ?? null) });
  const fields: (readonly [string, JsonNode])[] = [];
  // Sorted by their bytes, as Envoy writes them.
  for (const key of Object.keys(value).sort()) {
    const node = compileNode((value as Readonly<Record<string, unknown>>)[key], absent);
    if (!node.ok) return fail(`${key}: ${node.error}`);
    fields.push([quoteJson(toBytes(key)), node.value]);
  }
  return ok({ kind: 'object', fields });
}

function compileString(text: string, absent: string): Result<JsonNode, string> {
  const parts = compileParts(text);
  if (!parts.ok) return parts;
  const [first, ...rest] = parts.value;
  if (first === undefined) return ok({ kind: 'literal', json: '""' });
  if (rest.length > 0) return ok({ kind: 'text', text: new TextFormat(text, parts.value, absent) });
  if (typeof first === 'string') return ok({ kind: 'literal', json: quoteJson(first) });
  return ok({ kind: 'command', operator: first });
}

function readJson(operator: Operator, source: FormatSource): string | null {
  if (operator.json !== null) return operator.json(source);
  const text = operator.text(source);
  return text === null || operator.number ? text : quoteJson(text);
}

type JsonPart = string | Operator | TextFormat;

/** One list instead of a tree: what stands between two values is one string. */
function flatten(node: JsonNode): readonly JsonPart[] {
  const parts: JsonPart[] = [];
  const add = (text: string) => {
    const last = parts.at(-1);
    if (typeof last === 'string') parts[parts.length - 1] = last + text;
    else parts.push(text);
  };
  const visit = (inner: JsonNode): void => {
    if (inner.kind === 'literal') add(inner.json);
    else if (inner.kind === 'command') parts.push(inner.operator);
    else if (inner.kind === 'text') parts.push(inner.text);
    else if (inner.kind === 'array') {
      add('[');
      inner.items.forEach((item, at) => {
        if (at > 0) add(',');
        visit(item);
      });
      add(']');
    } else {
      add('{');
      inner.fields.forEach(([key, value], at) => {
        add(`${at > 0 ? ',' : ''}${key}:`);
        visit(value);
      });
      add('}');
    }
  };
  visit(node);
  add('\n');
  return parts;
}

class JsonFormat implements Format {
  private readonly struct: Struct;
  private readonly parts: readonly JsonPart[];

  constructor(struct: Struct, parts: readonly JsonPart[]) {
    this.struct = struct;
    this.parts = parts;
  }

  toJSON(): Struct {
    return this.struct;
  }

  format(source: FormatSource): string {
    const { parts } = this;
    let json = '';
    for (let at = 0; at < parts.length; at++) {
      const part = parts[at]!;
      if (typeof part === 'string') json += part;
      else if (part instanceof TextFormat) json += quoteJson(part.format(source));
      else json += readJson(part, source) ?? 'null';
    }
    return json;
  }
}

/** Leaves out what has no value, and what is empty because of that. */
class SparseJsonFormat implements Format {
  private readonly struct: Struct;
  private readonly root: JsonNode;

  constructor(struct: Struct, root: JsonNode) {
    this.struct = struct;
    this.root = root;
  }

  toJSON(): Struct {
    return this.struct;
  }

  format(source: FormatSource): string {
    return `${writeSparse(this.root, source) ?? '{}'}\n`;
  }
}

function writeSparse(node: JsonNode, source: FormatSource): string | null {
  switch (node.kind) {
    case 'literal':
      return node.json === 'null' ? null : node.json;
    case 'command':
      return readJson(node.operator, source);
    case 'text':
      return quoteJson(node.text.format(source));
    case 'array': {
      const items = node.items.map((item) => writeSparse(item, source)).filter((item) => item !== null);
      return items.length === 0 ? null : `[${items.join(',')}]`;
    }
    case 'object': {
      const fields = node.fields.flatMap(([key, value]) => {
        const json = writeSparse(value, source);
        return json === null ? [] : [`${key}:${json}`];
      });
      return fields.length === 0 ? null : `{${fields.join(',')}}`;
    }
  }
}

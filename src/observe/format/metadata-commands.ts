// Commands that read metadata: what the configuration says of the things a request meets, by namespace and path.

import { fail, ok, type Result } from '../../base/index.ts';
import { quoteJson, toBytes } from './bytes.ts';
import type { CommandSpec, CommandTable, Operator } from './operator.ts';
import type { FormatSource, MetadataKind } from './source.ts';

const kinds: readonly MetadataKind[] = [
  'DYNAMIC',
  'CLUSTER',
  'ROUTE',
  'UPSTREAM_HOST',
  'LISTENER',
  'LISTENER_FILTER_CHAIN',
  'VIRTUAL_HOST',
];

export const metadataCommands: CommandTable = {
  DYNAMIC_METADATA: of('DYNAMIC', true),
  CLUSTER_METADATA: of('CLUSTER', false),
  UPSTREAM_METADATA: of('UPSTREAM_HOST', false),
  METADATA: {
    argument: 'required',
    length: true,
    compile(argument, lengthMax) {
      const [name = '', ...path] = argument.split(':');
      const kind = kinds.find((known) => known === name);
      if (kind === undefined) return fail(`takes one of ${kinds.join(', ')}, then a namespace and a path`);
      return compilePath(kind, path, lengthMax);
    },
  },
};

function of(kind: MetadataKind, length: boolean): CommandSpec {
  return {
    argument: 'required',
    length,
    compile: (argument, lengthMax) => compilePath(kind, argument.split(':'), lengthMax),
  };
}

function compilePath(
  kind: MetadataKind,
  [namespace = '', ...path]: readonly string[],
  lengthMax: number | null,
): Result<Operator, string> {
  if (namespace === '') return fail('takes a namespace');
  const find = (source: FormatSource) => findValue(source.metadata(kind)?.get(namespace), path);
  return ok({
    number: false,
    text(source) {
      const value = find(source);
      if (value === undefined || value === null) return null;
      const text = typeof value === 'string' ? toBytes(value) : writeJson(value);
      return lengthMax === null ? text : text.slice(0, lengthMax);
    },
    json(source) {
      const value = find(source);
      if (value === undefined || value === null) return null;
      const whole = lengthMax === null || typeof value !== 'string';
      return whole ? writeJson(value) : quoteJson(toBytes(value).slice(0, lengthMax));
    },
  });
}

function findValue(value: unknown, path: readonly string[]): unknown {
  let found = value;
  for (const key of path) {
    if (typeof found !== 'object' || found === null || Array.isArray(found)) return undefined;
    found = (found as Readonly<Record<string, unknown>>)[key];
  }
  return found;
}

/** Keys in order, as Envoy writes a Struct. */
export function writeJson(value: unknown): string {
  if (typeof value === 'string') return quoteJson(toBytes(value));
  if (Array.isArray(value)) return `[${value.map(writeJson).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value ?? null);
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, inner]) => `${quoteJson(toBytes(key))}:${writeJson(inner)}`).join(',')}}`;
}

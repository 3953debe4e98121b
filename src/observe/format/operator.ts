// What a command compiles to, and how the tables of commands describe one.

import { fail, ok, type Result } from '../../base/index.ts';
import type { FormatSource } from './source.ts';

/** Reads one value. Values are made of bytes (bytes.ts). */
export interface Operator {
  /** Null: there is none. */
  text(source: FormatSource): string | null;
  /** `text` is a number, and stands without quotes in JSON. */
  readonly number: boolean;
  /** Where JSON shows more than a string or a number; null: from `text`. */
  readonly json: ((source: FormatSource) => string | null) | null;
}

export interface CommandSpec {
  readonly argument: 'none' | 'optional' | 'required';
  /** `:N` may follow. */
  readonly length: boolean;
  /** `argument` is '' where none stands. */
  compile(argument: string, lengthMax: number | null): Result<Operator, string>;
}

export type CommandTable = Readonly<Record<string, CommandSpec>>;

type Read = (source: FormatSource) => string | null;

export function textOperator(read: Read, lengthMax: number | null = null): Operator {
  const text =
    lengthMax === null ? read : (source: FormatSource) => read(source)?.slice(0, lengthMax) ?? null;
  return { text, number: false, json: null };
}

/** A command that takes nothing. Read '' stands for no value. */
export function plain(read: Read): CommandSpec {
  const operator = textOperator((source) => read(source) || null);
  return { argument: 'none', length: false, compile: () => ok(operator) };
}

/** The same, where '' is a value. */
export function always(read: (source: FormatSource) => string): CommandSpec {
  const operator = textOperator(read);
  return { argument: 'none', length: false, compile: () => ok(operator) };
}

export function numberOperator(read: (source: FormatSource) => number | null): Operator {
  const text = (source: FormatSource) => {
    const value = read(source);
    return value === null ? null : `${value}`;
  };
  return { text, number: true, json: null };
}

export function count(read: (source: FormatSource) => number | null): CommandSpec {
  const operator = numberOperator(read);
  return { argument: 'none', length: false, compile: () => ok(operator) };
}

/** Envoy has it; nothing here knows the value, and a dash would be taken for one. */
export function unknown(reason: string): CommandSpec {
  return { argument: 'optional', length: true, compile: () => fail(`is not supported by Weft: ${reason}`) };
}

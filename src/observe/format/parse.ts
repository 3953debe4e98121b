// The grammar of Envoy's substitution format strings (envoyproxy.io, "Access logging", command operators): text with
// commands `%NAME%`, `%NAME(ARGUMENT)%`, each with `:LENGTH` behind it where a command takes one; `%%` stands for a
// percent sign.

import { fail, ok, type Result } from '../../base/index.ts';

export interface Command {
  readonly name: string;
  /** Null: without parentheses. */
  readonly argument: string | null;
  /** Bytes kept of the value; null: all. */
  readonly lengthMax: number | null;
}

/** Commands, and the texts between them. */
export type FormatPart = string | Command;

const command = /%([A-Z0-9_]+)(?:\((.*?)\))?(?::([0-9]+))?%/y;

export function parseFormat(text: string): Result<readonly FormatPart[], string> {
  const parts: FormatPart[] = [];
  let literal = '';
  for (let at = 0; at < text.length; ) {
    if (text[at] !== '%' || text[at + 1] === '%') {
      literal += text[at];
      at += text[at] === '%' ? 2 : 1;
      continue;
    }
    command.lastIndex = at;
    const match = command.exec(text);
    if (match === null)
      return fail(`no command starts at character ${at + 1}: %NAME%, %NAME(ARGUMENT):LENGTH%`);
    if (literal !== '') parts.push(literal);
    literal = '';
    const [whole, name = '', argument, length] = match;
    parts.push({
      name,
      argument: argument ?? null,
      lengthMax: length === undefined ? null : Number(length),
    });
    at += whole.length;
  }
  if (literal !== '') parts.push(literal);
  return ok(parts);
}

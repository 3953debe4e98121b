// "One of these header matches holds": what retry policies ask of a request, and of the answer to it (Envoy's
// retriable_request_headers and retriable_headers).

import type { HeadRule, HeadView } from '../retry/index.ts';
import { matchesLines } from './field-lines.ts';
import { type CompiledHeader, compileHeaders } from './match-value.ts';
import type { HeaderMatch } from './types.ts';

export class AnyHeader implements HeadRule {
  readonly headers: readonly HeaderMatch[];
  private readonly compiled: readonly CompiledHeader[];

  /** Of a configuration that was validated. */
  constructor(headers: readonly HeaderMatch[]) {
    this.headers = headers;
    this.compiled = compileHeaders(headers);
  }

  matches(view: HeadView): boolean {
    return this.compiled.some(({ name, matcher, invert }) => {
      const value = valueIn(view, name);
      if (value === null) return invert && matcher.kind === 'present';
      return matchesLines(matcher, name, value, view) !== invert;
    });
  }
}

function valueIn(view: HeadView, name: string): string | null {
  if (name.charCodeAt(0) !== 0x3a) return view.getName(name);
  if (name === ':method') return view.method ?? null;
  if (name === ':path') return view.path ?? null;
  if (name === ':authority') return view.authority ?? null;
  return name === ':status' && view.status !== undefined ? `${view.status}` : null;
}

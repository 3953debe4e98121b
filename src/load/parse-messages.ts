// Messages of gRPC as users write them: JSON.

import type { JsonValue } from '@bufbuild/protobuf';
import { fail, type Issue, ok, type Result } from '../base/index.ts';

/** JSON text with one message, a list of them, or one a line. */
export function parseMessages(text: string, object: string): Result<readonly JsonValue[], Issue> {
  const whole = parseJson(text);
  if (whole !== undefined) return ok(Array.isArray(whole) ? whole : [whole]);
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  const values: JsonValue[] = [];
  for (const [index, line] of lines.entries()) {
    const value = parseJson(line);
    if (value === undefined) {
      const field = lines.length > 1 ? `line ${index + 1}` : '';
      return fail({
        object,
        field,
        rule: 'must be JSON: a message, a list, or one a line',
        value: line.slice(0, 80),
      });
    }
    values.push(value);
  }
  return ok(values);
}

function parseJson(text: string): JsonValue | undefined {
  try {
    return JSON.parse(text) as JsonValue;
  } catch {
    return undefined;
  }
}

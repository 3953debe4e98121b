// Asserts on text that we put into heads ourselves. Callers validate configuration and peers' input long before; these
// hold even if they do not, so that no edit can end a line early and start another (header injection, RFC 9112 section
// 11.1).

import { assert } from '../../base/index.ts';
import { tokenTable, valueTable } from './tables.ts';

/** A lower-case token. */
export function assertFieldName(name: string): void {
  let valid = name.length > 0;
  for (let index = 0; index < name.length; index++) {
    const code = name.charCodeAt(index);
    // A code unit above 255 would be cut to its low byte on the way out, which may be CR or LF.
    if (code > 127 || tokenTable[code] === 0 || (code >= 65 && code <= 90)) valid = false;
  }
  assert(valid, 'a field name is a lower-case token');
}

export function assertFieldValue(value: string): void {
  let valid = true;
  for (let index = 0; index < value.length; index++) {
    const code = value.charCodeAt(index);
    if (code > 255 || valueTable[code] === 0) valid = false;
  }
  assert(valid, 'a field value has no control characters and is latin1');
}

/** An authority, a path or a method: nothing that could end its place in a request line or a Host. */
export function assertTargetText(text: string): void {
  let valid = true;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code <= 32 || code >= 127) valid = false;
  }
  assert(valid, 'a request target has no white space and no control characters');
}

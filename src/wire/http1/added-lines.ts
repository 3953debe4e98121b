// Text of added lines. A proxy adds the same few lines to every message (who forwards, which protocol, which attempt),
// so the last line of each known name is kept: a repeated one costs a comparison, not a check and two strings.

import { headerNames } from '../head.ts';
import { assertFieldName, assertFieldValue } from './assert-text.ts';
import { unknownName } from './names.ts';

const lastValues: (string | null)[] = headerNames.map(() => null);
const lastLines: string[] = headerNames.map(() => '');

/** "name: value" with CRLF; asserts that neither can end the line early. `id` is the name's, or {@link unknownName}. */
export function createLine(name: string, value: string, id: number): string {
  if (id === unknownName) {
    assertFieldName(name);
    assertFieldValue(value);
    return `${name}: ${value}\r\n`;
  }
  if (lastValues[id] !== value) {
    assertFieldValue(value);
    lastLines[id] = `${name}: ${value}\r\n`;
    lastValues[id] = value;
  }
  return lastLines[id]!;
}

// The static table of HPACK (RFC 7541 appendix A).

import { createField, type Field } from './field.ts';

const lines: readonly (readonly [name: string, ...values: string[]])[] = [
  [':authority', ''],
  [':method', 'GET', 'POST'],
  [':path', '/', '/index.html'],
  [':scheme', 'http', 'https'],
  [':status', '200', '204', '206', '304', '400', '404', '500'],
  ['accept-charset', ''],
  ['accept-encoding', 'gzip, deflate'],
  ['accept-language', ''],
  ['accept-ranges', ''],
  ['accept', ''],
  ['access-control-allow-origin', ''],
  ['age', ''],
  ['allow', ''],
  ['authorization', ''],
  ['cache-control', ''],
  ['content-disposition', ''],
  ['content-encoding', ''],
  ['content-language', ''],
  ['content-length', ''],
  ['content-location', ''],
  ['content-range', ''],
  ['content-type', ''],
  ['cookie', ''],
  ['date', ''],
  ['etag', ''],
  ['expect', ''],
  ['expires', ''],
  ['from', ''],
  ['host', ''],
  ['if-match', ''],
  ['if-modified-since', ''],
  ['if-none-match', ''],
  ['if-range', ''],
  ['if-unmodified-since', ''],
  ['last-modified', ''],
  ['link', ''],
  ['location', ''],
  ['max-forwards', ''],
  ['proxy-authenticate', ''],
  ['proxy-authorization', ''],
  ['range', ''],
  ['referer', ''],
  ['refresh', ''],
  ['retry-after', ''],
  ['server', ''],
  ['set-cookie', ''],
  ['strict-transport-security', ''],
  ['transfer-encoding', ''],
  ['user-agent', ''],
  ['vary', ''],
  ['via', ''],
  ['www-authenticate', ''],
];

/** Lines by index; index 0 is none. */
export const staticTable: readonly (Field | null)[] = [
  null,
  ...lines.flatMap(([name, ...values]) => values.map((value) => createField(name, value))),
];
staticTable.forEach((field, index) => {
  if (field !== null) {
    field.staticIndex = index;
    // What is here costs no place, so it is never worth one.
    field.uses = 0;
  }
});

/** First index of the dynamic table. */
export const dynamicStart: number = staticTable.length;

const nameIndexes = new Map<string, number>();
for (let index = dynamicStart - 1; index > 0; index--) nameIndexes.set(staticTable[index]!.name, index);

/** Lowest index of a line with this name, or 0. */
export function staticNameIndex(name: string): number {
  return nameIndexes.get(name) ?? 0;
}

const byName = new Map<string, Field[]>();
for (const field of staticTable)
  if (field !== null) byName.set(field.name, [...(byName.get(field.name) ?? []), field]);

/** The line of the static table with this name and value, or null. */
export function findStatic(name: string, value: string): Field | null {
  const fields = byName.get(name);
  if (fields === undefined) return null;
  for (const field of fields) if (field.raw === value) return field;
  return null;
}

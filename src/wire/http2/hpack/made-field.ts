// Field lines that we make: a proxy adds the same few to every message, so the last line of each name is kept. One that
// comes again is shared from then on, and worth a place in the peers' tables; one that is different in every message
// costs an object.

import { headerNames } from '../../head.ts';
import { assertFieldName, assertFieldValue } from '../../http1/assert-text.ts';
import { unknownName } from '../../http1/names.ts';
import { Field, fieldFault, fieldId } from './field.ts';
import { forgetInterned, internField } from './intern.ts';
import { forgetRecalled } from './recall.ts';
import { findStatic } from './static-table.ts';

/** Names outside the table of header names whose last line is kept. */
const othersMax = 256;

const lastKnown: (Field | null)[] = headerNames.map(() => null);
const lastOthers = new Map<string, Field>();

/** Never put into a table of ours, where its size could be probed for its value (RFC 7541 section 7.1.3). */
const sensitiveNames: ReadonlySet<string> = new Set(['authorization', 'proxy-authorization']);

/** A line with a lower-case name. Asserts that neither part can be taken for anything else. */
export function madeField(name: string, value: string): Field {
  const id = fieldId(name);
  if (id < headerNames.length) return namedField(id, value);
  const last = lastOthers.get(name);
  if (last === undefined || last.value !== value) return keep(name, createMade(name, id, value));
  return isShared(last) ? last : keep(name, again(last));
}

/** The same by id, for a name of the table of header names. */
export function namedField(id: number, value: string): Field {
  const last = lastKnown[id]!;
  if (last === null || last.value !== value) return keepNamed(id, createMade(headerNames[id]!, id, value));
  return isShared(last) ? last : keepNamed(id, again(last));
}

/**
 * The same for a name of the table of header names, whose value lies in `text`: what came last time is neither cut out
 * nor looked up.
 */
export function knownField(id: number, text: string, start: number, end: number): Field {
  const last = lastKnown[id]!;
  const name = headerNames[id]!;
  if (last !== null && last.valueLength === end - start && text.startsWith(last.value, start))
    return isShared(last) ? last : keepNamed(id, again(last));
  return keepNamed(id, createMade(name, id, text.slice(start, end)));
}

/** All lines that connections share, as in a new process: what a run of the simulator sends is its seed's alone. */
export function forgetSharedFields(): void {
  lastKnown.fill(null);
  lastOthers.clear();
  forgetInterned();
  forgetRecalled();
}

/** It has come again before. */
function isShared(field: Field): boolean {
  return field.uses > 0 || field.staticIndex !== 0;
}

function again(last: Field): Field {
  const shared = internField(last);
  shared.uses += 2;
  return shared;
}

function keepNamed(id: number, field: Field): Field {
  lastKnown[id] = field;
  return field;
}

function keep(name: string, field: Field): Field {
  if (lastOthers.size >= othersMax) lastOthers.clear();
  lastOthers.set(name, field);
  return field;
}

function createMade(name: string, id: number, value: string): Field {
  const known = findStatic(name, value);
  if (known !== null) return known;
  if (id === unknownName) assertFieldName(name);
  assertFieldValue(value);
  const sensitive = id === unknownName && sensitiveNames.has(name);
  return new Field(name, id, value, false, value.length, sensitive, fieldFault.none);
}

// Field lines that we make: a proxy adds the same few to every message, so the last line of each name is kept. One that
// comes again is shared from then on, and worth a place in the peers' tables; one that is different in every message
// costs an object.

import { headerNames } from '../../head.ts';
import { assertFieldName, assertFieldValue } from '../../http1/assert-text.ts';
import { createField, type Field, fieldId } from './field.ts';
import { forgetInterned, internField } from './intern.ts';
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
  const known = id < headerNames.length;
  const last = known ? lastKnown[id]! : (lastOthers.get(name) ?? null);
  if (last === null || last.value !== value) return keep(name, id, createMade(name, value));
  return again(name, id, last);
}

/**
 * The same for a name of the table of header names, whose value lies in `text`: what came last time is neither cut out
 * nor looked up.
 */
export function knownField(id: number, text: string, start: number, end: number): Field {
  const last = lastKnown[id]!;
  const name = headerNames[id]!;
  if (last !== null && last.valueLength === end - start && text.startsWith(last.value, start))
    return again(name, id, last);
  return keep(name, id, createMade(name, text.slice(start, end)));
}

/** All lines that connections share, as in a new process: what a run of the simulator sends is its seed's alone. */
export function forgetSharedFields(): void {
  lastKnown.fill(null);
  lastOthers.clear();
  forgetInterned();
}

function again(name: string, id: number, last: Field): Field {
  if (last.uses > 0 || last.staticIndex !== 0) return last;
  const shared = internField(last);
  shared.uses += 2;
  return keep(name, id, shared);
}

function keep(name: string, id: number, field: Field): Field {
  if (id < headerNames.length) lastKnown[id] = field;
  else {
    if (lastOthers.size >= othersMax) lastOthers.clear();
    lastOthers.set(name, field);
  }
  return field;
}

function createMade(name: string, value: string): Field {
  const known = findStatic(name, value);
  if (known !== null) return known;
  if (name.charCodeAt(0) !== colon) assertFieldName(name);
  assertFieldValue(value);
  return createField(name, value, sensitiveNames.has(name));
}

const colon = 58;

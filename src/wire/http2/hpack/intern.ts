// One object for equal field lines of different connections, so that what one peer repeats is found in the table of
// another by identity. Two generations: what was not met in a whole generation is forgotten, and peers that make lines
// up cost a bounded amount.

import { type Field, fieldFault } from './field.ts';
import { findStatic } from './static-table.ts';

/** Lines of a generation. */
const generationMax = 2048;
/** A longer line is not shared: it would be hashed for little. */
export const sharedBytesMax = 640;

let young = new Map<string, Map<string, Field>>();
let old = new Map<string, Map<string, Field>>();
let youngCount = 0;
/** Of {@link young}; a line that bears it is there. */
let generation = 1;

/** The shared object for this line; `field` itself when there was none. */
export function internField(field: Field): Field {
  if (field.staticIndex !== 0 || field.generation === generation) return field;
  if (field.sensitive || field.fault !== fieldFault.none || field.size > sharedBytesMax) return field;
  const { name, value } = field;
  return findStatic(name, value) ?? find(name, value) ?? remember(field);
}

/** As in a new process: for the simulator, whose runs must not know of one another. */
export function forgetInterned(): void {
  young = new Map();
  old = new Map();
  youngCount = 0;
  generation += 1;
}

function find(name: string, value: string): Field | null {
  const known = young.get(name)?.get(value);
  if (known !== undefined) return known;
  const aged = old.get(name)?.get(value);
  return aged === undefined ? null : remember(aged);
}

function remember(field: Field): Field {
  if (youngCount >= generationMax) {
    old = young;
    young = new Map();
    youngCount = 0;
    generation += 1;
  }
  youngCount += 1;
  field.generation = generation;
  const values = young.get(field.name);
  if (values === undefined) young.set(field.name, new Map([[field.value, field]]));
  else values.set(field.value, field);
  return field;
}

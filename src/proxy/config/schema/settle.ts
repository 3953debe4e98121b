// What both decoders do alike: refuse a field that the table does not hold, check accepted values and oneofs, fill in
// empty lists.

import { nearestName } from '../../../base/index.ts';
import { type Faults, join } from './faults.ts';
import { type Field, type MessageSpec, required } from './field.ts';
import { fieldNames } from './field-names.gen.ts';

/** Refuses a field given by its name in YAML or JSON. */
export function refuseName(spec: MessageSpec, path: string, name: string, faults: Faults): void {
  const names = namesOf(spec);
  if (names.includes(name)) {
    faults.add(join(path, name), 'is not supported by Weft (docs/envoy-compat.md)');
    return;
  }
  const near = nearestName(name, names);
  faults.add(join(path, name), `is not a field of ${spec.name}${near === null ? '' : ` (is it ${near}?)`}`);
}

/** Refuses a field given by its number in bytes. */
export function refuseNumber(spec: MessageSpec, path: string, number: number, faults: Faults): void {
  const name = fieldNames[spec.name]?.match(new RegExp(`(?:^| )${number}:(\\w+)`))?.[1];
  faults.add(join(path, name ?? `#${number}`), 'is not supported by Weft (docs/envoy-compat.md)');
}

/** All field names of a message, supported or not. */
export function namesOf(spec: MessageSpec): readonly string[] {
  return (fieldNames[spec.name] ?? '').split(' ').map((pair) => pair.slice(pair.indexOf(':') + 1));
}

export function checkValue(field: Field<unknown>, path: string, value: unknown, faults: Faults): void {
  const rule = (field.check as ((value: unknown) => string | null) | null)?.(value) ?? null;
  if (rule !== null) faults.add(path, rule, value);
}

/** Checks the oneofs of a decoded message and gives absent lists and maps their empty value. */
export function settle(
  spec: MessageSpec,
  path: string,
  decoded: Record<string, unknown>,
  faults: Faults,
): Readonly<Record<string, unknown>> {
  for (const group of spec.oneofs) {
    const present = group.filter((name) => decoded[name] !== undefined);
    if (present.length > 1) faults.add(path, `only one of ${present.join(', ')} may be set`);
  }
  for (const name in spec.fields) {
    if (decoded[name] !== undefined) continue;
    const { shape, check } = spec.fields[name]!;
    if (shape === 'repeated') decoded[name] = [];
    else if (shape === 'map') decoded[name] = new Map();
    else if ((check as unknown) === required) faults.add(join(path, name), 'must be set');
  }
  const broken = spec.rule === null ? null : spec.rule(decoded);
  if (broken !== null) faults.add(join(path, broken.field), broken.rule, broken.value);
  return decoded;
}

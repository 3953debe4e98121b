// Quantities of Kubernetes as they stand in the `resources` of a container: text, or a whole number.

import { z } from 'zod';

export type QuantityKind = 'cpu' | 'memory';

/** Of cores, to a thousandth. */
export const cpuPattern = '^([0-9]{1,4}([.][0-9]{1,3})?|[0-9]{1,7}m)$';
/** Of bytes. Thousandths of a byte, which a slip of the hand makes of megabytes, are none. */
export const memoryPattern = '^([0-9]{1,15}|[0-9]{1,6}([.][0-9]{1,3})?(k|M|G|T|Ki|Mi|Gi|Ti))$';

export const cpuRule = 'must be an amount of CPU such as 250m, 2 or "0.5"';
export const memoryRule = 'must be an amount of memory such as 128Mi';

const shapes: Readonly<Record<QuantityKind, { readonly pattern: RegExp; readonly rule: string }>> = {
  cpu: { pattern: new RegExp(cpuPattern), rule: cpuRule },
  memory: { pattern: new RegExp(memoryPattern), rule: memoryRule },
};

/** As text. */
export function quantity(kind: QuantityKind) {
  const { rule } = shapes[kind];
  return z
    .union([z.string(), z.number()], { error: rule })
    .refine((value) => judgeQuantity(kind, value) === null, { error: rule })
    .transform(String)
    .meta({ intOrString: true, quantity: true });
}

/** What is wrong with it; null: nothing. Annotations of pods are judged by the same. */
export function judgeQuantity(kind: QuantityKind, value: string | number): string | null {
  const { pattern, rule } = shapes[kind];
  return (typeof value === 'string' || Number.isInteger(value)) && pattern.test(String(value)) ? null : rule;
}

/** Of two sound ones of a kind. */
export function isMore(one: string, other: string): boolean {
  return amountOf(one) > amountOf(other);
}

const factors: Readonly<Record<string, number>> = {
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
};

/** In thousandths, so that 0.3 and 300m are the same. */
function amountOf(text: string): number {
  const [, digits = '', unit = ''] = /^([0-9.]+)([a-zA-Z]*)$/.exec(text) ?? [];
  const thousandths = Math.round(Number(digits) * 1000);
  return unit === 'm' ? thousandths / 1000 : thousandths * (factors[unit] ?? Number.NaN);
}

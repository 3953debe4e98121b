// What a field says where one value is wanted, as Envoy reads those that a configuration names: of several lines the
// first counts, as the others may be anybody's.

import type { Head } from '../../wire/index.ts';

/** `name` is lower-case; null: there is none. */
export function firstValue(head: Head, name: string): string | null {
  const at = head.findName(name);
  return at < 0 ? null : head.valueAt(at);
}

// A chain of HTTP filters: a connection manager's own, and those of its upgrades. The last is the router.

import type { ListenerFilterConfig } from '../filter-types.ts';
import { type Faults, type httpFilter, join, type MessageOf, router, unpack } from '../schema/index.ts';
import { translateFilter } from './filters.ts';

type FilterMessage = MessageOf<typeof httpFilter>;

/** Those before the router, in their order. `path`: of the list. */
export function translateChainOf(
  filters: readonly FilterMessage[],
  path: string,
  faults: Faults,
): readonly ListenerFilterConfig[] {
  checkLast(filters, path, faults);
  const chain: ListenerFilterConfig[] = [];
  const names = new Set<string>();
  filters.slice(0, -1).forEach(({ name = '', typed_config, disabled }, index) => {
    const at = `${path}[${index}]`;
    if (typed_config === undefined) {
      faults.add(join(at, 'typed_config'), 'must be set');
      return;
    }
    if (unpack(typed_config, router) !== null) faults.add(at, 'the router must be the last filter');
    // Routes speak of filters by name.
    if (names.has(name)) faults.add(join(at, 'name'), 'must be unique', name);
    names.add(name);
    const filter = translateFilter(name, disabled === true, typed_config, join(at, 'typed_config'), faults);
    if (filter !== null) chain.push(filter);
  });
  return chain;
}

/** Path of the router's own configuration. */
export function lastFilter(filters: readonly FilterMessage[], path: string): string {
  return `${path}[${filters.length - 1}].typed_config`;
}

function checkLast(filters: readonly FilterMessage[], path: string, faults: Faults): void {
  const last = filters.at(-1);
  if (last === undefined) faults.add(path, 'must end with the router filter');
  else if (last.typed_config === undefined) faults.add(lastFilter(filters, path), 'must be set');
  // A type that is not known was refused where it stands, unless it may be left out.
  else if (
    unpack(last.typed_config, router) === null &&
    (last.typed_config.value !== null || last.is_optional)
  )
    faults.add(path, 'must end with the router filter');
}

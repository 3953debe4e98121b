// What is made of a list of endpoints before it is put into force.

import type { EndpointConfig } from '../config/types.ts';
import { type Endpoint, keyOf } from './endpoint.ts';

/**
 * An address may be listed twice (while slices are rebalanced, or by mistake): the better priority holds, of two alike
 * the first.
 */
export function withoutDoubles(configs: readonly EndpointConfig[]): readonly EndpointConfig[] {
  const best = new Map<string, EndpointConfig>();
  for (const config of configs) {
    const key = keyOf(config);
    const other = best.get(key);
    if (other === undefined || config.priority < other.priority) best.set(key, config);
  }
  return best.size === configs.length ? configs : [...best.values()];
}

export function groupByPriority<E extends { readonly priority: number }>(
  endpoints: readonly E[],
): readonly (readonly E[])[] {
  const groups: E[][] = [[]];
  for (const endpoint of endpoints) {
    while (groups.length <= endpoint.priority) groups.push([]);
    groups[endpoint.priority]!.push(endpoint);
  }
  return groups;
}

/** Its health is for active checks to find out. */
export function isChecked({ checkDisabled }: Endpoint): boolean {
  return !checkDisabled;
}

// The few runtime keys that are limits and not tuning (Envoy's resource limits), from the static layers of a bootstrap.
// Others of these families only tune Envoy itself, and nothing here reads them.

import type { bootstrap, Faults, MessageOf } from '../schema/index.ts';

type Layers = MessageOf<typeof bootstrap>['layered_runtime'];

/** By full key; a later layer hides an earlier one's value. */
export type RuntimeKeys = ReadonlyMap<string, unknown>;

export function readRuntime(message: Layers): RuntimeKeys {
  const keys = new Map<string, unknown>();
  for (const { static_layer } of message?.layers ?? []) collect(static_layer ?? {}, '', keys);
  return keys;
}

/** Nested objects are keys with dots. */
function collect(
  object: Readonly<Record<string, unknown>>,
  prefix: string,
  keys: Map<string, unknown>,
): void {
  for (const [key, value] of Object.entries(object)) {
    if (typeof value === 'object' && value !== null && !Array.isArray(value))
      collect(value as Readonly<Record<string, unknown>>, `${prefix}${key}.`, keys);
    else keys.set(`${prefix}${key}`, value);
  }
}

/** Null where it is not set. */
export function readLimit(keys: RuntimeKeys, key: string, faults: Faults): number | null {
  const value = keys.get(key);
  if (value === undefined) return null;
  const number = Number(value);
  if (Number.isSafeInteger(number) && number >= 0) return number;
  faults.add(`layered_runtime[${key}]`, 'must be a number of connections', value);
  return null;
}

export const connectionsOfAllKey = 'overload.global_downstream_max_connections';

export function connectionsOfListenerKey(name: string): string {
  return `envoy.resource_limits.listener.${name}.connection_limit`;
}

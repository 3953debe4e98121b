// What stands under the key weft.dev in a resource's metadata (docs/xds.md), which every other proxy ignores.

import { weftMetadataKey } from '../../../xds/index.ts';
import type { MessageOf, metadata } from '../schema/index.ts';

export type WeftValues = Readonly<Record<string, unknown>>;

export function weftMetadata(message: MessageOf<typeof metadata> | undefined): WeftValues | null {
  return message?.filter_metadata.get(weftMetadataKey) ?? null;
}

/** What formats may read: everything but what is addressed to the mesh itself; null: nothing. */
export function readableMetadata(
  message: MessageOf<typeof metadata> | undefined,
): ReadonlyMap<string, WeftValues> | null {
  if (message === undefined) return null;
  const entries = [...message.filter_metadata].filter(([namespace]) => namespace !== weftMetadataKey);
  return entries.length === 0 ? null : new Map(entries);
}

/** What says of endpoints which subsets they are of, and of routes which they want; null: nothing. */
export function subsetLabels(message: MessageOf<typeof metadata> | undefined): WeftValues | null {
  return message?.filter_metadata.get('envoy.lb') ?? null;
}

export function stringIn(values: WeftValues | null, name: string): string | null {
  const value = values?.[name];
  return typeof value === 'string' ? value : null;
}

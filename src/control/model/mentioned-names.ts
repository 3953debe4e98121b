// Which Services something else in the mesh may mean: routes that lead to them or are attached to them, policies,
// grants. Any text of such an object is taken for a name, so that no kind of reference can be forgotten here; to be
// mentioned without being meant costs a whole build, and nothing else.

import type { Resource } from '../schema/resources.ts';
import type { CatalogEntry } from './catalog.ts';

/** They have many texts, and name no Service but by a label that says whose they are. */
const silentKinds: ReadonlySet<Resource['kind']> = new Set([
  'Service',
  'EndpointSlice',
  'Pod',
  'Namespace',
  'Secret',
  'ConfigMap',
]);

/** Names of Services in whatever namespace, each pod of a headless one (`db-0.db`) under its Service's. */
export function listMentioned(entries: readonly CatalogEntry[]): ReadonlySet<string> {
  const names = new Set<string>();
  // What an object is called itself says nothing of others, and is often a Service's name.
  for (const { good } of entries)
    if (good !== null && !silentKinds.has(good.kind)) collectTexts(good.spec, names);
  return names;
}

function collectTexts(value: unknown, names: Set<string>): void {
  if (typeof value === 'string') names.add(value.slice(value.lastIndexOf('.') + 1));
  else if (Array.isArray(value)) for (const one of value) collectTexts(one, names);
  else if (typeof value === 'object' && value !== null)
    for (const one of Object.values(value)) collectTexts(one, names);
}

// The last check before a snapshot is published: everything that a resource needs is in the same snapshot. A hole here is a bug of the compiler, and
// would show at a client as a listener that never warms or a route that answers 503.

import type { Issue } from '../../base/index.ts';
import { referencesOf } from '../compile/references.ts';
import type { ResourceMap } from '../compile/resource-cache.ts';

/** The first hole, or null. */
export function checkConsistent(resources: ReadonlyMap<string, ResourceMap>): Issue | null {
  for (const [, byName] of resources) {
    for (const resource of byName.values()) {
      for (const { typeUrl, name } of referencesOf(resource)) {
        if (resources.get(typeUrl)?.has(name)) continue;
        const kind = typeUrl.split('.').at(-1) ?? typeUrl;
        return {
          object: resource.name,
          field: '',
          rule: `needs the ${kind} ${name}, which is not there`,
          value: '',
        };
      }
    }
  }
  return null;
}

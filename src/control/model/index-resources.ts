// The resources in force by kind, and the orders that Gateway API defines among them.

import type { Resource } from '../schema/resources.ts';
import type { CatalogEntry } from './catalog.ts';

type OfKind<K extends Resource['kind']> = Extract<Resource, { readonly kind: K }>;

export class ResourceIndex {
  private readonly byKind = new Map<string, Resource[]>();

  constructor(entries: readonly CatalogEntry[]) {
    for (const { good } of entries) {
      if (good === null) continue;
      const list = this.byKind.get(good.kind);
      if (list === undefined) this.byKind.set(good.kind, [good]);
      else list.push(good);
    }
  }

  /** Sorted by key. */
  all<K extends Resource['kind']>(kind: K): readonly OfKind<K>[] {
    return (this.byKind.get(kind) ?? []).filter((one): one is OfKind<K> => one.kind === kind);
  }

  /** The oldest first: where two objects disagree, the first in this order wins. */
  byAge<K extends Resource['kind']>(kind: K): readonly OfKind<K>[] {
    return [...this.all(kind)].sort(compareAge);
  }
}

export function compareAge(a: Resource, b: Resource): number {
  return (
    compareText(a.metadata.creationTimestamp, b.metadata.creationTimestamp) ||
    compareText(nameOf(a), nameOf(b))
  );
}

export function nameOf(resource: Pick<Resource, 'metadata'>): string {
  return `${resource.metadata.namespace}/${resource.metadata.name}`;
}

/** By code units: the same on every machine, whatever its locale. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

// Keeps the model up to date. The whole build (build.ts) is what decides; two things make it cheap. What came out equal
// stays the same object, so that what is made of the model is made again only where it differs. And endpoints, which
// change a thousand times as often as all the rest, are put into the model that is there: nothing but the ports of
// their Service, and of its pods, is made of them.

import type { EndpointSliceObject } from '../schema/resources.ts';
import type { ObjectKey } from '../source/types.ts';
import { type BuiltModel, buildModel } from './build.ts';
import type { Catalog, CatalogEntry } from './catalog.ts';
import { serviceOf } from './endpoints.ts';
import { replacePods, replaceSlices } from './services.ts';
import { shareEqual } from './share-equal.ts';

export class ModelBuilder {
  private readonly catalog: Catalog;
  /** Of each Service, by `namespace/name`. */
  private readonly slices = new Map<string, Map<ObjectKey, EndpointSliceObject>>();
  private wasBuilt: BuiltModel = buildModel([]);
  /** Since the last build: Services whose endpoints changed, and whether anything else did. */
  private readonly changed = new Set<string>();
  private isWhole = false;
  /** Pods are asked about by these alone, and come and go all the time. */
  private accessPolicies = 0;

  constructor(catalog: Catalog) {
    this.catalog = catalog;
  }

  get built(): BuiltModel {
    return this.wasBuilt;
  }

  /** An object changed; null: it is not there. The catalog has it already. */
  note(before: CatalogEntry | null, after: CatalogEntry | null): void {
    this.move(sliceOf(before), sliceOf(after));
    this.accessPolicies +=
      (after?.kind === 'AccessPolicy' ? 1 : 0) - (before?.kind === 'AccessPolicy' ? 1 : 0);
    for (const entry of [before, after]) if (entry !== null && this.isForAll(entry)) this.isWhole = true;
  }

  /** It may change anything in the model, or (a pod) whom several Services let in. */
  private isForAll({ kind }: CatalogEntry): boolean {
    return kind !== 'EndpointSlice' && (kind !== 'Pod' || this.accessPolicies > 0);
  }

  /** The model of all that was noted. */
  update(): BuiltModel {
    this.wasBuilt = (this.isWhole ? null : this.patch(this.changed)) ?? this.build();
    this.changed.clear();
    this.isWhole = false;
    return this.wasBuilt;
  }

  private build(): BuiltModel {
    const { model, book } = buildModel(this.catalog.entries());
    return { model: shareEqual(this.wasBuilt.model, model), book };
  }

  private move(old: EndpointSliceObject | null, next: EndpointSliceObject | null): void {
    const from = old === null ? null : serviceOf(old);
    if (old !== null && from !== null) {
      const group = this.slices.get(from);
      group?.delete(old.key);
      if (group?.size === 0) this.slices.delete(from);
      this.changed.add(from);
    }
    const to = next === null ? null : serviceOf(next);
    if (next !== null && to !== null) {
      const group = this.slices.get(to) ?? new Map<ObjectKey, EndpointSliceObject>();
      this.slices.set(to, group.set(next.key, next));
      this.changed.add(to);
    }
  }

  /** Null: endpoints alone cannot say what follows, as pods came or went that have names of their own. */
  private patch(ids: ReadonlySet<string>): BuiltModel | null {
    const { model, book } = this.wasBuilt;
    const services = new Map(model.services);
    for (const id of ids) {
      const before = model.services.get(id);
      const object = before && this.catalog.get(before.key)?.good;
      // Of a Service that is not there nothing is told, and a pod has no slices of its own.
      if (before === undefined || object?.kind !== 'Service' || before.podOf !== null) continue;
      const slices = [...(this.slices.get(id)?.values() ?? [])].sort(byKey);
      const service = replaceSlices(before, object, slices);
      const pods = object.spec.clusterIP === 'None' ? replacePods(before, service, services) : [];
      if (pods === null) return null;
      for (const one of [service, ...pods]) services.set(one.id, shareEqual(model.services.get(one.id), one));
    }
    return { model: { ...model, services }, book };
  }
}

function sliceOf(entry: CatalogEntry | null): EndpointSliceObject | null {
  return entry?.good?.kind === 'EndpointSlice' ? entry.good : null;
}

function byKey(a: EndpointSliceObject, b: EndpointSliceObject): number {
  return a.key < b.key ? -1 : 1;
}

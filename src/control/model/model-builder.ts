// Keeps the model up to date. The whole build (build.ts) is what decides; two things make it cheap. What came out equal
// stays the same object, so that what is made of the model is made again only where it differs. And what changes a
// thousand times as often as all the rest is put into the model that is there: endpoints, of which nothing but the
// ports of their Service, and of its pods, is made; and Services that nothing else mentions, which are what they would
// be in a mesh of their own.

import type { EndpointSliceObject, ServiceObject } from '../schema/resources.ts';
import type { ObjectKey } from '../source/types.ts';
import { type BuiltModel, buildModel } from './build.ts';
import type { Catalog, CatalogEntry } from './catalog.ts';
import { serviceOf } from './endpoints.ts';
import { compareText, nameOf } from './index-resources.ts';
import { listMentioned } from './mentioned-names.ts';
import { replacePods, replaceSlices } from './services.ts';
import { shareEqual } from './share-equal.ts';
import type { ServiceModel } from './types.ts';

export class ModelBuilder {
  private readonly catalog: Catalog;
  /** Of each Service, by `namespace/name`. */
  private readonly slices = new Map<string, Map<ObjectKey, EndpointSliceObject>>();
  private wasBuilt: BuiltModel = buildModel([]);
  /** Since the last build: Services whose endpoints changed, Services that did, and whether anything else did. */
  private readonly changed = new Set<string>();
  private readonly services = new Map<ObjectKey, ServiceObject>();
  private isWhole = false;
  /** Names that a Service would have to have for anything to mean it; null: not known since the last whole build. */
  private mentioned: ReadonlySet<string> | null = null;
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
    for (const entry of [before, after]) {
      if (entry?.good?.kind === 'Service') this.services.set(entry.key, entry.good);
      else if (entry !== null && this.isForAll(entry)) this.isWhole = true;
    }
  }

  /** It may change anything in the model, or (a pod) whom several Services let in. */
  private isForAll({ kind }: CatalogEntry): boolean {
    return kind !== 'EndpointSlice' && kind !== 'Service' && (kind !== 'Pod' || this.accessPolicies > 0);
  }

  /** The model of all that was noted. */
  update(): BuiltModel {
    this.wasBuilt = (this.isWhole ? null : this.patch()) ?? this.build();
    this.changed.clear();
    this.services.clear();
    this.isWhole = false;
    return this.wasBuilt;
  }

  private build(): BuiltModel {
    this.mentioned = null;
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

  /** Null: it takes a whole build. */
  private patch(): BuiltModel | null {
    const built = this.services.size === 0 ? this.wasBuilt : this.patchServices();
    return built === null ? null : this.patchSlices(built);
  }

  /** Null: one of them is mentioned, and anything may be another for it. */
  private patchServices(): BuiltModel | null {
    this.mentioned ??= listMentioned(this.catalog.entries());
    for (const { metadata } of this.services.values()) if (this.mentioned.has(metadata.name)) return null;
    const { model, book } = this.wasBuilt;
    const patched = book.copy();
    const made: ServiceModel[] = [];
    for (const [key, object] of this.services) {
      const alone = this.buildAlone(key, nameOf(object));
      patched.replace(key, alone.book.of(key));
      for (const service of alone.model.services.values())
        made.push(shareEqual(model.services.get(service.id), service));
    }
    const services = replaceServices(model.services, new Set(this.services.keys()), made.sort(byKey));
    return { model: { ...model, services }, book: patched };
  }

  private buildAlone(key: ObjectKey, id: string): BuiltModel {
    const slices = [...(this.slices.get(id)?.keys() ?? [])].sort();
    return buildModel([key, ...slices].flatMap((one) => this.catalog.get(one) ?? []));
  }

  /** Null: endpoints alone cannot say what follows, as pods came or went that have names of their own. */
  private patchSlices({ model, book }: BuiltModel): BuiltModel | null {
    const services = new Map(model.services);
    for (const id of this.changed) {
      const before = model.services.get(id);
      const object = before && this.catalog.get(before.key)?.good;
      // Of a Service that is not there nothing is told, and a pod has no slices of its own.
      if (before === undefined || object?.kind !== 'Service' || before.podOf !== null) continue;
      // It was made with them.
      if (this.services.has(before.key)) continue;
      const slices = [...(this.slices.get(id)?.values() ?? [])].sort(byKey);
      const service = replaceSlices(before, object, slices);
      const pods = object.spec.clusterIP === 'None' ? replacePods(before, service, services) : [];
      if (pods === null) return null;
      for (const one of [service, ...pods]) services.set(one.id, shareEqual(model.services.get(one.id), one));
    }
    return { model: { ...model, services }, book };
  }
}

/** `made`, by key, in the place of those with these keys; in the order of keys, as the whole build has it. */
function replaceServices(
  services: ReadonlyMap<string, ServiceModel>,
  keys: ReadonlySet<ObjectKey>,
  made: readonly ServiceModel[],
): Map<string, ServiceModel> {
  const replaced = new Map<string, ServiceModel>();
  let next = 0;
  for (const service of services.values()) {
    if (keys.has(service.key)) continue;
    for (; next < made.length && made[next]!.key < service.key; next++)
      replaced.set(made[next]!.id, made[next]!);
    replaced.set(service.id, service);
  }
  for (const service of made.slice(next)) replaced.set(service.id, service);
  return replaced;
}

function sliceOf(entry: CatalogEntry | null): EndpointSliceObject | null {
  return entry?.good?.kind === 'EndpointSlice' ? entry.good : null;
}

function byKey(a: { readonly key: ObjectKey }, b: { readonly key: ObjectKey }): number {
  return compareText(a.key, b.key);
}

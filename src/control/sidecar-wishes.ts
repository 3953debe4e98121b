// The Services and ServicePolicies of a cluster or of manifests, kept for one question: what do they say of the sidecar
// of this pod. A listener of a Source; what breaks its schema is not there.

import type { Issue } from '../base/index.ts';
import { listWatchedKinds, type WatchedKind } from './kubernetes/watched-kinds.ts';
import { decideWish, type SidecarWish } from './model/sidecars.ts';
import type { ServiceObject, ServicePolicyObject } from './schema/resources.ts';
import { validateObject } from './schema/validate.ts';
import { parseObject } from './source/parse.ts';
import type { ObjectKey, RawObject, SourceListener } from './source/types.ts';

const kindsRead: ReadonlySet<string> = new Set(['/Service', 'weft.dev/ServicePolicy']);

/** What has to be read to answer it. */
export function listWishKinds(): readonly WatchedKind[] {
  return listWatchedKinds().filter(({ group, kind }) => kindsRead.has(`${group}/${kind}`));
}

interface NamespaceWishes {
  readonly services: Map<ObjectKey, ServiceObject>;
  readonly policies: Map<ObjectKey, ServicePolicyObject>;
}

export class SidecarWishes implements SourceListener {
  /** Everything that there is has been read once. */
  synced = false;
  private readonly namespaces = new Map<string, NamespaceWishes>();
  private readonly homes = new Map<ObjectKey, string>();
  private heard: (() => void) | null = null;

  /** An object as plain data, of any kind; what is wrong with it. */
  takeIn(value: Readonly<Record<string, unknown>>): readonly Issue[] {
    const raw = parseObject({ file: '', line: 0 }, value);
    return raw.ok ? this.onUpsert(raw.value) : [raw.error];
  }

  onUpsert(raw: RawObject): readonly Issue[] {
    this.onRemove(raw.key);
    const verdict = validateObject(raw);
    if (verdict.kind === 'faulty') return verdict.issues;
    if (verdict.kind === 'ignored') return [];
    const { resource } = verdict;
    if (resource.kind === 'Service') this.within(resource).services.set(resource.key, resource);
    if (resource.kind === 'ServicePolicy') this.within(resource).policies.set(resource.key, resource);
    return [];
  }

  onRemove(key: ObjectKey): void {
    const home = this.homes.get(key);
    if (home === undefined) return;
    this.homes.delete(key);
    const kept = this.namespaces.get(home);
    kept?.services.delete(key);
    kept?.policies.delete(key);
    if (kept?.services.size === 0 && kept.policies.size === 0) this.namespaces.delete(home);
  }

  onFaults(): void {
    // The source's own log tells them.
  }

  onSynced(): void {
    this.synced = true;
    this.heard?.();
  }

  /** Calls back at the first sync, or now. */
  whenSynced(heard: () => void): void {
    if (this.synced) heard();
    else this.heard = heard;
  }

  wishFor(namespace: string, labels: Readonly<Record<string, string>>): SidecarWish {
    const kept = this.namespaces.get(namespace);
    if (kept === undefined || kept.policies.size === 0) return {};
    return decideWish(labels, kept.services.values(), kept.policies.values());
  }

  /** Policies with something to say of sidecars that name a Service which is not there: `shop/ledger`. */
  listAstray(): readonly string[] {
    return [...this.namespaces.values()].flatMap(({ services, policies }) => {
      const names = new Set([...services.values()].map(({ metadata }) => metadata.name));
      return [...policies.values()]
        .filter(({ spec }) => spec.sidecar !== undefined)
        .filter(({ spec }) => spec.targetRefs.some(({ name }) => !names.has(name)))
        .map(({ metadata }) => `${metadata.namespace}/${metadata.name}`);
    });
  }

  private within({ key, metadata: { namespace } }: ServiceObject | ServicePolicyObject): NamespaceWishes {
    const kept = this.namespaces.get(namespace) ?? { services: new Map(), policies: new Map() };
    this.namespaces.set(namespace, kept);
    this.homes.set(key, namespace);
    return kept;
  }
}

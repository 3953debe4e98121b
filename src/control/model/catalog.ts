// The objects in force, each a pure function of what its source says: no history is kept here, so that two replicas
// that see the same objects serve the same bytes. (A source that has no API server before it, the directory, sends the
// last sound version along.)

import { isDeepStrictEqual } from 'node:util';
import type { Issue } from '../../base/index.ts';
import type { Resource } from '../schema/resources.ts';
import { validateObject } from '../schema/validate.ts';
import type { ObjectKey, Origin, RawObject } from '../source/types.ts';

export interface CatalogEntry {
  readonly key: ObjectKey;
  readonly apiVersion: string;
  readonly kind: string;
  /** Of the newest version, good or not. */
  readonly origin: Origin;
  /** What the mesh goes by; null: nothing. */
  readonly good: Resource | null;
  readonly standing: Standing;
  /** Faults of the newest version. */
  readonly issues: readonly Issue[];
  /** Why the mesh does not look at it; empty: it does. */
  readonly note: string;
}

/**
 * `current`: as written. `partial`: as written but for the parts at fault, which are refused. `last-good`: the newest
 * version is faulty, an older one holds. `refused`: faulty; what it would have governed is answered with errors.
 * `none`: nothing of it holds.
 */
export type Standing = 'current' | 'partial' | 'last-good' | 'refused' | 'none';

export class Catalog {
  private readonly byKey = new Map<ObjectKey, CatalogEntry>();
  /** Keys in order, but for those that came since they were last asked for. */
  private order: ObjectKey[] = [];
  private isSorted = true;

  /** False when nothing that the mesh reads of it changed: a status that was written, a heartbeat, a resync. */
  upsert(raw: RawObject): boolean {
    const entry = judge(raw);
    const held = this.byKey.get(raw.key);
    if (held !== undefined && isDeepStrictEqual(held, entry)) return false;
    if (held === undefined) {
      this.order.push(raw.key);
      this.isSorted = false;
    }
    this.byKey.set(raw.key, entry);
    return true;
  }

  remove(key: ObjectKey): void {
    if (!this.byKey.delete(key)) return;
    this.order.splice(this.order.indexOf(key), 1);
  }

  get(key: ObjectKey): CatalogEntry | null {
    return this.byKey.get(key) ?? null;
  }

  /** Sorted by key, so that nothing built from it depends on the order of events. */
  entries(): readonly CatalogEntry[] {
    if (!this.isSorted) this.order.sort();
    this.isSorted = true;
    return this.order.map((key) => this.byKey.get(key)!);
  }

  get size(): number {
    return this.byKey.size;
  }
}

function judge(raw: RawObject): CatalogEntry {
  const { key, apiVersion, kind, origin } = raw;
  const entry = {
    key,
    apiVersion,
    kind,
    origin,
    good: null,
    standing: 'none' as const,
    issues: [],
    note: '',
  };
  const verdict = validateObject(raw);
  switch (verdict.kind) {
    case 'ignored':
      return { ...entry, note: verdict.note };
    case 'resource': {
      const { resource, issues } = verdict;
      return { ...entry, good: resource, standing: issues.length > 0 ? 'partial' : 'current', issues };
    }
    case 'faulty': {
      const { issues, salvaged } = verdict;
      const before = raw.lastGood === undefined ? null : validateObject({ ...raw, ...raw.lastGood });
      if (before?.kind === 'resource')
        return { ...entry, good: before.resource, standing: 'last-good', issues };
      return { ...entry, good: salvaged, standing: salvaged === null ? 'none' : 'refused', issues };
    }
  }
}

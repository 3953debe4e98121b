// The objects in force. A new version of an object that breaks a rule is reported and not taken: the last good one stays until it is mended or
// removed, so that a slip of the pen never takes down what works.

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
  /** The last good version; null: there never was one. */
  readonly good: Resource | null;
  /** Faults of the newest version; while there are any, `good` is older than the file. */
  readonly issues: readonly Issue[];
  /** Why the mesh does not look at it; empty: it does. */
  readonly note: string;
}

export class Catalog {
  readonly #entries = new Map<ObjectKey, CatalogEntry>();

  /** False when nothing that the mesh reads of it changed: a status that was written, a heartbeat, a resync. */
  upsert(raw: RawObject): boolean {
    const verdict = validateObject(raw);
    const held = this.#entries.get(raw.key);
    const before = held?.good ?? null;
    const entry: CatalogEntry = {
      key: raw.key,
      apiVersion: raw.apiVersion,
      kind: raw.kind,
      origin: raw.origin,
      good: verdict.kind === 'resource' ? verdict.resource : verdict.kind === 'faulty' ? before : null,
      issues: verdict.kind === 'faulty' ? verdict.issues : [],
      note: verdict.kind === 'ignored' ? verdict.note : '',
    };
    if (held !== undefined && isDeepStrictEqual(held, entry)) return false;
    this.#entries.set(raw.key, entry);
    return true;
  }

  remove(key: ObjectKey): void {
    this.#entries.delete(key);
  }

  get(key: ObjectKey): CatalogEntry | null {
    return this.#entries.get(key) ?? null;
  }

  /** Sorted by key, so that nothing built from it depends on the order of events. */
  entries(): readonly CatalogEntry[] {
    return [...this.#entries.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
  }

  get size(): number {
    return this.#entries.size;
  }
}

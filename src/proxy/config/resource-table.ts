// What ADS delivered, per type: the accepted bytes of each resource (for the disk and the dump) and why others were
// refused. A refused resource never replaces an accepted one.

import type { Issue } from '../../base/index.ts';
import type { XdsResource } from '../../xds/index.ts';

export interface AcceptedResource {
  readonly resource: XdsResource;
  /** Clock.wall() when it was received. */
  readonly receivedAtMs: number;
  /** Taken from disk and not yet confirmed by the control plane. */
  readonly restored: boolean;
}

export interface RefusedResource {
  readonly issues: readonly Issue[];
  readonly version: string;
  readonly atMs: number;
}

export class ResourceTable {
  readonly refused = new Map<string, RefusedResource>();
  /** `version_info` of the last response; '' before the first. */
  version = '';
  /** Clock.now() of the last response; -1 before the first. */
  updatedMs = -1;
  updatesAccepted = 0;
  updatesRejected = 0;
  /** Names of what changed since somebody took them; null: nobody does. */
  touched: Set<string> | null = null;
  private readonly entries = new Map<string, AcceptedResource>();

  get accepted(): ReadonlyMap<string, AcceptedResource> {
    return this.entries;
  }

  accept(entry: AcceptedResource): void {
    this.entries.set(entry.resource.name, entry);
    this.touched?.add(entry.resource.name);
  }

  /** It came again as it was. */
  confirm(entry: AcceptedResource): void {
    const before = this.entries.get(entry.resource.name);
    if (before?.resource.version !== entry.resource.version) this.touched?.add(entry.resource.name);
    this.entries.set(entry.resource.name, entry);
  }

  forget(name: string): void {
    if (this.entries.delete(name)) this.touched?.add(name);
  }
}

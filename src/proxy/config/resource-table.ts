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
  readonly accepted = new Map<string, AcceptedResource>();
  readonly refused = new Map<string, RefusedResource>();
  /** `version_info` of the last response; '' before the first. */
  version = '';
  updatedAtMs = 0;
  updatesAccepted = 0;
  updatesRejected = 0;
}

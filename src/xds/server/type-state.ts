// What a server stream remembers of one resource type: who wants what, what is due, and what is on its way. Names alone; resources are
// shared with the snapshot, so a stream costs what its client names and not what the mesh holds.

import { ackWaitMs } from '../limits.ts';
import type { ResourceMap } from '../snapshot/diff.ts';
import { typeUrls, type XdsResource } from '../types.ts';
import type { AdsSyncStatus, AdsTypeStatus } from './types.ts';

/** `explicit`: by `*`. `legacy`: by a first request without names; in SotW any later name ends it. */
export type Wildcard = 'no' | 'legacy' | 'explicit';

export interface Inflight {
  readonly nonce: string;
  readonly version: string;
  readonly sentAtMs: number;
}

export const noResources: ResourceMap = new Map();

export class TypeState {
  readonly typeUrl: string;
  wildcard: Wildcard = 'no';
  readonly names = new Set<string>();
  /** False until the first request of this type was taken in. */
  started = false;
  /** Names due in the next response: requested, or changed in the snapshot. A name that does not exist is answered as removed. */
  readonly due = new Set<string>();
  /** Subscribed resources that left the snapshot, as they were: sent as removed once nothing refers to them any more. */
  readonly leaving = new Map<string, XdsResource>();
  /** Delta: what the client said it holds, until the first snapshot tells what that is worth. */
  held: ReadonlyMap<string, string> = new Map();
  /** SotW: the version that the client said it holds. */
  heldVersion = '';
  /** A response is owed even if it is empty. */
  owed = false;
  /** The set that `due` and `leaving` were computed against; null before the first snapshot. */
  base: ResourceMap | null = null;
  nonce = '';
  inflight: Inflight | null = null;
  sentVersion = '';
  sentAtMs = -1;
  ackedVersion = '';
  error = '';

  constructor(typeUrl: string) {
    this.typeUrl = typeUrl;
  }

  wants(name: string): boolean {
    return this.wildcard !== 'no' || this.names.has(name);
  }

  /** Something to send that adds or changes. */
  get making(): boolean {
    return this.owed || this.due.size > 0;
  }

  /** A response is on its way and may still hold others back. */
  waiting(nowMs: number): boolean {
    return this.inflight !== null && nowMs < this.inflight.sentAtMs + ackWaitMs;
  }

  status(nowMs: number): AdsTypeStatus {
    return {
      typeUrl: this.typeUrl,
      status: this.syncStatus(),
      sentVersion: this.sentVersion,
      ackedVersion: this.ackedVersion,
      nonce: this.nonce,
      error: this.error,
      subscribed: this.wildcard !== 'no' ? '*' : this.names.size,
      ageMs: this.sentAtMs < 0 ? -1 : nowMs - this.sentAtMs,
    };
  }

  private syncStatus(): AdsSyncStatus {
    if (this.error !== '') return 'ERROR';
    if (this.inflight !== null || this.making || this.leaving.size > 0) {
      return this.sentAtMs < 0 && this.base === null ? 'NOT_SENT' : 'STALE';
    }
    return this.ackedVersion === '' ? 'NOT_SENT' : 'SYNCED';
  }
}

/** Types whose SotW responses are complete: what is missing is deleted. */
export function isComplete(typeUrl: string): boolean {
  return typeUrl === typeUrls.listener || typeUrl === typeUrls.cluster;
}

// What a server stream remembers of one resource type: who wants what, what is due, and what is on its way. Names
// alone; resources are shared with the snapshot, so a stream costs what its client names and not what the mesh holds.

import { ackWaitMs, unansweredMax } from '../limits.ts';
import { PartlyNamed } from '../snapshot/partly-named.ts';
import type { ResourceMap } from '../snapshot/resource-set.ts';
import { typeUrls, type XdsResource } from '../types.ts';
import { DueNames } from './due-names.ts';
import type { NameList } from './name-list.ts';
import { Quarantine, type QuarantineHost, type Trial } from './quarantine.ts';
import { SubscribedNames } from './subscribed-names.ts';
import type { AdsSyncStatus, AdsTypeStatus } from './types.ts';

/** `explicit`: by `*`. `legacy`: by a first request without names; in SotW any later name ends it. */
export type Wildcard = 'no' | 'legacy' | 'explicit';

export interface Inflight {
  readonly nonce: string;
  readonly version: string;
  readonly sentAtMs: number;
  /** The new or changed resources in it, as they were sent, and those it removes. */
  readonly sent: readonly XdsResource[];
  readonly removed: readonly XdsResource[];
  readonly trial: Trial | null;
}

/** Of an entry in a set, beside its text. */
const nameOverheadBytes = 48;

export const noResources: ResourceMap = new Map();

export class TypeState implements QuarantineHost {
  readonly typeUrl: string;
  wildcard: Wildcard = 'no';
  readonly names = new SubscribedNames();
  /** What the names asked for cost to remember, roughly. */
  nameBytes = 0;
  /** False until the first request of this type was taken in. */
  started = false;
  /**
   * Names due in the next response: requested, or changed in the snapshot. A name that does not exist is answered as
   * removed.
   */
  readonly due = new DueNames();
  /**
   * Subscribed resources that left the snapshot, as they were: sent as removed once nothing refers to them any more.
   */
  readonly leaving = new Map<string, XdsResource>();
  /** Delta: what the client said it holds, until the first snapshot tells what that is worth. */
  held: ReadonlyMap<string, string> = new Map();
  /** What such resources cost to remember, and all that are told to be gone because the client spoke of them. */
  heldBytes = 0;
  /** SotW: the names of its last request; none, where some were there twice. */
  asked: readonly string[] = [];
  /** SotW: the version that the client said it holds. */
  heldVersion = '';
  /** When a refusal was last logged, and how many were not since. */
  nackToldAtMs = Number.NEGATIVE_INFINITY;
  nacksUntold = 0;
  /** A response is owed even if it is empty. */
  owed = false;
  /** The set that `due` and `leaving` were computed against; null before the first snapshot. */
  base: ResourceMap | null = null;
  nonce = '';
  /** The newest response, while it has no answer. */
  inflight: Inflight | null = null;
  /** Older ones that were given up waiting for; their answers may still come. */
  private readonly unanswered: Inflight[] = [];
  /**
   * What the client has of names that it does not have as in `base`; null for nothing. Names in no set are as in
   * `base`.
   */
  private readonly behind = new Map<string, XdsResource | null>();
  /**
   * A response to a client that was behind in nothing else, from `from`: it has nothing of what is in it, which is
   * written down by name (`behind`) only when something happens before the answer comes.
   */
  private fresh: {
    readonly response: Inflight;
    readonly from: ResourceMap | null;
    /** Of `due`. */
    readonly additions: number;
  } | null = null;
  readonly quarantine: Quarantine;
  /** How long the client keeps what it is sent unless that is renewed; 0: for ever. */
  ttlMs = 0;
  /** The client refused to be told that something is still good: it does not have it any more. */
  refusedHeartbeat = false;
  sentVersion = '';
  sentAtMs = -1;
  ackedVersion = '';
  error = '';

  constructor(typeUrl: string) {
    this.typeUrl = typeUrl;
    this.quarantine = new Quarantine(this);
  }

  addName(name: string): void {
    if (this.names.has(name)) return;
    this.names.add(name);
    this.nameBytes += name.length + nameOverheadBytes;
  }

  /** Names that it has none of and that `*` does not cover, all of them due; false: some are not such. */
  addList(list: NameList): boolean {
    if (this.wildcard !== 'no' || !this.names.isDisjointFrom(list)) return false;
    this.names.addList(list);
    this.nameBytes += list.length + list.size * nameOverheadBytes;
    this.due.addList(list);
    return true;
  }

  /** False: it was not there. */
  deleteName(name: string): boolean {
    const had = this.names.delete(name);
    if (had) this.nameBytes -= name.length + nameOverheadBytes;
    return had;
  }

  wants(name: string): boolean {
    if (this.names.has(name)) return true;
    return this.wildcard !== 'no' && !(this.base instanceof PartlyNamed && this.base.isNamed(name));
  }

  /** There is such a resource, and it is wanted. */
  covers(name: string, resources: ResourceMap | null): boolean {
    return this.wants(name) && resources?.has(name) === true;
  }

  /**
   * Of a name that was given up and that nothing covers nothing is kept, so that who asks and gives up leaves no trace;
   * where `*` is wanted, what the client has of it is still to be removed.
   */
  forgetUncovered(name: string): void {
    if (!this.wants(name) || !this.leaving.has(name)) this.forget(name);
  }

  /** It gave up a name of which there is nothing, and is told so: `*` covers it. */
  oweAbsence(name: string): void {
    this.forgetUncovered(name);
    this.due.add(name);
    this.heldBytes += name.length + nameOverheadBytes;
  }

  /** Roughly what the client's own words cost to remember. */
  get bytesHeld(): number {
    const told = this.leaving.size === 0 && this.held.size === 0 && this.due.size === 0;
    if (told && this.inflight === null && this.unanswered.length === 0) this.heldBytes = 0;
    return this.nameBytes + this.heldBytes;
  }

  /** False: it wants none of them. */
  wantsAny(list: NameList): boolean {
    return this.wildcard !== 'no' || !this.names.isDisjointFrom(list);
  }

  /** Something to send that adds or changes. */
  get making(): boolean {
    return this.owed || this.due.size > 0 || this.quarantine.trials.length > 0;
  }

  heldOf(name: string): XdsResource | null {
    this.spellFresh();
    const known = this.behind.get(name);
    if (known !== undefined) return known;
    return this.due.has(name) ? null : (this.base?.get(name) ?? null);
  }

  isSuperseded(name: string): boolean {
    return this.due.has(name) || this.leaving.has(name) || !this.wants(name);
  }

  /** A name is to be sent, though the client may have it as it is. */
  oweAgain(name: string): void {
    if (!this.due.has(name)) this.fallBehind(name, this.heldOf(name));
    this.due.add(name);
  }

  /** The client has this of a name that has changed. */
  fallBehind(name: string, held: XdsResource | null): void {
    this.spellFresh();
    if (!this.due.has(name) && !this.behind.has(name)) this.behind.set(name, held);
  }

  /** Nothing of this name is to be sent or remembered any more. */
  forget(name: string): void {
    this.spellFresh();
    this.due.delete(name);
    this.leaving.delete(name);
    this.behind.delete(name);
    this.quarantine.supersede(name, null);
  }

  /** The same for all that no name covers any more. */
  forgetUnwanted(): void {
    this.spellFresh();
    for (const name of [...this.due, ...this.leaving.keys(), ...this.behind.keys(), ...this.quarantine.names])
      if (!this.wants(name)) this.forget(name);
  }

  sending(response: Inflight): void {
    if (this.inflight !== null) {
      this.unanswered.push(this.inflight);
      if (this.unanswered.length > unansweredMax) this.unanswered.shift();
    }
    this.spellFresh();
    const isPlain = response.trial === null && !this.quarantine.changesForms;
    if (this.behind.size === 0 && isPlain)
      this.fresh = { response, from: this.base, additions: this.due.additions };
    else this.fallBehindAll(response);
    this.inflight = response;
  }

  private fallBehindAll({ sent }: Inflight): void {
    for (const { name } of sent) if (!this.behind.has(name)) this.behind.set(name, null);
  }

  private spellFresh(): void {
    if (this.fresh === null) return;
    const { response } = this.fresh;
    this.fresh = null;
    this.fallBehindAll(response);
  }

  /** It was taken, and nothing happened since it was sent: what is in it is as in `base`. */
  private takeFresh(response: Inflight): boolean {
    const { fresh, due } = this;
    if (fresh?.response !== response || fresh.from !== this.base) return false;
    const isDueAgain = fresh.additions !== due.additions && due.size > 0;
    if (isDueAgain && response.sent.some(({ name }) => due.has(name))) return false;
    this.fresh = null;
    return true;
  }

  /** The response that an answer is for; null when none is known. It is then no longer without an answer. */
  takeAnswered(nonce: string): Inflight | null {
    if (this.inflight?.nonce === nonce) {
      const { inflight } = this;
      this.inflight = null;
      return inflight;
    }
    const at = this.unanswered.findIndex((response) => response.nonce === nonce);
    return at === -1 ? null : (this.unanswered.splice(at, 1)[0] ?? null);
  }

  accept(response: Inflight): void {
    if (!this.takeFresh(response)) this.acceptEach(response);
    this.quarantine.accept(response.sent, response.trial);
  }

  private acceptEach(response: Inflight): void {
    this.spellFresh();
    for (const resource of response.sent) {
      const { name } = resource;
      if (!this.wants(name)) this.behind.delete(name);
      else if (!this.due.has(name) && this.base?.get(name)?.version === resource.version)
        this.behind.delete(name);
      else this.behind.set(name, resource);
    }
    for (const { name } of response.removed) if (this.base?.has(name) !== true) this.behind.delete(name);
  }

  /** Names in responses that have no answer yet: the client may have them. */
  namesUnderWay(): ReadonlySet<string> {
    const names = new Set<string>();
    for (const response of [...this.unanswered, ...(this.inflight === null ? [] : [this.inflight])])
      for (const { name } of response.sent) names.add(name);
    return names;
  }

  /** Nothing of what was refused counts as held: neither what it held nor what it removed. */
  refuse(response: Inflight, message: string): void {
    this.refusedHeartbeat ||= isHeartbeat(response);
    for (const { name } of response.sent) {
      if (!this.leaving.has(name) || !isComplete(this.typeUrl)) continue;
      const held = this.heldOf(name);
      if (held === null) this.leaving.delete(name);
      else this.leaving.set(name, held);
    }
    this.quarantine.refuse(response.sent, response.trial, message);
    // A response that only removed is not repeated: there is nothing that could be left out of it.
    if (response.sent.length === 0) return;
    for (const resource of response.removed) {
      const { name } = resource;
      if (this.wants(name) && this.base?.has(name) !== true) this.leaving.set(name, resource);
    }
  }

  /** What the client goes on using instead of what it refused: nothing that this refers to may be taken away. */
  get heldBack(): readonly XdsResource[] {
    if (this.quarantine.empty) return [];
    return [...this.quarantine.names].flatMap((name) => this.heldOf(name) ?? []);
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
      refusals: this.quarantine.refusals,
      subscribed: this.wildcard !== 'no' ? '*' : this.names.size,
      ageMs: this.sentAtMs < 0 ? -1 : nowMs - this.sentAtMs,
    };
  }

  private syncStatus(): AdsSyncStatus {
    if (this.error !== '') return 'ERROR';
    const waits = this.inflight !== null && !isHeartbeat(this.inflight);
    if (waits || this.making || this.leaving.size > 0) {
      return this.sentAtMs < 0 && this.base === null ? 'NOT_SENT' : 'STALE';
    }
    return this.ackedVersion === '' ? 'NOT_SENT' : 'SYNCED';
  }
}

/** It says nothing new. */
function isHeartbeat({ sent, removed }: Inflight): boolean {
  return sent.length === 0 && removed.length === 0;
}

/** Types whose SotW responses are complete: what is missing is deleted. */
export function isComplete(typeUrl: string): boolean {
  return typeUrl === typeUrls.listener || typeUrl === typeUrls.cluster;
}

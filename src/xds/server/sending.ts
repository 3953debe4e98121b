// Sends what is due on one stream, in an order that never breaks traffic: make before break, one response of a type at
// a time, first pictures when there is a place for them.

import { type Clock, Timer, type TimerHandler } from '../../base/index.ts';
import { encodeDeltaResponse, encodeHeartbeats } from '../discovery/encode.ts';
import { ackWaitMs, pictureNamesMin, pictureStallMs, pictureWaitMs } from '../limits.ts';
import { WireError } from '../protobuf/wire-reader.ts';
import { findReferences } from '../snapshot/references.ts';
import type { ResourceMap } from '../snapshot/resource-set.ts';
import { type AdsStream, type AdsVariant, typeUrls, type XdsResource, type XdsSnapshot } from '../types.ts';
import { type ApartAnswer, ApartAnswers } from './apart.ts';
import { prepareDelta } from './delta.ts';
import { Heartbeats } from './heartbeats.ts';
import { mayMake, mayRemove, sortTypes } from './order.ts';
import type { PictureSlots, SlotTaker } from './picture-slots.ts';
import type { Prepared } from './prepared.ts';
import { prepareSotw } from './sotw.ts';
import { noResources, TypeState } from './type-state.ts';
import { awaitedBy, Warming } from './warming.ts';

export interface SendingHost {
  readonly clock: Clock;
  readonly slots: PictureSlots;
}

export class Sending implements SlotTaker, TimerHandler {
  readonly types = new Map<string, TypeState>();
  /** `types` in sending order. */
  ordered: readonly TypeState[] = [];
  readonly warming: Warming;
  snapshot: XdsSnapshot | null = null;
  /** How long resources live at this client, by type in milliseconds; types that are not there: for ever. */
  lifetimes: ReadonlyMap<string, number> = noLifetimes;
  private readonly apart = new ApartAnswers();
  private readonly heartbeats = new Map<TypeState, Heartbeats>();
  private readonly host: SendingHost;
  private readonly variant: AdsVariant;
  private readonly stream: AdsStream;
  private readonly onFailure: (error: unknown) => void;
  private readonly timer = new Timer(this, 0);
  private writable = true;
  private closed = false;
  private nonces = 0;
  /** When the present first picture loses its place; -1: none is held. */
  private slotUntilMs = -1;
  /** When it is looked whether what waits for the client has come further than `progress`, while a place is held. */
  private stallAtMs = -1;
  private progress = 0;
  /** It took too long over a picture: no further one before it answers. */
  private slow = false;

  /** `onFailure`: our own mistake in what a timer or a place began. */
  constructor(
    host: SendingHost,
    variant: AdsVariant,
    stream: AdsStream,
    onFailure: (error: unknown) => void,
  ) {
    this.host = host;
    this.variant = variant;
    this.stream = stream;
    this.onFailure = onFailure;
    this.warming = new Warming(host.clock.now());
  }

  close(): void {
    this.closed = true;
    this.host.clock.cancel(this.timer);
    this.host.slots.release(this);
  }

  addType(typeUrl: string): TypeState {
    const state = new TypeState(typeUrl);
    state.base = this.resourcesOf(typeUrl);
    const ttlMs = this.lifetimes.get(typeUrl);
    if (ttlMs !== undefined) {
      state.ttlMs = ttlMs;
      this.heartbeats.set(state, new Heartbeats(ttlMs, this.host.clock.now()));
    }
    this.types.set(typeUrl, state);
    this.ordered = sortTypes(this.types.values());
    return state;
  }

  /** null before the first snapshot. */
  resourcesOf(typeUrl: string): ResourceMap | null {
    return this.snapshot === null ? null : (this.snapshot.resources.get(typeUrl) ?? noResources);
  }

  /** The client answered: it reads. */
  answered(): void {
    this.slow = false;
  }

  onWritable(): void {
    this.writable = true;
    this.flushApart();
    this.tryFlush();
  }

  onSlot(): void {
    this.tryFlush();
  }

  onTimer(): void {
    const nowMs = this.host.clock.now();
    if (this.slotUntilMs >= 0 && (nowMs >= this.slotUntilMs || this.hasStalled(nowMs))) {
      this.slow = this.ordered.some((state) => state.inflight !== null);
      this.releaseSlot();
    }
    if (this.writable) this.tryFlush();
    else this.armTimer(nowMs);
  }

  /** The client took nothing of what waits since it was last looked. */
  private hasStalled(nowMs: number): boolean {
    if (this.writable || nowMs < this.stallAtMs) return false;
    const { progress = 0 } = this.stream;
    const stalled = progress === this.progress;
    this.progress = progress;
    this.stallAtMs = nowMs + pictureStallMs;
    return stalled;
  }

  private tryFlush(): void {
    try {
      this.flush();
    } catch (error) {
      this.onFailure(error);
    }
  }

  /** Sends whatever may be sent now. Called after everything that can change the answer. */
  flush(): void {
    if (this.closed || this.snapshot === null) return;
    const nowMs = this.host.clock.now();
    for (const [state, heartbeats] of this.heartbeats)
      if (this.mayRenew(state, nowMs)) heartbeats.begin(state, this.variant, nowMs);
    for (const state of this.ordered) {
      if (!this.writable) break;
      if (!mayMake(state, this.types, this.warming, nowMs)) continue;
      if (this.isPicture(state) && !this.takeSlot(nowMs)) continue;
      const leaving = this.selectLeaving(state, nowMs);
      const resources = this.resourcesOf(state.typeUrl) ?? noResources;
      const prepare = this.variant === 'delta' ? prepareDelta : prepareSotw;
      const prepared = prepare(state, resources, leaving);
      if (prepared !== null) this.send(state, prepared, nowMs);
    }
    for (const [state, heartbeats] of this.heartbeats)
      if (this.mayRenew(state, nowMs)) this.renew(state, heartbeats, nowMs);
    if (this.slotUntilMs >= 0 && this.ordered.every(isIdle)) this.releaseSlot();
    this.armTimer(nowMs);
  }

  /** An answer that is awaited says what the client has. */
  private mayRenew(state: TypeState, nowMs: number): boolean {
    return this.writable && !state.waiting(nowMs);
  }

  private renew(state: TypeState, heartbeats: Heartbeats, nowMs: number): void {
    const held = heartbeats.take();
    if (held.length === 0) return;
    this.nonces += 1;
    const nonce = String(this.nonces);
    const { typeUrl, ackedVersion: version } = state;
    state.nonce = nonce;
    state.sending({ nonce, version, sentAtMs: nowMs, sent: [], removed: [], trial: null });
    const head = { typeUrl, version, nonce };
    this.writable = this.stream.send(encodeHeartbeats(this.variant, head, held, heartbeats.ttlMs));
  }

  /** A message outside of any type's account, sent when it can be. False: too many wait. */
  sendApart(answer: ApartAnswer): boolean {
    const added = this.apart.add(answer);
    this.flushApart();
    return added;
  }

  private flushApart(): void {
    while (this.writable && !this.closed) {
      const answer = this.apart.take();
      if (answer === null) return;
      this.nonces += 1;
      const { typeUrl, names } = answer;
      this.writable = this.stream.send(encodeDeltaResponse(typeUrl, '', String(this.nonces), [], names));
    }
  }

  private isPicture(state: TypeState): boolean {
    if (state.due.size > pictureNamesMin) return true;
    return state.owed && (this.resourcesOf(state.typeUrl)?.size ?? 0) > pictureNamesMin;
  }

  private takeSlot(nowMs: number): boolean {
    if (this.slow || !this.host.slots.take(this)) return false;
    this.slotUntilMs = nowMs + pictureWaitMs;
    this.stallAtMs = nowMs + pictureStallMs;
    return true;
  }

  private releaseSlot(): void {
    this.slotUntilMs = -1;
    this.host.slots.release(this);
  }

  /**
   * What may be removed now. What a refused listener or route would have replaced goes on, and so does what that refers
   * to.
   */
  private selectLeaving(state: TypeState, nowMs: number): readonly XdsResource[] {
    if (state.leaving.size === 0 || !mayRemove(state, this.types, this.warming, nowMs)) return [];
    const pinned = new Set<string>();
    for (const other of this.ordered) for (const held of other.heldBack) pin(held, pinned);
    const leaving = [...state.leaving.values()];
    return pinned.size === 0 ? leaving : leaving.filter(({ name }) => !pinned.has(name));
  }

  private send(state: TypeState, prepared: Prepared, nowMs: number): void {
    this.nonces += 1;
    const nonce = String(this.nonces);
    state.nonce = nonce;
    const { version, sent, removed, trial } = prepared;
    state.sending({ nonce, version, sentAtMs: nowMs, sent, removed, trial });
    state.sentVersion = prepared.version;
    state.sentAtMs = nowMs;
    if (state.typeUrl === typeUrls.cluster) this.warm(prepared, nowMs);
    if (state.typeUrl === typeUrls.endpoint) for (const { name } of prepared.sent) this.warming.settle(name);
    this.writable = this.stream.send(prepared.encode(nonce));
    // From here on the client is to take it.
    this.progress = this.stream.progress ?? 0;
  }

  /** A client that takes a changed EDS cluster waits for its endpoints, also for those it has: they are sent again. */
  private warm({ sent, pages }: Prepared, nowMs: number): void {
    const endpoints = this.types.get(typeUrls.endpoint);
    const awaited = awaitedBy(sent, pages, this.resourcesOf(typeUrls.endpoint) ?? noResources);
    this.warming.expect(awaited, nowMs);
    if (endpoints === undefined || !endpoints.wantsAny(awaited)) return;
    for (const name of awaited.names) if (endpoints.wants(name)) endpoints.oweAgain(name);
  }

  /** What cannot be written is renewed when it can. */
  private nextBeatMs(): number {
    let dueMs = Number.POSITIVE_INFINITY;
    if (!this.writable) return dueMs;
    for (const [state, heartbeats] of this.heartbeats)
      dueMs = Math.min(dueMs, heartbeats.dueMs(state, ackWaitMs));
    return dueMs;
  }

  /** Something waits for an answer that may never come: look again when its patience ends. */
  private armTimer(nowMs: number): void {
    const waits = this.ordered.some((state) => state.making || state.leaving.size > 0);
    const beatMs = this.nextBeatMs();
    if (!waits && this.slotUntilMs < 0) {
      if (beatMs === Number.POSITIVE_INFINITY) this.host.clock.cancel(this.timer);
      else this.host.clock.arm(this.timer, Math.max(0, beatMs - nowMs));
      return;
    }
    let dueMs = Math.min(beatMs, this.warming.waiting(nowMs) ? this.warming.dueMs : Number.POSITIVE_INFINITY);
    if (this.slotUntilMs >= 0) dueMs = Math.min(dueMs, this.slotUntilMs);
    if (this.slotUntilMs >= 0 && !this.writable) dueMs = Math.min(dueMs, this.stallAtMs);
    if (nowMs < this.warming.youngUntilMs) dueMs = Math.min(dueMs, this.warming.youngUntilMs);
    for (const state of this.ordered) {
      if (state.inflight !== null && state.waiting(nowMs)) {
        dueMs = Math.min(dueMs, state.inflight.sentAtMs + ackWaitMs);
      }
    }
    if (dueMs === Number.POSITIVE_INFINITY) this.host.clock.cancel(this.timer);
    else this.host.clock.arm(this.timer, Math.max(0, dueMs - nowMs));
  }
}

const noLifetimes: ReadonlyMap<string, number> = new Map();

function isIdle(state: TypeState): boolean {
  return state.inflight === null && !state.making;
}

/** The clusters and endpoints that a resource in force refers to. */
function pin(resource: XdsResource, pinned: Set<string>): void {
  try {
    const { clusters, endpoints } = findReferences(resource);
    for (const name of [...clusters, ...endpoints]) pinned.add(name);
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
  }
}

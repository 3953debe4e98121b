// One client of the server: takes its requests in, follows its snapshots and sends what is due, in an order that never
// breaks traffic.
//
// States: `new` (no request yet) -> `serving` -> `closed`. While serving, each type is `idle`, `due` (something to
// send) or `waiting` (a response is out); at most one response of a type is out, so what a slow client costs is names
// in sets, not queued messages.

import { type Clock, type Log, MeshError, Timer, type TimerHandler } from '../../base/index.ts';
import { encodeDeltaResponse } from '../discovery/encode.ts';
import type { DeltaRequest, SotwRequest } from '../discovery/messages.ts';
import { parseDeltaRequest, parseSotwRequest } from '../discovery/parse.ts';
import {
  ackWaitMs,
  firstRequestWaitMs,
  nackTextMax,
  pictureNamesMin,
  pictureWaitMs,
  requestBytesMax,
  subscribedNamesMax,
} from '../limits.ts';
import { WireError } from '../protobuf/wire-reader.ts';
import { diffResources, type ResourceMap } from '../snapshot/diff.ts';
import { findReferences } from '../snapshot/references.ts';
import {
  type AdsStream,
  type AdsStreamHandler,
  type AdsVariant,
  type SnapshotSource,
  type SnapshotWatcher,
  typeUrls,
  type XdsNode,
  type XdsResource,
  type XdsSnapshot,
} from '../types.ts';
import type { Admission, AdmittedStream } from './admission.ts';
import { prepareDelta, startDelta, subscribeDelta } from './delta.ts';
import { isKnownType } from './known-types.ts';
import { mayMake, mayRemove, sortTypes, Warming } from './order.ts';
import type { PictureSlots, SlotTaker } from './picture-slots.ts';
import type { Prepared } from './prepared.ts';
import { isCurrent, prepareSotw, startSotw, subscribeSotw } from './sotw.ts';
import { noResources, TypeState } from './type-state.ts';
import type { AdsObserver, AdsStreamStatus } from './types.ts';
import type { Worker, WorkQueue } from './work-queue.ts';

export interface ServerStreamHost {
  readonly clock: Clock;
  readonly log: Log;
  readonly observer: AdsObserver;
  readonly admission: Admission;
  readonly slots: PictureSlots;
  readonly queue: WorkQueue;
  snapshotFor(node: XdsNode): SnapshotSource;
  onStreamClosed(stream: ServerStream): void;
}

/** Where a stream comes from: the client's address, and the one type that it is for, if it is not ADS. */
export interface StreamOrigin {
  readonly peer: string;
  readonly typeUrl: string | null;
}

export class ServerStream
  implements AdsStreamHandler, SnapshotWatcher, TimerHandler, AdmittedStream, SlotTaker, Worker
{
  readonly peer: string;
  private readonly onlyType: string | null;
  private readonly host: ServerStreamHost;
  private readonly variant: AdsVariant;
  private readonly stream: AdsStream;
  private readonly openedMs: number;
  private readonly timer = new Timer(this, 0);
  private readonly types = new Map<string, TypeState>();
  /** `types` in sending order. */
  private ordered: readonly TypeState[] = [];
  private readonly warming: Warming;
  private node: XdsNode | null = null;
  private source: SnapshotSource | null = null;
  private unwatch: (() => void) | null = null;
  private snapshot: XdsSnapshot | null = null;
  private writable = true;
  private closed = false;
  private nonces = 0;
  /** Bytes of the node and of names that the peer is charged with. */
  private charged = 0;
  private namesHeld = 0;
  /** When the present first picture loses its place; -1: none is held. */
  private slotUntilMs = -1;
  /** It took too long over a picture: no further one before it answers. */
  private slow = false;

  constructor(host: ServerStreamHost, variant: AdsVariant, stream: AdsStream, from: StreamOrigin) {
    this.host = host;
    this.peer = from.peer;
    this.onlyType = from.typeUrl;
    this.variant = variant;
    this.stream = stream;
    this.openedMs = host.clock.now();
    this.warming = new Warming(this.openedMs);
    host.clock.arm(this.timer, firstRequestWaitMs);
  }

  onMessage(message: Uint8Array): void {
    if (this.closed) return;
    try {
      if (message.length > requestBytesMax) {
        this.fail('too-large', `a request has ${message.length} bytes, at most ${requestBytesMax}`);
      } else if (this.variant === 'delta') this.takeDelta(parseDeltaRequest(message));
      else this.takeSotw(parseSotwRequest(message));
    } catch (error) {
      if (error instanceof WireError) this.fail('protocol', `the request ${error.message}`);
      else this.failInside(error);
    }
  }

  onWritable(): void {
    this.writable = true;
    this.tryFlush();
  }

  onClose(): void {
    if (this.closed) return;
    this.closed = true;
    this.host.clock.cancel(this.timer);
    this.host.queue.remove(this);
    this.host.slots.release(this);
    this.host.admission.leave(this, this.charged);
    this.unwatch?.();
    if (this.node !== null) this.host.observer.onStream(this.node, false);
    this.host.onStreamClosed(this);
  }

  onTimer(): void {
    if (this.node === null) {
      this.fail('head-timeout', `no request came within ${firstRequestWaitMs} ms`);
      return;
    }
    if (this.slotUntilMs >= 0 && this.host.clock.now() >= this.slotUntilMs) {
      this.slow = this.ordered.some((state) => state.inflight !== null);
      this.releaseSlot();
    }
    this.tryFlush();
  }

  onSlot(): void {
    this.tryFlush();
  }

  private tryFlush(): void {
    try {
      this.flush();
    } catch (error) {
      this.failInside(error);
    }
  }

  evict(reason: string): void {
    this.fail('overflow', reason);
  }

  /** Ends the stream from our side. */
  close(error: MeshError | null): void {
    if (this.closed) return;
    this.stream.close(error);
    this.onClose();
  }

  status(): AdsStreamStatus {
    const nowMs = this.host.clock.now();
    return {
      node: this.node,
      variant: this.variant,
      connectedMs: nowMs - this.openedMs,
      types: this.ordered.map((state) => state.status(nowMs)),
    };
  }

  /** Our own mistake with one stream must not become everybody's. */
  private failInside(error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error);
    this.host.log.write('error', 'xds stream failed', { node: this.node?.id ?? null, reason });
    this.close(new MeshError('internal', 'internal', 'yes', 'the control plane failed', error));
  }

  private takeSotw(request: SotwRequest): void {
    const state = this.admit(request);
    if (state === null) return;
    if (!isCurrent(state, request)) {
      // Stale as a subscription; as an answer it still says what became of an older response.
      if (request.error === null) return;
      this.settleAnswer(state, request.nonce, request.error);
      this.flush();
      return;
    }
    this.settleAnswer(state, request.nonce, request.error);
    subscribeSotw(state, request, this.resourcesOf(state.typeUrl));
    this.afterRequest(state);
  }

  private takeDelta(request: DeltaRequest): void {
    const state = this.admit(request);
    if (state === null) return;
    if (request.nonce !== '' || request.error !== null) {
      this.settleAnswer(state, request.nonce, request.error);
    }
    subscribeDelta(state, request, this.resourcesOf(state.typeUrl));
    for (const name of request.unsubscribe)
      if (state.typeUrl === typeUrls.endpoint) this.warming.settle(name);
    this.afterRequest(state);
  }

  /** Learns who asks, and finds the type's state; null when the stream had to be ended. */
  private admit(request: SotwRequest | DeltaRequest): TypeState | null {
    if (this.node === null) {
      if (request.node === null) return this.fail('protocol', 'the first request carries no node');
      if (!this.charge(sizeOf(request.node))) return null;
      this.node = request.node;
      this.host.admission.introduce(this);
      this.source = this.host.snapshotFor(request.node);
      this.snapshot = this.source.current();
      this.unwatch = this.source.watch(this);
      this.host.observer.onStream(request.node, true);
    }
    // On a service of one type a request need not say which it is.
    const typeUrl = request.typeUrl === '' ? (this.onlyType ?? '') : request.typeUrl;
    if (typeUrl === '') return this.fail('protocol', 'a request carries no type_url');
    if (this.onlyType !== null && typeUrl !== this.onlyType)
      return this.fail('protocol', `this service is for ${this.onlyType} alone`);
    let state = this.types.get(typeUrl);
    if (state === undefined) {
      if (!isKnownType(typeUrl)) return this.answerUnknown(request);
      state = new TypeState(typeUrl);
      state.base = this.resourcesOf(typeUrl);
      this.types.set(typeUrl, state);
      this.ordered = sortTypes(this.types.values());
    }
    return state;
  }

  /** A type that we never have anything of: said once, in the one way that takes no account of it. */
  private answerUnknown(request: SotwRequest | DeltaRequest): null {
    if ('subscribe' in request && request.nonce === '' && request.subscribe.length > 0) {
      this.nonces += 1;
      const names = request.subscribe.filter((name) => name !== '*');
      this.writable = this.stream.send(
        encodeDeltaResponse(request.typeUrl, '', String(this.nonces), [], names),
      );
    }
    return null;
  }

  private afterRequest(state: TypeState): void {
    if (state.names.size > subscribedNamesMax) {
      this.fail('too-large', `more than ${subscribedNamesMax} names of ${state.typeUrl}`);
      return;
    }
    let names = 0;
    for (const { nameBytes } of this.ordered) names += nameBytes;
    if (!this.charge(names - this.namesHeld)) return;
    this.namesHeld = names;
    this.flush();
  }

  private charge(bytes: number): boolean {
    if (this.host.admission.charge(this, bytes)) {
      this.charged += bytes;
      return true;
    }
    this.fail('too-large', 'the streams of this peer ask for more names than may be remembered');
    return false;
  }

  /**
   * Pairs an ACK or NACK with the response that is out. Only `error_detail` makes a NACK: versions say nothing about
   * it.
   */
  private settleAnswer(state: TypeState, nonce: string, error: string | null): void {
    const response = state.takeAnswered(nonce);
    if (response !== null) this.slow = false;
    if (error !== null) {
      const message = this.reportNack(state, response?.version ?? '', error);
      if (response !== null) state.refuse(response, message);
    } else if (response !== null) {
      state.accept(response);
      state.ackedVersion = response.version;
      const waitMs = this.host.clock.now() - response.sentAtMs;
      this.host.observer.onAck(this.node!, state.typeUrl, response.version, waitMs);
    }
    this.tellRefusals(state);
    if (error === null && state.quarantine.empty) state.error = '';
  }

  private tellRefusals(state: TypeState): void {
    const { refused, resolved } = state.quarantine.takeNews();
    for (const refusal of refused) this.host.observer.onRefused(this.node!, state.typeUrl, refusal);
    for (const refusal of resolved) this.host.observer.onResolved(this.node!, state.typeUrl, refusal);
  }

  private reportNack(state: TypeState, version: string, error: string): string {
    const message = error.slice(0, nackTextMax);
    state.error = message === '' ? 'refused without a reason' : message;
    this.host.log.write('warn', 'xds response refused', {
      node: this.node!.id,
      type: state.typeUrl,
      version,
      error: state.error,
    });
    this.host.observer.onNack({ node: this.node!, typeUrl: state.typeUrl, version, message: state.error });
    return state.error;
  }

  onSnapshot(): void {
    if (!this.closed) this.host.queue.add(this);
  }

  work(): void {
    try {
      this.takeSnapshot();
    } catch (error) {
      this.failInside(error);
    }
  }

  /** The newest snapshot replaces what was due of older ones. */
  private takeSnapshot(): void {
    const snapshot = this.source?.current() ?? null;
    if (this.closed || snapshot === null || snapshot === this.snapshot) return;
    this.snapshot = snapshot;
    for (const state of this.ordered) {
      const next = snapshot.resources.get(state.typeUrl) ?? noResources;
      if (state.base === null) this.start(state, next);
      else this.advance(state, state.base, next);
      state.base = next;
      this.tellRefusals(state);
    }
    this.flush();
  }

  private start(state: TypeState, resources: ResourceMap): void {
    if (this.variant === 'delta') startDelta(state, resources);
    else startSotw(state, resources);
  }

  private advance(state: TypeState, from: ResourceMap, to: ResourceMap): void {
    const diff = diffResources(from, to);
    for (const name of diff.changed) {
      state.leaving.delete(name);
      if (!state.wants(name)) continue;
      state.fallBehind(name, from.get(name) ?? null);
      state.due.add(name);
      state.quarantine.supersede(name, to.get(name) ?? null);
    }
    const underWay = diff.removed.length > 0 ? state.namesUnderWay() : null;
    for (const resource of diff.removed) {
      const held = state.heldOf(resource.name);
      state.due.delete(resource.name);
      state.quarantine.supersede(resource.name, null);
      // In SotW what is leaving is sent along until it may go; what the client never took has nowhere to leave from.
      const present = held !== null || this.variant === 'delta' || underWay?.has(resource.name) === true;
      if (state.wants(resource.name) && present) state.leaving.set(resource.name, held ?? resource);
      if (state.typeUrl === typeUrls.endpoint) this.warming.settle(resource.name);
    }
  }

  /** Sends whatever may be sent now. Called after everything that can change the answer. */
  private flush(): void {
    if (this.closed || this.snapshot === null) return;
    const nowMs = this.host.clock.now();
    for (const state of this.ordered) {
      if (!this.writable) return;
      if (!mayMake(state, this.types, this.warming, nowMs)) continue;
      if (this.isPicture(state) && !this.takeSlot(nowMs)) continue;
      const leaving = this.selectLeaving(state, nowMs);
      const resources = this.resourcesOf(state.typeUrl) ?? noResources;
      const prepared =
        this.variant === 'delta'
          ? prepareDelta(state, resources, leaving)
          : prepareSotw(state, resources, leaving);
      if (prepared !== null) this.send(state, prepared, nowMs);
    }
    if (this.slotUntilMs >= 0 && this.ordered.every(isIdle)) this.releaseSlot();
    this.armTimer(nowMs);
  }

  private isPicture(state: TypeState): boolean {
    if (state.due.size > pictureNamesMin) return true;
    return state.owed && (this.resourcesOf(state.typeUrl)?.size ?? 0) > pictureNamesMin;
  }

  private takeSlot(nowMs: number): boolean {
    if (this.slow || !this.host.slots.take(this)) return false;
    this.slotUntilMs = nowMs + pictureWaitMs;
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
    if (state.typeUrl === typeUrls.cluster) this.warm(prepared.sent, nowMs);
    if (state.typeUrl === typeUrls.endpoint) for (const { name } of prepared.sent) this.warming.settle(name);
    this.writable = this.stream.send(prepared.encode(nonce));
  }

  /** A client that takes a changed EDS cluster waits for its endpoints, also for those it has: they are sent again. */
  private warm(clusters: readonly XdsResource[], nowMs: number): void {
    const endpoints = this.types.get(typeUrls.endpoint);
    const assignments = this.resourcesOf(typeUrls.endpoint) ?? noResources;
    for (const resource of clusters) {
      const name = findEndpoints(resource);
      if (name === undefined || !assignments.has(name)) continue;
      this.warming.expect(name, nowMs);
      if (endpoints?.wants(name)) endpoints.oweAgain(name);
    }
  }

  /** Something waits for an answer that may never come: look again when its patience ends. */
  private armTimer(nowMs: number): void {
    const waits = this.ordered.some((state) => state.making || state.leaving.size > 0);
    if (!waits && this.slotUntilMs < 0) {
      this.host.clock.cancel(this.timer);
      return;
    }
    let dueMs = this.warming.waiting(nowMs) ? this.warming.dueMs : Number.POSITIVE_INFINITY;
    if (this.slotUntilMs >= 0) dueMs = Math.min(dueMs, this.slotUntilMs);
    if (nowMs < this.warming.youngUntilMs) dueMs = Math.min(dueMs, this.warming.youngUntilMs);
    for (const state of this.ordered) {
      if (state.inflight !== null && state.waiting(nowMs)) {
        dueMs = Math.min(dueMs, state.inflight.sentAtMs + ackWaitMs);
      }
    }
    if (dueMs === Number.POSITIVE_INFINITY) this.host.clock.cancel(this.timer);
    else this.host.clock.arm(this.timer, Math.max(0, dueMs - nowMs));
  }

  private resourcesOf(typeUrl: string): ResourceMap | null {
    return this.snapshot === null ? null : (this.snapshot.resources.get(typeUrl) ?? noResources);
  }

  private fail(code: 'protocol' | 'too-large' | 'overflow' | 'head-timeout', message: string): null {
    this.host.log.write('warn', 'xds stream ended', { node: this.node?.id ?? null, reason: message });
    this.close(new MeshError(code, 'downstream', 'no', message));
    return null;
  }
}

function isIdle(state: TypeState): boolean {
  return state.inflight === null && !state.making;
}

/** What a node costs to remember, roughly. */
function sizeOf(node: XdsNode): number {
  return node.id.length + node.cluster.length + JSON.stringify(node.metadata).length;
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

/**
 * The assignment an EDS cluster waits for. What cannot be read waits for nothing: the client will say what is wrong
 * with it.
 */
function findEndpoints(cluster: XdsResource): string | undefined {
  try {
    return findReferences(cluster).endpoints[0];
  } catch (error) {
    if (error instanceof WireError) return undefined;
    throw error;
  }
}

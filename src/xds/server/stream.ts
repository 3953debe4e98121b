// One client of the server: who it is, what it asks and answers. What is sent when is sending.ts's; what a snapshot
// changes, follow.ts's.
//
// States: `new` (no request yet) -> `serving` -> `closed`. While serving, each type is `idle`, `due` (something to
// send) or `waiting` (a response is out); at most one response of a type is out, so what a slow client costs is names
// in sets, not queued messages.

import { type Clock, type Log, MeshError, Timer, type TimerHandler } from '../../base/index.ts';
import { type CallerRefusal, refusedError, type XdsCaller } from '../caller.ts';
import type { DeltaRequest, SotwRequest } from '../discovery/messages.ts';
import { parseDeltaRequest, parseSotwRequest } from '../discovery/parse.ts';
import { firstRequestWaitMs, requestBytesMax, subscribedNamesMax } from '../limits.ts';
import { WireError } from '../protobuf/wire-reader.ts';
import {
  type AdsStream,
  type AdsStreamHandler,
  type AdsVariant,
  type SnapshotSource,
  type SnapshotWatcher,
  typeUrls,
  type XdsNode,
} from '../types.ts';
import type { Admission, AdmittedStream } from './admission.ts';
import { settleAnswer, tellRefusals } from './answers.ts';
import { subscribeDelta } from './delta.ts';
import { follow } from './follow.ts';
import { takesLifetimes } from './heartbeats.ts';
import { type InspectedType, inspectType } from './inspect.ts';
import { isKnownType } from './known-types.ts';
import type { PictureSlots } from './picture-slots.ts';
import { Sending } from './sending.ts';
import { isCurrent, subscribeSotw } from './sotw.ts';
import { noResources, type TypeState } from './type-state.ts';
import type { AdsObserver, AdsRefusal, AdsStreamStatus } from './types.ts';
import type { Worker, WorkQueue } from './work-queue.ts';

export interface ServerStreamHost {
  readonly clock: Clock;
  readonly log: Log;
  readonly observer: AdsObserver;
  readonly admission: Admission;
  readonly slots: PictureSlots;
  readonly queue: WorkQueue;
  /** Of what is sent, by type in milliseconds. */
  readonly lifetimes: ReadonlyMap<string, number> | null;
  snapshotFor(node: XdsNode): SnapshotSource;
  onStreamClosed(stream: ServerStream): void;
}

/** Where a stream comes from. */
export interface StreamOrigin {
  /** The client's address, by which what one peer may take is bounded; '' where there is none. */
  readonly peer: string;
  /** The one type that a separate discovery service is for; null: it is ADS. */
  readonly typeUrl: string | null;
  /** Null: nobody has to prove anything here, and a node is believed. */
  readonly caller: XdsCaller | null;
}

export class ServerStream implements AdsStreamHandler, SnapshotWatcher, TimerHandler, AdmittedStream, Worker {
  readonly peer: string;
  private readonly onlyType: string | null;
  private readonly caller: XdsCaller | null;
  private readonly host: ServerStreamHost;
  private readonly variant: AdsVariant;
  private readonly stream: AdsStream;
  private readonly openedMs: number;
  private readonly firstRequest = new Timer(this, 0);
  private readonly sending: Sending;
  private node: XdsNode | null = null;
  /** What it said of itself. */
  private claimed: XdsNode | null = null;
  private source: SnapshotSource | null = null;
  private unwatch: (() => void) | null = null;
  private closed = false;
  /** Bytes of the node and of names that the peer is charged with. */
  private charged = 0;
  private namesHeld = 0;

  constructor(host: ServerStreamHost, variant: AdsVariant, stream: AdsStream, from: StreamOrigin) {
    this.host = host;
    this.peer = from.peer;
    this.onlyType = from.typeUrl;
    this.caller = from.caller;
    this.variant = variant;
    this.stream = stream;
    this.openedMs = host.clock.now();
    this.sending = new Sending(host, variant, stream, (error) => this.failInside(error));
    host.clock.arm(this.firstRequest, firstRequestWaitMs);
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
    this.sending.onWritable();
  }

  onClose(): void {
    if (this.closed) return;
    this.closed = true;
    this.host.clock.cancel(this.firstRequest);
    this.sending.close();
    this.host.queue.remove(this);
    this.host.admission.leave(this, this.charged);
    this.unwatch?.();
    if (this.node !== null) this.host.observer.onStream(this.node, false);
    this.host.onStreamClosed(this);
  }

  onTimer(): void {
    this.fail('head-timeout', `no request came within ${firstRequestWaitMs} ms`);
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
      types: this.sending.ordered.map((state) => state.status(nowMs)),
    };
  }

  get nodeId(): string | null {
    return this.node?.id ?? null;
  }

  inspect(): readonly (InspectedType & { readonly refusals: readonly AdsRefusal[] })[] {
    return this.sending.ordered.map((state) => ({
      ...inspectType(state),
      refusals: state.quarantine.refusals,
    }));
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
      this.settle(state, request.nonce, request.error);
      this.sending.flush();
      return;
    }
    this.settle(state, request.nonce, request.error);
    subscribeSotw(state, request, this.sending.resourcesOf(state.typeUrl));
    this.afterRequest(state);
  }

  private takeDelta(request: DeltaRequest): void {
    const state = this.admit(request);
    if (state === null) return;
    if (request.nonce !== '' || request.error !== null) {
      this.settle(state, request.nonce, request.error);
    }
    subscribeDelta(state, request, this.sending.resourcesOf(state.typeUrl));
    for (const name of request.unsubscribe)
      if (state.typeUrl === typeUrls.endpoint) this.sending.warming.settle(name);
    this.afterRequest(state);
  }

  /** Learns who asks, and finds the type's state; null when the stream had to be ended. */
  private admit(request: SotwRequest | DeltaRequest): TypeState | null {
    if (this.node === null) {
      if (request.node === null) return this.fail('protocol', 'the first request carries no node');
      if (!this.charge(sizeOf(request.node)) || !this.introduce(request.node)) return null;
    }
    // On a service of one type a request need not say which it is.
    const typeUrl = request.typeUrl === '' ? (this.onlyType ?? '') : request.typeUrl;
    if (typeUrl === '') return this.fail('protocol', 'a request carries no type_url');
    if (this.onlyType !== null && typeUrl !== this.onlyType)
      return this.fail('protocol', `this service is for ${this.onlyType} alone`);
    const state = this.sending.types.get(typeUrl);
    if (state !== undefined) return state;
    return isKnownType(typeUrl) ? this.sending.addType(typeUrl) : this.answerUnknown(request);
  }

  /** From here on the node is what is known of the caller; false: it is not who it says it is. */
  private introduce(claimed: XdsNode): boolean {
    const introduced = this.caller?.introduce(claimed) ?? { ok: true, value: claimed };
    if (!introduced.ok) {
      const { reason } = introduced.error;
      this.host.log.write('warn', 'xds stream refused', {
        node: claimed.id,
        caller: this.caller?.name ?? '',
        reason,
      });
      this.close(refusedError(introduced.error));
      return false;
    }
    const node = introduced.value;
    const { admission } = this.host;
    const excess = admission.introduce(this, this.caller?.subjectOf(claimed) ?? null);
    if (excess !== null) {
      this.evict(excess);
      return false;
    }
    this.host.clock.cancel(this.firstRequest);
    this.claimed = claimed;
    this.node = node;
    this.source = this.host.snapshotFor(node);
    const { lifetimes } = this.host;
    if (lifetimes !== null && takesLifetimes(claimed.clientFeatures, this.variant))
      this.sending.lifetimes = lifetimes;
    this.sending.snapshot = this.source.current();
    this.unwatch = this.source.watch(this);
    this.host.observer.onStream(node, true);
    return true;
  }

  /** Why it has to end, now that something about these subjects (null: any) changed; null: it goes on. */
  reconsider(subjects: ReadonlySet<string> | null): CallerRefusal | null {
    const { caller, claimed } = this;
    if (caller === null || claimed === null) return null;
    if (subjects !== null && !subjects.has(caller.subjectOf(claimed))) return null;
    const again = caller.introduce(claimed);
    if (!again.ok) return again.error;
    if (JSON.stringify(again.value) === JSON.stringify(this.node)) return null;
    return { fault: 'unavailable', reason: 'what is known of this proxy changed; it is served anew' };
  }

  /** A type that we never have anything of: said once, in the one way that takes no account of it. */
  private answerUnknown(request: SotwRequest | DeltaRequest): null {
    if ('subscribe' in request && request.nonce === '' && request.subscribe.length > 0) {
      const names = request.subscribe.filter((name) => name !== '*');
      if (!this.sending.sendApart({ typeUrl: request.typeUrl, names }))
        return this.fail('overflow', 'too many answers to types that do not exist wait to be read');
    }
    return null;
  }

  private afterRequest(state: TypeState): void {
    state.names.settle();
    if (state.names.size > subscribedNamesMax) {
      this.fail('too-large', `more than ${subscribedNamesMax} names of ${state.typeUrl}`);
      return;
    }
    let names = 0;
    for (const { bytesHeld } of this.sending.ordered) names += bytesHeld;
    if (!this.charge(names - this.namesHeld)) return;
    this.namesHeld = names;
    this.sending.flush();
  }

  private charge(bytes: number): boolean {
    if (this.host.admission.charge(this, bytes)) {
      this.charged += bytes;
      return true;
    }
    this.fail('too-large', 'the streams of this peer ask for more names than may be remembered');
    return false;
  }

  private settle(state: TypeState, nonce: string, error: string | null): void {
    if (settleAnswer(this.host, this.node!, state, nonce, error)) this.sending.answered();
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

  private takeSnapshot(): void {
    const { sending } = this;
    const snapshot = this.source?.current() ?? null;
    if (this.closed || snapshot === null || snapshot === sending.snapshot) return;
    sending.snapshot = snapshot;
    for (const state of sending.ordered) {
      follow(state, this.variant, snapshot.resources.get(state.typeUrl) ?? noResources, sending.warming);
      tellRefusals(this.host, this.node!, state);
    }
    sending.flush();
  }

  private fail(code: 'protocol' | 'too-large' | 'overflow' | 'head-timeout', message: string): null {
    this.host.log.write('warn', 'xds stream ended', { node: this.node?.id ?? null, reason: message });
    this.close(new MeshError(code, 'downstream', 'no', message));
    return null;
  }
}

/** What a node costs to remember, roughly. */
function sizeOf(node: XdsNode): number {
  const { id, cluster, metadata, locality, userAgent, clientFeatures } = node;
  return JSON.stringify([id, cluster, metadata, locality, userAgent, clientFeatures]).length;
}

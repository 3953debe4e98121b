// A client of ADS: keeps subscriptions on one stream, takes responses in, answers each with ACK or NACK, and reconnects
// for ever.
//
// States: `idle` -> start -> `connecting` (stream opened, nothing heard) -> first response -> `connected`; either ->
// stream ends -> `backoff` -> timer -> `connecting`; any -> stop -> `stopped`. Resources outlive streams: what was
// applied holds in the meantime.

import {
  type Clock,
  formatIssue,
  type Issue,
  type Log,
  MeshError,
  type Random,
  reconnectDelayMs,
  Timer,
  type TimerHandler,
} from '../../base/index.ts';
import { parseDeltaResponse, parseSotwResponse } from '../discovery/parse.ts';
import {
  acksQueuedMax,
  nackTextMax,
  reconnectBaseMs,
  reconnectMaxMs,
  responsesQueuedMax,
} from '../limits.ts';
import { WireError } from '../protobuf/wire-reader.ts';
import type {
  AdsStream,
  AdsStreamHandler,
  AdsTransport,
  AdsVariant,
  XdsNode,
  XdsSubscriber,
} from '../types.ts';
import { type ReadResponse, readDelta, readSotw } from './read-response.ts';
import { nextDeltaRequest, nextSotwRequest } from './requests.ts';
import { Subscription } from './subscription.ts';
import type { AdsClientState, AdsClientStatus } from './types.ts';

export interface AdsClientOptions {
  readonly transport: AdsTransport;
  readonly variant: AdsVariant;
  readonly clock: Clock;
  readonly random: Random;
  readonly node: XdsNode;
  readonly subscriber: XdsSubscriber;
  readonly log: Log;
}

const reconnectTimer = 0;
const resourceTimer = 1;

interface Received {
  readonly typeUrl: string;
  readonly version: string;
  readonly nonce: string;
}

export class AdsClient implements TimerHandler {
  private readonly options: AdsClientOptions;
  private readonly subscriptions = new Map<string, Subscription>();
  private readonly reconnect = new Timer(this, reconnectTimer);
  private readonly resources = new Timer(this, resourceTimer);
  private state: AdsClientState = 'idle';
  private stream: ClientStream | null = null;
  private attempts = 0;
  private connectedAtMs = -1;
  private lastError = '';
  /** The subscriber has not taken the last update in yet; what came since waits behind it. */
  private applying = false;
  private readonly backlog: { readonly stream: ClientStream; readonly message: Uint8Array }[] = [];

  constructor(options: AdsClientOptions) {
    this.options = options;
  }

  /**
   * Sets everything wanted of a type: names, `*` for all, an empty list for nothing. May be called at any time, also by
   * the subscriber.
   */
  subscribe(typeUrl: string, names: readonly string[] | '*'): void {
    let subscription = this.subscriptions.get(typeUrl);
    if (subscription === undefined) {
      subscription = new Subscription(typeUrl);
      this.subscriptions.set(typeUrl, subscription);
    }
    subscription.want(names);
    this.flush();
  }

  start(): void {
    if (this.state === 'idle') this.open();
  }

  /** Ends the stream and all timers for good. */
  stop(): void {
    if (this.state === 'stopped') return;
    this.state = 'stopped';
    this.options.clock.cancel(this.reconnect);
    this.options.clock.cancel(this.resources);
    const { stream } = this;
    this.stream = null;
    stream?.end(null);
  }

  /** Names asked for that the server has not answered: what is warming up by them still has to wait. */
  missing(typeUrl: string): readonly string[] {
    return this.subscriptions.get(typeUrl)?.missing() ?? [];
  }

  status(): AdsClientStatus {
    const nowMs = this.options.clock.now();
    return {
      state: this.state,
      attempts: this.attempts,
      connectedMs: this.connectedAtMs < 0 ? -1 : nowMs - this.connectedAtMs,
      lastError: this.lastError,
      types: [...this.subscriptions.values()].map((subscription) => subscription.status(nowMs)),
    };
  }

  onTimer(kind: number): void {
    if (kind === reconnectTimer) this.open();
    else this.expireResources();
  }

  private open(): void {
    this.state = 'connecting';
    this.attempts += 1;
    const stream = new ClientStream(this);
    this.stream = stream;
    stream.begin(this.options.transport.open(this.options.variant, stream));
    this.flush();
  }

  onMessage(stream: ClientStream, message: Uint8Array): void {
    if (stream !== this.stream) return;
    if (!this.applying) {
      this.read(stream, message);
    } else if (this.backlog.length < responsesQueuedMax) {
      this.backlog.push({ stream, message });
    } else {
      this.fail(stream, 'more responses than a server sends before they are answered');
    }
  }

  private read(stream: ClientStream, message: Uint8Array): void {
    try {
      if (this.state === 'connecting') this.onConnected();
      if (this.options.variant === 'delta') {
        const response = parseDeltaResponse(message);
        this.take(response, (subscription) => readDelta(subscription, response));
      } else {
        const response = parseSotwResponse(message);
        this.take(response, (subscription) => readSotw(subscription, response));
      }
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      this.fail(stream, `the ADS response ${error.message}`);
      return;
    }
    this.flush();
  }

  private fail(stream: ClientStream, reason: string): void {
    const failure = new MeshError('protocol', 'upstream', 'yes', reason);
    stream.end(failure);
    this.onClosed(stream, failure);
  }

  private onConnected(): void {
    this.state = 'connected';
    this.attempts = 0;
    this.connectedAtMs = this.options.clock.now();
    this.options.log.write('info', 'xds stream connected', { variant: this.options.variant });
    this.options.subscriber.onConnection(true, null);
  }

  onClosed(stream: ClientStream, error: MeshError | null): void {
    if (stream !== this.stream) return;
    this.stream = null;
    const { clock, log, random, subscriber } = this.options;
    // A stream that answered was healthy: its end starts the backoff anew.
    const delayMs = reconnectDelayMs(Math.max(1, this.attempts), reconnectBaseMs, reconnectMaxMs, random);
    this.state = 'backoff';
    this.connectedAtMs = -1;
    this.lastError = error === null ? 'the server ended the stream' : error.message;
    for (const subscription of this.subscriptions.values()) subscription.disconnect();
    // What was given a time to live has it without a stream, too.
    this.armResources();
    clock.arm(this.reconnect, delayMs);
    log.write('warn', 'xds stream ended', { reason: this.lastError, retryMs: Math.round(delayMs) });
    subscriber.onConnection(false, error);
  }

  private take(response: Received, read: (subscription: Subscription) => ReadResponse): void {
    const subscription = this.subscriptions.get(response.typeUrl);
    if (subscription === undefined) {
      this.options.log.write('warn', 'xds response of a type not asked for', { type: response.typeUrl });
      return;
    }
    const result = read(subscription);
    const applied = this.applyUpdate(subscription, response, result);
    if (applied instanceof Promise) {
      const { stream } = this;
      this.applying = true;
      void applied.then((issues) => this.onApplied(stream, subscription, response, result, issues));
      return;
    }
    this.account(subscription, result, applied);
    this.answer(subscription, response, [...result.issues, ...applied]);
  }

  /** All threads took it in. The stream may have ended meanwhile: then nobody waits for an answer. */
  private onApplied(
    stream: ClientStream | null,
    subscription: Subscription,
    response: Received,
    result: ReadResponse,
    issues: readonly Issue[],
  ): void {
    this.applying = false;
    if (this.state === 'stopped') return;
    this.account(subscription, result, issues);
    if (stream === this.stream) this.answer(subscription, response, [...result.issues, ...issues]);
    this.flush();
    while (!this.applying) {
      const next = this.backlog.shift();
      if (next === undefined) return;
      if (next.stream === this.stream) this.read(next.stream, next.message);
    }
  }

  private answer(subscription: Subscription, response: Received, issues: readonly Issue[]): void {
    subscription.nonce = response.nonce;
    if (issues.length === 0) {
      subscription.version = response.version;
      subscription.acceptedAtMs = this.options.clock.now();
      subscription.nack = null;
    } else {
      subscription.nack = issues.map(formatIssue).join('; ').slice(0, nackTextMax);
      this.options.log.write('warn', 'xds response refused', {
        type: response.typeUrl,
        error: subscription.nack,
      });
    }
    if (subscription.answers.length >= acksQueuedMax) subscription.answers.shift();
    subscription.answers.push({ nonce: response.nonce, error: subscription.nack });
  }

  /** Hands the good part on. */
  private applyUpdate(
    subscription: Subscription,
    response: Received,
    result: ReadResponse,
  ): readonly Issue[] | Promise<readonly Issue[]> {
    const removed = result.removed.filter((name) => subscription.remove(name));
    for (const issue of result.issues) subscription.answered(issue.object);
    if (result.changed.length === 0 && removed.length === 0) return [];
    const { typeUrl, version } = response;
    return this.options.subscriber.onUpdate({ typeUrl, version, changed: result.changed, removed });
  }

  /** Keeps account of what was applied. */
  private account(subscription: Subscription, result: ReadResponse, issues: readonly Issue[]): void {
    const names = new Set(result.changed.map((resource) => resource.name));
    const refused = new Set(issues.map((issue) => issue.object));
    const refusedWhole = issues.some((issue) => !names.has(issue.object));
    for (const resource of result.changed) {
      const { aliases = [], name, version } = resource;
      if (!subscription.wants(name, aliases)) continue;
      if (refusedWhole || refused.has(name)) for (const one of [name, ...aliases]) subscription.answered(one);
      else subscription.hold(name, version, aliases);
    }
    const nowMs = this.options.clock.now();
    for (const [name, ttlMs] of result.lifetimes) subscription.renew(name, ttlMs, nowMs);
  }

  private expireResources(): void {
    const nowMs = this.options.clock.now();
    for (const subscription of this.subscriptions.values()) {
      const removed = subscription.expire(nowMs);
      if (removed.length === 0) continue;
      const { typeUrl, version } = subscription;
      this.options.log.write('warn', 'xds resources do not exist, or not any more', {
        type: typeUrl,
        names: removed.join(' '),
      });
      void this.options.subscriber.onUpdate({ typeUrl, version, changed: [], removed });
    }
    this.armResources();
  }

  /** Sends what each subscription has to say, as far as the stream takes it. */
  flush(): void {
    const { stream } = this;
    if (stream === null || !stream.open) return;
    const next = this.options.variant === 'delta' ? nextDeltaRequest : nextSotwRequest;
    for (const subscription of this.subscriptions.values()) {
      while (stream.writable) {
        const request = next(subscription, stream.introduced ? null : this.options.node);
        if (request === null) break;
        stream.introduced = true;
        subscription.markAsked(this.options.clock.now());
        stream.send(request);
      }
    }
    this.armResources();
  }

  private armResources(): void {
    let dueMs = Number.POSITIVE_INFINITY;
    for (const subscription of this.subscriptions.values()) dueMs = Math.min(dueMs, subscription.dueMs());
    const { clock } = this.options;
    if (dueMs === Number.POSITIVE_INFINITY) clock.cancel(this.resources);
    else clock.arm(this.resources, Math.max(0, dueMs - clock.now()));
  }
}

/**
 * One attempt's stream. An object of its own, so that a late call of a stream already given up cannot touch the present
 * one.
 */
class ClientStream implements AdsStreamHandler {
  private readonly client: AdsClient;
  private stream: AdsStream | null = null;
  writable = true;
  /** The node was sent. */
  introduced = false;

  constructor(client: AdsClient) {
    this.client = client;
  }

  begin(stream: AdsStream): void {
    this.stream = stream;
  }

  get open(): boolean {
    return this.stream !== null;
  }

  send(message: Uint8Array): void {
    this.writable = this.stream?.send([message]) ?? false;
  }

  end(error: MeshError | null): void {
    this.stream?.close(error);
    this.stream = null;
  }

  onMessage(message: Uint8Array): void {
    this.client.onMessage(this, message);
  }

  onWritable(): void {
    this.writable = true;
    this.client.flush();
  }

  onClose(error: MeshError | null): void {
    this.stream = null;
    this.client.onClosed(this, error);
  }
}

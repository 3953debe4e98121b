// One kind of objects, listed and then watched for good: what client-go calls a reflector. Resumes where a watch ended,
// lists again when the API server has forgotten that place (410) or an event may have been lost, and waits for a kind
// whose CRD is not there yet. (Kubernetes documentation, "API concepts": efficient detection of changes, bookmarks,
// streaming lists.)

import {
  type Clock,
  type MeshError,
  type Random,
  reconnectDelayMs,
  Timer,
  type TimerHandler,
} from '../../base/index.ts';
import { kubeLimits } from './limits.ts';
import {
  fieldOf,
  isRecord,
  type KubeAnswer,
  type KubeApi,
  type KubeObject,
  textOf,
  type WatchEventType,
  type WatchReceiver,
} from './types.ts';
import { pathOf, type WatchedKind } from './watched-kinds.ts';

/**
 * listing -> synced; absent: the API server has no such kind, which is an answer too; refused: it may not be read (401,
 * 403), which is none. Once synced it stays so while the API server is away: what was learned holds.
 */
export type ReflectorState = 'listing' | 'synced' | 'absent' | 'refused';

export interface ReflectorOwner {
  onObject(kind: WatchedKind, version: string, object: KubeObject): void;
  onGone(kind: WatchedKind, namespace: string, name: string): void;
  /** Its state, or the reason of its last failure, changed. */
  onState(): void;
}

export interface ReflectorOptions {
  readonly api: KubeApi;
  readonly clock: Clock;
  readonly random: Random;
  readonly kind: WatchedKind;
  /** Empty: all namespaces. */
  readonly namespace: string;
  readonly owner: ReflectorOwner;
}

const retryTimer = 0;
const relistTimer = 1;

export class Reflector implements WatchReceiver, TimerHandler {
  readonly kind: WatchedKind;
  state: ReflectorState = 'listing';
  /** Why the last request failed; empty while all is well. */
  failure = '';
  /** Lists and watches begun, for metrics. */
  lists = 0;
  watches = 0;
  private readonly options: ReflectorOptions;
  private readonly retry = new Timer(this, retryTimer);
  private readonly relist = new Timer(this, relistTimer);
  private failures = 0;
  /** `namespace/name` of what the owner was told. */
  private known = new Set<string>();
  /** What the list under way holds so far; null: none is under way. */
  private listed: Set<string> | null = null;
  /** Where to resume; empty: list. Known once a list is whole: a watch from half of one would never tell the rest. */
  private resourceVersion = '';
  private version = 0;
  private streamsLists = true;
  private endWatch: (() => void) | null = null;
  private watchedAtMs = 0;
  /** Raised by stop and by every new start, so that the answer to an old request is not taken. */
  private generation = 0;

  constructor(options: ReflectorOptions) {
    this.options = options;
    this.kind = options.kind;
  }

  get size(): number {
    return this.known.size;
  }

  start(): void {
    this.generation++;
    this.endWatch?.();
    this.endWatch = null;
    if (this.resourceVersion !== '') this.watch();
    else if (this.streamsLists) this.streamList();
    else void this.list(this.generation);
  }

  stop(): void {
    this.generation++;
    this.endWatch?.();
    this.endWatch = null;
    this.options.clock.cancel(this.retry);
    this.options.clock.cancel(this.relist);
  }

  onTimer(kind: number): void {
    if (kind === relistTimer) this.resourceVersion = '';
    this.start();
  }

  onEvent(type: WatchEventType, object: KubeObject): void {
    if (type === 'ERROR') {
      this.endWatch?.();
      this.endWatch = null;
      const code = Number(fieldOf(object, 'code') ?? 500);
      this.onEnd({ status: code, body: object, retryAfterMs: 0 }, null);
      return;
    }
    if (type === 'DELETED') this.remove(keyOf(object));
    else if (type !== 'BOOKMARK') this.take(object);
    const ended = textOf(object, 'metadata', 'annotations', 'k8s.io/initial-events-end') === 'true';
    const version = textOf(object, 'metadata', 'resourceVersion');
    if (this.listed === null) this.resume(version);
    else if (type === 'BOOKMARK' && ended) this.finishList(version);
  }

  private resume(version: string): void {
    this.failures = 0;
    this.resourceVersion = version || this.resourceVersion;
  }

  onEnd(status: KubeAnswer | null, error: MeshError | null): void {
    this.endWatch = null;
    if (status !== null) this.onStatus(status);
    else if (error !== null) this.fail(error.message, 0);
    else if (this.options.clock.now() - this.watchedAtMs < kubeLimits.watchShortMs)
      this.fail('the API server ended the watch at once', 0);
    else this.start();
  }

  /** Asks for all objects as the first events of a watch, so that neither side holds the whole list. */
  private streamList(): void {
    this.lists++;
    this.listed = new Set();
    this.open('&sendInitialEvents=true&resourceVersionMatch=NotOlderThan');
  }

  private watch(): void {
    this.open(`&resourceVersion=${encodeURIComponent(this.resourceVersion)}`);
  }

  private open(query: string): void {
    this.watches++;
    const { api, clock, random } = this.options;
    this.watchedAtMs = clock.now();
    const seconds = Math.round(kubeLimits.watchSeconds * (1 + random.float()));
    const path = `${this.path('watch=true')}&allowWatchBookmarks=true&timeoutSeconds=${seconds}${query}`;
    this.endWatch = api.watch(path, this);
  }

  /** Page by page, for API servers that do not stream lists. */
  private async list(generation: number): Promise<void> {
    this.lists++;
    this.listed = new Set();
    let next = '';
    let version = '';
    do {
      const more = next === '' ? '' : `&continue=${encodeURIComponent(next)}`;
      const path = `${this.path(`limit=${kubeLimits.pageSize}`)}${more}`;
      const answer = await this.options.api.request({ method: 'GET', path });
      if (generation !== this.generation) return;
      if (!answer.ok) return this.fail(answer.error.message, 0);
      if (answer.value.status !== 200) return this.onStatus(answer.value);
      const { body } = answer.value;
      for (const item of itemsOf(body)) this.take(item);
      next = textOf(body, 'metadata', 'continue');
      version = textOf(body, 'metadata', 'resourceVersion');
    } while (next !== '');
    this.finishList(version);
    this.start();
  }

  /** `version`: of the whole list. */
  private finishList(version: string): void {
    const listed = this.listed ?? new Set();
    this.listed = null;
    this.resume(version);
    for (const key of [...this.known]) if (!listed.has(key)) this.remove(key);
    const { clock, random } = this.options;
    clock.arm(this.relist, kubeLimits.relistMs * (0.8 + 0.4 * random.float()));
    this.setState('synced', '');
  }

  private onStatus({ status, body, retryAfterMs }: KubeAnswer): void {
    const message = `${status}: ${textOf(body, 'message') || 'no reason given'}`;
    const streaming = this.streamsLists && this.listed !== null;
    if (status === 410) {
      this.resourceVersion = '';
      this.fail('', 0);
    } else if (status === 404) this.tryNextVersion();
    else if (streaming && (status === 400 || status === 422)) {
      this.streamsLists = false;
      this.start();
    } else {
      if ((status === 401 || status === 403) && this.state !== 'synced') this.state = 'refused';
      this.fail(message, retryAfterMs);
    }
  }

  private tryNextVersion(): void {
    this.resourceVersion = '';
    this.version = (this.version + 1) % this.kind.versions.length;
    if (this.version > 0) {
      this.start();
      return;
    }
    this.listed = null;
    for (const key of [...this.known]) this.remove(key);
    this.setState('absent', '');
    this.options.clock.arm(this.retry, kubeLimits.absentRetryMs);
  }

  /** A list that was under way is begun again, from its first object. */
  private fail(reason: string, retryAfterMs: number): void {
    this.generation++;
    this.listed = null;
    const { clock, random } = this.options;
    const { backoffMs, backoffMaxMs } = kubeLimits;
    const delayMs = reconnectDelayMs(++this.failures, backoffMs, backoffMaxMs, random);
    clock.arm(this.retry, Math.max(retryAfterMs, delayMs));
    this.setState(this.state, reason);
  }

  private setState(state: ReflectorState, failure: string): void {
    this.state = state;
    this.failure = failure;
    this.options.owner.onState();
  }

  private take(object: KubeObject): void {
    const key = keyOf(object);
    this.known.add(key);
    this.listed?.add(key);
    this.options.owner.onObject(this.kind, this.kind.versions[this.version] ?? '', object);
  }

  private remove(key: string): void {
    this.listed?.delete(key);
    if (!this.known.delete(key)) return;
    const slash = key.indexOf('/');
    this.options.owner.onGone(this.kind, key.slice(0, slash), key.slice(slash + 1));
  }

  private path(query: string): string {
    const { kind, namespace } = this.options;
    const path = pathOf(kind, kind.versions[this.version] ?? '', namespace);
    const selector = kind.selector === '' ? '' : `&labelSelector=${encodeURIComponent(kind.selector)}`;
    const fields = kind.fields === '' ? '' : `&fieldSelector=${encodeURIComponent(kind.fields)}`;
    return `${path}?${query}${selector}${fields}`;
  }
}

function keyOf(object: KubeObject): string {
  return `${textOf(object, 'metadata', 'namespace')}/${textOf(object, 'metadata', 'name')}`;
}

function itemsOf(list: KubeObject): readonly KubeObject[] {
  const { items } = list;
  return Array.isArray(items) ? items.filter(isRecord) : [];
}

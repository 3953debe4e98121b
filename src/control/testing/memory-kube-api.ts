// An API server in memory: versions, paged lists, watches with bookmarks, CRDs that come and go, outages and forgotten
// history. It answers only when the test lets promises run. The real one is the judge (kubernetes.peer.test.ts); this
// one plays what a real one does rarely.

import { fail, MeshError, ok, type Result } from '../../base/index.ts';
import {
  fieldOf,
  type KubeAnswer,
  type KubeApi,
  type KubeObject,
  type KubeRequest,
  textOf,
  type WatchEventType,
  type WatchReceiver,
} from '../kubernetes/types.ts';

interface LogEntry {
  readonly version: number;
  readonly path: string;
  readonly type: WatchEventType;
  readonly object: KubeObject;
}

interface OpenWatch {
  readonly path: string;
  readonly receiver: WatchReceiver;
}

export class MemoryKubeApi implements KubeApi {
  /** Of every request and watch, in order. */
  readonly asked: string[] = [];
  /** Answers of these paths are this status instead; a path is a collection's. */
  readonly refusals = new Map<string, number>();
  streamsLists = true;
  up = true;
  /** So many pages of lists, or objects of streamed lists, are answered before one breaks: 503, a reset. */
  partsBeforeBreak = Number.POSITIVE_INFINITY;
  private version = 0;
  /** Watches from before this version get 410. */
  private forgottenTo = 0;
  private readonly collections = new Map<string, Map<string, KubeObject>>();
  private readonly log: LogEntry[] = [];
  private readonly watches = new Set<OpenWatch>();

  get watchCount(): number {
    return this.watches.size;
  }

  /** Makes a collection exist, as a CRD does. */
  serve(path: string): void {
    this.collections.set(path, new Map());
  }

  unserve(path: string): void {
    this.collections.delete(path);
    this.cutWatches();
  }

  put(path: string, namespace: string, name: string, more: KubeObject = {}): void {
    const collection = this.collections.get(path) ?? new Map<string, KubeObject>();
    const known = collection.has(`${namespace}/${name}`);
    const metadata = {
      namespace,
      name,
      uid: `${namespace}-${name}`,
      resourceVersion: String(++this.version),
    };
    const object = { ...more, metadata };
    collection.set(`${namespace}/${name}`, object);
    this.record(path, known ? 'MODIFIED' : 'ADDED', object);
  }

  delete(path: string, namespace: string, name: string): void {
    const object = this.collections.get(path)?.get(`${namespace}/${name}`);
    if (object === undefined) return;
    this.collections.get(path)?.delete(`${namespace}/${name}`);
    const metadata = {
      ...(fieldOf(object, 'metadata') as KubeObject),
      resourceVersion: String(++this.version),
    };
    this.record(path, 'DELETED', { ...object, metadata });
  }

  /** As after a compaction: what happened before now cannot be resumed. */
  forget(): void {
    this.forgottenTo = this.version;
    this.log.length = 0;
  }

  /** Ends every watch; `error` null: in order. */
  cutWatches(error: MeshError | null = null): void {
    for (const watch of [...this.watches]) {
      this.watches.delete(watch);
      watch.receiver.onEnd(null, error);
    }
  }

  async request(request: KubeRequest): Promise<Result<KubeAnswer, MeshError>> {
    this.asked.push(`${request.method} ${request.path}`);
    await Promise.resolve();
    if (!this.up) return fail(refused());
    const url = new URL(request.path, 'http://api');
    const status = this.statusOf(url.pathname);
    if (status !== 200) return ok(answer(status, { message: 'no' }));
    if (this.partsBeforeBreak-- <= 0) return ok(answer(503, { message: 'busy' }));
    const objects = [...(this.collections.get(url.pathname)?.values() ?? [])];
    const from = Number(url.searchParams.get('continue') ?? 0);
    const to = from + Number(url.searchParams.get('limit') ?? objects.length);
    const next = to < objects.length ? String(to) : '';
    const metadata = { resourceVersion: String(this.version), continue: next };
    return ok(answer(200, { metadata, items: objects.slice(from, to) }));
  }

  watch(path: string, receiver: WatchReceiver): () => void {
    this.asked.push(`WATCH ${path}`);
    const url = new URL(path, 'http://api');
    const watch = { path: url.pathname, receiver };
    this.watches.add(watch);
    void Promise.resolve().then(() => this.begin(watch, url.searchParams));
    return () => void this.watches.delete(watch);
  }

  private begin(watch: OpenWatch, query: URLSearchParams): void {
    if (!this.watches.has(watch)) return;
    const end = (status: KubeAnswer | null, error: MeshError | null): void => {
      this.watches.delete(watch);
      watch.receiver.onEnd(status, error);
    };
    const status = this.statusOf(watch.path);
    const streams = query.get('sendInitialEvents') === 'true';
    if (!this.up) end(null, refused());
    else if (status !== 200) end(answer(status, { message: 'no' }), null);
    else if (!streams) this.resume(watch, Number(query.get('resourceVersion')));
    else if (this.streamsLists) this.sendAll(watch);
    else end(answer(422, { message: 'sendInitialEvents: Forbidden' }), null);
  }

  private resume(watch: OpenWatch, from: number): void {
    if (from < this.forgottenTo) {
      watch.receiver.onEvent('ERROR', { code: 410, message: 'too old resource version' });
      return;
    }
    for (const entry of this.log)
      if (entry.path === watch.path && entry.version > from) watch.receiver.onEvent(entry.type, entry.object);
  }

  private sendAll(watch: OpenWatch): void {
    for (const object of this.collections.get(watch.path)?.values() ?? []) {
      if (this.partsBeforeBreak-- <= 0) {
        this.watches.delete(watch);
        watch.receiver.onEnd(
          null,
          new MeshError('peer-reset', 'upstream', 'yes', 'the connection was reset'),
        );
        return;
      }
      watch.receiver.onEvent('ADDED', object);
    }
    const annotations = { 'k8s.io/initial-events-end': 'true' };
    watch.receiver.onEvent('BOOKMARK', { metadata: { resourceVersion: String(this.version), annotations } });
  }

  private statusOf(path: string): number {
    return this.refusals.get(path) ?? (this.collections.has(path) ? 200 : 404);
  }

  private record(path: string, type: WatchEventType, object: KubeObject): void {
    const version = Number(textOf(object, 'metadata', 'resourceVersion'));
    this.log.push({ version, path, type, object });
    if (!this.up) return;
    for (const watch of [...this.watches]) if (watch.path === path) watch.receiver.onEvent(type, object);
  }
}

function answer(status: number, body: KubeObject): KubeAnswer {
  return { status, body, retryAfterMs: 0 };
}

function refused(): MeshError {
  return new MeshError('connect-refused', 'upstream', 'yes', 'the API server did not answer');
}

// What the control plane needs of a Kubernetes API server: requests answered whole, and watches. A seam, so that lists,
// resumption and leadership are tested in virtual time; fetch-api.ts is the real one.

import type { MeshError, Result } from '../../base/index.ts';

/** An object as the API server writes it. */
export type KubeObject = Readonly<Record<string, unknown>>;

export interface KubeRequest {
  /** `APPLY`: a server-side apply, which creates what is not there. */
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'APPLY' | 'DELETE';
  /** Path with query, beginning with `/`. */
  readonly path: string;
  readonly body?: KubeObject;
  /** Of a GET: as much of the object as is to be answered; absent: all. */
  readonly only?: 'metadata';
}

export interface KubeAnswer {
  readonly status: number;
  /** The JSON body; an empty object where there was none. */
  readonly body: KubeObject;
  /** From `Retry-After`; 0: the server did not say. */
  readonly retryAfterMs: number;
}

export type WatchEventType = 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';

/** Hears of one watch: events, then exactly one end. */
export interface WatchReceiver {
  onEvent(type: WatchEventType, object: KubeObject): void;
  /** `status` is that of an answer other than 200; null: the stream ended in order, or broke with an error. */
  onEnd(status: KubeAnswer | null, error: MeshError | null): void;
}

export interface KubeApi {
  /** An answer of any status is a value; an error means that none came. */
  request(request: KubeRequest): Promise<Result<KubeAnswer, MeshError>>;
  /** Opens a watch; the returned function ends it, after which the receiver hears nothing more. */
  watch(path: string, receiver: WatchReceiver): () => void;
}

export function isRecord(value: unknown): value is KubeObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The field at `path`, or undefined where anything on the way is missing. */
export function fieldOf(object: unknown, ...path: readonly string[]): unknown {
  let value = object;
  for (const name of path) value = isRecord(value) ? value[name] : undefined;
  return value;
}

export function textOf(object: unknown, ...path: readonly string[]): string {
  const value = fieldOf(object, ...path);
  return typeof value === 'string' ? value : '';
}

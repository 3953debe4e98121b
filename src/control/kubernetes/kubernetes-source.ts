// Objects from a Kubernetes API server: the second Source beside a directory, alike from its first object on. One
// reflector a kind and namespace; what the mesh does not read of an object is dropped here, and an event that changes
// nothing else goes no further.

import type { Clock, Log, Random } from '../../base/index.ts';
import {
  type ObjectKey,
  objectKey,
  type RawObject,
  type Source,
  type SourceListener,
} from '../source/types.ts';
import { Reflector, type ReflectorOwner } from './reflector.ts';
import { fieldOf, isRecord, type KubeApi, type KubeObject, textOf } from './types.ts';
import { pathOf, type WatchedKind } from './watched-kinds.ts';

export interface KubernetesSourceOptions {
  readonly api: KubeApi;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly kinds: readonly WatchedKind[];
  /** Empty: all namespaces. */
  readonly namespaces: readonly string[];
}

/** What a writer of status needs and the mesh does not. */
export interface ObjectVersion {
  /** Where the API server has it. */
  readonly path: string;
  readonly uid: string;
  readonly generation: number;
  readonly resourceVersion: string;
  readonly status: unknown;
}

export class KubernetesSource implements Source, ReflectorOwner {
  readonly reflectors: readonly Reflector[];
  private readonly log: Log;
  private readonly objects = new Map<ObjectKey, RawObject>();
  private readonly versions = new Map<ObjectKey, ObjectVersion>();
  private listener: SourceListener | null = null;
  private synced = false;
  /** As text, to tell whether they changed. */
  private told = '';

  constructor(options: KubernetesSourceOptions) {
    this.log = options.log;
    const { api, clock, random, namespaces } = options;
    this.reflectors = options.kinds.flatMap((kind) => {
      const within = kind.namespaced && namespaces.length > 0 ? namespaces : [''];
      return within.map((namespace) => new Reflector({ api, clock, random, kind, namespace, owner: this }));
    });
  }

  start(listener: SourceListener): void {
    this.listener = listener;
    for (const reflector of this.reflectors) reflector.start();
  }

  stop(): void {
    this.listener = null;
    for (const reflector of this.reflectors) reflector.stop();
  }

  /** Null for an object that is not there (any more). */
  versionOf(key: ObjectKey): ObjectVersion | null {
    return this.versions.get(key) ?? null;
  }

  /** As it was last seen; null where it is not there. */
  objectOf(key: ObjectKey): KubeObject | null {
    return this.objects.get(key)?.value ?? null;
  }

  /** The objects of a kind in one namespace. */
  objectsOf(kind: string, namespace: string): readonly RawObject[] {
    return [...this.objects.values()].filter((one) => one.kind === kind && one.namespace === namespace);
  }

  /** All of a kind, by their namespaces. */
  namespacesOf(kind: string): ReadonlyMap<string, readonly RawObject[]> {
    return Map.groupBy(
      [...this.objects.values()].filter((one) => one.kind === kind),
      ({ namespace }) => namespace,
    );
  }

  onObject(kind: WatchedKind, version: string, object: KubeObject): void {
    const raw = createRawObject(kind, version, object);
    this.versions.set(raw.key, versionOf(kind, version, object));
    const before = this.objects.get(raw.key);
    // Status writes, resyncs and heartbeats end here.
    if (before !== undefined && JSON.stringify(before.value) === JSON.stringify(raw.value)) return;
    this.objects.set(raw.key, raw);
    this.listener?.onUpsert(raw);
  }

  onGone(kind: WatchedKind, namespace: string, name: string): void {
    const key = objectKey(namespace, kind.kind, name);
    this.versions.delete(key);
    if (this.objects.delete(key)) this.listener?.onRemove(key);
  }

  onState(): void {
    this.tellFailures();
    if (this.synced || this.listener === null) return;
    // A kind that may not be read is unknown, not empty: to go on without it could open what it closes.
    if (!this.reflectors.every(({ state }) => state === 'synced' || state === 'absent')) return;
    this.synced = true;
    this.listener.onSynced();
  }

  private tellFailures(): void {
    const failing = this.reflectors.filter(({ failure }) => failure !== '');
    const text = failing.map(({ kind, failure }) => `${kind.group}/${kind.kind} ${failure}`).join('\n');
    if (text === this.told) return;
    this.told = text;
    for (const { kind, state, failure } of failing)
      this.log.write('warn', 'cannot read a kind', { kind: nameOf(kind), state, reason: failure });
    if (failing.length === 0) this.log.write('info', 'every kind is read again');
    this.listener?.onFaults(
      failing.map(({ kind, failure }) => ({
        origin: { file: '', line: 0 },
        issue: {
          object: nameOf(kind),
          field: '',
          rule: `cannot be read from the API server: ${failure}`,
          value: '',
        },
      })),
    );
  }
}

function nameOf(kind: WatchedKind): string {
  return kind.group === '' ? kind.kind : `${kind.group}/${kind.kind}`;
}

function versionOf(kind: WatchedKind, version: string, object: KubeObject): ObjectVersion {
  const collection = pathOf(kind, version, textOf(object, 'metadata', 'namespace'));
  return {
    path: `${collection}/${encodeURIComponent(textOf(object, 'metadata', 'name'))}`,
    uid: textOf(object, 'metadata', 'uid'),
    generation: Number(fieldOf(object, 'metadata', 'generation') ?? 0),
    resourceVersion: textOf(object, 'metadata', 'resourceVersion'),
    status: object['status'],
  };
}

/** Annotations that copy the whole object, or change without meaning. */
const lastApplied = 'kubectl.kubernetes.io/last-applied-configuration';

/**
 * The object without what changes on its own: status, resourceVersion, managedFields. List items name neither kind nor
 * version.
 */
function createRawObject(kind: WatchedKind, version: string, object: KubeObject): RawObject {
  const apiVersion = kind.group === '' ? version : `${kind.group}/${version}`;
  const { metadata, ...rest } = object;
  const value = { ...trimData(kind, rest), apiVersion, kind: kind.kind, metadata: trimMetadata(metadata) };
  const namespace = textOf(object, 'metadata', 'namespace');
  const name = textOf(object, 'metadata', 'name');
  const key = objectKey(namespace, kind.kind, name);
  return { key, apiVersion, kind: kind.kind, namespace, name, value, origin: { file: '', line: 0 } };
}

/**
 * Of Secrets and ConfigMaps what certificates are made of, of pods who they are; what else is in them is not kept, nor
 * told apart.
 */
function trimData({ group, kind }: WatchedKind, object: KubeObject): KubeObject {
  const { status, ...said } = object;
  if (group === '' && kind === 'Pod') return trimPod(said['spec'], status);
  if (group !== '' || (kind !== 'Secret' && kind !== 'ConfigMap')) return said;
  const { data, binaryData: _binary, ...rest } = said;
  const kept = Object.entries(isRecord(data) ? data : {}).filter(([key]) => certificateKeys.has(key));
  return { ...rest, data: Object.fromEntries(kept) };
}

/** Thousands of them, which say much and change all the time. */
function trimPod(spec: unknown, status: unknown): KubeObject {
  const { serviceAccountName, hostNetwork, nodeName } = isRecord(spec) ? spec : {};
  const { phase, podIPs } = isRecord(status) ? status : {};
  // Its node comes to be known with its addresses: one change, not two.
  const node = podIPs === undefined ? {} : { nodeName };
  return { spec: { serviceAccountName, hostNetwork, ...node }, status: { phase, podIPs } };
}

const certificateKeys: ReadonlySet<string> = new Set(['tls.crt', 'tls.key', 'ca.crt']);

function trimMetadata(metadata: unknown): KubeObject {
  if (!isRecord(metadata)) return {};
  const { managedFields: _fields, resourceVersion: _version, annotations, ...rest } = metadata;
  if (!isRecord(annotations)) return rest;
  const { [lastApplied]: _applied, ...others } = annotations;
  return { ...rest, annotations: others };
}

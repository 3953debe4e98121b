// The control plane: a source of objects, the model built from them, and the ADS server that proxies ask. Everything it
// needs of the outside comes in as a seam, so that the simulator runs this very code.

import type { Clock, Log } from '../base/index.ts';
import type { Store } from '../net/index.ts';
import { Histogram, latencyBoundsSeconds } from '../observe/index.ts';
import { type AdsObserver, type AdsRefusal, AdsServer, LoadReports, type XdsNode } from '../xds/index.ts';
import { createCallerCounts } from './callers/prover.ts';
import { MeshCompiler } from './compile/mesh.ts';
import { hasEndpointsIn } from './load-localities.ts';
import type { BuiltModel } from './model/build.ts';
import { Catalog } from './model/catalog.ts';
import { ModelBuilder } from './model/model-builder.ts';
import type { PortModel } from './model/types.ts';
import { type ScopeEntry, SnapshotBook } from './snapshot/snapshot-book.ts';
import { type BatchReceiver, EventBatcher, type SourceEvent } from './source/batch.ts';
import { DirectorySource } from './source/directory.ts';
import type { ObjectKey, Source, SourceFault } from './source/types.ts';
import { ChangeLog, type ObjectChange } from './status/change-log.ts';
import { NackBook } from './status/nacks.ts';
import { ProxyBook } from './status/proxies.ts';
import { describeRefusal, isBelieved, type Refusal } from './status/refusals.ts';
import { type ObjectStatus, reportObjects } from './status/report.ts';

export interface ControlPlaneOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly store: Store;
  /** Path of the manifests in the store. */
  readonly directory: string;
  /** Of what proxies are sent, by type URL in milliseconds; absent: what they have stays without a control plane. */
  readonly lifetimes?: ReadonlyMap<string, number>;
}

/** Counters since the start. */
export interface ControlCounters {
  builds: number;
  publishes: number;
  events: number;
  acks: number;
  nacks: number;
}

export function createControlPlane(options: ControlPlaneOptions): ControlPlane {
  const { store, clock, log, directory } = options;
  return new ControlPlane(options, new DirectorySource({ store, clock, log, directory }));
}

export class ControlPlane implements BatchReceiver, AdsObserver {
  readonly adsServer: AdsServer;
  readonly nacks = new NackBook();
  readonly proxies: ProxyBook;
  readonly snapshots: SnapshotBook;
  readonly catalog = new Catalog();
  readonly counters: ControlCounters = { builds: 0, publishes: 0, events: 0, acks: 0, nacks: 0 };
  /** How the requests of clients that say so went, by the clusters that the mesh has. */
  readonly loads = new LoadReports({
    knows: (cluster) => this.findPort(cluster) !== null,
    hasEndpoints: (cluster, locality) => hasEndpointsIn(this.findPort(cluster), locality),
  });
  /** Callers let in and refused, where they are asked to prove who they are. */
  readonly callers = createCallerCounts();
  readonly buildSeconds = new Histogram(latencyBoundsSeconds);
  readonly clock: Clock;
  private readonly log: Log;
  private readonly source: Source;
  private readonly batcher: EventBatcher;
  private readonly changeLog: ChangeLog;
  /** By node id: the scope that its newest stream was given. */
  private readonly entries = new Map<string, ScopeEntry>();
  /** Hears when what is said about objects may have changed. */
  private watcher: (() => void) | null = null;
  private knownFaults: readonly SourceFault[] = [];
  private readonly builder = new ModelBuilder(this.catalog);
  private readonly compiler = new MeshCompiler(this.builder.built.model);
  private wasSynced = false;

  constructor(options: Pick<ControlPlaneOptions, 'clock' | 'log' | 'lifetimes'>, source: Source) {
    this.clock = options.clock;
    this.log = options.log;
    this.changeLog = new ChangeLog(options.log);
    this.source = source;
    this.batcher = new EventBatcher(options.clock, this);
    this.proxies = new ProxyBook(options.clock);
    this.snapshots = new SnapshotBook(options.log);
    this.adsServer = new AdsServer({
      clock: options.clock,
      log: options.log,
      snapshotFor: (node) => this.enter(node),
      observer: this,
      ...(options.lifetimes === undefined ? {} : { lifetimes: options.lifetimes }),
    });
  }

  start(): void {
    this.source.start(this.batcher);
  }

  /** Ends the source and every stream; proxies keep what they have. */
  stop(): void {
    this.source.stop();
    this.batcher.stop();
    this.adsServer.closeStreams();
  }

  /**
   * Everything that existed at the start has been read; before that, proxies are kept waiting rather than told that
   * there is nothing.
   */
  get synced(): boolean {
    return this.wasSynced;
  }

  get built(): BuiltModel {
    return this.builder.built;
  }

  /** Scopes that differ in what they get. */
  get compiledScopes(): number {
    return this.compiler.size;
  }

  get faults(): readonly SourceFault[] {
    return this.knownFaults;
  }

  /** All that the source has told is built in; else what is said about an object may be about an older version. */
  get settled(): boolean {
    return this.wasSynced && !this.batcher.waiting;
  }

  watchStatus(watcher: () => void): void {
    this.watcher = watcher;
  }

  /** What is said about every object: by its schema, by the model, and by the proxies; `refusals`: of them. */
  describeObjects(
    refusals: ReadonlyMap<ObjectKey, Refusal> = this.nacks.refusals(this.built.model),
  ): readonly ObjectStatus[] {
    return reportObjects(this.catalog.entries(), this.built.book).map((status) => {
      const refusal = refusals.get(status.key);
      if (refusal === undefined || !isBelieved(refusal)) return status;
      return { ...status, conditions: [...status.conditions, describeRefusal(refusal)] };
    });
  }

  onBatch(events: readonly SourceEvent[], faults: readonly SourceFault[] | null): void {
    this.watcher?.();
    let oldestMs = this.clock.now();
    const changes = events.flatMap((event): readonly ObjectChange[] => {
      const change = this.apply(event);
      if (change === null) return [];
      oldestMs = Math.min(oldestMs, event.atMs);
      return [change];
    });
    this.counters.events += events.length;
    if (changes.length === 0 && faults === null) return;
    if (faults !== null) this.knownFaults = faults;
    if (!this.wasSynced) return;
    this.changeLog.tellChanges(changes);
    this.rebuild(oldestMs);
    this.reconsider(changes);
    if (faults !== null || this.changeLog.concerns(changes)) this.tellFaults();
  }

  onSynced(): void {
    this.wasSynced = true;
    this.rebuild(this.clock.now());
    // What changed while it was read.
    this.adsServer.reconsider(null);
    const objects = this.catalog.size;
    this.log.write('info', 'manifests read', { objects, services: this.builder.built.model.services.size });
    this.tellFaults();
  }

  onStream(node: XdsNode, connected: boolean): void {
    const entry = this.entries.get(node.id);
    if (entry === undefined) return;
    this.watcher?.();
    this.proxies.onStream(node, connected, entry);
    this.log.write('info', connected ? 'proxy connected' : 'proxy disconnected', { node: node.id });
    if (this.proxies.isConnected(node.id)) return;
    this.nacks.forget(node.id);
    this.entries.delete(node.id);
  }

  onAck(node: XdsNode, typeUrl: string, version: string, waitMs: number): void {
    this.counters.acks++;
    this.watcher?.();
    this.proxies.onAck(node, typeUrl, version, waitMs);
  }

  onNack(): void {
    this.counters.nacks++;
  }

  onRefused(node: XdsNode, typeUrl: string, refusal: AdsRefusal): void {
    this.nacks.add({ ...refusal, nodeId: node.id, typeUrl, atMs: this.clock.wall() });
    this.watcher?.();
  }

  onResolved(node: XdsNode, typeUrl: string, refusal: AdsRefusal): void {
    this.nacks.resolve(node.id, typeUrl, refusal);
    this.watcher?.();
  }

  private findPort(cluster: string): PortModel | null {
    const backend = this.built.model.backends.get(cluster);
    if (backend !== undefined) return backend;
    const service = this.built.model.services.get(cluster.slice(0, cluster.lastIndexOf(':')));
    return service?.ports.find(({ id }) => id === cluster) ?? null;
  }

  /** Null: the mesh reads of the object what it read before. */
  private apply({ key, object }: SourceEvent): ObjectChange | null {
    const before = this.catalog.get(key);
    if (object === null) this.catalog.remove(key);
    else if (!this.catalog.upsert(object)) return null;
    if (before === null && object === null) return null;
    const after = this.catalog.get(key);
    this.builder.note(before, after);
    const kind = object?.kind ?? before?.kind ?? '';
    const faulty = [before, after].some((entry) => (entry?.issues.length ?? 0) > 0);
    return { key, kind, change: describeChange(before !== null, object !== null), faulty };
  }

  /** A stream goes by what was known of its Pod; a Pod that is another, or gone, has it end. */
  private reconsider(changes: readonly ObjectChange[]): void {
    const pods = changes.filter(({ kind }) => kind === 'Pod').map(({ key }) => key);
    if (pods.length > 0) this.adsServer.reconsider(new Set(pods));
  }

  private enter(node: XdsNode): ScopeEntry {
    const entry = this.snapshots.sourceFor(node);
    this.entries.set(node.id, entry);
    for (const note of entry.notes)
      this.log.write('warn', 'proxy cannot be given all', { node: node.id, note });
    return entry;
  }

  private rebuild(changedAtMs: number): void {
    const startMs = this.clock.now();
    const { model } = this.builder.update();
    this.compiler.follow(model);
    const changed = this.snapshots.publish(this.compiler, changedAtMs);
    this.counters.builds++;
    this.counters.publishes += changed;
    const tookMs = this.clock.now() - startMs;
    this.buildSeconds.record(tookMs / 1000);
    this.watcher?.();
    if (this.log.debugEnabled) this.log.write('debug', 'model built', { scopesChanged: changed, tookMs });
  }

  private tellFaults(): void {
    this.changeLog.tellFaults(this.catalog.entries(), this.builder.built.book, this.knownFaults);
  }
}

function describeChange(was: boolean, is: boolean): ObjectChange['change'] {
  if (!is) return 'removed';
  return was ? 'changed' : 'added';
}

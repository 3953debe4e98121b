// Where the data path's configuration comes from: the bootstrap's static resources, ADS, and the last good configuration on disk while
// the control plane is away. Takes updates in resource by resource: what is good is applied, what is not is named in the NACK and
// leaves the version before it in force.

import {
  type Clock,
  formatIssue,
  type Issue,
  type Log,
  type MeshError,
  Timer,
  type TimerHandler,
} from '../../base/index.ts';
import type { Store } from '../../net/index.ts';
import {
  type AdsClientStatus,
  typeUrls,
  type XdsResource,
  type XdsSubscriber,
  type XdsUpdate,
} from '../../xds/index.ts';
import { Assembler } from './assembler.ts';
import type { AdsConfig, Bootstrap } from './bootstrap.ts';
import { decodeResource, type Meaning } from './decode-resource.ts';
import { encodeLastGood, lastGoodFile, parseLastGood, type SavedResource } from './last-good.ts';
import { configLimits } from './limits.ts';
import { ResourceTable } from './resource-table.ts';
import type { Snapshot, SnapshotTarget } from './types.ts';

/** What is needed of xds/ AdsClient. */
export interface AdsSubscriptions {
  subscribe(typeUrl: string, names: readonly string[] | '*'): void;
  start(): void;
  stop(): void;
  status(): AdsClientStatus;
}

export interface ConfigSourceOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly store: Store;
  /** Folder of the last good configuration; null: none is kept. */
  readonly stateDir: string | null;
  readonly bootstrap: Bootstrap;
  readonly target: SnapshotTarget;
  /** Overrides every listener's drain_timeout; null: theirs hold. */
  readonly drainTimeoutMs: number | null;
  readonly createClient: (ads: AdsConfig, subscriber: XdsSubscriber) => AdsSubscriptions;
}

/** How the present configuration came to be; `none` until there is one. */
export type ConfigOrigin = 'none' | 'static' | 'control-plane' | 'last-good';

const timerKind = { restore: 0, save: 1, grace: 2, check: 3 } as const;

export class ConfigSource implements XdsSubscriber, TimerHandler {
  readonly tables: ReadonlyMap<string, ResourceTable> = new Map(
    Object.values(typeUrls).map((typeUrl) => [typeUrl, new ResourceTable()]),
  );
  readonly startedAtMs: number;
  connected = false;
  origin: ConfigOrigin = 'none';
  /** Age of what was restored from disk: Clock.wall() when it was saved; 0 without. */
  restoredFromMs = 0;
  snapshot: Snapshot | null = null;
  private readonly options: ConfigSourceOptions;
  private readonly assembler: Assembler;
  private readonly client: AdsSubscriptions | null;
  private readonly restoreTimer = new Timer(this, timerKind.restore);
  private readonly saveTimer = new Timer(this, timerKind.save);
  private readonly graceTimer = new Timer(this, timerKind.grace);
  private readonly checkTimer = new Timer(this, timerKind.check);
  private readonly subscribed = new Map<string, string>();
  private complete = false;
  private saving: Promise<void> = Promise.resolve();

  constructor(options: ConfigSourceOptions) {
    const { bootstrap, clock } = options;
    this.options = options;
    this.startedAtMs = clock.wall();
    this.assembler = new Assembler({
      clock,
      target: { apply: (snapshot) => this.onSnapshot(snapshot) },
      statics: bootstrap,
      drainTimeoutMs: options.drainTimeoutMs,
    });
    this.client = bootstrap.ads === null ? null : options.createClient(bootstrap.ads, this);
  }

  /** Ready once: everything asked for at first is known, or the last good configuration was restored. */
  get ready(): boolean {
    return this.complete;
  }

  get bootstrap(): Bootstrap {
    return this.options.bootstrap;
  }

  get warmingNames(): { readonly listeners: readonly string[]; readonly clusters: readonly string[] } {
    return this.assembler.warmingNames();
  }

  start(): void {
    const { bootstrap, clock } = this.options;
    const { ads } = bootstrap;
    if (this.client === null || ads === null) this.origin = 'static';
    this.assembler.publish();
    if (this.client === null || ads === null) return;
    if (ads.clusters) this.client.subscribe(typeUrls.cluster, '*');
    if (ads.listeners) this.client.subscribe(typeUrls.listener, '*');
    this.subscribeReferenced();
    this.client.start();
    clock.arm(this.checkTimer, configLimits.checkMs);
    if (this.options.stateDir !== null) {
      clock.arm(this.restoreTimer, configLimits.restoreAfterMs);
    }
  }

  /** Stops listening to the control plane; what is in force stays. Resolves when the last good configuration is on disk. */
  async stop(): Promise<void> {
    const { clock } = this.options;
    this.client?.stop();
    if (this.saveTimer.armed) this.save();
    for (const timer of [this.restoreTimer, this.saveTimer, this.graceTimer, this.checkTimer])
      clock.cancel(timer);
    await this.saving;
  }

  onUpdate(update: XdsUpdate): readonly Issue[] {
    const table = this.tables.get(update.typeUrl);
    if (table === undefined) return [];
    const issues: Issue[] = [];
    const firstAnswer = table.version === '' && table.updatedAtMs === 0;
    const names = new Set<string>();
    for (const resource of update.changed) {
      const fault = names.has(resource.name) ? duplicate(resource) : this.refusal(resource);
      names.add(resource.name);
      if (fault !== null) this.refuse(table, resource, [fault], issues);
      else this.take(table, resource, issues);
    }
    for (const name of update.removed) this.remove(table, update.typeUrl, name);
    table.version = update.version;
    table.updatedAtMs = this.options.clock.wall();
    if (issues.length === 0) table.updatesAccepted += 1;
    else table.updatesRejected += 1;
    if (firstAnswer) this.onFirstAnswer();
    this.subscribeReferenced();
    this.assembler.publish();
    for (const issue of issues)
      this.options.log.write('warn', 'resource refused', { issue: formatIssue(issue) });
    return issues;
  }

  onConnection(connected: boolean, error: MeshError | null): void {
    const { log } = this.options;
    this.connected = connected;
    if (connected) log.write('info', 'control plane connected');
    else log.write('warn', 'control plane away', { error: error?.message ?? null });
    if (!connected && this.restoreTimer.armed) this.restore();
  }

  onTimer(kind: number): void {
    if (kind === timerKind.restore) this.restore();
    else if (kind === timerKind.save) this.save();
    else if (kind === timerKind.grace) this.dropUnconfirmed();
    else this.check();
  }

  /** An answer without resources is no update: until everything is known, the client is asked from time to time. */
  private check(): void {
    if (this.complete) return;
    this.completeIfKnown();
    this.options.clock.arm(this.checkTimer, configLimits.checkMs);
  }

  private completeIfKnown(): void {
    if (this.complete || !this.isComplete()) return;
    this.complete = true;
    this.options.log.write('info', 'configuration complete', { origin: this.origin });
  }

  private refusal(resource: XdsResource): Issue | null {
    const kind =
      resource.typeUrl === typeUrls.listener
        ? 'listener'
        : resource.typeUrl === typeUrls.cluster
          ? 'cluster'
          : null;
    if (kind === null || !this.assembler.isStatic(kind, resource.name)) return null;
    return { object: resource.name, field: '', rule: 'is defined in the bootstrap', value: '' };
  }

  private take(table: ResourceTable, resource: XdsResource, issues: Issue[]): void {
    const receivedAtMs = this.options.clock.wall();
    const known = table.accepted.get(resource.name);
    // The same bytes again need no decoding; an endpoint set grows young by them.
    if (
      known !== undefined &&
      sameBytes(known.resource.bytes, resource.bytes) &&
      resource.typeUrl !== typeUrls.endpoint
    ) {
      table.accepted.set(resource.name, { resource, receivedAtMs, restored: false });
      table.refused.delete(resource.name);
      return;
    }
    const decoded = decodeResource(resource);
    if (!decoded.ok) {
      this.refuse(table, resource, decoded.issues, issues);
      return;
    }
    table.accepted.set(resource.name, { resource, receivedAtMs, restored: false });
    table.refused.delete(resource.name);
    this.applyMeaning(resource.name, decoded.meaning, receivedAtMs);
  }

  private refuse(
    table: ResourceTable,
    resource: XdsResource,
    faults: readonly Issue[],
    issues: Issue[],
  ): void {
    table.refused.set(resource.name, {
      issues: faults,
      version: resource.version,
      atMs: this.options.clock.wall(),
    });
    issues.push(...faults);
  }

  private applyMeaning(name: string, meaning: Meaning, receivedAtMs: number): void {
    switch (meaning.kind) {
      case 'listener':
        this.assembler.setListener(meaning.value);
        break;
      case 'route':
        this.assembler.setRoutes(meaning.value);
        break;
      case 'cluster':
        this.assembler.setCluster(meaning.value);
        break;
      case 'endpoint':
        this.assembler.setEndpoints(name, meaning.value, receivedAtMs);
        break;
    }
  }

  private remove(table: ResourceTable, typeUrl: string, name: string): void {
    table.accepted.delete(name);
    table.refused.delete(name);
    if (typeUrl === typeUrls.listener) this.assembler.removeListener(name);
    else if (typeUrl === typeUrls.cluster) this.assembler.removeCluster(name);
    else if (typeUrl === typeUrls.endpoint) this.assembler.clearEndpoints(name, this.options.clock.wall());
    // A route configuration that is gone stays in force while a listener uses it, as in Envoy.
  }

  private subscribeReferenced(): void {
    if (this.client === null) return;
    const { endpoints, routes } = this.assembler.referenced();
    this.subscribeNames(typeUrls.endpoint, endpoints);
    this.subscribeNames(typeUrls.route, routes);
  }

  private subscribeNames(typeUrl: string, names: ReadonlySet<string>): void {
    const sorted = [...names].sort();
    const key = sorted.join('\n');
    if ((this.subscribed.get(typeUrl) ?? '') === key) return;
    this.subscribed.set(typeUrl, key);
    this.client?.subscribe(typeUrl, sorted);
    const table = this.tables.get(typeUrl);
    // What nobody refers to any more is not sent again either.
    for (const name of table?.accepted.keys() ?? []) if (!names.has(name)) table?.accepted.delete(name);
  }

  private onFirstAnswer(): void {
    const { clock } = this.options;
    clock.cancel(this.restoreTimer);
    if (this.origin === 'last-good' && !this.graceTimer.armed) {
      clock.arm(this.graceTimer, configLimits.restoredGraceMs);
    }
    this.origin = 'control-plane';
  }

  private onSnapshot(snapshot: Snapshot): void {
    this.snapshot = snapshot;
    this.options.target.apply(snapshot);
    this.completeIfKnown();
    if (this.complete && this.origin === 'control-plane' && this.options.stateDir !== null) {
      if (!this.saveTimer.armed) this.options.clock.arm(this.saveTimer, configLimits.saveAfterMs);
    }
  }

  private isComplete(): boolean {
    const { ads } = this.options.bootstrap;
    if (ads === null || this.origin === 'last-good') return true;
    const types = this.client?.status().types ?? [];
    const answered = (typeUrl: string) =>
      this.tables.get(typeUrl)!.updatedAtMs > 0 ||
      types.some((type) => type.typeUrl === typeUrl && (type.version !== '' || type.nonce !== ''));
    if (ads.clusters && !answered(typeUrls.cluster)) return false;
    if (ads.listeners && !answered(typeUrls.listener)) return false;
    return !this.assembler.warming;
  }

  private get statePath(): string {
    return `${this.options.stateDir}/${lastGoodFile}`;
  }

  private save(): void {
    const { clock, store, bootstrap, log } = this.options;
    clock.cancel(this.saveTimer);
    const resources: SavedResource[] = [];
    for (const table of this.tables.values()) resources.push(...table.accepted.values());
    const bytes = encodeLastGood({ nodeId: bootstrap.node.id, savedAtMs: clock.wall(), resources });
    this.saving = this.saving
      .then(() => store.write(this.statePath, bytes))
      .catch((error: MeshError) =>
        log.write('error', 'last good configuration not saved', { error: error.message }),
      );
  }

  private restore(): void {
    const { clock, log, store } = this.options;
    clock.cancel(this.restoreTimer);
    if (this.options.stateDir === null || this.origin !== 'none') return;
    store.read(this.statePath).then(
      (bytes) => {
        if (bytes !== null) this.onRestored(bytes);
        else log.write('warn', 'no last good configuration', { path: this.statePath });
      },
      (error: MeshError) => log.write('error', 'last good configuration not read', { error: error.message }),
    );
  }

  private onRestored(bytes: Uint8Array): void {
    const { log, bootstrap, clock } = this.options;
    // The control plane may have answered while the file was read.
    if (this.origin !== 'none') return;
    const parsed = parseLastGood(bytes, bootstrap.node.id);
    if (!parsed.ok) {
      log.write('error', 'last good configuration ignored', { path: this.statePath, reason: parsed.error });
      return;
    }
    for (const { resource, receivedAtMs } of parsed.value.resources) {
      const decoded = decodeResource(resource);
      if (!decoded.ok || this.refusal(resource) !== null) continue;
      this.tables
        .get(resource.typeUrl)
        ?.accepted.set(resource.name, { resource, receivedAtMs, restored: true });
      this.applyMeaning(resource.name, decoded.meaning, receivedAtMs);
    }
    this.origin = 'last-good';
    this.restoredFromMs = parsed.value.savedAtMs;
    log.write('warn', 'last good configuration in force', {
      ageSeconds: Math.round((clock.wall() - parsed.value.savedAtMs) / 1000),
      resources: parsed.value.resources.length,
    });
    this.subscribeReferenced();
    this.assembler.publish();
  }

  /** What the control plane did not mention since it came back is gone there. */
  private dropUnconfirmed(): void {
    for (const typeUrl of [typeUrls.listener, typeUrls.cluster]) {
      const table = this.tables.get(typeUrl)!;
      for (const [name, entry] of table.accepted) if (entry.restored) this.remove(table, typeUrl, name);
    }
    this.subscribeReferenced();
    this.assembler.publish();
  }
}

function duplicate(resource: XdsResource): Issue {
  return { object: resource.name, field: '', rule: 'must be in a response once', value: '' };
}

function sameBytes(left: Uint8Array, right: Uint8Array): boolean {
  return Buffer.compare(left, right) === 0;
}

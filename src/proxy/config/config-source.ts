// Where the data path's configuration comes from: the bootstrap's static resources, ADS, and the last good
// configuration on disk while the control plane is away. Takes updates in resource by resource: what is good is
// applied, what is not is named in the NACK and leaves the version before it in force.

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
import { type AdsClientStatus, typeUrls, type XdsSubscriber, type XdsUpdate } from '../../xds/index.ts';
import { Assembler } from './assembler.ts';
import type { AdsConfig, Bootstrap } from './bootstrap.ts';
import type { CountedNames } from './counted-names.ts';
import type { LastGood } from './last-good.ts';
import { LastGoodKeeper } from './last-good-keeper.ts';
import { configLimits } from './limits.ts';
import { ResourceIntake } from './resource-intake.ts';
import type { ResourceTable } from './resource-table.ts';
import type { ListenerCheck, Snapshot, SnapshotTarget } from './types.ts';

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
  readonly target: SnapshotTarget & ListenerCheck;
  /** Overrides every listener's drain_timeout; null: theirs hold. */
  readonly drainTimeoutMs: number | null;
  readonly createClient: (ads: AdsConfig, subscriber: XdsSubscriber) => AdsSubscriptions;
  /** The last good configuration was read and is in force. */
  readonly onRestored?: (saved: LastGood) => void;
}

/** How the present configuration came to be; `none` until there is one. */
export type ConfigOrigin = 'none' | 'static' | 'control-plane' | 'last-good';

const timerKind = { restore: 0, grace: 1, check: 2 } as const;

export class ConfigSource implements XdsSubscriber, TimerHandler {
  readonly startedAtMs: number;
  connected = false;
  origin: ConfigOrigin = 'none';
  /** Age of what was restored from disk: Clock.wall() when it was saved; 0 without. */
  restoredFromMs = 0;
  snapshot: Snapshot | null = null;
  private readonly options: ConfigSourceOptions;
  private readonly assembler: Assembler;
  private readonly intake: ResourceIntake;
  private readonly client: AdsSubscriptions | null;
  private readonly keeper: LastGoodKeeper | null;
  private readonly restoreTimer = new Timer(this, timerKind.restore);
  private readonly graceTimer = new Timer(this, timerKind.grace);
  private readonly checkTimer = new Timer(this, timerKind.check);
  private readonly subscribed = new Map<string, number>();
  private complete = false;
  private toldConnection = false;

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
    this.intake = new ResourceIntake(clock, this.assembler, options.target);
    this.client = bootstrap.ads === null ? null : options.createClient(bootstrap.ads, this);
    this.keeper = this.client === null ? null : this.createKeeper();
  }

  /** Ready once: everything asked for at first is known, or the last good configuration was restored. */
  get ready(): boolean {
    return this.complete;
  }

  get tables(): ReadonlyMap<string, ResourceTable> {
    return this.intake.tables;
  }

  get bootstrap(): Bootstrap {
    return this.options.bootstrap;
  }

  /** Why listeners of the control plane were not taken, of which nothing older is in force. */
  get refusedListeners(): readonly Issue[] {
    const table = this.tables.get(typeUrls.listener);
    if (table === undefined || table.refused.size === 0) return [];
    return [...table.refused].flatMap(([name, { issues }]) => (table.accepted.has(name) ? [] : issues));
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
    this.client.start();
    clock.arm(this.checkTimer, configLimits.checkMs);
    if (this.keeper !== null) clock.arm(this.restoreTimer, configLimits.restoreAfterMs);
  }

  /**
   * Stops listening to the control plane; what is in force stays. Resolves when the last good configuration is on disk.
   */
  async stop(): Promise<void> {
    const { clock } = this.options;
    this.client?.stop();
    for (const timer of [this.restoreTimer, this.graceTimer, this.checkTimer]) clock.cancel(timer);
    await this.keeper?.close();
  }

  onUpdate(update: XdsUpdate): readonly Issue[] {
    const table = this.tables.get(update.typeUrl);
    if (table === undefined) return [];
    const firstAnswer = table.updatedAtMs === 0;
    const issues = this.intake.take(table, update);
    if (firstAnswer) this.onFirstAnswer();
    this.assembler.publish();
    for (const issue of issues)
      this.options.log.write('warn', 'resource refused', { issue: formatIssue(issue) });
    return issues;
  }

  onConnection(connected: boolean, error: MeshError | null): void {
    const { log } = this.options;
    // A long absence is told once, not at every attempt.
    const news = connected !== this.connected || !this.toldConnection;
    this.connected = connected;
    this.toldConnection = true;
    if (news && connected) log.write('info', 'control plane connected');
    else if (news) log.write('warn', 'control plane away', { error: error?.message ?? null });
    if (!connected && this.restoreTimer.armed) void this.restore();
  }

  onTimer(kind: number): void {
    if (kind === timerKind.restore) void this.restore();
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

  private subscribeReferenced(): void {
    if (this.client === null) return;
    const { endpoints, routes, secrets } = this.assembler.referenced();
    this.subscribeNames(typeUrls.endpoint, endpoints);
    this.subscribeNames(typeUrls.route, routes);
    this.subscribeNames(typeUrls.secret, secrets);
  }

  private subscribeNames(typeUrl: string, names: CountedNames): void {
    if ((this.subscribed.get(typeUrl) ?? 0) === names.version) return;
    this.subscribed.set(typeUrl, names.version);
    this.client?.subscribe(typeUrl, [...names].sort());
    const table = this.tables.get(typeUrl);
    // What nobody refers to any more is not sent again either.
    for (const name of table?.accepted.keys() ?? []) {
      if (names.has(name)) continue;
      table?.accepted.delete(name);
      if (typeUrl === typeUrls.route) this.intake.forgetRoutes(name);
    }
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
    // Here and nowhere else: timers publish too, and what the assembler forgot must be asked for anew when it is named
    // again.
    this.subscribeReferenced();
    this.completeIfKnown();
    if (this.complete && this.origin === 'control-plane') this.keeper?.saveSoon();
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
    // A listener that waited in vain for its routes serves nobody: that is not ready, however long it takes.
    return !this.assembler.warming && this.assembler.routeless.length === 0;
  }

  private createKeeper(): LastGoodKeeper | null {
    const { clock, log, store, stateDir, bootstrap } = this.options;
    if (stateDir === null) return null;
    const collect = () =>
      [...this.tables.values()].flatMap((table) =>
        [...table.accepted.values()].filter(({ resource }) => !holdsPrivateKey(resource.bytes)),
      );
    return new LastGoodKeeper({ clock, log, store, stateDir, nodeId: bootstrap.node.id, collect });
  }

  private async restore(): Promise<void> {
    this.options.clock.cancel(this.restoreTimer);
    if (this.keeper === null || this.origin !== 'none') return;
    const saved = await this.keeper.read();
    // The control plane may have answered while the file was read.
    if (saved === null || this.origin !== 'none') return;
    this.restoreFrom(saved);
    this.options.onRestored?.(saved);
  }

  restoreFrom(saved: LastGood): void {
    const { log, clock } = this.options;
    this.intake.restore(saved.resources);
    this.origin = 'last-good';
    this.restoredFromMs = saved.savedAtMs;
    log.write('warn', 'last good configuration in force', {
      ageSeconds: Math.round((clock.wall() - saved.savedAtMs) / 1000),
      resources: saved.resources.length,
    });
    this.assembler.publish();
  }

  /** What the control plane did not mention since it came back is gone there. */
  private dropUnconfirmed(): void {
    this.intake.dropUnconfirmed();
    this.assembler.publish();
  }
}

/** What holds one is not written to disk; it comes again from where it came. */
function holdsPrivateKey(bytes: Uint8Array): boolean {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).includes('PRIVATE KEY-----');
}

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
import { typeUrls, virtualHostType, type XdsResource, type XdsUpdate } from '../../xds/index.ts';
import { Assembler } from './assembler.ts';
import type { Bootstrap } from './bootstrap.ts';
import type { SourcedNames } from './counted-names.ts';
import type { Wanted } from './demand.ts';
import { tableOf } from './demanded-names.ts';
import { createDemands, type Demands, demandOf } from './demands.ts';
import { KeptTables } from './kept-tables.ts';
import type { LastGood } from './last-good.ts';
import { LastGoodKeeper } from './last-good-keeper.ts';
import { configLimits } from './limits.ts';
import { ResourceIntake } from './resource-intake.ts';
import type { ResourceTable } from './resource-table.ts';
import { adsSource, type ResourceSource, sourceKey } from './source-types.ts';
import {
  type CreateClient,
  type SourceSubscriber,
  Sources,
  type UpdateScope,
  wildcardTypes,
} from './sources/index.ts';
import type { ListenerCheck, Snapshot, SnapshotTarget } from './types.ts';

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
  readonly createClient: CreateClient;
  /** What requests of the data path ask for; nobody asks by default. */
  readonly demands?: Demands;
  /** These resources, of virtual hosts or clusters, are let go. */
  readonly onUnused?: (typeUrl: string, resources: readonly string[]) => void;
  /** All that is wanted of a type is this, or goes on being used. */
  readonly onWanted?: (typeUrl: string, wanted: readonly Wanted[]) => void;
  /** The last good configuration was read and is in force. */
  readonly onRestored?: (saved: LastGood) => void;
}

/** How the present configuration came to be; `none` until there is one. */
export type ConfigOrigin = 'none' | 'static' | 'control-plane' | 'last-good';

interface Asked {
  readonly source: ResourceSource;
  readonly names: string[];
}

const timerKind = { restore: 0, grace: 1, check: 2, demand: 3 } as const;

export class ConfigSource implements SourceSubscriber, TimerHandler {
  /** Clock.wall(). */
  readonly startedAtMs: number;
  private readonly startedMs: number;
  connected = false;
  origin: ConfigOrigin = 'none';
  /** Age of what was restored from disk: Clock.wall() when it was saved; 0 without. */
  restoredFromMs = 0;
  snapshot: Snapshot | null = null;
  private readonly options: ConfigSourceOptions;
  private readonly assembler: Assembler;
  private readonly intake: ResourceIntake;
  private readonly sources: Sources;
  private readonly keeper: LastGoodKeeper | null;
  private readonly restoreTimer = new Timer(this, timerKind.restore);
  private readonly graceTimer = new Timer(this, timerKind.grace);
  private readonly checkTimer = new Timer(this, timerKind.check);
  private readonly demandTimer = new Timer(this, timerKind.demand);
  private readonly demands: Demands;
  private readonly subscribed = new Map<string, number>();
  /** What each source was asked for last, by type and source. */
  private readonly asked = new Map<string, Map<string, Asked>>();
  /** Types of which something was said that is all there is. */
  private readonly heard = new Set<string>();
  private complete = false;
  /** Some table has virtual hosts that come by themselves. */
  private growing = false;
  private toldConnection = false;

  constructor(options: ConfigSourceOptions) {
    const { bootstrap, clock } = options;
    this.options = options;
    this.startedAtMs = clock.wall();
    this.startedMs = clock.now();
    this.demands = options.demands ?? createDemands(clock);
    for (const typeUrl of [virtualHostType, typeUrls.cluster])
      demandOf(this.demands, typeUrl)?.attach({
        onNames: () => this.onNames(),
        onUnused: (resources) => this.onUnused(typeUrl, resources),
      });
    this.assembler = new Assembler({
      clock,
      target: { apply: (snapshot) => this.onSnapshot(snapshot) },
      statics: bootstrap,
      drainTimeoutMs: options.drainTimeoutMs,
      hostsAnswered: () => this.origin === 'last-good' || this.isAnsweredAt(adsSource, virtualHostType),
    });
    this.sources = new Sources({
      ads: bootstrap.ads,
      servers: bootstrap.servers,
      createClient: options.createClient,
      subscriber: this,
    });
    this.intake = new ResourceIntake(clock, this.assembler, options.target, this.sources);
    this.keeper = this.isRemote ? this.createKeeper() : null;
  }

  get uptimeSeconds(): number {
    return Math.floor((this.options.clock.now() - this.startedMs) / 1000);
  }

  /** Some control plane has a say in what all of it is, and may be away. */
  private get isRemote(): boolean {
    const { ads, lds, cds } = this.options.bootstrap;
    return ads !== null || lds?.kind === 'grpc' || cds?.kind === 'grpc';
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
    const { cds, lds } = bootstrap;
    if (!this.isRemote) this.origin = 'static';
    this.assembler.publish();
    if (cds !== null) this.subscribeClusters();
    if (lds !== null) this.sources.subscribe(lds, typeUrls.listener, '*');
    this.sources.start();
    if (!this.complete) clock.arm(this.checkTimer, configLimits.checkMs);
    if (this.keeper !== null) clock.arm(this.restoreTimer, configLimits.restoreAfterMs);
  }

  /**
   * Stops listening to the control plane; what is in force stays. Resolves when the last good configuration is on disk.
   */
  async stop(): Promise<void> {
    const { clock } = this.options;
    this.sources.stop();
    for (const timer of [this.restoreTimer, this.graceTimer, this.checkTimer, this.demandTimer])
      clock.cancel(timer);
    this.demands.hosts.stop();
    this.demands.clusters.stop();
    await this.keeper?.close();
  }

  /** A successor keeps the last good configuration from now on. */
  handOver(): void {
    this.keeper?.retire();
  }

  onUpdate(update: XdsUpdate, scope: UpdateScope = 'all'): readonly Issue[] {
    const table = this.tables.get(update.typeUrl);
    if (table === undefined) return [];
    const { typeUrl } = update;
    const firstAnswer = scope === 'all' && !this.heard.has(typeUrl) && wildcardTypes.has(typeUrl);
    if (scope !== 'named') this.heard.add(typeUrl);
    const issues = this.intake.take(table, update);
    if (firstAnswer && this.isAnswered()) this.onFirstAnswer();
    this.tellDemand(update);
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
    else if (kind === timerKind.demand) this.subscribeWanted();
    else this.check();
  }

  /** An answer without resources is no update: until everything is known, the client is asked from time to time. */
  private check(): void {
    if (this.complete) return;
    // That no virtual host is sent unasked is no update either, and tables wait for it.
    if (this.assembler.growingTables().length > 0) this.assembler.publish();
    this.completeIfKnown();
    if (this.complete) return;
    this.options.clock.arm(this.checkTimer, configLimits.checkMs);
  }

  private completeIfKnown(): void {
    if (this.complete || !this.isComplete()) return;
    this.complete = true;
    this.options.log.write('info', 'configuration complete', { origin: this.origin });
  }

  private subscribeReferenced(): void {
    const { endpoints, routes, secrets } = this.assembler.referenced();
    this.subscribeNames(typeUrls.endpoint, endpoints);
    this.subscribeNames(typeUrls.route, routes);
    this.subscribeNames(typeUrls.secret, secrets);
    this.subscribeHosts();
  }

  /** Names are asked for together: many requests may come at once. */
  onNames(): void {
    if (!this.demandTimer.armed) this.options.clock.arm(this.demandTimer, 0);
  }

  private onUnused(typeUrl: string, resources: readonly string[]): void {
    const names = resources.join(' ');
    this.options.log.write('info', 'resources let go that nobody uses', { type: typeUrl, names });
    this.forget(typeUrl, resources);
    this.options.onUnused?.(typeUrl, resources);
  }

  /** The proxy does not hold them any more. */
  forget(typeUrl: string, resources: readonly string[]): void {
    demandOf(this.demands, typeUrl)?.forget(resources);
    for (const resource of resources) this.intake.drop(typeUrl, resource);
    this.assembler.publish();
  }

  /** Those of these resources that requests of the proxy asked for. */
  wantedOf(typeUrl: string, resources: readonly XdsResource[]): readonly Wanted[] {
    const names = resources.flatMap(({ aliases = [], name }) => [name, ...aliases]);
    return demandOf(this.demands, typeUrl)?.wantedOf(names) ?? [];
  }

  /** What came by a name that was asked for; null: it is not known yet. */
  foundBy(typeUrl: string, name: string): XdsResource | 'absent' | null {
    const known = demandOf(this.demands, typeUrl)?.resourceOf(name) ?? null;
    if (known === null || known === 'absent') return known;
    return this.tables.get(typeUrl)?.accepted.get(known.resource)?.resource ?? null;
  }

  /** Another thread of the proxy has requests that ask for these. */
  want(typeUrl: string, wanted: readonly Wanted[]): void {
    demandOf(this.demands, typeUrl)?.wantAll(wanted);
  }

  private subscribeWanted(): void {
    this.subscribeHosts();
    this.subscribeClusters();
    const { onWanted } = this.options;
    if (onWanted === undefined) return;
    onWanted(virtualHostType, this.demands.hosts.wanted());
    onWanted(typeUrls.cluster, this.demands.clusters.wanted());
  }

  /** What the control plane sends unasked, and what requests have asked for. */
  private subscribeClusters(): void {
    const { cds } = this.options.bootstrap;
    const unasked = cds === null ? [] : [{ name: '*', source: cds }];
    this.askSources(typeUrls.cluster, [...unasked, ...this.demands.clusters.wanted()]);
  }

  /** What the control plane sends unasked, and what requests have asked for. */
  private subscribeHosts(): void {
    const tables = new Set(this.assembler.growingTables());
    if (!this.growing && tables.size === 0) return;
    this.growing = tables.size > 0;
    const wanted = this.demands.hosts.wanted().filter(({ name }) => tables.has(tableOf(name)));
    const names = this.growing ? ['*', ...wanted.map(({ name }) => name)] : [];
    this.sources.subscribe(adsSource, virtualHostType, names);
    const table = this.tables.get(virtualHostType)!;
    for (const name of table.accepted.keys())
      if (!tables.has(tableOf(name))) this.intake.drop(virtualHostType, name);
  }

  private tellDemand({ changed, removed, typeUrl }: XdsUpdate): void {
    const demand = demandOf(this.demands, typeUrl);
    if (demand === null) return;
    for (const { aliases = [], name } of changed)
      demand.onResource(name, aliases, this.intake.usedNameOf(typeUrl, name));
    for (const name of removed) demand.onRemoved(name);
  }

  private subscribeNames(typeUrl: string, names: SourcedNames): void {
    if ((this.subscribed.get(typeUrl) ?? 0) === names.version) return;
    this.subscribed.set(typeUrl, names.version);
    this.askSources(typeUrl, names.sourced());
    const table = this.tables.get(typeUrl);
    // What nobody refers to any more is not sent again either.
    for (const name of table?.accepted.keys() ?? []) {
      if (names.has(name)) continue;
      table?.forget(name);
      if (typeUrl === typeUrls.route) this.intake.forgetRoutes(name);
    }
  }

  /** Each source is asked for its names, also when it has none left. */
  private askSources(typeUrl: string, wanted: Iterable<Wanted>): void {
    const before = this.asked.get(typeUrl) ?? new Map<string, Asked>();
    const now = new Map<string, Asked>();
    for (const { name, source } of wanted) {
      const key = sourceKey(source);
      const asked = now.get(key) ?? { source, names: [] };
      asked.names.push(name);
      now.set(key, asked);
    }
    this.asked.set(typeUrl, now);
    for (const [key, { source }] of before) if (!now.has(key)) this.sources.subscribe(source, typeUrl, []);
    for (const { source, names } of now.values())
      this.sources.subscribe(source, typeUrl, names.length === 1 && names[0] === '*' ? '*' : names.sort());
  }

  /** By all that say what there is: one stream says listeners and clusters, or each has a server of its own. */
  private isAnswered(): boolean {
    const { lds, cds } = this.options.bootstrap;
    if (lds === null || cds === null || sourceKey(lds) === sourceKey(cds)) return true;
    const answered = (source: ResourceSource, typeUrl: string) =>
      source.kind === 'file' || this.heard.has(typeUrl);
    return answered(lds, typeUrls.listener) && answered(cds, typeUrls.cluster);
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
    this.demands.hosts.onApplied((resource) => this.assembler.hasHost(resource));
    this.demands.clusters.onApplied((name) => snapshot.clusters.has(name));
    this.completeIfKnown();
    if (this.complete && this.origin === 'control-plane') this.keeper?.saveSoon();
  }

  private isComplete(): boolean {
    const { cds, lds, ads } = this.options.bootstrap;
    if (this.origin === 'last-good') return true;
    if (cds === null && lds === null && ads === null) return true;
    const answered = (source: ResourceSource | null, typeUrl: string) =>
      source === null || this.isAnsweredAt(source, typeUrl);
    if (!answered(cds, typeUrls.cluster) || !answered(lds, typeUrls.listener)) return false;
    // A listener that waited in vain for its routes serves nobody: that is not ready, however long it takes.
    return !this.assembler.warming && this.assembler.routeless.length === 0;
  }

  private isAnsweredAt(source: ResourceSource, typeUrl: string): boolean {
    return this.heard.has(typeUrl) || this.sources.answered(source, typeUrl);
  }

  private createKeeper(): LastGoodKeeper | null {
    const { clock, log, store, stateDir, bootstrap } = this.options;
    if (stateDir === null) return null;
    const tables = new KeptTables(this.tables);
    return new LastGoodKeeper({ clock, log, store, stateDir, nodeId: bootstrap.node.id, tables });
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
    this.intake.restore(saved.resources.filter(({ resource }) => this.isMissing(resource)));
    this.origin = 'last-good';
    this.restoredFromMs = saved.savedAtMs;
    log.write('warn', 'last good configuration in force', {
      ageSeconds: Math.round((clock.wall() - saved.savedAtMs) / 1000),
      resources: saved.resources.length,
    });
    this.assembler.publish();
  }

  /** What was answered since is newer than what was saved. */
  private isMissing({ typeUrl, name }: XdsResource): boolean {
    const table = this.tables.get(typeUrl);
    if (table === undefined) return false;
    return wildcardTypes.has(typeUrl) ? !this.heard.has(typeUrl) : !table.accepted.has(name);
  }

  /** What the control plane did not mention since it came back is gone there. */
  private dropUnconfirmed(): void {
    this.intake.dropUnconfirmed();
    // Virtual hosts that were restored and are not sent unasked are asked for: each is confirmed, or gone.
    const hosts = this.intake.unconfirmedHosts().map((name) => ({ name, source: adsSource }));
    this.demands.hosts.wantAll(hosts);
    this.assembler.publish();
  }
}

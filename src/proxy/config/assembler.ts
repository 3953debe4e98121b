// From updates of single types to snapshots that are whole. Nothing half-known is put into force: a listener waits
// for its routes, a cluster for its endpoints, a route for clusters that are on their way, each at most for its
// initial_fetch_timeout; what they replace stays in force meanwhile. A removed cluster stays while an active route
// names it, for a while.
//
// States of a listener, cluster, route configuration or virtual host: warming (known, what it refers to is not) ->
// active -> (cluster only) leaving.

import { assert, type Clock, Timer, type TimerHandler } from '../../base/index.ts';
import { type Address, formatAddress } from '../../net/index.ts';
import type { RouteConfig, VirtualHost } from '../../policy/index.ts';
import { namedSecretsOf, tlsConfigsOfCluster } from './cluster-transports.ts';
import { SourcedNames } from './counted-names.ts';
import { JoinedTables } from './joined-tables.ts';
import { configLimits } from './limits.ts';
import { chainsOf } from './listener-chains.ts';
import { NamesByKey } from './names-by-key.ts';
import { applyIdleTimeout, clustersOf, clustersOfHost } from './route-facts.ts';
import { type Slot, Slots, setOrDelete } from './slots.ts';
import type { SecretConfig, TlsConfig } from './tls-types.ts';
import { noEndpoints, type TranslatedCluster, type TranslatedListener } from './translate/index.ts';
import type {
  ClusterConfig,
  EndpointAssignment,
  EndpointSet,
  ListenerConfig,
  Snapshot,
  SnapshotTarget,
} from './types.ts';

/** Names that the resources in hand refer to: what to ask for, and where. */
export interface ReferencedNames {
  readonly endpoints: SourcedNames;
  readonly routes: SourcedNames;
  readonly secrets: SourcedNames;
}

export interface StaticResources {
  readonly listeners: readonly TranslatedListener[];
  readonly clusters: readonly TranslatedCluster[];
  readonly secrets?: ReadonlyMap<string, SecretConfig>;
}

export interface AssemblerOptions {
  readonly clock: Clock;
  readonly target: SnapshotTarget;
  readonly statics: StaticResources;
  /** Overrides every listener's own; null: theirs hold. */
  readonly drainTimeoutMs: number | null;
  /** The control plane has said which virtual hosts it sends unasked, be it none; true by default. */
  readonly hostsAnswered?: () => boolean;
}

export class Assembler implements TimerHandler {
  private readonly clock: Clock;
  private readonly target: SnapshotTarget;
  private readonly drainTimeoutMs: number | null;
  private readonly listeners: Slots<TranslatedListener>;
  private readonly routes: Slots<RouteConfig>;
  /** Virtual hosts that came by themselves, by resource. */
  private readonly hosts: Slots<VirtualHost>;
  private readonly tables = new JoinedTables();
  private readonly hostsAnswered: () => boolean;
  private readonly clusters: Slots<TranslatedCluster>;
  /** By EDS name. */
  private readonly endpoints = new Map<string, { readonly set: EndpointSet; readonly atMs: number }>();
  private readonly staticSecrets: ReadonlyMap<string, SecretConfig>;
  /** Replaced when one changes, so that the data path sees by reference that one did. */
  private secrets: ReadonlyMap<string, SecretConfig>;
  /** Removed clusters that stay until the clock shows this. */
  private readonly leaving = new Map<string, number>();
  private readonly statics: Set<string>;
  private readonly timer = new Timer(this, 0);
  private readonly idleRoutes = new WeakMap<RouteConfig, Map<number, RouteConfig>>();
  /** By the set; most have one cluster. */
  private readonly assignments = new WeakMap<object, EndpointAssignment[]>();
  private readonly names: ReferencedNames = {
    endpoints: new SourcedNames(),
    routes: new SourcedNames(),
    secrets: new SourcedNames(),
  };
  /** Clusters in force by the name of their endpoints. */
  private readonly usersOfEndpoints = new NamesByKey();
  /** Clusters of which the last snapshot may say something else than the next one. */
  private readonly changed = new Set<string>();
  /** Of the last snapshot; replaced where something changed, so that the data path sees by reference what did. */
  private activeClusters: ReadonlyMap<string, ClusterConfig> = new Map();
  private activeEndpoints: ReadonlyMap<string, EndpointAssignment> = new Map();
  private generation = 0;

  constructor(options: AssemblerOptions) {
    const { clock, statics } = options;
    this.clock = clock;
    this.listeners = new Slots(clock);
    this.routes = new Slots(clock);
    this.hosts = new Slots(clock);
    this.clusters = new Slots(clock);
    this.target = options.target;
    this.drainTimeoutMs = options.drainTimeoutMs;
    this.hostsAnswered = options.hostsAnswered ?? (() => true);
    this.statics = new Set([
      ...statics.listeners.map(({ config }) => `listener ${config.name}`),
      ...statics.clusters.map(({ config }) => `cluster ${config.name}`),
    ]);
    this.staticSecrets = statics.secrets ?? new Map();
    this.secrets = this.staticSecrets;
    for (const listener of statics.listeners) this.setListener(listener);
    for (const cluster of statics.clusters) this.setCluster(cluster);
  }

  /** A name that the bootstrap defines: ADS may not replace it. */
  isStatic(kind: 'listener' | 'cluster', name: string): boolean {
    return this.statics.has(`${kind} ${name}`);
  }

  setListener(listener: TranslatedListener): void {
    const { name } = listener.config;
    const own = this.withDrainTimeout(listener);
    this.countListener(this.listeners.get(name), false);
    this.listeners.warm(name, own, listener.initialFetchTimeoutMs);
    this.countListener(this.listeners.get(name), true);
  }

  private withDrainTimeout(listener: TranslatedListener): TranslatedListener {
    const { config } = listener;
    const drainTimeoutMs = this.drainTimeoutMs ?? config.http.drainTimeoutMs;
    return {
      ...listener,
      config: { ...config, http: { ...config.http, drainTimeoutMs } },
      further: listener.further.map((chain) => this.withDrainTimeout(chain)),
    };
  }

  /** The listener that has this address now or soon, or null. Port 0 is nobody's. */
  listenerAt(address: Address): string | null {
    if (address.kind === 'ip' && address.port === 0) return null;
    const text = formatAddress(address);
    for (const [name, { active, warming }] of this.listeners) {
      const newest = warming ?? active;
      if (newest?.config.binding.bound !== true) continue;
      if (newest.config.binding.addresses.some(({ address: own }) => formatAddress(own) === text))
        return name;
    }
    return null;
  }

  removeListener(name: string): void {
    if (this.isStatic('listener', name)) return;
    this.countListener(this.listeners.get(name), false);
    this.listeners.drop(name);
  }

  setRoutes(routes: RouteConfig): void {
    const waits = routes.vhds !== undefined && this.routes.get(routes.name)?.active?.vhds === undefined;
    const waitMs = waits ? routes.vhds.fetchTimeoutMs : configLimits.removedClusterHoldMs;
    this.routes.warm(routes.name, routes, waitMs);
    this.names.routes.came(routes.name);
  }

  /** Of a table that says so (VHDS); it waits for the clusters that it names, as a table does. */
  setHost(resource: string, host: VirtualHost): void {
    this.hosts.warm(resource, host, configLimits.removedClusterHoldMs);
  }

  removeHost(resource: string): void {
    this.hosts.drop(resource);
    this.tables.delete(resource);
  }

  /** In force, where its table is. */
  hasHost(resource: string): boolean {
    return this.tables.has(resource);
  }

  /** Tables whose virtual hosts come by themselves. */
  growingTables(): readonly string[] {
    const names: string[] = [];
    for (const [name, { active, warming }] of this.routes)
      if ((warming ?? active)?.vhds !== undefined) names.push(name);
    return names;
  }

  setCluster(cluster: TranslatedCluster): void {
    const { name } = cluster.config;
    this.leaving.delete(name);
    this.countCluster(this.clusters.get(name), false);
    this.clusters.warm(name, cluster, cluster.initialFetchTimeoutMs);
    this.countCluster(this.clusters.get(name), true);
  }

  removeCluster(name: string): void {
    if (this.isStatic('cluster', name)) return;
    if (this.clusters.get(name)?.active == null) this.dropCluster(name);
    else this.leaving.set(name, this.clock.now() + configLimits.removedClusterHoldMs);
  }

  setEndpoints(edsName: string, set: EndpointSet, receivedAtMs: number): void {
    this.endpoints.set(edsName, { set, atMs: receivedAtMs });
    this.names.endpoints.came(edsName);
    for (const name of this.usersOfEndpoints.of(edsName)) this.changed.add(name);
  }

  /** The server said that it has none: known, and empty. */
  clearEndpoints(edsName: string, receivedAtMs: number): void {
    this.setEndpoints(edsName, noEndpoints, receivedAtMs);
  }

  setSecret(name: string, secret: SecretConfig): void {
    if (this.staticSecrets.has(name)) return;
    this.secrets = new Map([...this.secrets, [name, secret]]);
    this.names.secrets.came(name);
  }

  removeSecret(name: string): void {
    if (this.staticSecrets.has(name)) return;
    const left = new Map(this.secrets);
    left.delete(name);
    this.secrets = left;
  }

  referenced(): ReferencedNames {
    return this.names;
  }

  /** Counts what a listener refers to, or takes that back; before and after every change of its slot. */
  private countListener(slot: Slot<TranslatedListener> | undefined, present: boolean): void {
    if (slot === undefined) return;
    for (const { config, rdsName, rdsSource } of chainsOf(slot.active, slot.warming)) {
      if (rdsName !== null) this.names.routes.count(rdsName, rdsSource, present);
      this.countSecrets(config.tls, present);
    }
  }

  private countCluster(slot: Slot<TranslatedCluster> | undefined, present: boolean): void {
    if (slot === undefined) return;
    for (const cluster of [slot.active, slot.warming]) {
      if (cluster === null) continue;
      if (cluster.endpoints === null)
        this.names.endpoints.count(cluster.config.edsName, cluster.edsSource, present);
      for (const tls of tlsConfigsOfCluster(cluster.config)) this.countSecrets(tls, present);
    }
  }

  private countSecrets(tls: TlsConfig | null, present: boolean): void {
    for (const { name, source } of namedSecretsOf(tls))
      if (!this.staticSecrets.has(name)) this.names.secrets.count(name, source, present);
  }

  private secretsReady(tls: TlsConfig | null): boolean {
    return namedSecretsOf(tls).every(({ name }) => this.secrets.has(name));
  }

  /** Something known is not yet in force. */
  get warming(): boolean {
    return [this.listeners, this.routes, this.hosts, this.clusters].some(({ pending }) => pending.size > 0);
  }

  /** Listeners in force without routes, because their patience with them ended: every request is answered 404. */
  get routeless(): readonly string[] {
    const names: string[] = [];
    for (const { active } of this.listeners.values())
      for (const { config, rdsName } of chainsOf(active))
        if (rdsName !== null && this.routes.get(rdsName)?.active == null) names.push(config.name);
    return names;
  }

  /** Names by type that are known and wait for what they refer to. */
  warmingNames(): { readonly listeners: readonly string[]; readonly clusters: readonly string[] } {
    return { listeners: [...this.listeners.pending], clusters: [...this.clusters.pending] };
  }

  onTimer(): void {
    this.publish();
  }

  /** Puts into force whatever is ready and hands the result to the data path. Call after each batch of changes. */
  publish(): Snapshot {
    const nowMs = this.clock.now();
    this.forgetUnreferenced();
    // Endpoints make clusters ready, clusters make routes ready, routes make listeners ready.
    this.settleClusters(nowMs);
    this.hosts.settle(
      nowMs,
      (host) => clustersOfHost(host).every((name) => this.clusterKnown(name)),
      this.joinHost,
    );
    this.routes.settle(nowMs, (routes) => this.routesReady(routes));
    this.settleListeners(nowMs);
    this.dropLeaving(nowMs);
    this.armDeadline(nowMs);
    const snapshot = this.assemble();
    this.target.apply(snapshot);
    return snapshot;
  }

  private settleClusters(nowMs: number): void {
    this.clusters.settle(
      nowMs,
      (cluster) => this.clusterReady(cluster),
      (name, slot, present) => {
        this.countCluster(slot, present);
        this.useEndpoints(name, slot.active, present);
        this.changed.add(name);
      },
    );
  }

  private readonly joinHost = (resource: string, { active }: Slot<VirtualHost>, present: boolean): void => {
    if (present && active !== null) this.tables.set(resource, active);
  };

  private settleListeners(nowMs: number): void {
    this.listeners.settle(
      nowMs,
      (listener) => this.listenerReady(listener),
      (_name, slot, present) => this.countListener(slot, present),
    );
  }

  private useEndpoints(name: string, cluster: TranslatedCluster | null, present: boolean): void {
    if (cluster === null) return;
    const { edsName } = cluster.config;
    if (present) this.usersOfEndpoints.add(edsName, name);
    else this.usersOfEndpoints.remove(edsName, name);
  }

  private dropCluster(name: string): void {
    const slot = this.clusters.get(name);
    this.countCluster(slot, false);
    this.useEndpoints(name, slot?.active ?? null, false);
    this.clusters.drop(name);
    this.changed.add(name);
  }

  private clusterReady(cluster: TranslatedCluster | null): boolean {
    if (cluster === null) return true;
    const { edsName } = cluster.config;
    const secure = tlsConfigsOfCluster(cluster.config).every((tls) => this.secretsReady(tls));
    return secure && (cluster.endpoints !== null || this.endpoints.has(edsName));
  }

  /** A cluster that nobody announced holds nothing up: its share is answered 503, or as the route says. */
  private routesReady(routes: RouteConfig | null): boolean {
    if (routes === null) return true;
    if (routes.vhds !== undefined && !this.hostsAnswered()) return false;
    for (const name of clustersOf(routes)) if (!this.clusterKnown(name)) return false;
    return true;
  }

  /** Known, or never announced: that holds nothing up. */
  private clusterKnown(name: string): boolean {
    const slot = this.clusters.get(name);
    return slot === undefined || slot.active !== null;
  }

  private listenerReady(listener: TranslatedListener | null): boolean {
    return chainsOf(listener).every((chain) => this.chainReady(chain));
  }

  private chainReady(listener: TranslatedListener): boolean {
    if (!this.secretsReady(listener.config.tls)) return false;
    if (listener.config.tcp !== null)
      return listener.config.tcp.clusters.every(({ cluster }) => this.clusterKnown(cluster));
    if (listener.routes !== null) return this.routesReady(listener.routes);
    return listener.rdsName === null || this.routes.get(listener.rdsName)?.active != null;
  }

  /** Routes and endpoints that nothing refers to any more would only grow old. */
  private forgetUnreferenced(): void {
    for (const name of this.names.secrets.takeIdle()) if (this.secrets.has(name)) this.removeSecret(name);
    for (const name of this.names.endpoints.takeIdle()) this.endpoints.delete(name);
    for (const name of this.names.routes.takeIdle()) this.routes.drop(name);
  }

  private dropLeaving(nowMs: number): void {
    if (this.leaving.size === 0) return;
    const used = this.clustersInUse();
    for (const [name, untilMs] of this.leaving) {
      if (used.has(name) && nowMs < untilMs) continue;
      this.leaving.delete(name);
      this.dropCluster(name);
    }
  }

  private clustersInUse(): Set<string> {
    const used = new Set<string>();
    for (const { active } of this.listeners.values()) {
      for (const chain of chainsOf(active)) {
        const routes = this.routesOf(chain);
        if (routes !== null) for (const name of clustersOf(routes)) used.add(name);
        for (const { cluster } of chain.config.tcp?.clusters ?? []) used.add(cluster);
      }
    }
    return used;
  }

  private armDeadline(nowMs: number): void {
    let nextMs = Number.POSITIVE_INFINITY;
    for (const slots of [this.listeners, this.routes, this.hosts, this.clusters]) {
      for (const name of slots.pending) nextMs = Math.min(nextMs, slots.get(name)?.deadlineMs ?? nextMs);
    }
    for (const untilMs of this.leaving.values()) nextMs = Math.min(nextMs, untilMs);
    if (Number.isFinite(nextMs)) this.clock.arm(this.timer, Math.max(0, nextMs - nowMs));
    else this.clock.cancel(this.timer);
  }

  private routesOf(chain: TranslatedListener): RouteConfig | null {
    const routes = chain.routes ?? this.routes.get(chain.rdsName ?? '')?.active ?? null;
    return routes?.vhds === undefined ? routes : this.tables.join(routes);
  }

  private assemble(): Snapshot {
    const listeners = new Map<string, ListenerConfig>();
    const routeConfigs = new Map<string, RouteConfig>();
    for (const { active } of this.listeners.values()) {
      for (const chain of chainsOf(active)) {
        listeners.set(chain.config.name, chain.config);
        const routes = this.routesOf(chain);
        if (routes !== null) routeConfigs.set(chain.config.routeConfig, this.withIdleTimeout(routes, chain));
      }
    }
    const changed = { since: `${this.generation}`, clusters: this.assembleClusters() };
    this.generation += 1;
    return {
      version: `${this.generation}`,
      listeners,
      routeConfigs,
      clusters: this.activeClusters,
      endpoints: this.activeEndpoints,
      secrets: this.secrets,
      changed,
    };
  }

  /** Returns the names of those that may differ from the last time. */
  private assembleClusters(): ReadonlySet<string> {
    const names = new Set(this.changed);
    if (names.size === 0) return names;
    this.changed.clear();
    const actives = [...names].map((name) => [name, this.clusters.get(name)?.active ?? null] as const);
    // New endpoints alone are no change of the clusters.
    if (actives.some(([name, active]) => this.activeClusters.get(name) !== active?.config)) {
      const clusters = new Map(this.activeClusters);
      for (const [name, active] of actives) setOrDelete(clusters, name, active?.config ?? null);
      this.activeClusters = clusters;
    }
    const endpoints = new Map(this.activeEndpoints);
    for (const [name, active] of actives)
      setOrDelete(endpoints, name, active === null ? null : this.assignmentOf(active));
    this.activeEndpoints = endpoints;
    return names;
  }

  /** The same object while nothing changed, so that the data path sees by reference what did. */
  private assignmentOf(cluster: TranslatedCluster): EndpointAssignment | null {
    const { name, edsName } = cluster.config;
    const source = cluster.endpoints === null ? this.endpoints.get(edsName) : cluster;
    if (source === undefined) return null;
    const made = this.assignments.get(source) ?? [];
    this.assignments.set(source, made);
    let assignment = made.find(({ cluster }) => cluster === name);
    if (assignment === undefined) {
      const set = cluster.endpoints ?? this.endpoints.get(edsName)?.set;
      assert(set !== undefined, 'a source of endpoints has a set');
      const receivedAtMs = this.endpoints.get(edsName)?.atMs ?? this.clock.wall();
      assignment = { ...set, cluster: name, receivedAtMs };
      made.push(assignment);
    }
    return assignment;
  }

  /**
   * A listener's stream_idle_timeout holds for its routes that set none; cached, to keep the identity of what did not
   * change.
   */
  private withIdleTimeout(routes: RouteConfig, listener: TranslatedListener): RouteConfig {
    const idleMs = listener.streamIdleTimeoutMs;
    if (idleMs === null) return routes;
    let variants = this.idleRoutes.get(routes);
    if (variants === undefined) {
      variants = new Map();
      this.idleRoutes.set(routes, variants);
    }
    let variant = variants.get(idleMs);
    if (variant === undefined) {
      variant = applyIdleTimeout(routes, idleMs);
      variants.set(idleMs, variant);
    }
    return variant;
  }
}

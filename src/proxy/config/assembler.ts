// From updates of single types to snapshots that are whole. Nothing half-known is put into force: a listener waits for
// its routes, a cluster for its endpoints, a route for clusters that are on their way, each at most for its
// initial_fetch_timeout; what they replace stays in force meanwhile. A removed cluster stays while an active route
// names it, for a while.
//
// States of a listener, cluster or route configuration: warming (known, what it refers to is not) -> active -> (cluster
// only) leaving.

import { assert, type Clock, Timer, type TimerHandler } from '../../base/index.ts';
import { type Address, formatAddress } from '../../net/index.ts';
import type { RouteConfig } from '../../policy/index.ts';
import { namedSecretsOf, tlsConfigsOfCluster } from './cluster-transports.ts';
import { configLimits } from './limits.ts';
import { applyIdleTimeout, clustersOf } from './route-facts.ts';
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

/** Names that the resources in hand refer to: what to ask ADS for. */
export interface ReferencedNames {
  readonly endpoints: ReadonlySet<string>;
  readonly routes: ReadonlySet<string>;
  readonly secrets: ReadonlySet<string>;
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
}

/** The newest version of something, the one in force, and until when the newest may wait. */
interface Slot<T> {
  active: T | null;
  warming: T | null;
  deadlineMs: number;
}

export class Assembler implements TimerHandler {
  private readonly clock: Clock;
  private readonly target: SnapshotTarget;
  private readonly drainTimeoutMs: number | null;
  private readonly listeners = new Map<string, Slot<TranslatedListener>>();
  private readonly routes = new Map<string, Slot<RouteConfig>>();
  private readonly clusters = new Map<string, Slot<TranslatedCluster>>();
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
  private readonly assignments = new WeakMap<object, Map<string, EndpointAssignment>>();
  private generation = 0;

  constructor(options: AssemblerOptions) {
    const { statics } = options;
    this.clock = options.clock;
    this.target = options.target;
    this.drainTimeoutMs = options.drainTimeoutMs;
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
    const own = this.withDrainTimeout(listener);
    this.warm(this.listeners, listener.config.name, own, listener.initialFetchTimeoutMs);
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
    if (!this.isStatic('listener', name)) this.listeners.delete(name);
  }

  setRoutes(routes: RouteConfig): void {
    this.warm(this.routes, routes.name, routes, configLimits.removedClusterHoldMs);
  }

  setCluster(cluster: TranslatedCluster): void {
    this.leaving.delete(cluster.config.name);
    this.warm(this.clusters, cluster.config.name, cluster, cluster.initialFetchTimeoutMs);
  }

  removeCluster(name: string): void {
    if (this.isStatic('cluster', name)) return;
    if (this.clusters.get(name)?.active == null) this.clusters.delete(name);
    else this.leaving.set(name, this.clock.now() + configLimits.removedClusterHoldMs);
  }

  setEndpoints(edsName: string, set: EndpointSet, receivedAtMs: number): void {
    this.endpoints.set(edsName, { set, atMs: receivedAtMs });
  }

  /** The server said that it has none: known, and empty. */
  clearEndpoints(edsName: string, receivedAtMs: number): void {
    this.endpoints.set(edsName, { set: noEndpoints, atMs: receivedAtMs });
  }

  setSecret(name: string, secret: SecretConfig): void {
    if (!this.staticSecrets.has(name)) this.secrets = new Map([...this.secrets, [name, secret]]);
  }

  removeSecret(name: string): void {
    if (this.staticSecrets.has(name)) return;
    const left = new Map(this.secrets);
    left.delete(name);
    this.secrets = left;
  }

  referenced(): ReferencedNames {
    const endpoints = new Set<string>();
    for (const { active, warming } of this.clusters.values()) {
      for (const cluster of [active, warming])
        if (cluster?.endpoints === null) endpoints.add(cluster.config.edsName);
    }
    const routes = new Set<string>();
    for (const { active, warming } of this.listeners.values()) {
      for (const listener of chainsOf(active, warming))
        if (listener.rdsName !== null) routes.add(listener.rdsName);
    }
    return { endpoints, routes, secrets: this.referencedSecrets() };
  }

  private referencedSecrets(): Set<string> {
    const names = new Set<string>();
    const add = (tls: TlsConfig | null) => {
      for (const { name } of namedSecretsOf(tls)) if (!this.staticSecrets.has(name)) names.add(name);
    };
    for (const { active, warming } of this.listeners.values())
      for (const { config } of chainsOf(active, warming)) add(config.tls);
    for (const { active, warming } of this.clusters.values())
      for (const value of [active, warming])
        if (value !== null) for (const tls of tlsConfigsOfCluster(value.config)) add(tls);
    return names;
  }

  private secretsReady(tls: TlsConfig | null): boolean {
    return namedSecretsOf(tls).every(({ name }) => this.secrets.has(name));
  }

  /** Something known is not yet in force. */
  get warming(): boolean {
    for (const slots of [this.listeners, this.routes, this.clusters]) {
      for (const slot of slots.values()) if (slot.warming !== null) return true;
    }
    return false;
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
    return { listeners: warmingIn(this.listeners), clusters: warmingIn(this.clusters) };
  }

  onTimer(): void {
    this.publish();
  }

  /** Puts into force whatever is ready and hands the result to the data path. Call after each batch of changes. */
  publish(): Snapshot {
    const nowMs = this.clock.now();
    this.forgetUnreferenced();
    // Endpoints make clusters ready, clusters make routes ready, routes make listeners ready.
    for (const slot of this.clusters.values()) this.settle(slot, nowMs, this.clusterReady(slot.warming));
    for (const slot of this.routes.values()) this.settle(slot, nowMs, this.routesReady(slot.warming));
    for (const slot of this.listeners.values()) this.settle(slot, nowMs, this.listenerReady(slot.warming));
    this.dropLeaving(nowMs);
    this.armDeadline(nowMs);
    const snapshot = this.assemble();
    this.target.apply(snapshot);
    return snapshot;
  }

  private warm<T>(slots: Map<string, Slot<T>>, name: string, value: T, timeoutMs: number): void {
    const slot = slots.get(name) ?? { active: null, warming: null, deadlineMs: 0 };
    slot.warming = value;
    slot.deadlineMs = timeoutMs === 0 ? Number.POSITIVE_INFINITY : this.clock.now() + timeoutMs;
    slots.set(name, slot);
  }

  private settle<T>(slot: Slot<T>, nowMs: number, ready: boolean): void {
    if (slot.warming === null || !(ready || nowMs >= slot.deadlineMs)) return;
    slot.active = slot.warming;
    slot.warming = null;
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
    const { endpoints, routes, secrets } = this.referenced();
    for (const name of this.secrets.keys())
      if (!secrets.has(name) && !this.staticSecrets.has(name)) this.removeSecret(name);
    for (const name of this.endpoints.keys()) if (!endpoints.has(name)) this.endpoints.delete(name);
    for (const name of this.routes.keys()) if (!routes.has(name)) this.routes.delete(name);
  }

  private dropLeaving(nowMs: number): void {
    if (this.leaving.size === 0) return;
    const used = this.clustersInUse();
    for (const [name, untilMs] of this.leaving) {
      if (used.has(name) && nowMs < untilMs) continue;
      this.leaving.delete(name);
      this.clusters.delete(name);
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
    for (const slots of [this.listeners, this.routes, this.clusters]) {
      for (const slot of slots.values())
        if (slot.warming !== null) nextMs = Math.min(nextMs, slot.deadlineMs);
    }
    for (const untilMs of this.leaving.values()) nextMs = Math.min(nextMs, untilMs);
    if (Number.isFinite(nextMs)) this.clock.arm(this.timer, Math.max(0, nextMs - nowMs));
    else this.clock.cancel(this.timer);
  }

  private routesOf(chain: TranslatedListener): RouteConfig | null {
    return chain.routes ?? this.routes.get(chain.rdsName ?? '')?.active ?? null;
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
    const clusters = new Map<string, ClusterConfig>();
    const endpoints = new Map<string, EndpointAssignment>();
    for (const [name, { active }] of this.clusters) {
      if (active === null) continue;
      clusters.set(name, active.config);
      const assignment = this.assignmentOf(active);
      if (assignment !== null) endpoints.set(name, assignment);
    }
    this.generation += 1;
    return {
      version: `${this.generation}`,
      listeners,
      routeConfigs,
      clusters,
      endpoints,
      secrets: this.secrets,
    };
  }

  /** The same object while nothing changed, so that the data path sees by reference what did. */
  private assignmentOf(cluster: TranslatedCluster): EndpointAssignment | null {
    const { name, edsName } = cluster.config;
    const source = cluster.endpoints === null ? this.endpoints.get(edsName) : cluster;
    if (source === undefined) return null;
    let byCluster = this.assignments.get(source);
    if (byCluster === undefined) {
      byCluster = new Map();
      this.assignments.set(source, byCluster);
    }
    let assignment = byCluster.get(name);
    if (assignment === undefined) {
      const set = cluster.endpoints ?? this.endpoints.get(edsName)?.set;
      assert(set !== undefined, 'a source of endpoints has a set');
      const receivedAtMs = this.endpoints.get(edsName)?.atMs ?? this.clock.wall();
      assignment = { ...set, cluster: name, receivedAtMs };
      byCluster.set(name, assignment);
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

function warmingIn(slots: ReadonlyMap<string, Slot<unknown>>): readonly string[] {
  return [...slots].filter(([, slot]) => slot.warming !== null).map(([name]) => name);
}

/** Every filter chain of these listeners: each is a listener as far as routes, secrets and clusters go. */
function chainsOf(...listeners: readonly (TranslatedListener | null)[]): readonly TranslatedListener[] {
  return listeners.flatMap((listener) => (listener === null ? [] : [listener, ...listener.further]));
}
